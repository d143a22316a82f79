"""The small settlement that every simulation plays, and what must come of it: a run without faults."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Self, TypeAlias

import attrs
import sqlalchemy as sa

from sauma.chain import BatchKind, Chain, Cursor, batch_reference
from sauma.engine import Engine
from sauma.errors import SaumaError
from sauma.identifiers import complete_gsrn, content_id
from sauma.intervals import Interval
from sauma.offers import MeteringPoint, Reading, Side, StandingPrice
from sauma.rulebook import Rulebook, Supplier
from sauma.store import projections as p
from sauma.testing.clock import ManualClock
from sauma.testing.simulation.line import Line
from sauma.testing.simulation.world import PARTICIPANTS, SimulatedWorld

WorldFactory: TypeAlias = Callable[[], SimulatedWorld]

STORE: Final = "store.sqlite"
AREA: Final = "kortteli-1"
START: Final = datetime(2026, 6, 21, 9, 0, tzinfo=UTC)
BEGINS: Final = START + timedelta(days=2)
"""When the clock of the processes starts."""
QUARTER_MINUTES: Final = 15
ROUNDS_MAX: Final = 100
_PRICES: Final = (
    ("anna", Side.ASK, 100_000),
    ("bert", Side.ASK, 120_000),
    ("cleo", Side.BID, 150_000),
    ("dora", Side.BID, 130_000),
)
"""Micro-euro per kWh: Anna and Bert sell, Cleo and Dora buy."""


class Salts:
    """Salts that are the same in every run."""

    def __init__(self) -> None:
        """Begin with the first."""
        self._drawn = 0

    def __call__(self) -> bytes:
        """Return the next one."""
        self._drawn += 1
        return content_id("simulated-salt", self._drawn)


@attrs.frozen(kw_only=True)
class Rehearsal:
    """A planned settlement before anything was sent, and how it ends when nothing goes wrong."""

    store: bytes
    """The database file of a store in which everything is planned."""
    balances: tuple[tuple[str, int], ...]
    bills: tuple[tuple[Any, ...], ...]
    references: frozenset[bytes]
    """What each planned batch bears on the chain: once, in the end."""

    @classmethod
    def of(cls, new_world: WorldFactory) -> Self:
        """Plan a settlement in a world, and play it to its end."""
        with new_world() as world, work_folder() as folder:
            path = folder / STORE
            plan(world, path)
            store = path.read_bytes()
            clock = ManualClock(BEGINS)
            with open_engine(path, world, Line(), clock, Salts(), "engine") as engine:
                play(engine, world, clock)
                engine.agreement()
                return cls(
                    store=store,
                    balances=balances_of(world, engine),
                    bills=bills_of(engine),
                    references=planned_references(engine),
                )


def open_engine(
    location: str | Path,
    world: SimulatedWorld,
    line: Line,
    clock: ManualClock,
    salts: Salts,
    holder: str,
) -> Engine:
    """Open the store of a settlement as a new process does."""
    return Engine.open(location, world.venue(line), clock=clock, draw_salt=salts, holder=holder)


def plan(world: SimulatedWorld, location: str | Path) -> None:
    """Put a settlement of some quarter-hours into a new store, up to the plan: nothing is sent."""
    rulebook = Rulebook(
        name="simulated",
        version=1,
        supplier=Supplier(name="supplier", sells_at_micro=160_000, buys_at_micro=40_000),
        netting=world.netting,
    )
    with Engine.open(
        location,
        world.venue(Line()),
        rulebook=rulebook,
        clock=ManualClock(BEGINS),
        draw_salt=Salts(),
    ) as engine:
        engine.register_all([(name, world.account(name)) for name in PARTICIPANTS])
        engine.add_metering_points(
            MeteringPoint(gsrn=_gsrn(name), participant=name, area=AREA) for name in PARTICIPANTS
        )
        engine.set_prices(
            [
                StandingPrice(
                    participant=name, area=AREA, side=side, price_micro=price, valid_from=START
                )
                for name, side, price in _PRICES
            ]
        )
        for number in range(world.settlements):
            engine.accept(_readings(number))
        engine.clear_due()
        engine.settle_due()


def _readings(number: int) -> list[Reading]:
    """Anna and Bert have surplus, Cleo and Dora use it, the supplier has the rest."""
    interval = Interval(start=START + timedelta(minutes=QUARTER_MINUTES * number))
    flows = {
        "anna": (0, 1_500 + number),
        "bert": (0, 2_000),
        "cleo": (1_501 + number, 0),
        "dora": (2_499, 0),
    }
    return [
        Reading(
            metering_point=_gsrn(name),
            interval=interval,
            imported_wh=imported_wh,
            exported_wh=exported_wh,
            key="meter",
        )
        for name, (imported_wh, exported_wh) in flows.items()
    ]


def _gsrn(name: str) -> str:
    return complete_gsrn(f"643000000000000{PARTICIPANTS.index(name):02d}")


def play(engine: Engine, world: SimulatedWorld, clock: ManualClock) -> None:
    """Play a settlement to its end in a world in which nothing goes wrong."""
    for _ in range(ROUNDS_MAX):
        engine.step()
        if engine.finished:
            return
        world.mine()
        clock.advance(seconds=world.block_seconds)
    raise SaumaError(f"nothing went wrong, and it is not settled after {ROUNDS_MAX} rounds")


def balances_of(world: SimulatedWorld, engine: Engine) -> tuple[tuple[str, int], ...]:
    """Return what everybody has of the energy asset."""
    venue = engine.venue
    return tuple(
        (name, venue.chain.balance(world.account(name), venue.energy_asset).units)
        for name in (*PARTICIPANTS, "@clearing")
    )


def bills_of(engine: Engine) -> tuple[tuple[Any, ...], ...]:
    """Return every bill as it stands, but for how many versions it took."""
    return tuple(
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
        for one in engine.statements()
    )


def planned_references(engine: Engine) -> frozenset[bytes]:
    """Return the on-chain reference of every planned batch."""
    rows = engine.store.query(sa.select(p.instructions.c.batch_id).distinct())
    return frozenset(batch_reference(bytes(row.batch_id), BatchKind.SETTLEMENT) for row in rows)


def references_on(chain: Chain, *, only_moving: bool = False) -> Counter[bytes]:
    """Return how often each reference stands on a chain, in what succeeded, from its first block.

    With `only_moving` what moves nothing but its fee, as the statement of a root, is left out.
    """
    fee_asset = chain.capabilities.fee_asset
    found: Counter[bytes] = Counter()
    cursor, more = Cursor(), True
    while more:
        page = chain.events(cursor)
        found.update(
            event.reference
            for event in page.events
            if event.reference is not None
            and event.succeeded
            and not (only_moving and all(each.asset == fee_asset for each in event.effects))
        )
        cursor, more = page.cursor, page.more
    return found


@contextmanager
def work_folder() -> Iterator[Path]:
    """Give a folder in memory where there is one: a simulation waits for the disk all the time."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder in it has a random name
    with TemporaryDirectory(
        prefix="sauma-simulation-",
        dir=memory if os.access(memory, os.W_OK) else None,
        ignore_cleanup_errors=True,
    ) as name:
        yield Path(name)
