"""One quarter-hour of a city: 500,000 metering points report over HTTP, 500 areas clear and are planned.

    python benchmarks/city.py [--points 500000] [--areas 500] [--batch 5000] [--profile STEP]

A head-end system sends the readings in columns to a metering server in a process of its own (uvicorn
on a loopback port, SQLite in the folder); then this process opens the same store, clears every area
with `uniform_price` and plans its settlement, netted multilaterally, on the reference chain.  Everything
is durable: SQLite in WAL with `synchronous=FULL`.  Shown are the seconds, readings per second and the
largest memory of each step; the goals are one minute and 2 GB on two cores.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa

from sauma.clock import SystemClock
from sauma.engine import Engine
from sauma.identifiers import complete_gsrn
from sauma.intervals import Interval
from sauma.memory import MemoryChain, MemoryCodec
from sauma.offers import MeteringPoint, Side, StandingPrice
from sauma.rulebook import Netting, Rulebook, Supplier
from sauma.store import Store
from sauma.store import projections as p
from sauma.venue import Venue
from sauma_metering.server import (
    DeviceRegistry,
    HttpServer,
    Metering,
    MeteringSettings,
    metering_app,
)

NOON = Interval(start=datetime(2026, 6, 21, 9, 0, tzinfo=UTC))
SUPPLIER = Supplier(name="supplier", sells_at_micro=160_000, buys_at_micro=40_000)
REGISTERED_AT_A_TIME = 50_000


class Took(NamedTuple):
    """How long a step took: by the clock, and of the processors."""

    clock_s: float
    cpu_s: float


class _Fixed:
    """A clock that stands a quarter-hour after the interval."""

    def now(self) -> datetime:
        """Return the time."""
        return NOON.end + timedelta(minutes=15)


def rulebook() -> Rulebook:
    """Return the contract: one price an area, netted multilaterally."""
    return Rulebook(
        name="city",
        version=1,
        supplier=SUPPLIER,
        mechanism="uniform_price",
        netting=Netting.MULTILATERAL,
    )


def venue() -> Venue:
    """Return the reference chain."""
    chain = MemoryChain("main")
    roles = {f"@{role}": chain.account(role) for role in ("issuer", "clearing")}
    return Venue(
        chain=chain, codec=MemoryCodec(), energy_asset=chain.asset("wh"), settings={}, roles=roles
    )


def found_city(folder: Path, points: int, areas: int) -> list[str]:
    """Register everybody; return the GSRNs.  This happens once in the life of a city, not each quarter."""
    gsrns = [complete_gsrn(f"643{number:014d}") for number in range(points)]
    place = venue()
    account = place.chain.account
    with Engine.open(folder / "store.sqlite", place, rulebook=rulebook(), clock=_Fixed()) as engine:
        for first in range(0, points, REGISTERED_AT_A_TIME):
            lot = range(first, min(points, first + REGISTERED_AT_A_TIME))
            engine.register_all([(f"p{number}", account(f"p{number}")) for number in lot])
            engine.add_metering_points(
                MeteringPoint(
                    gsrn=gsrns[number], participant=f"p{number}", area=f"a{number % areas}"
                )
                for number in lot
            )
            engine.set_prices(
                [
                    StandingPrice(
                        participant=f"p{number}",
                        area=f"a{number % areas}",
                        side=side,
                        price_micro=price + number // areas * 37 % 50_000,
                        valid_from=NOON.start - timedelta(days=1),
                    )
                    for number in lot
                    for side, price in ((Side.BID, 70_000), (Side.ASK, 50_000))
                ]
            )
    return gsrns


def batches(gsrns: list[str], size: int) -> Iterator[bytes]:
    """Yield bodies: two in three homes use energy, one in three has surplus; a few are estimated."""
    draw = np.random.default_rng(1)
    imported = draw.integers(20, 900, len(gsrns))
    exported = draw.integers(100, 2_500, len(gsrns))
    sells = np.arange(len(gsrns)) // 7 % 3 == 0
    imported[sells], exported[~sells] = 0, 0
    for first in range(0, len(gsrns), size):
        chosen = slice(first, first + size)
        columns = {
            "metering_point": gsrns[chosen],
            "interval_start": str(NOON),
            "imported_wh": imported[chosen].tolist(),
            "exported_wh": exported[chosen].tolist(),
        }
        yield json.dumps({"columns": columns}).encode()


def serve(folder: str, port: str) -> None:
    """Be the metering server's process; say its port, and its memory at the end."""
    metering = Metering.open(
        Path(folder) / "store.sqlite",
        Path(folder) / "devices.sqlite",
        settings=MeteringSettings(queue_rows_max=200_000, device_batches_max=8),
    )
    with metering, HttpServer(metering_app(metering), port=int(port)) as server:
        print(server.port, flush=True)
        sys.stdin.read()
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(used.ru_maxrss // 1024, used.ru_utime + used.ru_stime, flush=True)


def send_all(port: int, token: str, bodies: list[bytes]) -> None:
    """Send one batch after the other on one connection, each acknowledged."""
    connection = HTTPConnection("127.0.0.1", port, timeout=300)
    for body in bodies:
        connection.request(
            "POST", "/metering/v1/readings", body, {"Authorization": f"Bearer {token}"}
        )
        reply = connection.getresponse()
        text = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"{reply.status}: {text[:500]!r}")
    connection.close()


