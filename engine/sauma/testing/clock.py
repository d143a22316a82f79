"""A clock that stands until it is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sauma.intervals import check_utc

DEFAULT_START = datetime(2026, 6, 21, 12, 0, tzinfo=UTC)


class ManualClock:
    """Tells the time it was set to, so that a test never waits."""

    def __init__(self, start: datetime = DEFAULT_START) -> None:
        """Start at an aware time."""
        self._now = check_utc(start)

    def now(self) -> datetime:
        """Return the time."""
        return self._now

    def advance(self, *, seconds: int) -> datetime:
        """Move on by whole seconds, also backwards as real clocks do; return the new time."""
        self._now += timedelta(seconds=seconds)
        return self._now
