"""The desk: what comes in from outside, checked and written to the journal.

Every call is one entry, committed or not; the same call again is a no-op, the same key with other
contents a `Conflict`.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Final, Self

import sqlalchemy as sa

from sauma import intake
from sauma.clock import Clock, SystemClock
from sauma.errors import Conflict, InvalidInput, UnknownName, WrongNetwork
from sauma.identifiers import AccountId, canonical_json
from sauma.intervals import Interval
from sauma.journal import SealedTable, Table
from sauma.journal import schemas as journal
from sauma.offers import (
    WITHDRAWN_MICRO,
    MeteringPoint,
    Offer,
    Reading,
    Side,
    StandingPrice,
)
from sauma.rulebook import Rulebook
from sauma.settlement import (
    CLEARING,
    ESCROW,
    ISSUER,
    role_of,
)
from sauma.store import Store, Transaction, queries, registered
from sauma.store.points import Points
from sauma.venue import Venue, check_venue

READINGS_ACCEPTED: Final = "readings_accepted"
READINGS_CAME_LATE: Final = "readings_came_late"
ROLES: Final = (ISSUER, CLEARING, ESCROW)
"""The operator's own holders; everybody else is a participant."""


class Desk:
    """Holds a store, a venue and a clock, and takes in what an engine works with."""

    def __init__(
        self,
        store: Store,
        venue: Venue,
        *,
        clock: Clock,
        draw_salt: Callable[[], bytes],
        holder: str,
    ) -> None:
        """Use `open`; `holder` names this process to others that share the store."""
        self._store = store
        self._venue = venue
        self._clock = clock
        self._draw_salt = draw_salt
        self._holder = holder
        self._points = Points()

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
            with store.reading() as connection:
                configured = queries.chain_row(connection)
                bound = registered.accounts_of(connection, venue.chain_id, venue.roles)
                known = queries.newest_rulebook(connection)
            engine._configure_chain(configured)
            for role, account in sorted(venue.roles.items()):
                if bound.get(role) != account:
                    engine.bind(role, account)
            if rulebook is not None:
                engine.publish(rulebook)
            elif known is not None:
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
    def clock(self) -> Clock:
        """The clock that says which intervals are over."""
        return self._clock

    @property
    def rulebook(self) -> Rulebook:
        """The rulebook in force; raises `InvalidInput` before one was published."""
        with self._store.reading() as connection:
            return in_force(connection)

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
        """Say which account a registered participant, `@issuer` or `@clearing` has on the chain.

        `@issuer.2` and so on are further accounts that issue, each a lane of its own.
        """
        with self._store.reading() as connection:
            known = registered.participants_among(connection, [holder])
        if not known and holder not in ROLES and role_of(holder) != ISSUER:
            raise UnknownName(
                f"{holder!r} is no participant and none of {ROLES}: register it first"
            )
        self._enrol([], [(holder, account)])

    def add_metering_points(self, points: Iterable[MeteringPoint]) -> None:
        """Register metering points of registered participants, all or none."""
        with self._store.transaction() as transaction:
            new = intake.new_metering_points(transaction.connection, [*points])
            digests = transaction.vault_put_all(
                "gsrn", [(point.gsrn, self._draw_salt(), point.gsrn.encode()) for point in new]
            )
            rows = [
                (digest, point.participant, point.area)
                for digest, point in zip(digests, new, strict=True)
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
            tables = intake.price_tables(connection, in_force(connection), prices)
            self._append_in(transaction, "prices_set", tables)

    def withdraw_price(self, participant: str, area: str, side: Side, valid_from: datetime) -> None:
        """Stop buying or selling at a standing price from then on, until a price is set again."""
        self.set_price(participant, area, side, WITHDRAWN_MICRO[side], valid_from)

    def accept(self, readings: Sequence[Reading], *, late: bool = False) -> int:
        """Take readings, all or none; known ones are left out.  Return how many were new.

        With `late`, readings of intervals that are closed are taken too: trades stand, and what such a
        reading changes is settled by a correction, within the rulebook's window.
        """
        with self._store.transaction() as transaction:
            connection = transaction.connection
            tables = intake.reading_tables(
                connection, in_force(connection), self._points, readings, late=late
            )
            for table in tables:
                is_late = table.schema == journal.LATE_READINGS
                kind = READINGS_CAME_LATE if is_late else READINGS_ACCEPTED
                self._append_in(transaction, kind, [table])
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
            rulebook = in_force(connection)
            tables = intake.offer_table(connection, rulebook, area, interval, offers)
            self._append_in(transaction, "offers_posted", tables, area=area, interval=interval)

    # --- writing --------------------------------------------------------------------------------

    def _configure_chain(self, known: tuple[str, str, str | None, bytes] | None) -> None:
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
        if known is None:
            with self._store.transaction() as transaction:
                known = queries.chain_row(
                    transaction.connection
                )  # another process may open it, too
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
            new = intake.new_bindings(connection, chain_id, bindings)
            digests = transaction.vault_put_all(
                "account",
                [
                    (f"{holder} {chain_id}", self._draw_salt(), str(account).encode())
                    for holder, account in new
                ],
            )
            rows = [
                (holder, str(chain_id), digest)
                for (holder, _), digest in zip(new, digests, strict=True)
            ]
            if rows:
                tables = [*tables, Table.from_rows(journal.BINDINGS, rows)]
            self._append_in(transaction, "participants_registered", tables)

    def _append_in(
        self,
        transaction: Transaction,
        kind: str,
        tables: Sequence[Table | SealedTable],
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


def in_force(connection: sa.Connection) -> Rulebook:
    """Return the rulebook in force; raises `InvalidInput` before one was published."""
    rulebook = queries.newest_rulebook(connection)
    if rulebook is None:
        raise InvalidInput("no rulebook was published: open the engine with one")
    return rulebook
