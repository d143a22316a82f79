"""The planner: clears intervals and plans settlements from what came in at the desk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from sauma import intake
from sauma.ahead import (
    Ahead,
    ClearsArea,
    Computed,
    PlansArea,
    StartWorkers,
    start_processes,
)
from sauma.clock import Clock
from sauma.desk import Desk, in_force
from sauma.dispatch.due import build_batch, further_holders
from sauma.errors import Conflict, InvalidInput, SaumaError, UnknownName
from sauma.identifiers import AccountId
from sauma.intervals import Interval, to_unix
from sauma.journal import SealedTable, Table
from sauma.logs import get_logger
from sauma.settlement import PlannedBatch
from sauma.steps import (
    INTERVAL_CLEARED,
    SETTLEMENT_PLANNED,
    clear_interval,
    clearing_inputs,
    open_period,
    plan_batches,
    plan_settlement,
    plan_terms,
    planning_inputs,
)
from sauma.store import Store, queries, registered
from sauma.venue import Venue, chain_terms

log = get_logger(__name__)


class Planner(Desk):
    """A desk that derives, area by area, what follows from what it took in."""

    def __init__(
        self,
        store: Store,
        venue: Venue,
        *,
        clock: Clock,
        draw_salt: Callable[[], bytes],
        holder: str,
    ) -> None:
        """Use `open`."""
        super().__init__(store, venue, clock=clock, draw_salt=draw_salt, holder=holder)
        self._ahead = Ahead(store, 0)

    def close(self) -> None:
        """End the workers, and close the store."""
        self._ahead.close()
        super().close()

    def work_ahead(self, workers: int, *, start_workers: StartWorkers = start_processes) -> None:
        """Let so many processes compute clearings and plans while this one appends them.

        For a city on a machine with several cores: each holds its own interpreter, about 100 MB.  What
        is written is the same, byte for byte.
        """
        self._ahead.close()
        self._ahead = Ahead(self._store, workers, start_workers=start_workers)

    def clear(self, area: str, interval: Interval) -> bool:
        """Clear an area's interval; False when it is cleared already.

        Raises `UnknownName` for an area in which nobody is, `InvalidInput` for an interval of another
        length than the rulebook's and one whose period is settled.
        """
        ahead = self._ahead.take(INTERVAL_CLEARED, area, interval)
        with self._store.transaction() as transaction:
            connection = transaction.connection
            rulebook = in_force(connection)
            intake.check_length(interval, rulebook)
            if queries.is_cleared(connection, area, interval):
                return False
            intake.check_area(connection, area, interval)
            if queries.is_settled(connection, area, interval.start_unix):
                raise InvalidInput(
                    f"the period of {interval} in {area} is settled: nothing can join it"
                )
            tables: Sequence[Table | SealedTable]
            if ahead is not None and ahead.holds(connection, clearing_inputs(area, interval)):
                tables = ahead.tables
            else:
                tables = clear_interval(connection, rulebook, area, interval)
            self._append_in(transaction, INTERVAL_CLEARED, tables, area=area, interval=interval)
        return True

    def clearing(self, places: Sequence[tuple[str, Interval]]) -> None:
        """Say which intervals `clear` will be asked for, in that order: workers begin with them."""
        if self._ahead.workers and len(places) > 1:
            self._ahead.begin(INTERVAL_CLEARED, ClearsArea(rulebook=self.rulebook), places)

    def clear_due(self) -> int:
        """Clear every interval that is over and has readings or offers; return how many.

        One that cannot be cleared does not hold up the others: its error is raised after them.
        """
        now_unix = to_unix(self._clock.now())
        minutes = self.rulebook.interval_minutes
        with self._store.reading() as connection:
            due = queries.uncleared(connection, now_unix - minutes * 60)
        places = [(area, Interval.from_start_unix(start, minutes)) for area, start in due]
        self.clearing(places)
        return do_each(self.clear, places)

    def settle(self, area: str, interval: Interval) -> bool:
        """Plan the netting period in which an interval lies; False when it is planned already.

        Asks the chain what the plan costs, so that fee floats are part of it; sends nothing.  Raises
        `InvalidInput` while an interval of the period has readings or offers and is not cleared: it
        could not join any more.
        """
        ahead = self._ahead.take(SETTLEMENT_PLANNED, area, interval)
        if ahead is not None and self._append_planned(ahead, area, interval):
            return True
        with self._store.reading() as connection:
            rulebook = in_force(connection)
            intake.check_length(interval, rulebook)
            intake.check_area(connection, area, interval)
            period = open_period(connection, rulebook, area, interval)
            if period is None:
                return False
            terms = plan_terms(connection, rulebook, area, period, self._venue)
            batches: Sequence[PlannedBatch] = ()
            accounts: dict[str, AccountId] = {}
            if terms.needs_fees:
                _, batches = plan_batches(connection, rulebook, area, period, terms)
                accounts = _accounts_for(connection, self._venue.chain_id, batches)
        fees = self._quoted_fees(batches, accounts)
        with self._store.transaction() as transaction:
            connection = transaction.connection
            if in_force(connection) != rulebook:
                raise Conflict(
                    f"another rulebook than {rulebook.name} version {rulebook.version} came into "
                    "force meanwhile: settle again"
                )
            if open_period(connection, rulebook, area, interval) is None:
                return False
            tables = plan_settlement(connection, rulebook, area, period, terms, fees)
            self._append_in(transaction, SETTLEMENT_PLANNED, tables, area=area, interval=interval)
        return True

    def _append_planned(self, ahead: Computed, area: str, interval: Interval) -> bool:
        """Append a plan that a worker computed; False when it does not hold any more."""
        with self._store.transaction() as transaction:
            connection = transaction.connection
            period = open_period(connection, in_force(connection), area, interval)
            if period is None or not ahead.holds(connection, planning_inputs(area, period)):
                return False
            self._append_in(
                transaction, SETTLEMENT_PLANNED, ahead.tables, area=area, interval=interval
            )
        return True

    def settling(self, places: Sequence[tuple[str, Interval]]) -> None:
        """Say which periods `settle` will be asked for, in that order: workers begin with them.

        Where the chain takes fees it has to be asked for each plan, and nothing is computed ahead.
        """
        if not self._ahead.workers or len(places) < 2:
            return
        rulebook = self.rulebook
        terms = chain_terms(rulebook, self._venue)
        if terms.needs_fees:
            return
        transfers = bool(self._venue.chain.capabilities.transfer)
        plans = PlansArea(rulebook=rulebook, terms=terms, transfers=transfers)
        self._ahead.begin(SETTLEMENT_PLANNED, plans, places)

    def settle_due(self) -> int:
        """Plan every netting period that is over, with all its intervals cleared; return how many.

        One that cannot be planned does not hold up the others: its error is raised after them.
        """
        rulebook = self.rulebook
        now = self._clock.now()
        with self._store.reading() as connection:
            unsettled = queries.unsettled(connection)
            uncleared = set(queries.uncleared(connection, to_unix(now)))
        due: dict[tuple[str, datetime], Interval] = {}
        waiting: set[tuple[str, datetime]] = set()
        for area, start in (*unsettled, *uncleared):
            interval = Interval.from_start_unix(start, rulebook.interval_minutes)
            first, end = rulebook.settlement_period(interval)
            if end > now or (area, start) in uncleared:
                waiting.add((area, first))
            due.setdefault((area, first), interval)
        places = [(area, due[area, first]) for area, first in sorted(due.keys() - waiting)]
        self.settling(places)
        return do_each(self.settle, places)

    def _quoted_fees(
        self, batches: Sequence[PlannedBatch], accounts: dict[str, AccountId]
    ) -> list[tuple[str, int]]:
        """Ask the chain what the plan costs whom; holders without an account are left to dispatch."""
        if not batches:
            return []
        holders = {account: holder for holder, account in accounts.items()}
        further = further_holders(accounts)
        built = []
        for batch in batches:
            try:
                built.append(build_batch(batch, self._venue, accounts, further))
            except UnknownName:
                continue
        quote = self._venue.chain.quote(built)
        return sorted(
            (holders[account], units) for account, units in quote.fees if account in holders
        )


def _accounts_for(
    connection: sa.Connection, chain_id: str, batches: Iterable[PlannedBatch]
) -> dict[str, AccountId]:
    """Return the accounts of those whom batches name, and all of the operator's, which lanes follow from."""
    named = {holder for batch in batches for holder in batch.holders}
    return {
        **registered.operators_accounts(connection, chain_id),
        **registered.accounts_of(connection, chain_id, named),
    }


def do_each(do: Callable[[str, Interval], bool], due: Iterable[tuple[str, Interval]]) -> int:
    """Do something to each area and interval; raise the first error when all were tried."""
    done = 0
    errors: list[SaumaError] = []
    for area, interval in due:
        try:
            done += do(area, interval)
        except SaumaError as error:
            log.warning("left_out", area=area, interval=str(interval), error=str(error))
            errors.append(error)
    if errors:
        raise errors[0]
    return done
