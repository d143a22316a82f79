"""A charge point over loopback, in both versions of OCPP: the package's own client is the station."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from ocpp.exceptions import OCPPError
from ocpp.v16 import call as call16
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from sauma.session import Transition
from sauma_metering.charging import CentralSystem, station_verifier
from sauma_metering.charging.simulator import SimulatedStation

from .conftest import HELD, MONEY

PASSWORD = "a-password-of-some-length"
HASHES = {"corner": hashlib.sha256(PASSWORD.encode()).digest()}
VERSIONS = ["1.6", "2.0.1"]
TOO_BIG = 1009
"""The close code of a WebSocket for a message above the limit (RFC 6455)."""


def play(street, story):
    """Run a story against a central system on a free port."""

    async def run():
        async with CentralSystem(street.desk, station_verifier(HASHES), tick_s=None) as central:
            await asyncio.wait_for(story(central), 30)

    asyncio.run(run())


def station(street, central, version, **changes):
    return SimulatedStation(
        **{
            "url": central.url,
            "name": "corner",
            "password": PASSWORD,
            "version": version,
            "now": street.clock.now,
            **changes,
        }
    )


async def stopped(car):
    """Wait until the station was asked to stop; the story's own time-out ends a vain wait."""
    while not car.stop_requested:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_car_charges(street, version):
    """Card, plug, energy, unplug: what is held is paid by the meter and the rest given back."""

    async def story(central):
        async with station(street, central, version) as car:
            assert await car.authorize("card") == "Accepted"
            assert await car.plug_in("card") == "Accepted"
            for _ in range(4):
                street.later(minutes=5)
                await car.charge(1_000)
            street.later(minutes=1)
            await car.unplug()

    play(street, story)

    assert street.sessions.transitions == [
        Transition.AUTHORISE,
        Transition.START,
        Transition.CLOSE,
    ]
    assert street.sessions.paid() == (MONEY - 1_010, 1_010 - 50, 50)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_station_that_starts_offline(street, version):
    """What could not be said waits, is said in order when the line is back, and is one charge."""

    async def story(central):
        car = station(street, central, version)
        assert await car.plug_in("card") is None
        street.later(minutes=5)
        await car.charge(2_000)
        street.later(minutes=5)
        await car.unplug("EVDisconnected")
        async with car:
            pass

    play(street, story)

    assert street.sessions.transitions[-1] is Transition.CLOSE
    assert street.sessions.paid()[0] == MONEY - 510


@pytest.mark.parametrize("version", VERSIONS)
def test_a_line_that_breaks_in_the_middle(street, version):
    """Readings of the time without a line come late; the last one is what counts."""

    async def story(central):
        car = station(street, central, version)
        async with car:
            await car.plug_in("card")
            street.later(minutes=5)
            await car.charge(1_000)
        street.later(minutes=5)
        await car.charge(1_000)
        street.later(minutes=5)
        await car.unplug("PowerLoss")
        async with car:
            pass

    play(street, story)

    assert street.sessions.paid()[0] == MONEY - 510


@pytest.mark.parametrize("version", VERSIONS)
def test_a_station_is_told_to_stop(street, version):
    """When what is held is used up, the central system asks the station to stop."""
    asked = []

    async def story(central):
        async with station(street, central, version) as car:
            await car.plug_in("card")
            street.later(minutes=5)
            await car.charge(50_000)
            await stopped(car)
            asked.append(car.stop_requested)
            await car.unplug("Remote")

    play(street, story)

    assert asked == [True]
    assert street.sessions.paid()[0] == MONEY - HELD


@pytest.mark.parametrize(
    ("version", "token", "word"),
    [
        ("1.6", "stranger", "Invalid"),
        ("1.6", "poor", "Blocked"),
        ("2.0.1", "stranger", "Unknown"),
        ("2.0.1", "poor", "NoCredit"),
        ("2.0.1", "careful", "Blocked"),
    ],
)
def test_what_the_display_says(street, version, token, word):
    """Each version has its word for a driver who may not charge."""
    said = []

    async def story(central):
        async with station(street, central, version) as car:
            said.append(await car.authorize(token))

    play(street, story)

    assert said == [word]
    assert street.sessions.steps == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"name": "nowhere"}, 404), ({"password": "guessed"}, 401), ({"password": ""}, 401)],
)
def test_who_is_no_station_of_ours(street, changes, status):
    """A name that is not known, and a wrong password, are turned away before anything is said."""

    async def story(central):
        with pytest.raises(InvalidStatus) as refused:
            await station(street, central, "1.6", **changes).connect()
        assert refused.value.response.status_code == status

    play(street, story)


def test_no_credentials_at_all(street):
    """Without a password nobody speaks, and what stands for one must be one."""

    async def story(central):
        for header in ({}, {"Authorization": "Basic ???"}, {"Authorization": "Bearer x"}):
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"{central.url}/corner", additional_headers=header)
            assert refused.value.response.status_code == 401

    play(street, story)


@pytest.mark.parametrize(
    ("value", "unit"), [("-5", "Wh"), ("many", "Wh"), ("5", "Celsius"), ("NaN", "kWh")]
)
def test_a_reading_that_is_none(street, value, unit):
    """An absurd value is answered with an error that names it; the charge goes on as it was."""

    async def story(central):
        async with station(street, central, "1.6") as car:
            await car.plug_in("card")
            wrong = call16.MeterValues(
                connector_id=1,
                transaction_id=int(car.transaction),
                meter_value=[
                    {
                        "timestamp": "2026-06-01T10:05:00Z",
                        "sampled_value": [{"value": value, "unit": unit}],
                    }
                ],
            )
            with pytest.raises(OCPPError):
                await car.say(wrong)
            street.later(minutes=5)
            await car.charge(1_000)
            await car.unplug()

    play(street, story)

    assert street.sessions.paid()[0] == MONEY - 260


def test_a_message_without_end(street):
    """Who sends more than a station ever has to say is hung up on; the others go on."""

    async def story(central):
        car = station(street, central, "1.6")
        await car.connect()
        await car._connection.send("[" + "9" * 100_000)
        await car._connection.wait_closed()
        assert car._connection.close_code == TOO_BIG
        await car.disconnect()
        async with station(street, central, "2.0.1") as other:
            assert await other.authorize("card") == "Accepted"

    play(street, story)


def test_kilowatt_hours_and_other_measurands(street):
    """kWh are Wh, what is no whole Wh yet is not counted, and currents and phases are left out."""

    async def story(central):
        async with station(street, central, "1.6", register_wh=0) as car:
            await car.plug_in("card")
            street.later(minutes=5)
            await car.say(
                call16.MeterValues(
                    connector_id=1,
                    transaction_id=int(car.transaction),
                    meter_value=[
                        {
                            "timestamp": "2026-06-01T12:05:00.987+02:00",
                            "sampled_value": [
                                {"value": "16", "measurand": "Current.Import", "unit": "A"},
                                {"value": "9999", "phase": "L1"},
                                {"value": "1.9996", "unit": "kWh"},
                            ],
                        }
                    ],
                )
            )

    play(street, story)
    (charge,) = street.book.charging()

    assert charge.last.register_wh == 1_999
