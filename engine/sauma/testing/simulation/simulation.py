"""One settlement, played to its end in a world where anything goes wrong that a seed draws."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Final

import attrs

from sauma.chain import Support
from sauma.dispatch.outbox import LEASE_S
from sauma.errors import SaumaError
from sauma.testing.clock import ManualClock
from sauma.testing.simulation.disk import disk_can_fail
from sauma.testing.simulation.examination import examine
from sauma.testing.simulation.faults import Fault, Faults
from sauma.testing.simulation.line import Line
from sauma.testing.simulation.process import Process
from sauma.testing.simulation.rehearsal import (
    BEGINS,
    STORE,
    Rehearsal,
    Salts,
    WorldFactory,
    work_folder,
)
from sauma.testing.simulation.world import SimulatedWorld

STORMY_ROUNDS: Final = (6, 16)
"""For how many rounds things go wrong, at least and at most; after that nothing does."""
CALM_ROUNDS_MAX: Final = 90
"""Within so many rounds in which nothing goes wrong everything must be final."""
SPELL_ROUNDS_MAX: Final = 9
"""The longest outage or lag."""
REBUILT_EVERY: Final = 10
"""Of so many seeds one has its projections rebuilt from the journal, which takes as long as a run."""
JUMP_SECONDS: Final = (-7_200, -300, 300, 7_200, 86_400)
DISK_FAULTS: Final = (Fault.DISK_FULL, Fault.DISK_BROKEN)


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of one seed."""

    seed: int
    wrong: tuple[str, ...]
    """What must not be; nothing in a good run."""
    trace: tuple[str, ...]
    """What happened, in order; the same seed gives the same trace."""
    happened: Counter[Fault]
    payments: int
    deaths: int


class Simulation:
    """A settlement under the faults of a seed; the same seed in the same world is the same run."""

    def __init__(
        self,
        new_world: WorldFactory,
        seed: int,
        *,
        faults: Faults | None = None,
        rehearsal: Rehearsal | None = None,
    ) -> None:
        """Prepare a run; `faults` are what can happen at all, of which the seed draws about half.

        A `rehearsal` in such a world may be given, to spare making it for every seed.
        """
        self.seed = seed
        self._new_world = new_world
        self._rehearsal = rehearsal or Rehearsal.of(new_world)
        self._draw = Random(f"sauma-simulation-{seed}")  # noqa: S311 - a simulation, and no secret
        possible = Faults() if faults is None else faults
        self._faults = possible.drawn(self._draw)
        self._trace: list[str] = []
        self._happened: Counter[Fault] = Counter()

    def run(self) -> Outcome:
        """Play it to its end and examine what came of it."""
        with self._new_world() as world, work_folder() as folder:
            path = folder / STORE
            path.write_bytes(self._rehearsal.store)
            impossible = {*world.cannot, *(() if disk_can_fail() else DISK_FAULTS)}
            play = _Play(
                world,
                path,
                rehearsal=self._rehearsal,
                draw=self._draw,
                faults=self._faults.without(impossible),
                rebuilds=self.seed % REBUILT_EVERY == 0,
            )
            wrong = play.to_the_end()
            return Outcome(
                seed=self.seed,
                wrong=tuple(wrong),
                trace=tuple(play.trace),
                happened=play.happened(),
                payments=len(self._rehearsal.references),
                deaths=sum(each.deaths for each in play.processes),
            )


