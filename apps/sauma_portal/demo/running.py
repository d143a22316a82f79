"""A market that runs faster than life: its clock, its meters, and what settles it in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

import requests

from sauma.errors import SaumaError, Unavailable
from sauma.intervals import Interval, format_time
from sauma.logs import get_logger
from sauma.offers import Reading
from sauma.service import Service
from sauma.store import queries
from sauma_metering.server.app import PREFIX
from sauma_portal.accounts import people
from sauma_portal.demo.profiles import profile_for, readings
from sauma_portal.portal import Portal

log = get_logger(__name__)
TIMEOUT_S: Final = 10.0
HTTP_OK: Final = 200
HTTP_UNPROCESSABLE: Final = 422


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

    def advance(self, moment: datetime) -> None:
        """Stand at a later moment; for who moves the market by hand."""
        self._start, self._begun = moment, None

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
    """Reports over HTTP what every metering point measured in the intervals that ended."""

    def __init__(self, portal: Portal, homes: dict[str, str], url: str, token: str) -> None:
        """Begin with the interval that runs now; `homes` says whose profile a metering point has."""
        self._portal, self._homes, self._url, self._token = portal, homes, url, token
        minutes = portal.engine.rulebook.interval_minutes
        self._next = Interval.containing(portal.market_clock.now(), minutes)

    def report(self) -> int:
        """Send the readings of every interval that ended; return how many ended.

        What the metering server does not take now is sent again the next time.
        """
        ended = []
        interval = self._next
        while interval.end <= self._portal.market_clock.now():
            ended.append(interval)
            interval = Interval(start=interval.end, minutes=interval.minutes)
        if ended:
            self._send(self.readings_of(ended))
        self._next = interval
        return len(ended)

    def _send(self, found: Sequence[Reading]) -> None:
        body = {
            "readings": [
                {
                    "metering_point": each.metering_point,
                    "interval_start": format_time(each.interval.start),
                    "imported_wh": each.imported_wh,
                    "exported_wh": each.exported_wh,
                    "quality": each.quality.value,
                    "key": each.key,
                }
                for each in found
            ]
        }
        try:
            answer = requests.post(
                f"{self._url}{PREFIX}/readings",
                json=body,
                headers={"authorization": f"Bearer {self._token}"},
                timeout=TIMEOUT_S,
            )
        except requests.RequestException as error:
            raise Unavailable(f"the metering server is silent ({type(error).__name__})") from error
        if answer.status_code not in (HTTP_OK, HTTP_UNPROCESSABLE):
            raise Unavailable(f"the metering server answers {answer.status_code}")

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


class Settling:
    """Runs a service in a thread of its own."""

    def __init__(self, service: Service) -> None:
        """Take a service that nobody else runs."""
        self._service = service
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=service.run, args=(self._stop,), name="settling", daemon=True
        )

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the round under way."""
        self._stop.set()
        self._thread.join()
