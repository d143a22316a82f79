"""From trades, residuals and chain events to the bills whose status changed."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from sauma.billing import Bill, BillStatus, bill_id, bill_lines, check_bill_lines, make_bill
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.rulebook import Rulebook
from sauma.steps.standing import SettlementStanding
from sauma.store import projections as p
from sauma.store import queries

BILLS_ISSUED: Final = "bills_issued"


def issue_bills(
    connection: sa.Connection, rulebook: Rulebook, settlement: queries.SettlementRow, sequence: int
) -> list[Table]:
    """Return the bills of a settlement whose status changed, with their lines; empty when none did.

    `sequence` is the entry that will carry them: what a bill carries over comes from bills before it.
    """
    area, start, end = settlement.area, settlement.period_start, settlement.period_end
    owed = queries.obligations(connection, area, start, end)
    lines = bill_lines(
        queries.trades(connection, area, start, end, rulebook.interval_minutes),
        queries.residuals(connection, area, start, end),
        owed,
        rulebook,
    )
    check_bill_lines(lines, owed)
    standing = SettlementStanding.read(connection, settlement)
    due: list[tuple[int, Bill]] = []
    for participant in sorted({*lines, *standing.concerned}):
        version, status, carried_nano = _earlier_bill(
            connection, settlement.settlement_id, participant, sequence
        )
        now = standing.status_of(participant)
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
    return [
        Table.from_rows(journal.BILLS, [_bill_row(version, bill) for version, bill in due]),
        Table.from_rows(
            journal.BILL_LINES,
            [
                (
                    bill.bill_id,
                    version,
                    position,
                    int(line.kind),
                    line.counterparty,
                    line.energy_wh,
                    line.price_micro,
                    line.amount_nano,
                )
                for version, bill in due
                for position, line in enumerate(bill.lines)
            ],
        ),
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


def _earlier_bill(
    connection: sa.Connection, settlement: bytes, participant: str, sequence: int
) -> tuple[int, BillStatus | None, int]:
    """Return version and status of the bill so far, and what the bill before it left to carry."""
    own = connection.execute(
        sa.select(p.bills.c.version, p.bills.c.status, p.bills.c.carried_nano)
        .where(p.bills.c.bill_id == bill_id(settlement, participant), p.bills.c.sequence < sequence)
        .order_by(p.bills.c.version.desc())
        .limit(1)
    ).first()
    if own is not None:
        return own.version, BillStatus(own.status), own.carried_nano
    carry_nano = connection.execute(
        sa.select(p.bills.c.carry_nano)
        .where(p.bills.c.participant == participant, p.bills.c.sequence < sequence)
        .order_by(p.bills.c.sequence.desc(), p.bills.c.row_number.desc())
        .limit(1)
    ).scalar()
    return 0, None, carry_nano or 0
