"""One settlement in one world, to which a test does by hand what a simulation draws."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from random import Random

import attrs

from sauma.chain import SignedTransaction
from sauma.dispatch.restoring import committed_transactions
from sauma.store import projections as p
from sauma.testing.clock import ManualClock
from sauma.testing.simulation import Faults, Rehearsal, SimulatedWorld
from sauma.testing.simulation.examination import examine
from sauma.testing.simulation.process import Process
from sauma.testing.simulation.rehearsal import BEGINS, STORE, Salts, WorldFactory

ROUNDS_MAX = 90
_REHEARSALS: dict[WorldFactory, Rehearsal] = {}


class Stage:
    """A world, a store with a plan, and a process named `one`; `two` is a second one."""

    def __init__(self, new_world: WorldFactory, folder: Path) -> None:
        if new_world not in _REHEARSALS:
            _REHEARSALS[new_world] = Rehearsal.of(new_world)
        self.rehearsal = _REHEARSALS[new_world]
        self.world: SimulatedWorld = new_world()
        self.path = folder / STORE
        self.path.write_bytes(self.rehearsal.store)
        self.clock = ManualClock(BEGINS)
        self.told: list[str] = []
        self._salts = Salts()
        self.one, self.two = self._process("one"), self._process("two")
        self.was_restored = False

    def _process(self, holder: str) -> Process:
        return Process(
            holder,
            self.path,
            self.world,
            clock=self.clock,
            salts=self._salts,
            draw=Random(0),
            faults=Faults.none(),
            tell=self.told.append,
        )

    def step(self) -> None:
        """Have the first process step; a death in it ends it."""
        self.one.step()

    def round(self, blocks: int = 1) -> None:
        """Step, then let blocks come and time pass."""
        self.step()
        self.world.mine(blocks)
        self.clock.advance(seconds=self.world.block_seconds)

    def sent_ids(self) -> list[bytes]:
        """Return the transactions that left."""
        codec = self.one.engine.venue.codec
        sent = [*self.one.line.sent, *self.two.line.sent]
        return list(dict.fromkeys(codec.decode(raw).transaction_id for raw in sent))

    def committed(self) -> list[SignedTransaction]:
        """Return the transactions that are not final yet, as the store has them."""
        states = (p.STATE_COMMITTED, p.STATE_INCLUDED)
        with self.one.engine.store.reading() as connection:
            return committed_transactions(connection, self.one.engine.venue, states)

    def finish(self, *, beside: Collection[bytes] = ()) -> None:
        """Play to the end; fails unless everything came as in an undisturbed run.

        `beside` are references that others than the engine have put on the chain.
        """
        for _ in range(ROUNDS_MAX):
            self.round(2)
            if self.one.engine.finished:
                break
        wrong = examine(
            self.one.engine,
            self.world,
            attrs.evolve(self.rehearsal, references=self.rehearsal.references | frozenset(beside)),
            sent=[*self.one.line.sent, *self.two.line.sent],
            was_restored=self.was_restored,
            rebuilds=False,
            happened=self.one.line.happened + self.two.line.happened,
        )
        assert wrong == [], self.told

    def close(self) -> None:
        for process in (self.one, self.two):
            process.end()
        self.world.close()
