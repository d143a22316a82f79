"""Local days and months as spans of market time."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from datetime import time as clock_time

import attrs

from sauma.intervals import find_zone, to_unix


@attrs.frozen(kw_only=True)
class Span:
    """From a moment to before another, in seconds since 1970."""

    start: int
    end: int

    def __contains__(self, moment: int) -> bool:
        """Tell whether a moment lies within."""
        return self.start <= moment < self.end


def day_of(moment: datetime, zone: str) -> date:
    """Return the local day of a moment."""
    return moment.astimezone(find_zone(zone)).date()


def month_of(moment: datetime, zone: str) -> date:
    """Return the first of the local month of a moment."""
    return day_of(moment, zone).replace(day=1)


def day_span(day: date, zone: str) -> Span:
    """Return a local day, which has 23 to 25 hours."""
    return Span(start=_midnight(day, zone), end=_midnight(day + timedelta(days=1), zone))


def month_span(month: date, zone: str) -> Span:
    """Return a local month."""
    return Span(start=_midnight(month, zone), end=_midnight(next_month(month), zone))


def next_month(month: date) -> date:
    """Return the first of the month after."""
    return (month + timedelta(days=32)).replace(day=1)


def previous_month(month: date) -> date:
    """Return the first of the month before."""
    return (month - timedelta(days=1)).replace(day=1)


def _midnight(day: date, zone: str) -> int:
    return to_unix(datetime.combine(day, clock_time.min, find_zone(zone)))
