"""Who has which account on a chain, read from the store only when the journal has bound one since."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import sqlalchemy as sa

from sauma.identifiers import AccountId
from sauma.journal.schemas import BINDINGS
from sauma.store import queries
from sauma.store.journal_rows import has_table_since, read_head


@attrs.frozen(kw_only=True)
class Bound:
    """The accounts of one chain, both ways, up to an entry of the journal."""

    accounts: Mapping[str, AccountId]
    holders: Mapping[AccountId, str]
    read_to: int


def read_bound(connection: sa.Connection, chain_id: str, before: Bound | None) -> Bound:
    """Return the accounts that a connection sees; what was read before, where none was bound since."""
    head, _ = read_head(connection)
    if before is not None and head == before.read_to:
        return before
    if before is not None and not has_table_since(connection, BINDINGS.name, before.read_to):
        return attrs.evolve(before, read_to=head)
    accounts = queries.accounts(connection, chain_id)
    holders = {account: holder for holder, account in accounts.items()}
    return Bound(accounts=accounts, holders=holders, read_to=head)