def timed(name: str, do: Callable[[], Any], profiled: str | None) -> tuple[Any, Took]:
    """Do a step and say how long it took."""
    profile = cProfile.Profile() if profiled == name else None
    began, cpu = time.perf_counter(), time.process_time()
    if profile is not None:
        profile.enable()
    result = do()
    if profile is not None:
        profile.disable()
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
    return result, Took(time.perf_counter() - began, time.process_time() - cpu)


def report(steps: dict[str, Took], points: int, megabytes: dict[str, int]) -> None:
    """Say it as a table; on a machine that others use, processor seconds say more than the clock."""
    total = sum(took.cpu_s for took in steps.values())
    print(f"{'step':24} {'clock s':>8} {'cpu s':>8} {'share':>6} {'readings per cpu s':>20}")
    for name, (clock_s, cpu_s) in steps.items():
        rate = points / cpu_s
        print(f"{name:24} {clock_s:8.1f} {cpu_s:8.1f} {cpu_s / total:6.0%} {rate:20,.0f}")
    print(f"{'all':24} {sum(took.clock_s for took in steps.values()):8.1f} {total:8.1f}")
    for name, size in megabytes.items():
        print(f"{name:24} {size:8,} MB at most")


def main() -> None:
    """Run the quarter-hour and show it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--points", type=int, default=500_000)
    parser.add_argument("--areas", type=int, default=500)
    parser.add_argument("--batch", type=int, default=5_000)
    parser.add_argument("--profile", choices=["found", "clear", "plan"])
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sauma-city-", dir=chosen.folder) as name:
        run(Path(name), chosen)


def arrive(folder: Path, token: str, gsrns: list[str], size: int) -> tuple[int, Took]:
    """Serve in another process, send everything; return the server's memory and both processes' time."""
    bodies = list(batches(gsrns, size))
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve", str(folder), "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert server.stdin is not None
    assert server.stdout is not None
    port = int(server.stdout.readline())
    _, took = timed("arrive", lambda: send_all(port, token, bodies), None)
    server.stdin.close()
    size_mb, cpu_s = server.stdout.readline().split()
    server.wait()
    return int(size_mb), Took(took.clock_s, took.cpu_s + float(cpu_s))


def run(folder: Path, chosen: argparse.Namespace) -> None:
    """Found the city, then time the quarter-hour."""
    gsrns, took = timed(
        "found", lambda: found_city(folder, chosen.points, chosen.areas), chosen.profile
    )
    print(
        f"{chosen.points:,} metering points in {chosen.areas} areas, registered in "
        f"{took.clock_s:.0f} s ({took.cpu_s:.0f} of the processor)"
    )
    with DeviceRegistry.open(folder / "devices.sqlite") as registry:
        areas = [f"a{number}" for number in range(chosen.areas)]
        token = registry.add("head-end", SystemClock().now(), areas=areas)
    steps: dict[str, Took] = {}
    size_mb, steps["arrive and are stored"] = arrive(folder, token, gsrns, chosen.batch)
    megabytes = {"metering server": size_mb}
    del gsrns
    with Engine.open(folder / "store.sqlite", venue(), clock=_Fixed()) as engine:
        cleared, steps["cleared"] = timed("clear", engine.clear_due, chosen.profile)
        planned, steps["planned"] = timed("plan", engine.settle_due, chosen.profile)
    megabytes["clearing and planning"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    assert (cleared, planned) == (chosen.areas, chosen.areas)
    with Store.open(folder / "store.sqlite", read_only=True) as store:
        for table in (p.readings, p.trades, p.obligations, p.instructions):
            ((count,),) = store.query(sa.select(sa.func.count()).select_from(table))
            print(f"{table.name:24} {count:12,}")
    report(steps, chosen.points, megabytes)
    size = sum(path.stat().st_size for path in folder.iterdir()) // 2**20
    print(f"{'on disk':24} {size:8,} MB")


if __name__ == "__main__":
    if "--serve" in sys.argv:
        serve(*sys.argv[2:4])
    else:
        main()
