"""One transaction of the store: entries, projections, cursors and the vault change together or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from sauma.chain import Cursor
from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, ChainId
from sauma.intervals import Interval
from sauma.journal import Header, SealedEntry, SealedTable, Table, seal_entry
from sauma.store import lanes, vault
from sauma.store.cursors import StoredCursor, read_cursor, write_cursor
from sauma.store.journal_rows import Schemas, insert_entry, read_head
from sauma.store.lanes import Lane
from sauma.store.projecting import Projector, fold
from sauma.store.tables import JOURNAL_TABLES
from sauma.store.vault import VaultItem


class Transaction:
    """What `Store.transaction` gives: usable inside its `with` block and not afterwards."""

    def __init__(
        self, connection: sa.Connection, projectors: Sequence[Projector], schemas: Schemas
    ) -> None:
        self._connection = connection
        self._projectors = projectors
        self._schemas = schemas
        self._head: tuple[int, bytes] | None = None

    @property
    def connection(self) -> sa.Connection:
        """The connection of the transaction, for projections and migrations."""
        return self._connection

    @property
    def head_sequence(self) -> int:
        """The sequence of the last entry, with those of this transaction; 0 of an empty journal."""
        return self._read_head()[0]

    @property
    def head_hash(self) -> bytes:
        """The hash of the last entry, with those of this transaction."""
        return self._read_head()[1]

    def append(
        self,
        *,
        kind: str,
        time: datetime,
        tables: Sequence[Table | SealedTable] = (),
        area: str = "",
        interval: Interval | None = None,
        rulebook_hash: bytes | None = None,
    ) -> SealedEntry:
        """Append an entry and bring every projection up to it.

        Tables may be sealed before, so that hashing does not hold the writer's lock.
        """
        sequence, head_hash = self._read_head()
        header = Header(
            sequence=sequence + 1,
            kind=kind,
            area=area,
            interval=interval,
            rulebook_hash=rulebook_hash,
            time=time,
            previous_hash=head_hash,
        )
        entry = seal_entry(header, tables)
        insert_entry(self._connection, entry, self._schemas)
        fold(self._connection, self._projectors, (entry,))
        self._head = entry.sequence, entry.entry_hash
        return entry

    def execute(
        self,
        statement: sa.Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> sa.CursorResult[Any]:
        """Run a statement on tables beside the journal; the journal itself is only appended to."""
        target = getattr(statement, "table", None)
        if target in JOURNAL_TABLES:
            raise InvalidInput(f"{target} is the journal's: use append")
        result: sa.CursorResult[Any] = self._connection.execute(statement, parameters)
        return result

    def query(self, statement: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """Return the rows of a select, as this transaction sees them."""
        return self._connection.execute(statement).all()

    def _read_head(self) -> tuple[int, bytes]:
        """Return sequence and hash of the last entry, read once: nobody else appends meanwhile."""
        if self._head is None:
            self._head = read_head(self._connection)
        return self._head

    def cursor(self, chain: ChainId) -> StoredCursor:
        """Return how far a chain was read."""
        return read_cursor(self._connection, chain)

    def move_cursor(self, chain: ChainId, cursor: Cursor, final_height: int) -> None:
        """Note how far a chain was read, together with what this transaction commits of it."""
        write_cursor(self._connection, chain, cursor, final_height)

    def acquire_lane(
        self, chain: ChainId, sender: AccountId, holder: str, now: datetime, lease_s: int
    ) -> Lane:
        """Take the right to send for a sender; raises `StoreBusy` while another's lease runs."""
        return lanes.acquire(self._connection, str(chain), str(sender), holder, now, lease_s)

    def renew_lane(self, lane: Lane, now: datetime, lease_s: int) -> Lane:
        """Prolong a lease; raises `StoreBusy` when it is not ours any more: nothing of this stays then."""
        return lanes.renew(self._connection, lane, now, lease_s)

    def release_lane(self, lane: Lane) -> bool:
        """Give a lane up; False when somebody else has it by now."""
        return lanes.release(self._connection, lane)

    def check_fence(self, lane: Lane) -> None:
        """Raise `StoreBusy` unless the lane is still ours; nothing of this transaction stays then."""
        lanes.check_fence(self._connection, lane)

    def vault_put(self, kind: str, key: str, *, salt: bytes, content: bytes) -> bytes:
        """Keep content beside the journal and return the salted digest for it."""
        return vault.put_item(self._connection, kind, key, salt=salt, content=content)

    def vault_put_all(self, kind: str, items: Sequence[tuple[str, bytes, bytes]]) -> list[bytes]:
        """Keep contents given as (key, salt, content) and return the salted digest of each."""
        return vault.put_items(self._connection, kind, items)

    def vault_get(self, kind: str, key: str) -> VaultItem | None:
        """Return what the vault keeps, None when it was erased or never there."""
        return vault.get_item(self._connection, kind, key)

    def vault_erase(self, kind: str, key: str) -> bool:
        """Erase content and salt; tell whether there was anything."""
        return vault.erase_item(self._connection, kind, key)
