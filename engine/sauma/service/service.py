"""`Service`: closes intervals, plans, follows the chain and bills, round after round."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import attrs

from sauma.clock import Clock, SystemClock
from sauma.dispatch import Progress
from sauma.engine import Engine
from sauma.errors import ChainError, Disagreement, InvalidInput, SaumaError, StoreBusy, StoreError
from sauma.intervals import Interval
from sauma.logs import get_logger
from sauma.reconciling import Reconciliation, reconcile
from sauma.service.backoff import Backoff, Trouble
from sauma.service.closing import closable_intervals, plannable_periods
from sauma.service.condition import Condition, Readiness, read_condition, read_readiness
from sauma.service.settings import ServiceSettings
from sauma.steps import due_corrections

log = get_logger(__name__)

CHAIN: Final = "chain"
STORE: Final = "store"
AGREEMENT: Final = "agreement"
LEDGER: Final = "ledger"
BUSY_PAUSE_MAX: Final = timedelta(milliseconds=50)


@attrs.frozen(kw_only=True)
class Round:
    """What one round did, and how long to rest before the next."""

    closed: int = 0
    planned: int = 0
    corrected: int = 0
    progress: Progress | None = None
    """None when the chain could not be followed."""
    pause: timedelta


class Service:
    """Settles by itself; an `Engine` and a clock, embeddable anywhere.

    One area's trouble holds up that area alone; a node that is down, a store that is busy and a chain
    that disagrees are tried again after growing waits.  Not for several threads: give `round` or `run`
    to one, `condition`, `readiness` and `troubles` may be asked from any.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        settings: ServiceSettings | None = None,
        wall_clock: Clock | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Serve an open engine.

        The engine's clock says which intervals are over; `wall_clock`, the machine's unless given,
        times waits and the age of blocks, and differs only where a day is played in minutes.
        """
        self.engine = engine
        self.settings = settings or ServiceSettings()
        self._wall_clock = wall_clock or SystemClock()
        self._backoff = Backoff(self.settings.retry_first, self.settings.retry_max, draw)
        self._reconciliation: Reconciliation | None = None
        self._reconcile_at: datetime | None = None
        self._head_height: int | None = None
        self.rounds = 0

    # --- working --------------------------------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        """Do rounds until `stop` is set; the round under way is finished first."""
        log.info("service_started", rulebook=self.engine.rulebook.name)
        while not stop.is_set():
            stop.wait(self.round().pause.total_seconds())
        log.info("service_stopped", rounds=self.rounds)

    def round(self) -> Round:
        """Do everything that is due now.

        Raises nothing that time, an operator or another node can mend: it is noted in `troubles`.  A
        disk that fails or a store that is damaged ends it: nothing more may be written then.
        """
        closed = self._each(closable_intervals, self._close, "close", self.engine.clearing)
        planned = self._each(plannable_periods, self._plan, "plan", self.engine.settling)
        progress = self._follow()
        corrected = self._each(due_corrections, self._correct, "correct")
        self._reconcile_when_due()
        self.rounds += 1
        is_busy = (
            closed
            or planned
            or corrected
            or (progress is not None and (progress.signed or progress.events))
        )
        return Round(
            closed=closed,
            planned=planned,
            corrected=corrected,
            progress=progress,
            pause=min(self.settings.poll, BUSY_PAUSE_MAX) if is_busy else self.settings.poll,
        )

    def _each(
        self,
        find: Callable[..., list[tuple[str, Interval]]],
        do: Callable[[str, Interval], bool],
        verb: str,
        announce: Callable[[Sequence[tuple[str, Interval]]], None] = lambda _: None,
    ) -> int:
        """Do one thing to every area and interval that is due, oldest first, each area by itself."""
        now = self._wall_clock.now()
        if not self._backoff.may_try(STORE, now):
            return 0
        try:
            with self.engine.store.reading() as connection:
                due = find(connection, self.engine.rulebook, self.engine.clock.now())
            by_area = _by_area(due)
            announce([(area, interval) for area, intervals in by_area for interval in intervals])
        except (StoreBusy, InvalidInput) as error:
            self._failed(STORE, error)
            return 0
        self._backoff.succeeded(STORE)
        return sum(self._in_area(area, intervals, do, verb) for area, intervals in by_area)

    def _in_area(
        self, area: str, intervals: list[Interval], do: Callable[[str, Interval], bool], verb: str
    ) -> int:
        what = f"{verb} {area}"
        if not self._backoff.may_try(what, self._wall_clock.now()):
            return 0
        done = 0
        try:
            for interval in intervals:
                done += do(area, interval)
        except SaumaError as error:
            _raise_if_broken(error)
            self._failed(what, error)
        except Exception as error:
            # A mechanism of somebody else's that breaks in one area must not stop the others.
            log.exception("area_broke", area=area, doing=verb)
            self._failed(what, error)
        else:
            self._backoff.succeeded(what)
        return done

    def _close(self, area: str, interval: Interval) -> bool:
        return self.engine.clear(area, interval)

    def _plan(self, area: str, interval: Interval) -> bool:
        return self.engine.settle(area, interval)

    def _correct(self, area: str, interval: Interval) -> bool:
        return self.engine.correct(area, interval)

    def _follow(self) -> Progress | None:
        """Read the chain, bill, send; None while that has to wait."""
        if not self._backoff.may_try(CHAIN, self._wall_clock.now()):
            return None
        try:
            progress = self.engine.step()
            self._head_height = self.engine.venue.chain.head().newest.height
        except Disagreement as error:
            self._failed(AGREEMENT, error)
            self._failed(CHAIN, error)
            return None
        except SaumaError as error:
            _raise_if_broken(error)
            self._failed(CHAIN, error)
            return None
        self._backoff.succeeded(AGREEMENT)
        self._backoff.succeeded(CHAIN)
        return progress

    def _failed(self, what: str, error: Exception) -> None:
        reason = str(error) if isinstance(error, SaumaError) else f"{type(error).__name__}: {error}"
        trouble = self._backoff.failed(what, reason, self._wall_clock.now())
        log.warning("failed", what=what, reason=reason, attempts=trouble.attempts)

    # --- comparing ------------------------------------------------------------------------------

    def _reconcile_when_due(self) -> None:
        now = self._wall_clock.now()
        if self._reconcile_at is not None and now < self._reconcile_at:
            return
        try:
            self.reconcile()
        except (ChainError, StoreBusy) as error:
            log.info("reconciling_waits", reason=str(error))
        self._reconcile_at = now + self.settings.reconcile_every

    def reconcile(self) -> Reconciliation:
        """Compare every holder's balance with the ledger now; a difference is a trouble until it is gone."""
        with self.engine.store.reading() as connection:
            found = reconcile(connection, self.engine.venue)
        self._reconciliation = found
        if found.difference_wh:
            self._failed(LEDGER, Disagreement(f"ledger and chain differ: {found.differences}"))
        else:
            self._backoff.succeeded(LEDGER)
        return found

    # --- what can be asked ----------------------------------------------------------------------

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """Everything that fails now and is tried again."""
        return self._backoff.troubles

    @property
    def reconciliation(self) -> Reconciliation | None:
        """The newest comparison of ledger and chain; None before the first."""
        return self._reconciliation

    @property
    def chain_lag_blocks(self) -> int | None:
        """How many blocks the node had more than were read, when it was asked last."""
        if self._head_height is None:
            return None
        return max(0, self._head_height - self.condition().scanned_height)

    def condition(self) -> Condition:
        """Read the figures of the work that is left."""
        return read_condition(self.engine)

    def readiness(self) -> Readiness:
        """Say whether the service does its work, check by check."""
        return read_readiness(self.engine, self.settings, self.troubles, self._wall_clock.now())


def _raise_if_broken(error: SaumaError) -> None:
    """Raise a failure of the store that no waiting mends; a supervisor opens it again."""
    if isinstance(error, StoreError) and not isinstance(error, StoreBusy):
        raise error


def _by_area(due: Iterable[tuple[str, Interval]]) -> list[tuple[str, list[Interval]]]:
    """Group by area, areas in the order in which they first come."""
    found: dict[str, list[Interval]] = {}
    for area, interval in due:
        found.setdefault(area, []).append(interval)
    return list(found.items())
