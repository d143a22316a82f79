"""What sessions and standing authorisations share: both hold money for their parties on one venue.

Each judges at the chain's time, knows who holds the accounts that take part, asks whether the payer has
what is to be held, keeps what was asked in the vault and appends an entry that commits to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from sauma.dispatch.rows import OUTSIDE
from sauma.errors import InsufficientBalance, UnknownName, Unsupported
from sauma.identifiers import AccountId, AssetId
from sauma.intervals import to_unix
from sauma.journal import Table
from sauma.settlement import ESCROW
from sauma.steps import Parties, step_key
from sauma.store import Store, Transaction, charged, queries, registered
from sauma.venue import Venue


class Holding:
    """The ground of `Sessions` and `Standings`: a store, a venue whose escrow holds, clock and salt."""

    def __init__(
        self,
        store: Store,
        venue: Venue,
        *,
        now: Callable[[], datetime],
        draw_salt: Callable[[], bytes],
    ) -> None:
        """Use `Engine.sessions` and `Engine.standings`."""
        self._store = store
        self._venue = venue
        self._now = now
        self._draw_salt = draw_salt

    def _chain_time(self) -> int:
        return to_unix(self._venue.chain.head().newest.time.replace(microsecond=0))

    def _escrow(self, held: str) -> AccountId:
        """Return the account that has what is held; `held` says what that is."""
        escrow = self._venue.roles.get(ESCROW)
        if escrow is None:
            raise Unsupported(
                f"the venue on {self._venue.chain_id} names no {ESCROW}: give the account that has "
                f"{held}, among its roles"
            )
        return escrow

    def _holders(
        self, connection: sa.Connection, accounts: Iterable[AccountId]
    ) -> dict[AccountId, str]:
        return registered.holders_of(connection, self._venue.chain_id, accounts)

    def _parties(
        self,
        connection: sa.Connection,
        escrow: AccountId,
        taking_part: Sequence[tuple[str, AccountId]],
    ) -> Parties:
        """Return who holds which account; raises `UnknownName` for one that takes part and is nobody's.

        `taking_part` gives each account with what it takes part in.
        """
        accounts = [account for _, account in taking_part]
        holders = self._holders(connection, [escrow, *accounts])
        for what, account in taking_part:
            if account not in holders:
                raise UnknownName(
                    f"{account} takes part in {what} and belongs to nobody here: register its holder"
                )
        return Parties(holder_of=lambda account: holders.get(account, OUTSIDE), escrow=escrow)

    def _check_funds(
        self,
        connection: sa.Connection,
        parties: Parties,
        payer: AccountId,
        asset: AssetId,
        *,
        balance_units: int,
        needed_units: int,
        or_else: str,
    ) -> None:
        """Refuse to hold what the payer does not have, less what waits to be held of it."""
        if not needed_units:
            return
        waiting = charged.waiting_units(connection, parties.holder_of(payer), str(asset))
        free = balance_units - waiting
        if free < needed_units:
            raise InsufficientBalance(
                f"{payer} has {free} of {asset} to be held and {needed_units} are needed: supply it, "
                f"or {or_else}"
            )

    def _keep(
        self, transaction: Transaction, kind: str, item_id: bytes, number: int, content: bytes
    ) -> bytes:
        """Keep what was asked in the vault and return the digest that commits to it."""
        return transaction.vault_put(
            kind, step_key(item_id, number), salt=self._draw_salt(), content=content
        )

    def _append(self, transaction: Transaction, kind: str, tables: Sequence[Table]) -> None:
        """Append an entry under the newest rulebook, if there is one."""
        rulebook = queries.newest_rulebook(transaction.connection)
        transaction.append(
            kind=kind,
            time=self._now(),
            tables=tables,
            rulebook_hash=None if rulebook is None else rulebook.rulebook_hash,
        )
