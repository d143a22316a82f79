"""A clock that starts where one likes and runs faster: a day played in minutes."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sauma.errors import InvalidInput
from sauma.intervals import check_utc, to_unix

SPEED_MAX: Final = 100_000.0


class AcceleratedClock:
    """Shows `shows` at the real moment `started`, and from then on `speed` seconds for each real one.

    Processes that are given the same three numbers agree on the time.
    """

    def __init__(
        self,
        *,
        started: datetime,
        shows: datetime,
        speed: float,
        unix_now: Callable[[], float] = time.time,
    ) -> None:
        """Refuse times without a zone and speeds at which nothing could follow."""
        if not 0 < speed <= SPEED_MAX:
            raise InvalidInput(f"a speed of {speed} is not within 0 to {SPEED_MAX}")
        self.speed = speed
        self._started_unix = to_unix(check_utc(started, "started").replace(microsecond=0))
        self._shows = check_utc(shows, "shows").replace(microsecond=0)
        self._unix_now = unix_now

    def now(self) -> datetime:
        """Return the time it shows, cut to whole seconds."""
        passed_s = max(0.0, self._unix_now() - self._started_unix)
        return self._shows + timedelta(seconds=int(passed_s * self.speed))
