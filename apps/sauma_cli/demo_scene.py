"""What the demo is about: one roof, two neighbours, one quarter-hour; the same on every chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sauma.engine import Engine
from sauma.identifiers import complete_gsrn
from sauma.intervals import Interval
from sauma.offers import MeteringPoint, Reading, Side
from sauma.rulebook import Rulebook, Supplier
from sauma_cli.wallets import Wallets

AREA: Final = "kortteli-1"
PRODUCER: Final = "test1"
BUYERS: Final = ("test3", "test5")
NAMES: Final = (PRODUCER, *BUYERS)
PRICE_MICRO: Final = 100_000
PRODUCED_WH: Final = 15_000
NEEDED_WH: Final = 7_500

RULEBOOK: Final = Rulebook(
    name="demo",
    version=1,
    supplier=Supplier(name="supplier", sells_at_micro=160_000, buys_at_micro=40_000),
)


def points() -> list[MeteringPoint]:
    """Return each home's metering point."""
    return [
        MeteringPoint(gsrn=complete_gsrn(f"6430000000000000{number}"), participant=name, area=AREA)
        for number, name in enumerate(NAMES, start=1)
    ]


def set_prices(engine: Engine, interval: Interval) -> None:
    """Let the producer sell and the others buy, at one price."""
    engine.set_price(PRODUCER, AREA, Side.ASK, PRICE_MICRO, interval.start)
    for name in BUYERS:
        engine.set_price(name, AREA, Side.BID, PRICE_MICRO, interval.start)


def readings(metered: Sequence[MeteringPoint], interval: Interval) -> list[Reading]:
    """Return what the meters say of an interval."""
    return [
        Reading(
            metering_point=point.gsrn,
            interval=interval,
            imported_wh=0 if point.participant == PRODUCER else NEEDED_WH,
            exported_wh=PRODUCED_WH if point.participant == PRODUCER else 0,
            key="meter",
        )
        for point in metered
    ]


def play(engine: Engine, wallets: Wallets, interval: Interval) -> None:
    """Enter the whole scene, clear it and plan its settlement."""
    engine.register_all([(name, wallets.account(name)) for name in NAMES])
    metered = points()
    engine.add_metering_points(metered)
    set_prices(engine, interval)
    engine.accept(readings(metered, interval))
    engine.clear_due()
    engine.settle_due()
