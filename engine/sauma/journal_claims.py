"""A journal's claims, from a snapshot that is replayed before it is believed.

Whoever holds the journal can write any instruction into it.  So nothing is taken from its derived tables
before a replay has recomputed all of them from what was given: readings, prices, rulebooks.
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from sauma.claims import Claim
from sauma.dispatch.due import OneBatch, build_batch, planned_batch, planned_step
from sauma.errors import Disagreement, StoreError
from sauma.intervals import from_unix
from sauma.replay import replay
from sauma.store import Store, carried, queries
from sauma.store.tables import journal_entries
from sauma.venue import Venue


class JournalClaims:
    """What the store in a file justifies on a venue; use as a context manager.

    The file may be one that the operator writes to, or a copy that it sent.
    """

    def __init__(self, path: Path, venue: Venue) -> None:
        """Read the store at a path; nothing is read before `refresh`."""
        self._path, self._venue = path, venue
        self._folder = tempfile.TemporaryDirectory(prefix="sauma-claims-")
        self._store: Store | None = None
        self._count = 0

    def refresh(self) -> None:
        """Take a snapshot, and replay it if there is anything new in it.

        Raises `Disagreement` with the first finding, and `StoreError` when there is no store.
        """
        snapshot = self._snapshot()
        store = Store.open(snapshot, read_only=True)
        if self._store is not None and self._store.head_hash == store.head_hash:
            store.close()
            return
        report = replay(store, codec=self._venue.codec)
        if not report.ok:
            store.close()
            raise Disagreement(
                f"the journal in {self._path} contradicts itself: {report.findings[0]}; nothing of it "
                "justifies anything"
            )
        self._drop()
        self._store = store

    def claim(self, reference: bytes) -> Claim | None:
        """Return what the journal says of a reference; None when it planned no such batch."""
        if self._store is None:
            self.refresh()
        if self._store is None:
            return None
        chain_id = self._venue.chain_id
        with self._store.reading() as connection:
            planned: OneBatch
            found = planned_batch(connection, chain_id, reference)
            step = planned_step(connection, self._venue, reference) if found is None else None
            if found is not None:
                planned, sequence = found
            elif step is not None:
                planned, sequence = step
            else:
                return None
            entry = connection.execute(
                sa.select(journal_entries.c.rulebook_hash, journal_entries.c.time).where(
                    journal_entries.c.sequence == sequence
                )
            ).one()
            accounts = queries.accounts(connection, chain_id)
            shown = carried.events_with(connection, chain_id, {reference: planned})
        return Claim(
            batch=build_batch(planned, self._venue, accounts),
            rulebook_hash=None if entry.rulebook_hash is None else bytes(entry.rulebook_hash),
            planned_at=from_unix(entry.time),
            is_shown=any(event.fee_payer == planned.authority for event in shown),
        )

    def close(self) -> None:
        """Let go of the snapshot."""
        self._drop()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        """Return the claims."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let go of the snapshot."""
        self.close()

    def _drop(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def _snapshot(self) -> Path:
        """Copy the store as it is at one moment, whoever writes to it meanwhile."""
        if not self._path.is_file():
            raise StoreError(f"there is no store at {self._path}: name the store of a settlement")
        self._count += 1
        snapshot = Path(self._folder.name) / f"snapshot-{self._count}.sqlite"
        for old in Path(self._folder.name).glob(f"snapshot-{self._count - 2}.sqlite*"):
            old.unlink()
        try:
            with (
                closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as source,
                closing(sqlite3.connect(snapshot)) as target,
            ):
                source.backup(target)
        except sqlite3.Error as error:
            raise StoreError(f"cannot read the store at {self._path}: {error}") from error
        return snapshot
