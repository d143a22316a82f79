"""A process of the simulation: an engine that is opened, steps, dies and is opened again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

from sauma.engine import Engine
from sauma.errors import SaumaError, StoreError
from sauma.testing.clock import ManualClock
from sauma.testing.simulation.disk import DiskFault, in_thread
from sauma.testing.simulation.faults import Fault, Faults
from sauma.testing.simulation.line import Line
from sauma.testing.simulation.moments import Died, passing_through
from sauma.testing.simulation.rehearsal import Salts, open_engine
from sauma.testing.simulation.world import SimulatedWorld

MOMENTS_MAX: Final = 45
"""A death comes within so many moments; a long step has about as many."""
COMMITS_MAX: Final = 5
ROUNDS_DEAD_MAX: Final = 3
_DISK_FAULTS: Final = {Fault.DISK_FULL: DiskFault.FULL, Fault.DISK_BROKEN: DiskFault.BROKEN}


class Process:
    """One after another, the engines that a holder of the store's lanes opens."""

    def __init__(
        self,
        holder: str,
        path: Path,
        world: SimulatedWorld,
        *,
        clock: ManualClock,
        salts: Salts,
        draw: Random,
        faults: Faults,
        tell: Callable[[str], None],
    ) -> None:
        """Open the first engine."""
        self.holder = holder
        self._path, self._world = path, world
        self._clock, self._salts, self._draw, self._tell = clock, salts, draw, tell
        self.line = Line(draw, faults)
        self.deaths = 0
        self.wrong: list[str] = []
        self._rounds_dead = 0
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The engine, opened if the process is not alive."""
        if self._engine is None:
            self._engine = open_engine(
                self._path, self._world, self.line, self._clock, self._salts, self.holder
            )
        return self._engine

    @property
    def is_alive(self) -> bool:
        """Whether an engine is open."""
        return self._engine is not None

    def end(self) -> None:
        """Let go of the engine in good order; nothing of it is left but what is in the store."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _fall(self) -> None:
        """Let go of the engine as a process does that is killed: it notes nothing more."""
        if self._engine is not None:
            self._engine.store.close()
            self._engine = None

    def step(self) -> None:
        """Take one step, in which the process may die, or its disk fail."""
        if self._rounds_dead:
            self._rounds_dead -= 1
            return
        fault = self._draw_fault()
        try:
            engine = self.engine
            with passing_through(self.line.moments):
                if fault in _DISK_FAULTS:
                    self._step_on_a_bad_disk(engine, _DISK_FAULTS[fault])
                else:
                    engine.step()
        except Died as death:
            self._tell(f"{self.holder} died {death}")
            self.deaths += 1
            self.line.happened[Fault.DIED] += 1
            self._fall()
            self._rounds_dead = self._draw.choice((0, 0, 0, 1, ROUNDS_DEAD_MAX))
        except SaumaError as error:
            self._tell(f"{self.holder} could not step: {type(error).__name__}: {error}")
        self.line.moments.live()

    def _draw_fault(self) -> Fault | None:
        faults = self.line.faults
        if faults.happens(Fault.DIED, self._draw):
            self.line.moments.will_die(self._draw.randint(1, MOMENTS_MAX))
            return Fault.DIED
        return next((each for each in _DISK_FAULTS if faults.happens(each, self._draw)), None)

    def _step_on_a_bad_disk(self, engine: Engine, fault: DiskFault) -> None:
        moments = self.line.moments
        moments.will_break(self._draw.randint(1, COMMITS_MAX), fault)
        try:
            in_thread(engine.step)
        except StoreError as error:
            self._tell(f"{self.holder} has a disk that is {fault.name.lower()}: {error}")
            if not moments.disk_has_failed:
                return
            self.line.happened[Fault[f"DISK_{fault.name}"]] += 1
            if fault is DiskFault.BROKEN:
                self._check_that_nothing_is_written(engine)

    def _check_that_nothing_is_written(self, engine: Engine) -> None:
        """After a failed write nothing more is believed of the disk until the store is opened anew."""
        try:
            with engine.store.transaction():
                self.wrong.append("a store whose disk failed is written again")
        except StoreError:
            self._fall()
