"""Bills as they stand: the newest version of each, with its lines, read from the projections."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

import attrs
import sqlalchemy as sa

from sauma.billing import Bill, BillLine
from sauma.correcting import AdjustingBill, CorrectedReading
from sauma.intervals import from_unix
from sauma.store import corrected, queries
from sauma.store import projections as p
from sauma.store.billed import bill_of, line_of


@attrs.frozen(kw_only=True)
class BillStatement:
    """A bill with the period it is for."""

    area: str
    period_start: datetime
    period_end: datetime
    version: int
    bill: Bill


@attrs.frozen(kw_only=True)
class AdjustingStatement:
    """An adjusting bill, with the period that it adjusts and the readings that are the reason."""

    area: str
    period_start: datetime
    period_end: datetime
    number: int
    """Which correction of its settlement it belongs to, from 1."""
    made_at: datetime
    bill: AdjustingBill
    readings: tuple[CorrectedReading, ...]


def read_adjustments(
    connection: sa.Connection, participant: str | None = None
) -> tuple[AdjustingStatement, ...]:
    """Return every adjusting bill, of one participant or of all, in the order they were made."""
    periods = {row.settlement_id: row for row in queries.settlements(connection)}
    mine = [] if participant is None else [p.adjusting_bills.c.participant == participant]
    found = corrected.adjusting_bills(connection, *mine)
    reasons: dict[tuple[bytes, str], list[CorrectedReading]] = defaultdict(list)
    whose = [] if participant is None else [p.corrected_readings.c.participant == participant]
    for correction, reading in corrected.corrected_readings(connection, *whose):
        reasons[correction, reading.participant].append(reading)
    return tuple(
        AdjustingStatement(
            area=periods[bytes(row.settlement_id)].area,
            period_start=from_unix(periods[bytes(row.settlement_id)].period_start),
            period_end=from_unix(periods[bytes(row.settlement_id)].period_end),
            number=row.number,
            made_at=from_unix(row.time),
            bill=bill,
            readings=tuple(reasons[bill.correction_id, bill.participant]),
        )
        for row, bill in found
    )


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
        lines[bytes(row.bill_id), row.version].append(line_of(row))
    statements = []
    for identity, row in newest.items():
        period = periods[bytes(row.settlement_id)]
        statements.append(
            BillStatement(
                area=period.area,
                period_start=from_unix(period.period_start),
                period_end=from_unix(period.period_end),
                version=row.version,
                bill=bill_of(row, lines[identity, row.version]),
            )
        )
    return tuple(
        sorted(
            statements,
            key=lambda one: (one.area, one.period_start, one.bill.participant),
        )
    )
