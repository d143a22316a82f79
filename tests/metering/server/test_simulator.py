"""Simulated meters report real profiles, each interval once, however often they are killed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sauma.errors import InvalidInput, Unavailable
from sauma.testing import ManualClock
from sauma_metering import read_readings
from sauma_metering.simulator import Meter, MeterSimulator, Profile
from sauma_service import AcceleratedClock

from .conftest import GSRN, START, Site

READINGS = read_readings(Path(__file__).parents[3] / "examples" / "neighbourhood" / "readings.csv")
HOME = [one for one in READINGS if one.metering_point == READINGS[0].metering_point]


def simulator(site: Site, url: str | None = None) -> MeterSimulator:
    """Anna's meter, from the morning of the town's day on."""
    meter = Meter(token=site.tokens["anna"], profiles={GSRN["anna"]: Profile(HOME)})
    return MeterSimulator(url or site.server.url, [meter], clock=site.clock, since=START)


def set_clock(clock: ManualClock, minutes: int) -> None:
    clock.advance(seconds=int((START + timedelta(minutes=minutes) - clock.now()).total_seconds()))


def test_each_interval_is_reported_once_when_it_has_ended(site: Site):
    """What has not ended is not measured; what was reported is not reported again."""
    meters = simulator(site)
    set_clock(site.clock, 44)
    assert meters.round() == 2
    set_clock(site.clock, 46)

    assert (meters.round(), meters.round()) == (1, 0)
    assert site.rows() == 3


def test_meters_that_were_killed_ask_what_is_missing(site: Site):
    """A new process remembers nothing, and sends only what the server lacks."""
    set_clock(site.clock, 30)
    simulator(site).round()
    set_clock(site.clock, 90)

    assert simulator(site).round() == 4
    assert site.rows() == 6


def test_a_silent_server_loses_nothing(site: Site):
    """What could not be sent is sent when the server answers again."""
    meters = simulator(site, "http://127.0.0.1:9")
    set_clock(site.clock, 30)
    with pytest.raises(Unavailable, match="does not answer"):
        meters.round()
    meters._url = site.server.url

    assert meters.round() == 2


def test_a_profile_repeats_by_the_time_of_day():
    """Years later the same time of day has the same energy."""
    profile = Profile(HOME)
    first = HOME[40]

    again = profile.at(first.interval.start_unix + 365 * 86_400)

    assert (again.imported_wh, again.exported_wh) == (first.imported_wh, first.exported_wh)


@pytest.mark.parametrize("readings", [[], HOME[:-1], HOME[:50]])
def test_a_profile_with_a_gap_is_refused(readings):
    """It would say nothing of a part of the day."""
    with pytest.raises(InvalidInput, match="profile"):
        Profile(readings)


def test_an_accelerated_clock_shows_the_same_in_every_process():
    """So many seconds for each real one, from the moment at which it was started."""
    started = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    now = started.timestamp()
    clock = AcceleratedClock(started=started, shows=START, speed=900, unix_now=lambda: now + 2)

    assert clock.now() == START + timedelta(minutes=30)


@pytest.mark.parametrize("speed", [0, -1, 10**6])
def test_a_clock_that_stands_still_or_flies_is_refused(speed):
    """Nothing could follow it."""
    with pytest.raises(InvalidInput, match="speed"):
        AcceleratedClock(started=START, shows=START, speed=speed)
