"""When an interval may close and a netting period may be planned: readings in, or deadline passed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa

from sauma.intervals import Interval, to_unix
from sauma.rulebook import Rulebook
from sauma.store import projections as p
from sauma.store import queries


def closable_intervals(
    connection: sa.Connection, rulebook: Rulebook, now: datetime
) -> list[tuple[str, Interval]]:
    """Return area and interval of what is over and complete, or past its deadline, oldest first.

    Complete is an interval for which every metering point of the area has reported, in whatever
    quality.  One without any reading or offer has nothing to clear and is left out.
    """
    minutes = rulebook.interval_minutes
    over = queries.uncleared(connection, to_unix(now) - minutes * 60)
    expired_unix = to_unix(now) - (minutes + rulebook.reading_deadline_minutes) * 60
    points = _points_by_area(connection) if any(start > expired_unix for _, start in over) else {}
    return [
        (area, Interval.from_start_unix(start, minutes))
        for area, start in over
        if start <= expired_unix
        or queries.points_reported(connection, area, start) >= points.get(area, 0)
    ]


def plannable_periods(
    connection: sa.Connection, rulebook: Rulebook, now: datetime
) -> list[tuple[str, Interval]]:
    """Return area and one interval of every netting period that can be planned, oldest first.

    A period is planned when it is over and none of its intervals waits to be cleared, and either all of
    them are cleared or the deadline of the last has passed: nothing could join it any more.
    """
    deadline = timedelta(minutes=rulebook.reading_deadline_minutes)
    open_periods: dict[tuple[str, datetime], list[int]] = {}
    for area, start in queries.unsettled(connection):
        interval = Interval.from_start_unix(start, rulebook.interval_minutes)
        first, _ = rulebook.settlement_period(interval)
        open_periods.setdefault((area, first), []).append(start)
    waiting = _periods(rulebook, queries.uncleared(connection, to_unix(now)))
    plannable = []
    for (area, first), starts in sorted(open_periods.items(), key=lambda item: item[0][::-1]):
        interval = Interval.from_start_unix(starts[0], rulebook.interval_minutes)
        _, end = rulebook.settlement_period(interval)
        whole = (end - first) // timedelta(minutes=rulebook.interval_minutes)
        is_certain = len(starts) == whole or now >= end + deadline
        if now >= end and is_certain and (area, first) not in waiting:
            plannable.append((area, interval))
    return plannable


def _points_by_area(connection: sa.Connection) -> dict[str, int]:
    area = p.metering_points.c.area
    return {
        row.area: row.points
        for row in connection.execute(
            sa.select(area, sa.func.count().label("points")).group_by(area)
        )
    }


def _periods(rulebook: Rulebook, keys: Iterable[tuple[str, int]]) -> set[tuple[str, datetime]]:
    return {
        (
            area,
            rulebook.settlement_period(Interval.from_start_unix(start, rulebook.interval_minutes))[
                0
            ],
        )
        for area, start in keys
    }
