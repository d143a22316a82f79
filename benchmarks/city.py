"""One quarter-hour of a city: 500,000 metering points report over HTTP, 500 areas clear and are planned.

    python benchmarks/city.py [--points 500000] [--areas 500] [--batch 5000] [--workers 2]

A head-end system sends the readings in columns to a metering server in a process of its own (uvicorn
on a loopback port, SQLite in the folder); then another process opens the same store, clears every area
with `uniform_price` and plans its settlement, netted multilaterally, on the reference chain.  Everything
is durable: SQLite in WAL with `synchronous=FULL`.  Shown are the seconds and the share of each step, the
largest memory of each process, and both beside the goals: one minute and 2 GB on two cores.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import multiprocessing
import os
import pstats
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from multiprocessing.connection import Connection
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
CLOCK_GOAL_S = 60
MEMORY_GOAL_MB = 2_000
SPAWNED = multiprocessing.get_context("spawn")
"""Processes that begin with nothing of ours in memory, so that each shows its own."""


class Took(NamedTuple):
    """How long a step took: by the clock, and of the processors."""

    clock_s: float
    cpu_s: float


class Report(NamedTuple):
    """What a process says at its end: what its steps took, its largest memory, what it counted."""

    steps: dict[str, Took]
    megabytes: int
    counts: dict[str, int]


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


def gsrns_of(points: int) -> list[str]:
    """Return the numbers of the metering points."""
    return [complete_gsrn(f"643{number:014d}") for number in range(points)]


def found(folder: Path, points: int, areas: int, profiled: str) -> Report:
    """Register everybody, which happens once in the life of a city and not each quarter."""
    _, took = timed("found", lambda: found_city(folder, points, areas), profiled)
    return Report({"registered": took}, memory_mb(), {})


def found_city(folder: Path, points: int, areas: int) -> None:
    """Register participants, accounts, metering points and prices."""
    gsrns = gsrns_of(points)
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


def serve(folder: Path, pipe: Connection) -> None:
    """Be the metering server's process until told to stop; send the port, then the memory."""
    metering = Metering.open(
        folder / "store.sqlite",
        folder / "devices.sqlite",
        settings=MeteringSettings(queue_rows_max=200_000, device_batches_max=8),
    )
    with metering, HttpServer(metering_app(metering), port=0) as server:
        pipe.send(server.port)
        pipe.recv()
    pipe.send(memory_mb())


def arrive(folder: Path, points: int, areas: int, size: int) -> Report:
    """Serve in another process and send everything; the time is that of both processes."""
    with DeviceRegistry.open(folder / "devices.sqlite") as registry:
        names = [f"a{number}" for number in range(areas)]
        token = registry.add("head-end", SystemClock().now(), areas=names)
    bodies = list(batches(gsrns_of(points), size))
    here, there = SPAWNED.Pipe()
    server = SPAWNED.Process(target=serve, args=(folder, there))
    server.start()
    port = here.recv()
    _, took = timed("arrive", lambda: send_all(port, token, bodies), "")
    here.send("stop")
    megabytes = here.recv()
    server.join()
    return Report({"arrive and are stored": took}, megabytes, {})


def settle(folder: Path, areas: int, workers: int, profiled: str) -> Report:
    """Clear and plan everything, with workers that compute ahead."""
    steps = {}
    with Engine.open(folder / "store.sqlite", venue(), clock=_Fixed()) as engine:
        engine.work_ahead(workers)
        cleared, steps["cleared"] = timed("clear", engine.clear_due, profiled)
        planned, steps["planned"] = timed("plan", engine.settle_due, profiled)
        megabytes = memory_mb()
    if (cleared, planned) != (areas, areas):
        raise RuntimeError(f"{cleared} of {areas} areas were cleared and {planned} planned")
    counts = {}
    with Store.open(folder / "store.sqlite", read_only=True) as store:
        for table in (p.readings, p.trades, p.obligations, p.instructions):
            ((counts[table.name],),) = store.query(sa.select(sa.func.count()).select_from(table))
    return Report(steps, megabytes, counts)


