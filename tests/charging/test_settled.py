"""A charge point over loopback, settled and refunded on a chain; Wh and money agree everywhere."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeAlias

import pytest

from sauma.billing import BillStatus
from sauma.session import SessionState
from sauma_metering.charging import (
    CentralSystem,
    ChargeBook,
    ChargingDesk,
    ChargingTariff,
    SigningDriver,
    Station,
    station_verifier,
)
from sauma_metering.charging.simulator import SimulatedStation

from .worlds import ChargingWorld, memory_world

MONEY = 10_000
HELD = 5_000
PASSWORD = "a-password-of-some-length"
WORLDS = {"memory": memory_world}
Story: TypeAlias = Callable[[SimulatedStation], Awaitable[None]]


@pytest.fixture(params=WORLDS)
def world(request, tmp_path):
    with WORLDS[request.param](tmp_path, MONEY) as opened:
        yield opened


def desk_of(world: ChargingWorld, book: ChargeBook) -> ChargingDesk:
    tariff = ChargingTariff(
        asset=world.money,
        price=25,
        price_decimals=2,
        held_units=HELD,
        energy_wh_max=100_000,
        fixed_fee_units=10,
        fee_bps=500,
        start_within=timedelta(hours=12),
        charge_within=timedelta(hours=48),
    )
    station = Station(
        name="corner",
        connectors=1,
        payee=world.accounts["charger"],
        operator=world.accounts["operator"],
        meter=world.accounts["meter"],
        domain=world.venue.session_domain,
        tariff=tariff,
    )
    return ChargingDesk(
        world.engine.sessions,
        book,
        stations=[station],
        meters={station.meter: world.party("meter")},
        drivers={"card": SigningDriver(party=world.party("car"), held_units_max=HELD)},
        now=world.now,
    )


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_a_charge_is_settled_and_refunded(world, version, tmp_path):
    """What the meter counted is what the receipt says, the chain moved, and the replay finds."""
    book = ChargeBook.open(tmp_path / "charges.sqlite")
    desk = desk_of(world, book)
    check = station_verifier({"corner": hashlib.sha256(PASSWORD.encode()).digest()})

    async def story() -> SimulatedStation:
        async with CentralSystem(desk, check, tick_s=None) as central:
            async with SimulatedStation(
                url=central.url, name="corner", password=PASSWORD, version=version
            ) as car:
                assert await car.authorize("card") == "Accepted"
                await asyncio.to_thread(world.run, 2)
                assert await car.plug_in("card") == "Accepted"
                for _ in range(3):
                    await car.charge(2_000)
                await asyncio.to_thread(world.run, 2)
                await car.unplug()
            return car

    car = asyncio.run(story())
    world.run(world.chain.capabilities.finality_blocks + 2)
    book.close()

    gross, fee = 10 + 6_000 * 25 // 100, (10 + 6_000 * 25 // 100) * 5 // 100
    (receipt,) = world.engine.sessions.receipts()
    assert (receipt.state, receipt.status) == (SessionState.SETTLED, BillStatus.FINAL)
    assert receipt.energy_wh == car.register_wh - 1_000_000 == 6_000
    assert (receipt.held_units, receipt.gross_units, receipt.fee_units) == (HELD, gross, fee)
    assert (receipt.refunded_units, receipt.locked_units) == (HELD - gross, 0)
    assert [world.units(name) for name in ("car", "charger", "operator")] == [
        MONEY - gross,
        gross - fee,
        fee,
    ]
    report = world.replayed()
    assert report.findings == ()
    assert report.chain_compared
