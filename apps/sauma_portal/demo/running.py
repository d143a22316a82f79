"""A market that runs faster than life: its clock, its meters, and what settles it in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sauma.engine import Engine
from sauma.errors import SaumaError
from sauma.intervals import Interval
from sauma.logs import get_logger
from sauma.offers import Reading
from sauma.store import queries
from sauma_portal.accounts import people
from sauma_portal.demo.profiles import profile_for, readings
from sauma_portal.portal import Portal

log = get_logger(__name__)
TICK_S = 0.5


class FastClock:
    """Runs `factor` times as fast as the machine's, from a moment on; stands still until it is started."""

    def __init__(self, start: datetime, factor: float) -> None:
        """Stand at a moment."""
        self._start, self._factor = start, factor
        self._begun: float | None = None

    def start(self) -> None:
        """Run."""
        self._begun = time.monotonic()

    def stop(self) -> None:
        """Stand still."""
        self._start, self._begun = self.now(), None

    def now(self) -> datetime:
        """Return the market's time, cut to whole seconds."""
        if self._begun is None:
            return self._start
        passed = timedelta(seconds=(time.monotonic() - self._begun) * self._factor)
        return (self._start + passed).replace(microsecond=0)


class Running(Protocol):
    """Whatever settles a neighbourhood in the background."""

    def start(self) -> None:
        """Begin."""
        ...

    def stop(self) -> None:
        """End after what is being done; nothing is lost."""
        ...


class Meters:
    """Reports what every metering point measured in the intervals that ended since the last call."""

    def __init__(self, portal: Portal, homes: dict[str, str]) -> None:
        """Begin with the interval that runs now; `homes` says whose profile a metering point has."""
        self._portal, self._homes = portal, homes
        minutes = portal.engine.rulebook.interval_minutes
        self._next = Interval.containing(portal.market_clock.now(), minutes)

    def report(self) -> int:
        """Report; return how many intervals ended."""
        ended = 0
        while self._next.end <= self._portal.market_clock.now():
            self._portal.engine.accept(self.readings_of([self._next]))
            self._next = Interval(start=self._next.end, minutes=self._next.minutes)
            ended += 1
        return ended

    def readings_of(self, intervals: Sequence[Interval]) -> list[Reading]:
        """Return what every metering point reports of some intervals."""
        portal = self._portal
        with portal.accounts.reading() as connection:
            sellers = {one.participant for one in people.everybody(connection) if one.sells}
        with portal.engine.store.reading() as connection:
            points = [point for _, point in queries.metering_points(connection).values()]
        metered = [
            (point, profile_for(point, self._homes, point.participant in sellers))
            for point in sorted(points, key=lambda one: one.gsrn)
        ]
        return [
            reading
            for interval in intervals
            for reading in readings(metered, interval, portal.zone)
        ]


class Repeating:
    """Does something every so many seconds, in a thread of its own."""

    def __init__(self, name: str, every_s: float, do: Callable[[], object]) -> None:
        """Name the thread and what it does."""
        self._every_s, self._do = every_s, do
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is being done."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._every_s):
            try:
                self._do()
            except SaumaError as error:
                log.warning("left_out", thread=self._thread.name, error=str(error))


class Ticking(Repeating):
    """Lets meters report and settles what is due, twice a second."""

    def __init__(self, engine: Engine, meters: Meters) -> None:
        """Take an engine and its meters."""
        super().__init__("settling", TICK_S, self.tick)
        self._engine, self._meters = engine, meters

    def tick(self) -> None:
        """Do what can be done now."""
        self._meters.report()
        self._engine.clear_due()
        self._engine.settle_due()
        self._engine.step()
