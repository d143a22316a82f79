"""What a step costs when the past is long: a town settles day after day, and each evening a step is timed.

    python benchmarks/long_past.py [--days 4] [--homes 100]

Half the homes sell to the other half in every quarter-hour, without netting, on the reference chain in
memory; everything is final and billed before a day is over.  Timed is `Engine.step` when nothing is left
to do, as a service asks it every few seconds: it should cost the same on every evening.  The first evening
and the others are of one run, so that their ratio counts and not the machine.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from sauma.engine import Engine
from sauma.identifiers import complete_gsrn
from sauma.intervals import Interval
from sauma.memory import MemoryChain, MemoryCodec
from sauma.offers import MeteringPoint, Reading, Side, StandingPrice
from sauma.rulebook import Delivery, Rulebook, Supplier
from sauma.store import projections as p
from sauma.testing import ManualClock
from sauma.venue import Venue

AREA = "street"
QUARTERS, INTERVAL_S = 96, 900
STEPS = 50
START = Interval.from_start_unix(1_767_225_600, 15)
SUPPLIER = Supplier(name="supplier", sells_at_micro=160_000, buys_at_micro=40_000)


def found(folder: Path, homes: int) -> tuple[Engine, MemoryChain, ManualClock]:
    """Return an engine with a town in it."""
    chain, clock = MemoryChain("main"), ManualClock(START.start)
    roles = {f"@{role}": chain.account(role) for role in ("issuer", "clearing")}
    venue = Venue(
        chain=chain, codec=MemoryCodec(), energy_asset=chain.asset("wh"), settings={}, roles=roles
    )
    rules = Rulebook(name="town", version=1, supplier=SUPPLIER, delivery=Delivery.ISSUER_DIRECT)
    engine = Engine.open(folder / "store.sqlite", venue, rulebook=rules, clock=clock)
    names = [f"home-{number}" for number in range(homes)]
    engine.register_all([(name, chain.account(name)) for name in names])
    engine.add_metering_points(
        MeteringPoint(gsrn=gsrn(number), participant=name, area=AREA)
        for number, name in enumerate(names)
    )
    engine.set_prices(
        [
            StandingPrice(
                participant=name,
                area=AREA,
                side=Side.ASK if number % 2 else Side.BID,
                price_micro=80_000 if number % 2 else 120_000,
                valid_from=START.start,
            )
            for number, name in enumerate(names)
        ]
    )
    return engine, chain, clock


def gsrn(number: int) -> str:
    return complete_gsrn(f"64300000{number:09d}")


def readings(day: int, homes: int) -> Iterator[Reading]:
    """Give a day of readings: what one half feeds in, the other half uses."""
    first = START.start_unix + day * QUARTERS * INTERVAL_S
    for quarter in range(QUARTERS):
        interval = Interval.from_start_unix(first + quarter * INTERVAL_S, 15)
        for number in range(homes):
            units = 100 + (number // 2 + quarter) % 50
            yield Reading(
                metering_point=gsrn(number),
                interval=interval,
                imported_wh=0 if number % 2 else units,
                exported_wh=units if number % 2 else 0,
                key="meter",
            )


def live(engine: Engine, chain: MemoryChain, clock: ManualClock, day: int, homes: int) -> None:
    """Settle a day until everything is final and billed."""
    clock.advance(seconds=QUARTERS * INTERVAL_S)
    engine.accept(list(readings(day, homes)))
    engine.clear_due()
    engine.settle_due()
    while not engine.finished:
        engine.step()
        chain.mine()


def idle_step_s(engine: Engine, chain: MemoryChain) -> float:
    """Return the median of some steps after blocks in which nothing of ours is."""
    took = []
    for _ in range(STEPS):
        chain.mine()
        started = time.perf_counter()
        engine.step()
        took.append(time.perf_counter() - started)
    return statistics.median(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--days", type=int, default=4)
    parser.add_argument("--homes", type=int, default=100)
    given = parser.parse_args()
    first_s = 0.0
    with tempfile.TemporaryDirectory() as folder:
        engine, chain, clock = found(Path(folder), given.homes)
        with engine:
            for day in range(given.days):
                live(engine, chain, clock, day, given.homes)
                step_s = idle_step_s(engine, chain)
                first_s = first_s or step_s
                (rows,) = engine.store.query(
                    sa.select(sa.func.count().label("count")).select_from(p.instructions)
                )
                print(
                    f"evening {day + 1}: {rows.count:7d} instructions in the past, "
                    f"a step takes {step_s * 1000:6.1f} ms, {step_s / first_s:4.1f} of the first evening's"
                )


if __name__ == "__main__":
    main()