def own_processes() -> list[Path]:
    """Return where the system tells of this process and of its workers."""
    workers = [child.pid for child in multiprocessing.active_children()]
    return [Path(f"/proc/{pid}") for pid in (os.getpid(), *workers)]


def memory_mb() -> int:
    """Return the largest memory that this process had, and each of its workers, added up."""
    total = 0
    for process in own_processes():
        for line in (process / "status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM"):
                total += int(line.split()[1])
    return total // 1024


def processor_s() -> float:
    """Return the processor seconds of this process and its workers so far."""
    told = ((process / "stat").read_text(encoding="ascii") for process in own_processes())
    ticks = sum(sum(map(int, text.rpartition(")")[2].split()[11:13])) for text in told)
    return ticks / os.sysconf("SC_CLK_TCK")


def apart(do: Callable[..., Report], *arguments: Any) -> Report:
    """Do something in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=SPAWNED) as pool:
        return pool.submit(do, *arguments).result()


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


def timed(name: str, do: Callable[[], Any], profiled: str) -> tuple[Any, Took]:
    """Do a step and say how long it took."""
    profile = cProfile.Profile() if profiled == name else None
    began, cpu = time.perf_counter(), processor_s()
    if profile is not None:
        profile.enable()
    result = do()
    if profile is not None:
        profile.disable()
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
    return result, Took(time.perf_counter() - began, processor_s() - cpu)


def show(steps: dict[str, Took], points: int, megabytes: dict[str, int]) -> None:
    """Say it as a table; on a machine that others use, processor seconds say more than the clock."""
    cpu = sum(took.cpu_s for took in steps.values())
    print(f"{'step':24} {'clock s':>8} {'cpu s':>8} {'share':>6} {'readings per cpu s':>20}")
    for name, (clock_s, cpu_s) in steps.items():
        print(f"{name:24} {clock_s:8.1f} {cpu_s:8.1f} {cpu_s / cpu:6.0%} {points / cpu_s:20,.0f}")
    clock = sum(took.clock_s for took in steps.values())
    print(f"{'all':24} {clock:8.1f} {cpu:8.1f}")
    for name, size in megabytes.items():
        print(f"{name:24} {size:8,} MB at most")
    memory = sum(megabytes.values())
    print(f"{clock / CLOCK_GOAL_S:.2f} of the goal of {CLOCK_GOAL_S} s by the clock")
    print(
        f"{memory / MEMORY_GOAL_MB:.2f} of the goal of {MEMORY_GOAL_MB:,} MB, all processes together"
    )


def main() -> None:
    """Run the quarter-hour and show it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--points", type=int, default=500_000)
    parser.add_argument("--areas", type=int, default=500)
    parser.add_argument("--batch", type=int, default=5_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--profile", choices=["found", "clear", "plan"], default="")
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory(prefix="sauma-city-", dir=chosen.folder) as name:
        run(Path(name), chosen)


def run(folder: Path, chosen: argparse.Namespace) -> None:
    """Found the city, then time the quarter-hour."""
    points, areas = chosen.points, chosen.areas
    founded = apart(found, folder, points, areas, chosen.profile)
    took = founded.steps["registered"]
    print(
        f"{points:,} metering points in {areas} areas, registered in {took.clock_s:.0f} s "
        f"({took.cpu_s:.0f} of the processor) with {founded.megabytes:,} MB",
        flush=True,
    )
    arrived = arrive(folder, points, areas, chosen.batch)
    settled = apart(settle, folder, areas, chosen.workers, chosen.profile)
    for name, count in settled.counts.items():
        print(f"{name:24} {count:12,}")
    megabytes = {
        "metering server": arrived.megabytes,
        "clearing and planning": settled.megabytes,
    }
    show({**arrived.steps, **settled.steps}, points, megabytes)
    size = sum(path.stat().st_size for path in folder.iterdir()) // 2**20
    print(f"{'on disk':24} {size:8,} MB")


if __name__ == "__main__":
    main()
