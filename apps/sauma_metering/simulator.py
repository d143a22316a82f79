"""Meters that play real profiles against a metering server, in real or accelerated time.

A profile repeats: what a home used at a time of day it uses again the next day.  Each device remembers
nothing but its profile: when it starts, it asks which of its intervals the server lacks and sends
those, so that it may be killed at any moment.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import attrs
import requests

from sauma.clock import Clock
from sauma.errors import BadAnswer, InvalidInput, Unavailable
from sauma.intervals import Interval, format_time, from_unix, to_unix
from sauma.logs import get_logger
from sauma.offers import Reading

log = get_logger(__name__)

DAY_S: Final = 86_400
BATCH_READINGS: Final = 96
ASKED_INTERVALS_MAX: Final = 2_000
TIMEOUT_S: Final = 20.0
_OK, _UNPROCESSABLE = 200, 422
_COME_AGAIN: Final = frozenset({429, 500, 502, 503, 504})


class Profile:
    """What a metering point measures: whole days of readings, repeated for ever."""

    def __init__(self, readings: Iterable[Reading]) -> None:
        """Take the readings of one metering point; they must cover whole days without a gap."""
        known = {one.interval.start_unix: one for one in readings}
        if not known:
            raise InvalidInput("a profile needs readings")
        self.minutes = next(iter(known.values())).interval.minutes
        self._first = min(known)
        step_s = self.minutes * 60
        self._span_s = max(known) + step_s - self._first
        if self._span_s % DAY_S or len(known) * step_s != self._span_s:
            raise InvalidInput(
                f"a profile covers whole days without a gap: this one has {len(known)} intervals in "
                f"{self._span_s} s"
            )
        self._known = known

    def at(self, start_unix: int) -> Reading:
        """Return what was measured in the interval that this one repeats."""
        return self._known[self._first + (start_unix - self._first) % self._span_s]


@attrs.define(kw_only=True)
class Meter:
    """One device: its token, its profiles by metering point, and what it has still to send."""

    token: str = attrs.field(repr=False)
    profiles: Mapping[str, Profile]
    sent_to_unix: int | None = None
    waiting: list[tuple[str, int]] = attrs.field(factory=list)


class MeterSimulator:
    """Plays meters; call `round` when time has passed, or `run` until an event is set."""

    def __init__(
        self,
        url: str,
        meters: Sequence[Meter],
        *,
        clock: Clock,
        since: datetime,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Report from the interval that holds `since` on."""
        self._url = url.rstrip("/")
        self._meters = meters
        self._clock = clock
        self._since_unix = to_unix(since.replace(microsecond=0))
        self._draw = draw
        self._session = requests.Session()
        self.sent = 0

    def run(self, stop: threading.Event, *, poll_s: float = 0.5) -> None:
        """Send what has been measured, again and again, until `stop` is set."""
        silences = 0
        while not stop.is_set():
            try:
                self.round()
                silences = 0
            except Unavailable as error:
                silences += 1
                log.warning("server_silent", reason=str(error))
            wait_s = poll_s * min(2**silences, 16) * (0.5 + self._draw() / 2)
            stop.wait(wait_s if silences else poll_s)

    def round(self) -> int:
        """Send what every meter has measured and not yet reported; return how many readings.

        Raises `Unavailable` when the server does not take them now; they are sent again.
        """
        before = self.sent
        for meter in self._meters:
            self._measure(meter)
            while meter.waiting:
                lot = meter.waiting[:BATCH_READINGS]
                self._send(meter, lot)
                del meter.waiting[: len(lot)]
                self.sent += len(lot)
        return self.sent - before

    def _measure(self, meter: Meter) -> None:
        """Note the intervals that ended since the last time."""
        now_unix = to_unix(self._clock.now())
        for gsrn, profile in meter.profiles.items():
            step_s = profile.minutes * 60
            end = now_unix // step_s * step_s
            first = self._since_unix // step_s * step_s
            if meter.sent_to_unix is None:
                meter.waiting += [
                    (gsrn, one) for one in self._gaps(meter, gsrn, first, end, step_s)
                ]
            else:
                start = meter.sent_to_unix // step_s * step_s
                meter.waiting += [(gsrn, one) for one in range(start, end, step_s)]
        meter.sent_to_unix = now_unix

    def _gaps(self, meter: Meter, gsrn: str, first: int, end: int, step_s: int) -> list[int]:
        """Ask which intervals the server has no reading of."""
        found: list[int] = []
        for start in range(first, end, ASKED_INTERVALS_MAX * step_s):
            after = min(end, start + ASKED_INTERVALS_MAX * step_s)
            reply = self._ask(
                meter,
                "GET",
                f"points/{gsrn}/readings",
                params={"start": _text(start), "end": _text(after)},
            )
            if reply.status_code != _OK:
                raise BadAnswer(f"{self._url} answers {reply.status_code}: {reply.text[:200]}")
            found += [to_unix(datetime.fromisoformat(one)) for one in reply.json()["gaps"]]
        return found

    def _send(self, meter: Meter, lot: Sequence[tuple[str, int]]) -> None:
        readings = [_message(gsrn, start, meter.profiles[gsrn].at(start)) for gsrn, start in lot]
        reply = self._ask(meter, "POST", "readings", json={"readings": readings})
        if reply.status_code == _UNPROCESSABLE:
            log.warning("readings_refused", errors=str(reply.json().get("errors"))[:500])
        elif reply.status_code != _OK:
            raise BadAnswer(f"{self._url} answers {reply.status_code}: {reply.text[:200]}")

    def _ask(self, meter: Meter, method: str, path: str, **options: Any) -> requests.Response:
        try:
            reply = self._session.request(
                method,
                f"{self._url}/metering/v1/{path}",
                headers={"Authorization": f"Bearer {meter.token}"},
                timeout=TIMEOUT_S,
                **options,
            )
        except requests.RequestException as error:
            raise Unavailable(f"{self._url} does not answer: {type(error).__name__}") from error
        if reply.status_code in _COME_AGAIN:
            raise Unavailable(f"{self._url} answers {reply.status_code}: come again")
        return reply


def _message(gsrn: str, start_unix: int, reading: Reading) -> dict[str, Any]:
    interval = Interval.from_start_unix(start_unix, reading.interval.minutes)
    return {
        "metering_point": gsrn,
        "interval_start": str(interval),
        "imported_wh": reading.imported_wh,
        "exported_wh": reading.exported_wh,
        "quality": reading.quality.value,
        "key": "meter",
    }


def _text(unix_s: int) -> str:
    return format_time(from_unix(unix_s))
