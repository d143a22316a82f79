"""How fast a journal is replayed: every trade matched, planned, billed and compared again.

    python benchmarks/replay.py [homes]

Measured are the day of the neighbourhood (`examples/neighbourhood`, seven homes, 96 quarter-hours),
settled every quarter-hour without netting and once a day netted, and a day of more homes (40 by
default).  All of them settle on the reference chain, in memory; the replay compares with it too.
"""

import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import attrs
import sqlalchemy as sa

from sauma.engine import Engine
from sauma.identifiers import complete_gsrn
from sauma.intervals import Interval
from sauma.memory import MemoryChain, MemoryCodec
from sauma.offers import MeteringPoint, Reading, Side, StandingPrice
from sauma.replay import replay
from sauma.rulebook import Netting, NettingPeriod, Rulebook
from sauma.store import projections as p
from sauma.testing import ManualClock
from sauma.venue import Venue
from sauma_metering import read_participants, read_prices, read_readings

EXAMPLE = Path(__file__).parent.parent / "examples" / "neighbourhood"
AREA = "kortteli-1"
QUARTERS = 96


def neighbourhood() -> tuple[list[MeteringPoint], list[StandingPrice], list[Reading]]:
    """Return the example's day."""
    points = [
        MeteringPoint(gsrn=row.metering_point, participant=row.participant, area=row.area)
        for row in read_participants(EXAMPLE / "participants.csv")
    ]
    prices = list(read_prices(EXAMPLE / "prices.csv"))
    return points, prices, list(read_readings(EXAMPLE / "readings.csv"))


def many_homes(count: int) -> tuple[list[MeteringPoint], list[StandingPrice], list[Reading]]:
    """Return a day of so many homes, every other one with panels that feed in all day."""
    start = ManualClock().now().replace(hour=0)
    points = [
        MeteringPoint(
            gsrn=complete_gsrn(f"64300000{number:09d}"), participant=f"home-{number}", area=AREA
        )
        for number in range(count)
    ]
    prices = [
        StandingPrice(
            participant=point.participant,
            area=AREA,
            side=Side.ASK if number % 2 else Side.BID,
            price_micro=60_000 + 500 * number if number % 2 else 160_000 - 500 * number,
            valid_from=start,
        )
        for number, point in enumerate(points)
    ]
    readings = [
        Reading(
            metering_point=point.gsrn,
            interval=Interval(start=start + timedelta(minutes=15 * quarter)),
            imported_wh=0 if number % 2 else 300 + (number * 37 + quarter * 11) % 400,
            exported_wh=200 + (number * 53 + quarter * 7) % 500 if number % 2 else 0,
            key="meter",
        )
        for quarter in range(QUARTERS)
        for number, point in enumerate(points)
    ]
    return points, prices, readings


def settled(folder: Path, world, rulebook: Rulebook, rounds: int) -> tuple[Engine, MemoryChain]:
    """Settle a day; `rounds` is how many quarter-hours are read, cleared and settled at a time."""
    points, prices, readings = world
    chain = MemoryChain("main")
    first = min(reading.interval for reading in readings).start
    clock = ManualClock(first)
    venue = Venue(chain=chain, codec=MemoryCodec(), energy_asset=chain.asset("wh"), settings={})
    engine = Engine.open(folder / "store.sqlite", venue, rulebook=rulebook, clock=clock)
    engine.register_all([(one.participant, chain.account(one.participant)) for one in points])
    for role in ("issuer", "clearing"):
        engine.bind(f"@{role}", chain.account(role))
    engine.add_metering_points(points)
    engine.set_prices(prices)
    starts = sorted({reading.interval for reading in readings})
    for number in range(0, len(starts), rounds):
        wanted = set(starts[number : number + rounds])
        engine.accept([reading for reading in readings if reading.interval in wanted])
        clock.advance(seconds=900 * rounds)
        engine.clear_due()
        engine.settle_due()
        engine.step()
        chain.mine()
    while not engine.finished:
        engine.step()
        chain.mine()
    return engine, chain


def measure(name: str, world, rulebook: Rulebook, rounds: int) -> None:
    """Settle, replay twice, and print a line."""
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        engine, chain = settled(Path(scratch), world, rulebook, rounds)
        settling_s = time.perf_counter() - start
        seconds = []
        for _ in range(2):
            start = time.perf_counter()
            report = replay(engine.store, codec=MemoryCodec(), chain=chain)
            seconds.append(time.perf_counter() - start)
        assert report.ok, report.findings
        trades = engine.store.query(sa.select(sa.func.count()).select_from(p.trades))[0][0]
        engine.close()
    best = min(seconds)
    print(
        f"{name:34} {report.entries:7,} {report.rows:9,} {trades:7,} "
        f"{report.transactions_decoded:6,} {settling_s:8.1f} {best:8.2f} {trades / best:9,.0f}"
    )


def main(homes: int) -> None:
    """Measure the three days."""
    rulebook = Rulebook.from_toml((EXAMPLE / "rulebook.toml").read_text(encoding="utf-8"))
    unnetted = attrs.evolve(rulebook, netting=Netting.NONE, netting_period=NettingPeriod.INTERVAL)
    print(
        f"{'day':34} {'entries':>7} {'rows':>9} {'trades':>7} {'signed':>6} {'settle s':>8} "
        f"{'replay s':>8} {'trades/s':>9}"
    )
    measure("7 homes, each quarter-hour unnetted", neighbourhood(), unnetted, 1)
    measure("7 homes, netted per pair and day", neighbourhood(), rulebook, QUARTERS)
    measure(f"{homes} homes, netted per pair and day", many_homes(homes), rulebook, QUARTERS)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
