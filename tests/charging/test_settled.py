"""A charge point over loopback, settled and refunded on a chain; Wh and money agree everywhere."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta

import pytest

from sauma.billing import BillStatus
from sauma.chain import Support
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

from .worlds import ChargingWorld, charging_world

HELD = 5_000_000
PASSWORD = "a-password-of-some-length"
PRICE = 250
REGISTER_WH = 1_000_000
"""Where the simulated station's meter begins."""
FIXED = 10_000


@pytest.fixture(params=["memory", "nem", "ethereum"])
def world(request, tmp_path):
    with charging_world(request.param, tmp_path) as opened:
        yield opened


def desk_of(world: ChargingWorld, book: ChargeBook) -> ChargingDesk:
    tariff = ChargingTariff(
        asset=world.place.asset,
        price=PRICE,
        price_decimals=0,
        held_units=HELD,
        energy_wh_max=100_000,
        fixed_fee_units=FIXED,
        fee_bps=500,
        start_within=timedelta(hours=12),
        charge_within=timedelta(hours=48),
    )
    station = Station(
        name="corner",
        connectors=1,
        payee=world.place.account("charger"),
        operator=world.place.account("operator"),
        meter=world.place.account("charger-meter"),
        domain=world.place.venue.session_domain,
        tariff=tariff,
        operator_submits=world.chain.capabilities.hold is Support.NATIVE,
    )
    return ChargingDesk(
        world.engine.sessions,
        book,
        stations=[station],
        meters={station.meter: world.party("charger-meter")},
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
    world.run_to_the_end()
    book.close()

    gross = FIXED + 6_000 * PRICE
    fee = gross * 5 // 100
    (receipt,) = world.engine.sessions.receipts()
    assert (receipt.state, receipt.status) == (SessionState.SETTLED, BillStatus.FINAL)
    assert receipt.energy_wh == car.register_wh - REGISTER_WH == 6_000
    assert (receipt.held_units, receipt.gross_units, receipt.fee_units) == (HELD, gross, fee)
    assert (receipt.refunded_units, receipt.locked_units) == (HELD - gross, 0)
    assert {name: world.gained(name) for name in ("car", "charger", "operator")} == {
        "car": -gross,
        "charger": gross - fee,
        "operator": fee,
    }
    report = world.replayed()
    assert report.findings == ()
    assert report.chain_compared
