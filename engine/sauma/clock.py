"""Where time comes from: the only place that reads a clock, and nobody in the core calls it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time: aware, in UTC, whole seconds."""

    def now(self) -> datetime:
        """Return the time."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the time, cut to whole seconds."""
        return datetime.now(UTC).replace(microsecond=0)