class _Play:
    """One run: the world, the store, one process or two, and what is drawn round by round."""

    def __init__(
        self,
        world: SimulatedWorld,
        path: Path,
        *,
        rehearsal: Rehearsal,
        draw: Random,
        faults: Faults,
        rebuilds: bool,
    ) -> None:
        self._rebuilds = rebuilds
        self._world, self._path, self._rehearsal = world, path, rehearsal
        self._draw, self._faults = draw, faults
        self._clock = ManualClock(BEGINS)
        self.trace: list[str] = []
        self._happened: Counter[Fault] = Counter()
        self._truth = world.venue(Line()).chain
        self._final_height = 0
        self._lag_rounds = self._outage_rounds = 0
        self._old_store: bytes | None = None
        self._was_restored = False
        holders = ("one", "two") if Fault.OVERTAKEN in faults.rates else ("one",)
        salts = Salts()
        self.processes = [
            Process(
                holder,
                path,
                world,
                clock=self._clock,
                salts=salts,
                draw=draw,
                faults=faults,
                tell=self._tell,
            )
            for holder in holders
        ]
        if len(self.processes) > 1:
            for process, other in zip(self.processes, reversed(self.processes), strict=True):
                process.line.meanwhile = lambda other=other: self._overtake(other)

    def happened(self) -> Counter[Fault]:
        """Return how often each fault happened."""
        return sum((each.line.happened for each in self.processes), start=self._happened)

    def to_the_end(self) -> list[str]:
        """Play the stormy rounds and the calm ones, then examine."""
        try:
            for _ in range(self._draw.randint(*STORMY_ROUNDS)):
                self._stormy_round()
                if self._is_finished():
                    break
            self._calm_down()
            for _ in range(CALM_ROUNDS_MAX):
                if self._is_finished():
                    break
                self._calm_round()
            self._last_reorganisation()
            return [
                *(wrong for each in self.processes for wrong in each.wrong),
                *examine(
                    self.processes[0].engine,
                    self._world,
                    self._rehearsal,
                    sent=[raw for each in self.processes for raw in each.line.sent],
                    was_restored=self._was_restored,
                    rebuilds=self._rebuilds,
                    happened=self.happened(),
                ),
            ]
        finally:
            for process in self.processes:
                process.end()

    # --- rounds ---------------------------------------------------------------------------------

    def _stormy_round(self) -> None:
        self._clock.advance(seconds=self._world.block_seconds)
        self._trouble_the_chain()
        self._trouble_the_store()
        for process in self.processes:
            if len(self.processes) == 1 or self._draw.random() < 2 / 3:
                process.step()
        if self._draw.random() < 4 / 5:
            self._world.mine()

    def _calm_down(self) -> None:
        """From now on nothing goes wrong."""
        self._tell("calm")
        self._faults = Faults.none()
        self._lag_rounds = self._outage_rounds = 0
        for process in self.processes:
            process.line.faults = Faults.none()
            process.line.is_down = process.line.lags = False

    def _resume_everything(self) -> None:
        """Do what a person does who was told of suspended work, and finds nothing wrong with it."""
        engine = self.processes[0].engine
        for each in engine.suspended():
            self._tell(f"{each.item_id.hex()[:8]} is resumed")
            engine.resume(each.item_id, reason="the process was killed from outside")

    def _calm_round(self) -> None:
        for process in self.processes:
            process.step()
        # The last death before the calm is only counted by who steps after it.
        self._resume_everything()
        self._world.mine(2)
        self._clock.advance(seconds=self._world.block_seconds)

    def _last_reorganisation(self) -> None:
        """Undo all that can still be undone, when nobody looks any more: what was said to be final stays."""
        self._reorganise(self._deepest(), forgets=True)
        self._world.mine(2)

    # --- what goes wrong ------------------------------------------------------------------------

    def _trouble_the_chain(self) -> None:
        draw, world = self._draw, self._world
        for fault in (Fault.REORGANISED, Fault.DROPPED):
            deepest = self._deepest()
            if deepest and self._happens(fault):
                depth = draw.randint(1, deepest)
                self._reorganise(depth, forgets=fault is Fault.DROPPED)
                if draw.random() < 1 / 2:
                    world.mine(depth)
        if self._happens(Fault.EVICTED):
            world.evict(self._sent_ids())
        if self._happens(Fault.HALTED):
            seconds = world.validity_seconds + draw.randint(1, world.validity_seconds)
            self._tell(f"no block for {seconds} s")
            world.pass_time(seconds)
            self._clock.advance(seconds=seconds)
        if self._happens(Fault.CLOCK_JUMPED):
            seconds = draw.choice(JUMP_SECONDS)
            self._tell(f"the clock jumps by {seconds} s")
            self._clock.advance(seconds=seconds)
        self._trouble_the_lines()

    def _trouble_the_lines(self) -> None:
        draw = self._draw
        self._lag_rounds = max(0, self._lag_rounds - 1)
        self._outage_rounds = max(0, self._outage_rounds - 1)
        if not self._lag_rounds and self._happens(Fault.LAGGING):
            self._lag_rounds = draw.randint(1, SPELL_ROUNDS_MAX)
            self._tell(f"old state for {self._lag_rounds} rounds")
            self._world.remember_state()
        if not self._outage_rounds and self._happens(Fault.OUTAGE):
            self._outage_rounds = draw.randint(1, SPELL_ROUNDS_MAX)
            self._tell(f"outage for {self._outage_rounds} rounds")
        for process in self.processes:
            process.line.is_down = self._outage_rounds > 0
            # a balancer: one node answers from the old state, another from the new one
            process.line.lags = self._lag_rounds > 0 and draw.random() < 3 / 4

    def _trouble_the_store(self) -> None:
        if self._old_store is None and self._draw.random() < 1 / 4:
            self._let_go()
            self._old_store = self._path.read_bytes()
        if self._happens(Fault.BYTES_DAMAGED):
            self._step_with_damaged_bytes()
        if self._old_store is not None and self._happens(Fault.STORE_RESTORED):
            self._tell("an old copy of the store is restored")
            self._let_go()
            for left in self._path.parent.glob(f"{STORE}-*"):
                left.unlink()
            self._path.write_bytes(self._old_store)
            self._was_restored = True
            if self._truth.capabilities.idempotency is not Support.NATIVE:
                self._see_everything()

    def _see_everything(self) -> None:
        """From now on no node is old, or keeps anything back.

        Where the chain takes a batch a second time, an old copy finds what was paid by looking at the
        chain and at what waits: nobody can find that whose record is lost, at a node that is behind.
        """
        self._lag_rounds = 0
        self._faults = self._faults.without({Fault.LAGGING})
        for process in self.processes:
            process.line.lags = False
        self._world.show_everything()

    def _step_with_damaged_bytes(self) -> None:
        """Flip a bit of signed bytes, let all try, and put it right again, as from a copy."""
        with closing(sqlite3.connect(self._path)) as raw:
            kept = raw.execute(
                "SELECT key, content FROM vault WHERE kind = 'raw' ORDER BY key"
            ).fetchall()
            if not kept:
                return
            key, content = self._draw.choice(kept)
            bit = self._draw.randrange(8 * len(content))
            damaged = bytearray(content)
            damaged[bit // 8] ^= 1 << bit % 8
            self._tell(f"bit {bit} of {key} is flipped")
            self._keep(raw, key, bytes(damaged))
            for process in self.processes:
                process.step()
            self._keep(raw, key, content)

    @staticmethod
    def _keep(raw: sqlite3.Connection, key: str, content: bytes) -> None:
        raw.execute("UPDATE vault SET content = ? WHERE kind = 'raw' AND key = ?", (content, key))
        raw.commit()

    def _overtake(self, other: Process) -> None:
        """Let another process take a step after the lease of the one that waits has ended."""
        if any(each.line.meanwhile is None for each in self.processes):
            return
        self._tell(f"{other.holder} overtakes")
        kept = [each.line.meanwhile for each in self.processes]
        for each in self.processes:
            each.line.meanwhile = None
        self._clock.advance(seconds=LEASE_S + 1)
        self._world.pass_time(LEASE_S + 1)
        try:
            other.step()
        finally:
            for each, meanwhile in zip(self.processes, kept, strict=True):
                each.line.meanwhile = meanwhile

    # --- inside ---------------------------------------------------------------------------------

    def _is_finished(self) -> bool:
        """Tell whether everything is final in the store, when a process is there to be asked."""
        asked = next((each for each in self.processes if each.is_alive), self.processes[0])
        return asked.engine.finished

    def _deepest(self) -> int:
        """Return how many blocks may be undone: what was final once is final for ever."""
        head = self._truth.head()
        self._final_height = max(self._final_height, head.final_height)
        return head.newest.height - self._final_height

    def _reorganise(self, depth: int, *, forgets: bool) -> None:
        if depth:
            self._tell(f"{depth} blocks are undone{', and forgotten' if forgets else ''}")
            self._world.roll_back(depth)
        if forgets:
            self._world.evict(self._sent_ids())

    def _sent_ids(self) -> list[bytes]:
        codec = self._world.venue(Line()).codec
        sent = dict.fromkeys(raw for each in self.processes for raw in each.line.sent)
        ids: list[bytes] = []
        for raw in sent:
            try:
                ids.append(codec.decode(raw).transaction_id)
            except SaumaError:
                continue
        return ids

    def _let_go(self) -> None:
        for process in self.processes:
            process.end()

    def _happens(self, fault: Fault) -> bool:
        happens = self._faults.happens(fault, self._draw)
        self._happened[fault] += happens
        return happens

    def _tell(self, what: str) -> None:
        self.trace.append(what)
