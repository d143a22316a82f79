"""A small town on the reference chain: what the tests of the engine run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sauma.engine import Engine
from sauma.identifiers import complete_gsrn, content_id
from sauma.intervals import Interval
from sauma.memory import MemoryChain, MemoryCodec
from sauma.offers import MeteringPoint, Reading, Side
from sauma.rulebook import Rulebook, Supplier
from sauma.store import Store
from sauma.testing import ManualClock
from sauma.venue import Venue

from .faulty import Died, FaultyChain

AREA = "kortteli-1"
NAMES = ("anna", "bert", "cleo", "dora")
START = datetime(2026, 6, 21, 9, 0, tzinfo=UTC)
"""The start of the first quarter-hour; noon in Helsinki."""
SUPPLIER = Supplier(name="supplier", sells_at_micro=160_000, buys_at_micro=40_000)


STORE = "store.sqlite"


@cache
def empty_store() -> bytes:
    """A store as the migrations make it, made once."""
    with TemporaryDirectory() as name:
        Store.open(Path(name) / STORE).close()
        return (Path(name) / STORE).read_bytes()


def seed_rulebook(**changes: object) -> Rulebook:
    return Rulebook(**{"name": "seed", "version": 1, "supplier": SUPPLIER, **changes})


def gsrn(name: str) -> str:
    return complete_gsrn(f"643000000000000{NAMES.index(name):02d}")


def quarter(number: int = 0) -> Interval:
    return Interval(start=START + timedelta(minutes=15 * number))


def reading(
    name: str, imported_wh: int, exported_wh: int, number: int = 0, **changes: Any
) -> Reading:
    facts = {
        "metering_point": gsrn(name),
        "interval": quarter(number),
        "imported_wh": imported_wh,
        "exported_wh": exported_wh,
        "key": "meter",
    }
    return Reading(**{**facts, **changes})


class Town:
    """Four neighbours with wallets, meters and prices; the chain and its folder outlive the process.

    Anna and Bert sell at 0.10 and 0.12, Cleo and Dora buy at up to 0.15 and 0.13 €/kWh.
    """

    PRICES = (
        ("anna", Side.ASK, 100_000),
        ("bert", Side.ASK, 120_000),
        ("anna", Side.BID, 140_000),
        ("cleo", Side.BID, 150_000),
        ("dora", Side.BID, 130_000),
    )

    def __init__(
        self,
        folder: Path,
        *,
        rulebook: Rulebook | None = None,
        chain: MemoryChain | None = None,
        unbound: Iterable[str] = (),
        areas: dict[str, str] | None = None,
    ) -> None:
        self.folder = folder
        (folder / STORE).write_bytes(empty_store())
        self.chain = chain if chain is not None else MemoryChain("main")
        self.node = FaultyChain(self.chain)
        self.venue = Venue(
            chain=self.node,
            codec=MemoryCodec(),
            energy_asset=self.chain.asset("wh"),
            settings={},
        )
        self.clock = ManualClock(START + timedelta(days=2))
        self.salts = 0
        self.dies_at_salt: int | None = None
        self.engine = self.open(rulebook or seed_rulebook())
        engine = self.engine
        engine.register_all(
            [(name, None if name in unbound else self.chain.account(name)) for name in NAMES]
        )
        for role in ("issuer", "clearing"):
            engine.bind(f"@{role}", self.chain.account(role))
        self.area_of = {name: (areas or {}).get(name, AREA) for name in NAMES}
        engine.add_metering_points(
            MeteringPoint(gsrn=gsrn(name), participant=name, area=self.area_of[name])
            for name in NAMES
        )
        for name, side, price in self.PRICES:
            engine.set_price(name, self.area_of[name], side, price, START)

    def open(self, rulebook: Rulebook | None = None, holder: str = "engine") -> Engine:
        return Engine.open(
            self.folder / STORE,
            self.venue,
            rulebook=rulebook,
            clock=self.clock,
            draw_salt=self._draw_salt,
            holder=holder,
        )

    def _draw_salt(self) -> bytes:
        self.salts += 1
        if self.salts == self.dies_at_salt:
            raise Died
        return content_id("salt", self.salts)

    def reopen(self) -> None:
        """The process is gone; another one opens what is on the disk."""
        self.engine.close()
        self.engine = self.open()

    def meter(self, number: int = 0, **flows: tuple[int, int]) -> None:
        """Import and export of some in a quarter-hour, in Wh."""
        self.engine.accept([reading(name, *flow, number) for name, flow in flows.items()])

    def sunny(self, number: int = 0) -> None:
        """Anna and Bert have surplus, Cleo and Dora use it, the supplier has the rest."""
        self.meter(
            number,
            anna=(200, 3_000 + number),
            bert=(0, 2_000),
            cleo=(1_501 + number, 0),
            dora=(2_499, 100),
        )

    def plan(self) -> None:
        self.engine.clear_due()
        self.engine.settle_due()

    def step(self) -> None:
        """A step of a process that a fault may kill; the next one goes on."""
        try:
            self.engine.step()
        except Died:
            self.node.dies_after_events = False
            self.reopen()

    def run(self, blocks_max: int = 80) -> None:
        """Step and mine until everything is final; fails when it does not get there."""
        for _ in range(blocks_max):
            self.step()
            if self.engine.finished:
                break
            self.chain.mine()
        assert self.engine.finished, self.engine.statements()
        self.engine.agreement()

    def balances(self) -> dict[str, int]:
        asset = self.venue.energy_asset
        return {
            name: self.chain.balance(self.chain.account(name), asset).units
            for name in (*NAMES, "clearing")
        }

    def bills(self) -> list[tuple[Any, ...]]:
        """Every bill as it stands, without the number of its versions."""
        return [
            (
                one.area,
                one.period_start,
                one.bill.participant,
                one.bill.status.name,
                one.bill.lines,
                one.bill.chain,
                one.bill.owed_cents,
                one.bill.carry_nano,
            )
            for one in self.engine.statements()
        ]

    def statuses(self) -> dict[str, str]:
        return {one.bill.participant: one.bill.status.name for one in self.engine.statements()}

    def rebuilt_equals_live(self) -> bool:
        live = self.engine.store.projection_digest()
        self.engine.store.rebuild_projections()
        return self.engine.store.projection_digest() == live


@contextmanager
def work_folder() -> Iterator[Path]:
    """Give a folder in memory where there is one: these tests wait for the disk thousands of times."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder in it has a random name
    with TemporaryDirectory(
        dir=memory if os.access(memory, os.W_OK) else None, ignore_cleanup_errors=True
    ) as name:
        yield Path(name)


def undisturbed(folder: Path, quarters: Sequence[int] = (0,), **settings: Any) -> Town:
    """The same town and sunny quarters on a chain on which nothing goes wrong."""
    folder.mkdir(exist_ok=True)
    town = Town(folder, **settings)
    for number in quarters:
        town.sunny(number)
    town.plan()
    town.run()
    return town
