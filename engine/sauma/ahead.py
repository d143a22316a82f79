"""Working ahead: other processes compute the next entries of areas while this one appends.

Areas are independent, so what was computed of one holds as long as nothing that it follows from has
changed since.  Workers only read.  The one writer looks before it appends, and computes by itself what
does not hold, what nobody computed and what a worker failed at: nothing depends on a worker.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from itertools import takewhile
from typing import Final, TypeAlias

import attrs
import sqlalchemy as sa

from sauma import intake
from sauma.desk import in_force
from sauma.errors import InvalidInput
from sauma.intervals import Interval
from sauma.journal import SealedTable, Table
from sauma.logs import get_logger
from sauma.rulebook import Rulebook
from sauma.settlement import ChainTerms
from sauma.steps import (
    Inputs,
    changed_since,
    clear_interval,
    open_period,
    plan_settlement,
    terms_of_period,
)
from sauma.store import Store
from sauma.store.journal_rows import read_head

log = get_logger(__name__)

WORKERS_MAX: Final = 64
WAITING_PER_WORKER: Final = 2
"""Entries that may be computed and not yet appended, for each worker: they are held in memory."""

Compute: TypeAlias = Callable[[sa.Connection, str, Interval], "list[Table] | None"]
"""Computes the tables of an entry from one state of the store; None when there is nothing to append."""
StartWorkers: TypeAlias = Callable[[str, int], Executor]
"""Starts so many workers, each with the store at a location open (`open_apart`)."""
_Key: TypeAlias = tuple[str, str, Interval]


@attrs.frozen(kw_only=True)
class Computed:
    """The tables of an entry, and the last entry of the journal that they were computed from."""

    since: int
    tables: tuple[SealedTable, ...]

    def holds(self, connection: sa.Connection, inputs: Inputs) -> bool:
        """Tell whether nothing that it follows from has changed since."""
        return not changed_since(connection, self.since, inputs)


@attrs.frozen(kw_only=True)
class ClearsArea:
    """Computes clearings by a rulebook, and none under another."""

    rulebook: Rulebook

    def __call__(
        self, connection: sa.Connection, area: str, interval: Interval
    ) -> list[Table] | None:
        """Return the tables of a clearing."""
        if in_force(connection) != self.rulebook:
            return None
        return clear_interval(connection, self.rulebook, area, interval)


@attrs.frozen(kw_only=True)
class PlansArea:
    """Computes plans by a rulebook on a chain that takes no fees for them."""

    rulebook: Rulebook
    terms: ChainTerms
    transfers: bool

    def __call__(
        self, connection: sa.Connection, area: str, interval: Interval
    ) -> list[Table] | None:
        """Return the tables of a plan, None when there is one already."""
        if in_force(connection) != self.rulebook:
            return None
        intake.check_area(connection, area, interval)
        period = open_period(connection, self.rulebook, area, interval)
        if period is None:
            return None
        terms = terms_of_period(connection, self.terms, area, period, transfers=self.transfers)
        return plan_settlement(connection, self.rulebook, area, period, terms, ())


_stores: list[Store] = []


def start_processes(location: str, workers: int) -> Executor:
    """Start processes that have a store open for reading and end with this one."""
    return ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=open_apart,
        initargs=(location,),
    )


def open_apart(location: str) -> None:
    """Open a store for reading, in a worker; leave Ctrl-C to the parent, and end when it is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()
    _stores[:] = [Store.open(location, read_only=True)]


def _end_after(parent: multiprocessing.process.BaseProcess) -> None:
    """End this process when its parent was killed and could not say so."""
    parent.join()
    os._exit(0)


def compute_apart(compute: Compute, area: str, interval: Interval) -> Computed | None:
    """Compute an entry's tables from the store as it is, and seal them."""
    with _stores[0].reading() as connection:
        since, _ = read_head(connection)
        tables = compute(connection, area, interval)
    if tables is None:
        return None
    return Computed(since=since, tables=tuple(table.seal() for table in tables))


class Ahead:
    """Processes that compute what is going to be asked for, a few entries ahead."""

    def __init__(
        self,
        store: Store,
        workers: int,
        *,
        start_workers: StartWorkers = start_processes,
    ) -> None:
        """Work for the writer of a store; without workers nothing is computed ahead."""
        if isinstance(workers, bool) or not isinstance(workers, int):
            raise InvalidInput(f"workers {workers!r} is no number of processes")
        if not 0 <= workers <= WORKERS_MAX:
            raise InvalidInput(f"{workers} workers: give 0 to {WORKERS_MAX}")
        self._location = store.location
        self.workers = workers
        self._start_workers = start_workers
        self._pool: Executor | None = None
        self._compute: Compute | None = None
        self._queue: deque[_Key] = deque()
        self._waiting: dict[_Key, Future[Computed | None]] = {}

    def begin(self, kind: str, compute: Compute, places: Iterable[tuple[str, Interval]]) -> None:
        """Compute entries of a kind for areas and intervals, in the order in which they will be taken.

        What was begun before and not taken is given up.
        """
        for future in self._waiting.values():
            future.cancel()
        self._waiting.clear()
        self._queue = deque((kind, area, interval) for area, interval in places)
        self._compute = compute
        self._go_on()

    def take(self, kind: str, area: str, interval: Interval) -> Computed | None:
        """Return what was computed for an area and interval, None where nothing was."""
        key = kind, area, interval
        self._give_up_before(key)
        future = self._waiting.pop(key, None)
        if future is None:
            return None
        try:
            computed = future.result()
        except BrokenExecutor as error:
            self._lose_workers(error)
            return None
        except Exception as error:
            # Whoever asked computes it, and has the error where it belongs.
            log.info("not_computed_ahead", kind=kind, area=area, error=str(error))
            computed = None
        self._go_on()
        return computed

    def close(self) -> None:
        """End the workers."""
        self._queue.clear()
        self._waiting.clear()
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(cancel_futures=True)

    def _give_up_before(self, key: _Key) -> None:
        """Forget what was announced to be taken before an entry and was not; those after it are next."""
        if key in self._waiting:
            passed = [*takewhile(lambda one: one != key, self._waiting)]
        elif key in self._queue:
            while self._queue.popleft() != key:
                pass
            passed = [*self._waiting]
        else:
            return
        for one in passed:
            self._waiting.pop(one).cancel()
        self._go_on()

    def _go_on(self) -> None:
        """Hand out work until enough of it waits to be taken."""
        if not self.workers or not self._queue or self._compute is None:
            return
        try:
            if self._pool is None:
                self._pool = self._start_workers(self._location, self.workers)
            while self._queue and len(self._waiting) < WAITING_PER_WORKER * self.workers:
                key = self._queue[0]
                self._waiting[key] = self._pool.submit(compute_apart, self._compute, *key[1:])
                self._queue.popleft()
        except (BrokenExecutor, OSError, NotImplementedError) as error:
            # Killed, or this machine starts no further process now or ever.
            self._lose_workers(error)

    def _lose_workers(self, error: Exception) -> None:
        """Go on without workers until new ones are begun with."""
        log.warning("workers_lost", error=str(error))
        self.close()
