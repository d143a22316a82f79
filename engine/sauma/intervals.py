"""Market time units: quarter-hours keyed by their start in UTC.

Local time is for people only: a day in Europe/Helsinki has 92, 96 or 100 quarter-hours, and
`day_intervals` knows which.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

from sauma.errors import InvalidInput

QUARTER_MINUTES: Final = 15
MINUTES_ALLOWED: Final = (1, 5, 10, 15, 30, 60)


def check_utc(moment: object, name: str = "time") -> datetime:
    """Return an aware datetime in UTC, or raise `InvalidInput` for a naive one or another type."""
    if not isinstance(moment, datetime):
        raise InvalidInput(f"{name} must be a datetime, got {moment!r}")
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise InvalidInput(
            f"{name} {moment.isoformat()} is naive: say which zone, such as "
            f"{moment.isoformat()}+00:00"
        )
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput(f"{name} {moment.isoformat()} is outside the years 1 to 9999") from error


def to_unix(moment: datetime) -> int:
    """Return whole seconds since 1970 of an aware datetime; raise `InvalidInput` for a fraction."""
    utc = check_utc(moment)
    if utc.microsecond:
        raise InvalidInput(f"time {utc.isoformat()} has a fraction of a second: give whole seconds")
    return int((utc - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1))


def from_unix(unix_s: int) -> datetime:
    """Return the aware UTC datetime of whole seconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=unix_s)


def parse_time(text: str, name: str = "time") -> datetime:
    """Read an ISO 8601 time with its offset and return it in UTC; naive or unreadable is refused."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidInput(
            f"{name} {text!r} is not ISO 8601 with an offset, such as 2026-06-21T10:15:00Z"
        ) from error
    return check_utc(moment, name)


def format_time(moment: datetime) -> str:
    """Write an aware datetime in UTC as ISO 8601 with `Z`, to the second."""
    return check_utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_minutes(minutes: object, name: str = "interval length") -> int:
    """Return the length of an interval in minutes, or raise `InvalidInput` for one that is not used."""
    if isinstance(minutes, bool) or not isinstance(minutes, int) or minutes not in MINUTES_ALLOWED:
        raise InvalidInput(f"{name} of {minutes!r} minutes is not one of {MINUTES_ALLOWED}")
    return minutes


@attrs.frozen(kw_only=True, order=True)
class Interval:
    """One market time unit.  `start` is aware, in UTC, and lies on the grid of `minutes`."""

    start: datetime
    minutes: int = QUARTER_MINUTES

    def __attrs_post_init__(self) -> None:
        """Refuse naive, fractional and unaligned starts, and lengths that do not divide an hour."""
        check_minutes(self.minutes)
        start_unix = to_unix(self.start)
        if start_unix % (self.minutes * 60):
            raise InvalidInput(
                f"interval start {format_time(self.start)} is not on the "
                f"{self.minutes}-minute grid: round it to the start of its interval first"
            )
        object.__setattr__(self, "start", from_unix(start_unix))

    @property
    def start_unix(self) -> int:
        """The key of the interval: seconds since 1970 of its start."""
        return to_unix(self.start)

    @property
    def end(self) -> datetime:
        """The start of the next interval."""
        return self.start + timedelta(minutes=self.minutes)

    def __str__(self) -> str:
        """Show the start in UTC."""
        return format_time(self.start)

    @classmethod
    def from_start_unix(cls, start_unix: int, minutes: int = QUARTER_MINUTES) -> Interval:
        """Return the interval that starts at so many seconds since 1970."""
        return cls(start=from_unix(start_unix), minutes=minutes)

    @classmethod
    def containing(cls, moment: datetime, minutes: int = QUARTER_MINUTES) -> Interval:
        """Return the interval in which an aware moment lies."""
        unix_s = to_unix(check_utc(moment).replace(microsecond=0))
        return cls.from_start_unix(unix_s - unix_s % (check_minutes(minutes) * 60), minutes)


_ZONE = re.compile(r"[A-Za-z0-9_+\-/]+")


def find_zone(name: str) -> ZoneInfo:
    """Return the time zone of that IANA name, or raise `InvalidInput`."""
    try:
        if not isinstance(name, str) or not _ZONE.fullmatch(name):
            raise ValueError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(
            f"time zone {name!r} is not known: use an IANA name such as Europe/Helsinki"
        ) from error


def day_intervals(
    day: date, zone: str = "Europe/Helsinki", minutes: int = QUARTER_MINUTES
) -> tuple[Interval, ...]:
    """Return the intervals of a local day in order: 96 quarter-hours, or 92 or 100 at a clock change."""
    zone_info = find_zone(zone)
    first = datetime.combine(day, time.min, zone_info).astimezone(UTC)
    after = datetime.combine(day + timedelta(days=1), time.min, zone_info).astimezone(UTC)
    step_s = check_minutes(minutes) * 60
    return tuple(
        Interval.from_start_unix(unix_s, minutes)
        for unix_s in range(to_unix(first), to_unix(after), step_s)
    )
