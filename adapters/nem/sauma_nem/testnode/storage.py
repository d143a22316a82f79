"""What outlives the process: blocks and waiting transactions in one SQLite file.

Each accepted announce and each batch of blocks is one transaction of the file, committed before
the node answers.  A killed process loses nothing it has answered for; a power cut may cost the
newest commits, but never damages the file.  One process at a time: the file stays locked.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import attrs

from sauma.errors import StoreBusy, StoreDamaged, StoreVersion

FORMAT = 1


@attrs.frozen(kw_only=True)
class StoredBlock:
    """A block's verifiable bytes and the first transaction id it was given."""

    height: int
    first_transaction_id: int
    data: bytes


@attrs.frozen(kw_only=True)
class StoredEntry:
    """A waiting transaction's verifiable bytes under its hash."""

    entry_hash: bytes
    data: bytes


@attrs.frozen(kw_only=True)
class Change:
    """What one call changed: blocks above `kept_height` are dropped, then `blocks` are added.

    Waiting transactions are first `removed`, then `put`.
    """

    kept_height: int | None = None
    blocks: tuple[StoredBlock, ...] = ()
    put: tuple[StoredEntry, ...] = ()
    removed: tuple[bytes, ...] = ()
    network_time_ms: int | None = None
    next_transaction_id: int | None = None


class Storage(Protocol):
    """Where a node keeps its changes."""

    def commit(self, change: Change) -> None:
        """Keep a change, as a whole."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class NoStorage:
    """Keeps nothing: a node that lives in memory."""

    def commit(self, change: Change) -> None:
        """Forget the change."""

    def close(self) -> None:
        """Do nothing."""


class SqliteStorage:
    """Blocks, waiting transactions and settings in a file."""

    def __init__(self, path: Path) -> None:
        """Open or create the file and lock it for this process.  Raises StoreBusy, StoreVersion."""
        self.path = path
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._connection.execute("PRAGMA busy_timeout = 0")
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("BEGIN EXCLUSIVE")
            self._create()
            self._connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            self._connection.close()
            if "locked" in str(error):
                raise StoreBusy(
                    f"another node has {path} open; stop it or give another path"
                ) from error
            raise StoreDamaged(f"{path} is not a test node's file ({error})") from error
        self._check_format()

    def _create(self) -> None:
        statements = (
            "CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
            "CREATE TABLE IF NOT EXISTS block (height INTEGER PRIMARY KEY,"
            " first_transaction_id INTEGER NOT NULL, data BLOB NOT NULL)",
            "CREATE TABLE IF NOT EXISTS waiting (sequence INTEGER PRIMARY KEY AUTOINCREMENT,"
            " entry_hash BLOB NOT NULL UNIQUE, data BLOB NOT NULL)",
        )
        for statement in statements:
            self._connection.execute(statement)

    def _check_format(self) -> None:
        stored = self.setting("format")
        if stored is None:
            self.put_setting("format", FORMAT)
        elif stored != FORMAT:
            self.close()
            raise StoreVersion(
                f"{self.path} has format {stored}, this version writes {FORMAT}; start a new file"
            )

    def setting(self, name: str) -> Any:
        """A setting, or None."""
        row = self._connection.execute(
            "SELECT value FROM setting WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else json.loads(row[0])

    def put_setting(self, name: str, value: object) -> None:
        """Keep a setting."""
        self._connection.execute(
            "INSERT INTO setting VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
            (name, json.dumps(value, sort_keys=True)),
        )

    def blocks(self) -> Iterable[StoredBlock]:
        """All blocks, the lowest first."""
        rows = self._connection.execute(
            "SELECT height, first_transaction_id, data FROM block ORDER BY height"
        )
        for height, first_transaction_id, data in rows:
            yield StoredBlock(height=height, first_transaction_id=first_transaction_id, data=data)

    def waiting(self) -> Iterable[StoredEntry]:
        """All waiting transactions in order of arrival."""
        rows = self._connection.execute("SELECT entry_hash, data FROM waiting ORDER BY sequence")
        for entry_hash, data in rows:
            yield StoredEntry(entry_hash=entry_hash, data=data)

    def commit(self, change: Change) -> None:
        """Keep a change, as a whole."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._write(change)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _write(self, change: Change) -> None:
        connection = self._connection
        if change.kept_height is not None:
            connection.execute("DELETE FROM block WHERE height > ?", (change.kept_height,))
        connection.executemany(
            "INSERT INTO block VALUES (?, ?, ?)",
            [(block.height, block.first_transaction_id, block.data) for block in change.blocks],
        )
        connection.executemany(
            "DELETE FROM waiting WHERE entry_hash = ?", [(each,) for each in change.removed]
        )
        connection.executemany(
            "INSERT INTO waiting (entry_hash, data) VALUES (?, ?)"
            " ON CONFLICT(entry_hash) DO UPDATE SET data = excluded.data",
            [(entry.entry_hash, entry.data) for entry in change.put],
        )
        if change.network_time_ms is not None:
            self.put_setting("network_time_ms", change.network_time_ms)
        if change.next_transaction_id is not None:
            self.put_setting("next_transaction_id", change.next_transaction_id)

    def close(self) -> None:
        """Write the log back into the file and unlock it."""
        self._connection.close()
