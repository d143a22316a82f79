"""`Engine`: what integrators hold; the only shell around the pure core.

It wires a store, a chain, a clock and a rulebook.  Every call that changes something is one entry of
the journal, committed or not; the same call again is a no-op, the same key with other contents a
`Conflict`.  Nothing waits for a block: `step` does what can be done now and says what it did.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Final, Self

import attrs
import sqlalchemy as sa

from sauma import intake
from sauma.agreement import Agreement, check_agreement
from sauma.billing import BillStatus
from sauma.clock import Clock, SystemClock
from sauma.dispatch import Dispatch, Progress
from sauma.dispatch.due import build_batch
from sauma.errors import Conflict, InvalidInput, SaumaError, UnknownName, WrongNetwork
from sauma.identifiers import AccountId, canonical_json
from sauma.intervals import Interval, to_unix
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.logs import get_logger
from sauma.offers import MeteringPoint, Offer, Reading, Side, StandingPrice
from sauma.rulebook import Rulebook
from sauma.settlement import (
    CLEARING,
    ISSUER,
    PlannedBatch,
)
from sauma.statements import BillStatement, read_statements
from sauma.steps import (
    BILLS_ISSUED,
    INTERVAL_CLEARED,
    SETTLEMENT_PLANNED,
    bills_are_due,
    clear_interval,
    issue_bills,
    open_period,
    plan_batches,
    plan_settlement,
    plan_terms,
)
from sauma.store import Store, Transaction, queries
from sauma.venue import Venue, check_venue

ROLES: Final = (ISSUER, CLEARING)
"""The operator's own holders; everybody else is a participant."""

log = get_logger(__name__)


