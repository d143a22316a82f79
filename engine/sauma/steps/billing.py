"""From trades, residuals and chain events to the bills whose status changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import sqlalchemy as sa

from sauma.billing import Bill, BillLine, BillStatus, bill_lines, check_bill_lines, make_bill
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.rulebook import Rulebook
from sauma.steps.standing import SettlementStanding
from sauma.store import projections as p
from sauma.store import queries
from sauma.units import INT64_MAX

BILLS_ISSUED: Final = "bills_issued"

_EARLIER: Final = (
    sa.select(p.bills.c.participant, p.bills.c.version, p.bills.c.status, p.bills.c.carried_nano)
    .where(
        p.bills.c.settlement_id == sa.bindparam("settlement"),
        p.bills.c.sequence < sa.bindparam("before"),
    )
    .order_by(p.bills.c.sequence)
)
_CARRY: Final = (
    sa.select(p.bills.c.carry_nano)
    .where(
        p.bills.c.participant == sa.bindparam("name"),
        p.bills.c.version == 1,
        p.bills.c.sequence < sa.bindparam("before"),
    )
    .order_by(p.bills.c.sequence.desc())
    .limit(1)
)

_Earlier: TypeAlias = tuple[int, BillStatus, int]
"""Version and status of a bill as it stands, and what it carried from the bill before it."""


def issue_bills(
    connection: sa.Connection, rulebook: Rulebook, settlement: queries.SettlementRow, sequence: int
) -> list[Table]:
    """Return the bills of a settlement whose status changed, with their lines; empty when none did.

    `sequence` is the entry that will carry them: what a bill carries over comes from bills before it.
    Prices come from the trades and from the rulebooks in force when they were made.
    """
    standing = SettlementStanding.read(connection, settlement)
    earlier = _earlier_bills(connection, settlement.settlement_id, sequence)
    if not _have_changed(standing, earlier):
        return _tables([])
    period = settlement.period
    owed = queries.obligations(connection, period)
    residuals = queries.residuals(connection, period)
    lines = bill_lines(
        queries.trades(connection, period, rulebook.interval_minutes), residuals, owed
    )
    check_bill_lines(lines, owed, {supplier.name for _, supplier in residuals})
    due: list[tuple[int, Bill]] = []
    for participant in sorted({*lines, *standing.concerned}):
        now = standing.status_of(participant)
        version, status, carried_nano = earlier.get(participant) or (
            0,
            None,
            _carried(connection, participant, sequence),
        )
        if now is status:
            continue
        bill = make_bill(
            settlement_id=settlement.settlement_id,
            participant=participant,
            lines=lines.get(participant, ()),
            status=now,
            chain=standing.chain_energy(participant),
            carried_nano=carried_nano,
        )
        if now is not BillStatus.OPEN:
            standing.check(participant)
        due.append((version + 1, bill))
    return _tables(due)


def bills_are_due(connection: sa.Connection, settlement: queries.SettlementRow) -> bool:
    """Tell whether a settlement has no bills yet, or some whose status changed."""
    standing = SettlementStanding.read(connection, settlement, with_effects=False)
    return _have_changed(standing, _earlier_bills(connection, settlement.settlement_id, INT64_MAX))


def _have_changed(standing: SettlementStanding, earlier: Mapping[str, _Earlier]) -> bool:
    return not earlier or any(
        standing.status_of(participant) is not status
        for participant, (_, status, _) in earlier.items()
    )


def _tables(due: Sequence[tuple[int, Bill]]) -> list[Table]:
    return [
        Table.from_rows(journal.BILLS, [_bill_row(version, bill) for version, bill in due]),
        Table.from_rows(
            journal.BILL_LINES,
            [
                (bill.bill_id, version, *columns)
                for version, bill in due
                for columns in line_columns(bill.lines)
            ],
        ),
    ]


def line_columns(lines: Sequence[BillLine]) -> list[tuple[object, ...]]:
    """Return what the rows of a bill's lines say behind the bill's id, in their order."""
    return [
        (
            position,
            int(line.kind),
            line.counterparty,
            line.energy_wh,
            line.price_micro,
            line.amount_nano,
        )
        for position, line in enumerate(lines)
    ]


def _bill_row(version: int, bill: Bill) -> tuple[object, ...]:
    return (
        bill.bill_id,
        version,
        bill.settlement_id,
        bill.participant,
        int(bill.status),
        bill.bought_wh,
        bill.sold_wh,
        bill.chain.received_wh,
        bill.chain.sent_wh,
        bill.owed_nano,
        bill.carried_nano,
        bill.owed_cents,
        bill.carry_nano,
    )


def _earlier_bills(
    connection: sa.Connection, settlement_id: bytes, sequence: int
) -> dict[str, _Earlier]:
    """Return the bills of a settlement as they stood before an entry, by participant."""
    rows = connection.execute(_EARLIER, {"settlement": settlement_id, "before": sequence})
    return {
        row.participant: (row.version, BillStatus(row.status), row.carried_nano) for row in rows
    }


def _carried(connection: sa.Connection, participant: str, sequence: int) -> int:
    """Return what the participant's bill before this one left to carry.

    Bills stand in the order of their first versions; a later version has the same lines and the same
    carry, and does not come between.
    """
    carry_nano = connection.execute(_CARRY, {"name": participant, "before": sequence}).scalar()
    return carry_nano or 0
