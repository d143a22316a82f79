"""Bills as they stand: the newest version of each, with its lines, read from the projections."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

import attrs
import sqlalchemy as sa

from sauma.billing import Bill, BillLine, BillStatus, ChainEnergy, LineKind
from sauma.intervals import from_unix
from sauma.store import projections as p
from sauma.store import queries


@attrs.frozen(kw_only=True)
class BillStatement:
    """A bill with the period it is for."""

    area: str
    period_start: datetime
    period_end: datetime
    version: int
    bill: Bill


def read_statements(
    connection: sa.Connection, participant: str | None = None
) -> tuple[BillStatement, ...]:
    """Return the newest version of every bill, of one participant or of all, oldest period first."""
    periods = {row.settlement_id: row for row in queries.settlements(connection)}
    query = sa.select(p.bills).order_by(p.bills.c.sequence, p.bills.c.row_number)
    if participant is not None:
        query = query.where(p.bills.c.participant == participant)
    newest = {bytes(row.bill_id): row for row in connection.execute(query)}
    lines: dict[tuple[bytes, int], list[BillLine]] = defaultdict(list)
    for row in connection.execute(
        sa.select(p.bill_lines).order_by(p.bill_lines.c.sequence, p.bill_lines.c.row_number)
    ):
        lines[bytes(row.bill_id), row.version].append(
            BillLine(
                kind=LineKind(row.kind),
                counterparty=row.counterparty,
                price_micro=row.price_micro,
                energy_wh=row.energy_wh,
                amount_nano=row.amount_nano,
            )
        )
    statements = []
    for identity, row in newest.items():
        period = periods[bytes(row.settlement_id)]
        statements.append(
            BillStatement(
                area=period.area,
                period_start=from_unix(period.period_start),
                period_end=from_unix(period.period_end),
                version=row.version,
                bill=Bill(
                    settlement_id=bytes(row.settlement_id),
                    participant=row.participant,
                    status=BillStatus(row.status),
                    lines=tuple(lines[identity, row.version]),
                    chain=ChainEnergy(received_wh=row.chain_received_wh, sent_wh=row.chain_sent_wh),
                    carried_nano=row.carried_nano,
                    owed_nano=row.owed_nano,
                    owed_cents=row.owed_cents,
                    carry_nano=row.carry_nano,
                ),
            )
        )
    return tuple(
        sorted(
            statements,
            key=lambda one: (one.area, one.period_start, one.bill.participant),
        )
    )
