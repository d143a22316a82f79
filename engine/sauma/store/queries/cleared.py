"""Which intervals are open, which are cleared, and which a settlement covers."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from sauma.intervals import Interval
from sauma.store import projections as p
from sauma.store.queries.given import IDS_MAX


def is_cleared(connection: sa.Connection, area: str, interval: Interval) -> bool:
    """Tell whether an area's interval was cleared."""
    return (
        connection.execute(
            sa.select(p.cleared_intervals.c.sequence).where(
                p.cleared_intervals.c.area == area,
                p.cleared_intervals.c.interval_start == interval.start_unix,
            )
        ).scalar()
        is not None
    )


def cleared_starts(connection: sa.Connection, area: str, start: int, end: int) -> list[int]:
    """Return the starts of an area's cleared intervals from `start` to before `end`."""
    rows = connection.execute(
        sa.select(p.cleared_intervals.c.interval_start)
        .where(
            p.cleared_intervals.c.area == area,
            p.cleared_intervals.c.interval_start >= start,
            p.cleared_intervals.c.interval_start < end,
        )
        .order_by(p.cleared_intervals.c.interval_start)
    )
    return list(rows.scalars())


def closed_areas(connection: sa.Connection, areas: Sequence[str], interval_start: int) -> set[str]:
    """Return those of some areas in which an interval is cleared or lies in a period that is settled."""
    cleared, settled = p.cleared_intervals.c, p.settlements.c
    found: set[str] = set()
    for first in range(0, len(areas), IDS_MAX):
        some = areas[first : first + IDS_MAX]
        for query in (
            sa.select(cleared.area).where(
                cleared.area.in_(some), cleared.interval_start == interval_start
            ),
            sa.select(settled.area).where(
                settled.area.in_(some),
                settled.period_start <= interval_start,
                settled.period_end > interval_start,
            ),
        ):
            found.update(connection.execute(query).scalars())
    return found


def is_settled(connection: sa.Connection, area: str, interval_start: int) -> bool:
    """Tell whether a settlement covers an area's interval."""
    return (
        connection.execute(
            sa.select(p.settlements.c.sequence).where(
                p.settlements.c.area == area,
                p.settlements.c.period_start <= interval_start,
                p.settlements.c.period_end > interval_start,
            )
        ).first()
        is not None
    )


def unsettled(connection: sa.Connection) -> list[tuple[str, int]]:
    """Return area and start of every cleared interval that no settlement covers, in that order."""
    rows = connection.execute(
        sa.select(p.cleared_intervals.c.area, p.cleared_intervals.c.interval_start)
        .where(p.cleared_intervals.c.settled_by.is_(None))
        .order_by(p.cleared_intervals.c.area, p.cleared_intervals.c.interval_start)
    )
    return [(row.area, row.interval_start) for row in rows]


def uncleared(
    connection: sa.Connection, newest_start: int, area: str | None = None
) -> list[tuple[str, int]]:
    """Return area and start of every interval up to one that has readings or offers and is not cleared.

    Of one area or of all, the oldest first.
    """
    query = sa.select(p.open_intervals).where(p.open_intervals.c.interval_start <= newest_start)
    if area is not None:
        query = query.where(p.open_intervals.c.area == area)
    rows = connection.execute(
        query.order_by(p.open_intervals.c.interval_start, p.open_intervals.c.area)
    )
    return [(row.area, row.interval_start) for row in rows]


def points_reported(connection: sa.Connection, area: str, interval_start: int) -> int:
    """Return how many metering points of an area have a reading of an interval, of whatever quality."""
    reported = sa.exists().where(
        p.readings.c.interval_start_of_row == interval_start,
        p.readings.c.point_digest == p.metering_points.c.point_digest,
    )
    return connection.execute(
        sa.select(sa.func.count())
        .select_from(p.metering_points)
        .where(p.metering_points.c.area == area, reported)
    ).scalar_one()
