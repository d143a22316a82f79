"""What corrections change for a household: adjusting bills, on the bill of the month they were made in.

A bill that was issued stays as it is.  What a late reading changes of it is on the bill of the month in
which the correction was made, which says what was corrected and why; and the bill that it adjusts says
where.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import attrs
import sqlalchemy as sa

from sauma.billing import BillLine
from sauma.correcting import AdjustingBill, CorrectedReading, ReadingOutcome
from sauma.intervals import from_unix
from sauma.store import corrected, queries
from sauma.store import projections as p
from sauma.store.tables import journal_entries
from sauma_portal.market.spans import Span, month_of


@attrs.frozen(kw_only=True)
class Adjustment:
    """An adjusting bill of the engine, with when it was made, what it adjusts and why."""

    bill: AdjustingBill
    sequence: int
    """The entry of the journal that made it."""
    made_at: int
    made_in: date
    """The month on whose bill it is."""
    month: date
    """The month whose bill it adjusts."""
    settlement_id: bytes
    period_start: int
    period_end: int
    readings: tuple[CorrectedReading, ...]

    @property
    def lines(self) -> tuple[BillLine, ...]:
        """What more, or less where below zero, is bought from the supplier and sold to it."""
        return self.bill.lines


def read_adjustments(
    connection: sa.Connection, participant: str, area: str, zone: str
) -> list[Adjustment]:
    """Return all adjusting bills of somebody, in the order they were made."""
    reasons: dict[bytes, list[CorrectedReading]] = defaultdict(list)
    mine = p.corrected_readings.c.participant == participant
    for correction, reading in corrected.corrected_readings(connection, mine):
        reasons[correction].append(reading)
    found = corrected.adjusting_bills(
        connection,
        p.adjusting_bills.c.participant == participant,
        p.adjusting_bills.c.area == area,
    )
    settlements = queries.settlements(connection, area) if found else []
    settled = {row.settlement_id: row for row in settlements}
    adjustments = []
    for row, bill in found:
        settlement = settled[bytes(row.settlement_id)]
        adjustments.append(
            Adjustment(
                bill=bill,
                sequence=row.sequence,
                made_at=row.time,
                made_in=month_of(from_unix(row.time), zone),
                month=month_of(from_unix(settlement.period_start), zone),
                settlement_id=settlement.settlement_id,
                period_start=settlement.period_start,
                period_end=settlement.period_end,
                readings=tuple(
                    one
                    for one in reasons[bill.correction_id]
                    if one.outcome is ReadingOutcome.COUNTED
                ),
            )
        )
    return adjustments


def correction_times(connection: sa.Connection, participant: str, area: str) -> list[int]:
    """Return when somebody's adjusting bills were made."""
    made = p.adjusting_bills.c
    query = (
        sa.select(journal_entries.c.time)
        .distinct()
        .join(p.adjusting_bills, made.sequence == journal_entries.c.sequence)
        .where(made.participant == participant, made.area == area)
    )
    return list(connection.execute(query).scalars())


def came_too_late(
    connection: sa.Connection, participant: str, area: str, span: Span
) -> tuple[CorrectedReading, ...]:
    """Return the readings of a span that came after the correction window and change nothing."""
    late = p.corrected_readings.c
    found = corrected.corrected_readings(
        connection,
        late.participant == participant,
        late.area == area,
        late.outcome == int(ReadingOutcome.BEYOND_WINDOW),
        late.interval_start_of_row >= span.start,
        late.interval_start_of_row < span.end,
    )
    return tuple(reading for _, reading in found)


def uncertain(
    connection: sa.Connection, participant: str, area: str, span: Span
) -> tuple[int, int]:
    """Return how many intervals of somebody rest on estimated and on missing readings.

    A reading that was replaced, in time or by a correction, does not count.
    """
    worst: dict[int, int] = {}
    for (_, start, _), (_, quality) in _counting(connection, participant, area, span).items():
        worst[start] = max(worst.get(start, 0), quality)
    return sum(one == 1 for one in worst.values()), sum(one == 2 for one in worst.values())


def _counting(
    connection: sa.Connection, participant: str, area: str, span: Span
) -> dict[tuple[bytes, int, str], tuple[int, int]]:
    """Return version and quality of the readings that count, by point, interval and key."""
    counts = sa.select(p.corrected_readings.c.reading_id).where(
        p.corrected_readings.c.participant == participant,
        p.corrected_readings.c.outcome == int(ReadingOutcome.COUNTED),
    )
    newest: dict[tuple[bytes, int, str], tuple[int, int]] = {}
    for table in (p.readings, p.late_readings):
        query = (
            sa.select(
                table.c.point_digest,
                table.c.interval_start_of_row,
                table.c.key,
                table.c.version,
                table.c.quality,
            )
            .join(p.metering_points, p.metering_points.c.point_digest == table.c.point_digest)
            .where(
                p.metering_points.c.participant == participant,
                p.metering_points.c.area == area,
                table.c.interval_start_of_row >= span.start,
                table.c.interval_start_of_row < span.end,
            )
        )
        if table is p.late_readings:
            query = query.where(table.c.reading_id.in_(counts))
        for point, start, key, version, quality in connection.execute(query):
            identity = bytes(point), start, key
            newest[identity] = max(newest.get(identity, (0, 0)), (version, quality))
    return newest
