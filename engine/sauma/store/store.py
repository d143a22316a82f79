"""The store: opened once by a process, written in transactions, read at any time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import attrs
import sqlalchemy as sa

from sauma.errors import InvalidInput, StoreError, StoreVersion
from sauma.identifiers import AccountId, ChainId
from sauma.journal import GENESIS_HASH, SealedEntry
from sauma.store import lanes, projecting, revisions
from sauma.store.connecting import (
    BUSY_TIMEOUT_MS,
    WRITER,
    connect_engine,
    sqlite_path,
    store_url,
)
from sauma.store.cursors import StoredCursor, read_cursor
from sauma.store.faults import database_faults, is_disk_failure
from sauma.store.folder import unseal_folder
from sauma.store.folding import PROJECTORS
from sauma.store.journal_rows import (
    Schemas,
    hash_before,
    read_head,
    read_page,
    verified_entries,
)
from sauma.store.lanes import Lane
from sauma.store.projecting import Projector
from sauma.store.transaction import Transaction
from sauma.store.vault import VaultItem, get_item
from sauma.store.watching import tell_beginning, tell_committing


@attrs.frozen(kw_only=True)
class JournalSummary:
    """What a full verification saw."""

    entries: int
    rows: int
    head_hash: bytes


class Store:
    """The journal and what is kept beside it.  One writer at a time, any number of readers."""

    def __init__(
        self,
        engine: sa.Engine,
        *,
        location: str,
        read_only: bool,
        projectors: Sequence[Projector],
    ) -> None:
        """Use `Store.open`."""
        self._engine = engine
        self._location = location
        self._read_only = read_only
        self._projectors = tuple(projectors)
        self._schemas: Schemas = {}
        self._writing_thread: int | None = None
        self._failure: str | None = None

    @classmethod
    def open(
        cls,
        location: str | os.PathLike[str],
        *,
        create: bool = True,
        read_only: bool = False,
        projectors: Sequence[Projector] = PROJECTORS,
        busy_timeout_ms: int = BUSY_TIMEOUT_MS,
    ) -> Self:
        """Open the store at a path (SQLite) or URL (`postgresql://…`), made or migrated as needed.

        Opening for writing removes the seal of the folder that the file lies in.  Raises `StoreError`
        when there is none and `create` is false, `StoreVersion` when a newer version wrote it or a
        read-only one would have to be migrated, `StoreBusy` and `StoreDamaged`.
        """
        url = store_url(location)
        path = sqlite_path(url)
        if path is not None:
            if not path.exists() and (read_only or not create):
                raise StoreError(f"there is no store at {path}: create it first")
            if not path.parent.is_dir():
                raise StoreError(f"there is no folder {path.parent} for the store: make it first")
            if not read_only:
                unseal_folder(path.parent)
            url = url.set(database=str(path.absolute()))
        engine = connect_engine(url, read_only=read_only, busy_timeout_ms=busy_timeout_ms)
        store = cls(
            engine,
            location=url.render_as_string(hide_password=False),
            read_only=read_only,
            projectors=projectors,
        )
        try:
            store._bring_up_to_date(create=create)
        except BaseException:
            engine.dispose()
            raise
        return store

    def close(self) -> None:
        """Write everything into the database file, so that it alone is the store, and let go of it."""
        try:
            if not self._read_only and self._engine.dialect.name == "sqlite":
                with database_faults("close the store"), self._engine.connect() as connection:
                    raw = connection.connection.dbapi_connection
                    if raw is not None:
                        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        finally:
            self._engine.dispose()

    @property
    def location(self) -> str:
        """The URL by which another process opens the same store; it may hold a password."""
        return self._location

    def __enter__(self) -> Self:
        """Return the store."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the store."""
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Give a transaction that is committed, on the disk, when the block ends without an error.

        Raises `StoreBusy` when another process writes for too long, `StoreError` when the disk fails;
        then nothing of the transaction stays.  Transactions do not nest.
        """
        schemas = dict(self._schemas)
        with self._writing() as connection:
            yield Transaction(connection, self._projectors, schemas)
        self._schemas = schemas

    def query(self, statement: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """Return the rows of a select over what is committed."""
        with self.reading() as connection:
            return connection.execute(statement).all()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one state of the store, for several selects that belong together."""
        tell_beginning()
        with (
            database_faults("read the store"),
            self._engine.connect() as connection,
            connection.begin(),
        ):
            yield connection

    def head_sequence(self) -> int:
        """Return the sequence of the last entry; 0 of an empty journal."""
        with self.reading() as connection:
            return read_head(connection)[0]

    def head_hash(self) -> bytes:
        """Return the hash of the last entry, which stands for the whole journal."""
        with self.reading() as connection:
            return read_head(connection)[1]

    def entries(self, from_sequence: int = 1) -> Iterator[SealedEntry]:
        """Yield the entries from a sequence on, each verified, a page at a time.

        Raises `StoreDamaged` that names entry, table and row.  What is appended meanwhile comes too.
        """
        with self.reading() as connection:
            previous_hash = hash_before(connection, from_sequence)
        yield from verified_entries(self._page, from_sequence, previous_hash)

    def entry(self, sequence: int) -> SealedEntry:
        """Return one entry, verified against the hash of the one before it."""
        for entry in self.entries(sequence):
            return entry
        raise InvalidInput(f"the journal ends before entry {sequence}")

    def verify_journal(self) -> JournalSummary:
        """Recompute the whole journal; raise `StoreDamaged` at the first difference."""
        entries = rows = 0
        head_hash = GENESIS_HASH
        for entry in self.entries():
            entries, rows, head_hash = entry.sequence, rows + entry.row_count, entry.entry_hash
        return JournalSummary(entries=entries, rows=rows, head_hash=head_hash)

    def rebuild_projections(self) -> None:
        """Empty every projection and fold the whole, verified journal again, in one transaction."""
        with self._writing() as connection:
            self._rebuild(connection)

    def projection_digest(self) -> bytes:
        """Return one hash over all rows of all projections: rebuilt equals live."""
        with self.reading() as connection:
            return projecting.projection_digest(connection, self._projectors)

    def cursor(self, chain: ChainId) -> StoredCursor:
        """Return how far a chain was read; before the first block when never."""
        with self.reading() as connection:
            return read_cursor(connection, chain)

    def acquire_lane(
        self, chain: ChainId, sender: AccountId, holder: str, now: datetime, lease_s: int
    ) -> Lane:
        """Take the right to send for a sender; raises `StoreBusy` while another's lease runs."""
        with self._writing() as connection:
            return lanes.acquire(connection, str(chain), str(sender), holder, now, lease_s)

    def renew_lane(self, lane: Lane, now: datetime, lease_s: int) -> Lane:
        """Prolong a lease; raises `StoreBusy` when somebody else took the lane."""
        with self._writing() as connection:
            return lanes.renew(connection, lane, now, lease_s)

    def release_lane(self, lane: Lane) -> None:
        """Give a lane up."""
        with self._writing() as connection:
            lanes.release(connection, lane)

    def vault_get(self, kind: str, key: str) -> VaultItem | None:
        """Return what the vault keeps, None when it was erased or never there."""
        with self.reading() as connection:
            return get_item(connection, kind, key)

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """Give a connection that holds the writer's lock from the start."""
        if self._read_only:
            raise StoreError("the store was opened read-only: open it for writing")
        if self._failure is not None:
            raise StoreError(f"the disk failed before ({self._failure}): open the store again")
        if self._writing_thread == threading.get_ident():
            raise StoreError("a transaction of this store is open already: they do not nest")
        tell_beginning()
        try:
            with (
                database_faults("write to the store"),
                self._engine.connect().execution_options(**{WRITER: True}) as connection,
                connection.begin(),
            ):
                self._writing_thread = threading.get_ident()
                try:
                    yield connection
                finally:
                    self._writing_thread = None
                tell_committing()
        except StoreError as error:
            if is_disk_failure(error):
                self._failure = str(error)
            raise

    def _page(self, first: int) -> list[SealedEntry]:
        """Return the next entries as stored."""
        with self.reading() as connection:
            return read_page(connection, first, self._schemas)

    def _rebuild(self, connection: sa.Connection) -> None:
        """Fold the journal into empty projections."""
        projecting.clear_projections(connection, self._projectors)
        entries = verified_entries(
            lambda first: read_page(connection, first, self._schemas), 1, GENESIS_HASH
        )
        projecting.fold(connection, self._projectors, entries)

    def _bring_up_to_date(self, *, create: bool) -> None:
        """Make or migrate the tables, or refuse."""
        with self.reading() as connection:
            revision = revisions.current_revision(connection)
        revisions.check_known(revision)
        if revision == revisions.head_revision():
            return
        if self._read_only:
            raise StoreVersion(
                f"the store is of revision {revision}: open it once for writing, which migrates it "
                f"to {revisions.head_revision()}"
            )
        if revision is None and not create:
            raise StoreError("the database is empty: create the store first")
        from sauma.store import migrating

        with self._writing() as connection:
            revision = revisions.current_revision(connection)
            if revision == revisions.head_revision():
                return
            if revision is None:
                migrating.make(connection)
                return
            migrating.upgrade(connection)
            self._rebuild(connection)