class Engine:
    """A settlement engine: offers and readings in, energy moved on a chain, bills out.

    Open it with `Engine.open`, give it participants, prices and readings, call `clear_due`, `settle_due`
    and then `step` as often as blocks come.  Everything survives the process; nothing is global.
    """

    def __init__(
        self,
        store: Store,
        venue: Venue,
        *,
        clock: Clock,
        draw_salt: Callable[[], bytes],
        holder: str,
    ) -> None:
        """Use `Engine.open`."""
        self._store = store
        self._venue = venue
        self._clock = clock
        self._draw_salt = draw_salt
        self._dispatch = Dispatch(store, venue, now=clock.now, draw_salt=draw_salt, holder=holder)

    @classmethod
    def open(
        cls,
        location: str | os.PathLike[str],
        venue: Venue,
        *,
        rulebook: Rulebook | None = None,
        clock: Clock | None = None,
        draw_salt: Callable[[], bytes] = lambda: secrets.token_bytes(32),
        holder: str = "engine",
    ) -> Self:
        """Open the store at a path or database URL and settle on a venue by a rulebook.

        Without a rulebook the one published last is used.  `holder` names this process to others that
        share the store.  Raises `Conflict` when the store settles on another chain, `Unsupported` when
        the chain cannot do what the rulebook asks.
        """
        store = Store.open(location)
        try:
            engine = cls(
                store, venue, clock=clock or SystemClock(), draw_salt=draw_salt, holder=holder
            )
            engine._configure_chain()
            for role, account in sorted(venue.roles.items()):
                engine.bind(role, account)
            if rulebook is not None:
                engine.publish(rulebook)
            elif (known := engine._newest_rulebook()) is not None:
                check_venue(known, venue)
        except BaseException:
            store.close()
            raise
        return engine

    def close(self) -> None:
        """Close the store; another process can go on."""
        self._store.close()

    def __enter__(self) -> Self:
        """Return the engine."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the store."""
        self.close()

    @property
    def store(self) -> Store:
        """The store, for questions of one's own."""
        return self._store

    @property
    def venue(self) -> Venue:
        """The chain that this engine settles on."""
        return self._venue

    @property
    def rulebook(self) -> Rulebook:
        """The rulebook in force; raises `InvalidInput` before one was published."""
        with self._store.reading() as connection:
            return _in_force(connection)

    # --- what comes in --------------------------------------------------------------------------

    def publish(self, rulebook: Rulebook) -> None:
        """Put a rulebook in force; the one that is in force already is a no-op.

        Raises `Conflict` when a version that was used comes with other contents, `UnknownName` for a
        mechanism that is not installed, `Unsupported` when the chain cannot do what it asks.
        """
        check_venue(rulebook, self._venue)
        with self._store.transaction() as transaction:
            tables = intake.rulebook_tables(transaction.connection, rulebook)
            self._append_in(transaction, "rulebook_published", tables)

    def register(self, participant: str, account: AccountId | None = None) -> None:
        """Register a participant, with the account that receives what it buys and sends what it sells."""
        self.register_all([(participant, account)])

    def register_all(self, participants: Sequence[tuple[str, AccountId | None]]) -> None:
        """Register participants with their accounts, all or none."""
        bindings = [(name, account) for name, account in participants if account is not None]
        self._enrol([name for name, _ in participants], bindings)

    def bind(self, holder: str, account: AccountId) -> None:
        """Say which account a registered participant, `@issuer` or `@clearing` has on the chain."""
        with self._store.reading() as connection:
            known = {*queries.participants(connection), *ROLES}
        if holder not in known:
            raise UnknownName(
                f"{holder!r} is no participant and none of {ROLES}: register it first"
            )
        self._enrol([], [(holder, account)])

    def add_metering_points(self, points: Iterable[MeteringPoint]) -> None:
        """Register metering points of registered participants, all or none."""
        with self._store.transaction() as transaction:
            rows = [
                (
                    transaction.vault_put(
                        "gsrn", point.gsrn, salt=self._draw_salt(), content=point.gsrn.encode()
                    ),
                    point.participant,
                    point.area,
                )
                for point in intake.new_metering_points(transaction.connection, points)
            ]
            tables = [Table.from_rows(journal.METERING_POINTS, rows)] if rows else []
            self._append_in(transaction, "metering_points_registered", tables)

    def set_price(
        self, participant: str, area: str, side: Side, price_micro: int, valid_from: datetime
    ) -> None:
        """Set the price per kWh, in micro-units, at which a participant buys or sells from then on."""
        self.set_prices(
            [
                StandingPrice(
                    participant=participant,
                    area=area,
                    side=side,
                    price_micro=price_micro,
                    valid_from=valid_from,
                )
            ]
        )

    def set_prices(self, prices: Sequence[StandingPrice]) -> None:
        """Set standing prices, all or none; each within the rulebook's floor and cap."""
        with self._store.transaction() as transaction:
            connection = transaction.connection
            tables = intake.price_tables(connection, _in_force(connection), prices)
            self._append_in(transaction, "prices_set", tables)

    def accept(self, readings: Sequence[Reading]) -> int:
        """Take readings, all or none; known ones are left out.  Return how many were new."""
        with self._store.transaction() as transaction:
            connection = transaction.connection
            tables = intake.reading_tables(connection, _in_force(connection), readings)
            self._append_in(transaction, "readings_accepted", tables)
        return sum(len(table) for table in tables)

    def post(self, offers: Sequence[Offer]) -> None:
        """Take offers of one area and interval beside those that standing prices make, all or none."""
        if not offers:
            return
        area, interval = offers[0].area, offers[0].interval
        if any((offer.area, offer.interval) != (area, interval) for offer in offers):
            raise InvalidInput("offers of several areas or intervals: post each book by itself")
        with self._store.transaction() as transaction:
            connection = transaction.connection
            rulebook = _in_force(connection)
            tables = intake.offer_table(connection, rulebook, area, interval, offers)
            self._append_in(transaction, "offers_posted", tables, area=area, interval=interval)

    # --- what follows ---------------------------------------------------------------------------

    def clear(self, area: str, interval: Interval) -> bool:
        """Clear an area's interval; False when it is cleared already.

        Raises `UnknownName` for an area in which nobody is, `InvalidInput` for an interval of another
        length than the rulebook's and one whose period is settled.
        """
        with self._store.transaction() as transaction:
            connection = transaction.connection
            rulebook = _in_force(connection)
            intake.check_length(interval, rulebook)
            if queries.is_cleared(connection, area, interval):
                return False
            intake.check_area(connection, area, interval)
            if queries.is_settled(connection, area, interval.start_unix):
                raise InvalidInput(
                    f"the period of {interval} in {area} is settled: nothing can join it"
                )
            tables = clear_interval(connection, rulebook, area, interval)
            self._append_in(transaction, INTERVAL_CLEARED, tables, area=area, interval=interval)
        return True

    def clear_due(self) -> int:
        """Clear every interval that is over and has readings or offers; return how many.

        One that cannot be cleared does not hold up the others: its error is raised after them.
        """
        now_unix = to_unix(self._clock.now())
        minutes = self.rulebook.interval_minutes
        with self._store.reading() as connection:
            due = queries.uncleared(connection, now_unix - minutes * 60)
        return _do_each(
            self.clear,
            [(area, Interval.from_start_unix(start, minutes)) for area, start in due],
        )

    def settle(self, area: str, interval: Interval) -> bool:
        """Plan the netting period in which an interval lies; False when it is planned already.

        Asks the chain what the plan costs, so that fee floats are part of it; sends nothing.  Raises
        `InvalidInput` while an interval of the period has readings or offers and is not cleared: it
        could not join any more.
        """
        with self._store.reading() as connection:
            rulebook = _in_force(connection)
            intake.check_length(interval, rulebook)
            intake.check_area(connection, area, interval)
            period = open_period(connection, rulebook, area, interval)
            if period is None:
                return False
            terms = plan_terms(connection, rulebook, area, period, self._venue)
            _, batches = plan_batches(connection, rulebook, area, period, terms)
            accounts = queries.accounts(connection, self._venue.chain_id)
        fees = self._quoted_fees(batches, accounts) if terms.needs_fees else []
        with self._store.transaction() as transaction:
            connection = transaction.connection
            if _in_force(connection) != rulebook:
                raise Conflict(
                    f"another rulebook than {rulebook.name} version {rulebook.version} came into "
                    "force meanwhile: settle again"
                )
            if open_period(connection, rulebook, area, interval) is None:
                return False
            tables = plan_settlement(connection, rulebook, area, period, terms, fees)
            self._append_in(transaction, SETTLEMENT_PLANNED, tables, area=area, interval=interval)
        return True

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
        return _do_each(
            self.settle,
            [(area, due[area, first]) for area, first in sorted(due.keys() - waiting)],
        )

    def step(self) -> Progress:
        """Do everything that can be done now: read the chain, bill, send what is due.

        Call it again when a block may have come.  A node that is down raises `Unavailable`; nothing is
        lost by that.  When chain and journal disagree it raises `Disagreement` and sends nothing more.
        """
        seen = self._dispatch.observe()
        self.issue_bills()
        followed = self._dispatch.follow()
        sent = self._dispatch.send()
        return attrs.evolve(
            sent,
            blocks_read_to=seen.blocks_read_to,
            events=seen.events,
            rolled_back_to=seen.rolled_back_to,
            sent=followed.sent + sent.sent,
            buried=followed.buried,
        )

    def issue_bills(self) -> int:
        """Issue every bill whose status changed since it was last issued; return how many."""
        with self._store.reading() as connection:
            changed = [
                settlement
                for settlement in queries.unfinished_settlements(connection)
                if bills_are_due(connection, settlement)
            ]
        if not changed:
            return 0
        issued = 0
        with self._store.transaction() as transaction:
            connection = transaction.connection
            rulebook = _in_force(connection)
            for settlement in changed:
                tables = issue_bills(
                    connection, rulebook, settlement, transaction.head_sequence + 1
                )
                if any(len(table) for table in tables):
                    first = Interval.from_start_unix(
                        settlement.period_start, rulebook.interval_minutes
                    )
                    self._append_in(
                        transaction, BILLS_ISSUED, tables, area=settlement.area, interval=first
                    )
                    issued += len(tables[0])
        return issued

    # --- what can be asked ----------------------------------------------------------------------

    def statements(self, participant: str | None = None) -> tuple[BillStatement, ...]:
        """Return the bills as they stand, of one participant or of all."""
        with self._store.reading() as connection:
            return read_statements(connection, participant)

    def agreement(self) -> Agreement:
        """Compare chain, journal and bills; raise `Disagreement` when they do not say the same."""
        with self._store.reading() as connection:
            return check_agreement(connection, self._venue)

    @property
    def finished(self) -> bool:
        """Whether every settlement has moved, is final and is billed."""
        with self._store.reading() as connection:
            return not queries.unfinished_settlements(connection)

    @property
    def moved(self) -> bool:
        """Whether every settlement is on the chain, final or not."""
        with self._store.reading() as connection:
            return not queries.unfinished_settlements(connection, BillStatus.PROVISIONAL)

    # --- writing --------------------------------------------------------------------------------

    def _configure_chain(self) -> None:
        """Record the venue once; refuse to settle on another one with the same store."""
        venue = self._venue
        fee_asset = venue.chain.capabilities.fee_asset
        settings = canonical_json(dict(venue.settings))
        row = (
            venue.chain_id,
            str(venue.energy_asset),
            None if fee_asset is None else str(fee_asset),
            settings,
        )
        if venue.energy_asset.chain_id != venue.chain.chain_id:
            raise WrongNetwork(
                f"the energy asset {venue.energy_asset} is not on {venue.chain_id}: name one that is"
            )
        with self._store.transaction() as transaction:
            known = queries.chain_row(transaction.connection)
            if known is None:
                tables = [Table.from_rows(journal.CHAINS, [row])]
                self._append_in(transaction, "chain_configured", tables)
        if known not in (None, row):
            raise Conflict(
                f"this store settles on {known[0]} with {known[1]} and the settings "
                f"{known[3].decode()}, not on {row[0]} with {row[1]} and {settings.decode()}: "
                "open it with the same chain, or use another folder"
            )

    def _enrol(self, names: Sequence[str], bindings: Sequence[tuple[str, AccountId]]) -> None:
        chain_id = self._venue.chain.chain_id
        with self._store.transaction() as transaction:
            connection = transaction.connection
            tables = intake.participant_tables(connection, names)
            rows = [
                (
                    holder,
                    str(chain_id),
                    transaction.vault_put(
                        "account",
                        f"{holder} {chain_id}",
                        salt=self._draw_salt(),
                        content=str(account).encode(),
                    ),
                )
                for holder, account in intake.new_bindings(connection, chain_id, bindings)
            ]
            if rows:
                tables = [*tables, Table.from_rows(journal.BINDINGS, rows)]
            self._append_in(transaction, "participants_registered", tables)

    def _append_in(
        self,
        transaction: Transaction,
        kind: str,
        tables: Sequence[Table],
        *,
        area: str = "",
        interval: Interval | None = None,
    ) -> None:
        """Append an entry under the rulebook in force; nothing when there are no tables."""
        if not tables:
            return
        rulebook = queries.newest_rulebook(transaction.connection)
        transaction.append(
            kind=kind,
            time=self._clock.now(),
            tables=tables,
            area=area,
            interval=interval,
            rulebook_hash=None if rulebook is None else rulebook.rulebook_hash,
        )

    def _newest_rulebook(self) -> Rulebook | None:
        with self._store.reading() as connection:
            return queries.newest_rulebook(connection)

    def _quoted_fees(
        self, batches: Sequence[PlannedBatch], accounts: dict[str, AccountId]
    ) -> list[tuple[str, int]]:
        """Ask the chain what the plan costs whom; holders without an account are left to dispatch."""
        holders = {account: holder for holder, account in accounts.items()}
        built = []
        for batch in batches:
            try:
                built.append(build_batch(batch, self._venue, accounts))
            except UnknownName:
                continue
        quote = self._venue.chain.quote(built)
        return sorted(
            (holders[account], units) for account, units in quote.fees if account in holders
        )


def _in_force(connection: sa.Connection) -> Rulebook:
    rulebook = queries.newest_rulebook(connection)
    if rulebook is None:
        raise InvalidInput("no rulebook was published: open the engine with one")
    return rulebook


def _do_each(do: Callable[[str, Interval], bool], due: Iterable[tuple[str, Interval]]) -> int:
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
