"""A durable record of what a reference chain accepted, mined and rolled back, in one SQLite file.

Every record is on the disk before `append` returns, and one process writes at a time.  Each row's
digest covers the row before it, so a changed, missing or exchanged row is found when the file is
opened.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sauma.errors import StoreBusy, StoreDamaged, StoreError

_FIRST_DIGEST: Final = bytes(32)
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS records ("
    "sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, payload BLOB NOT NULL, digest BLOB NOT NULL)"
)


class Recording:
    """The record of one chain; holds its file until closed."""

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises `StoreBusy` when another process has it, `StoreDamaged` when it is no record, and
        `StoreError` when it cannot be opened.
        """
        self._path = path
        self._digest = _FIRST_DIGEST
        self._sequence = 0
        try:
            self._connection = sqlite3.connect(
                path, timeout=0, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise self._named(error) from error
        try:
            for statement in (
                "PRAGMA locking_mode=EXCLUSIVE",
                "PRAGMA journal_mode=WAL",
                "PRAGMA synchronous=FULL",
                _TABLE,
                "BEGIN EXCLUSIVE",
                "COMMIT",
            ):
                self._connection.execute(statement)
        except sqlite3.Error as error:
            self._connection.close()
            raise self._named(error) from error

    def read(self) -> Iterator[tuple[str, bytes]]:
        """Yield kind and payload of every record, oldest first; raises `StoreDamaged`."""
        try:
            rows = self._connection.execute(
                "SELECT sequence, kind, payload, digest FROM records ORDER BY sequence"
            ).fetchall()
        except sqlite3.Error as error:
            raise StoreDamaged(f"{self._path} cannot be read: {error}; restore the file") from error
        for sequence, kind, payload, digest in rows:
            is_typed = isinstance(kind, str) and isinstance(payload, bytes)
            expected = self._next_digest(kind, payload) if is_typed else None
            if expected is None or sequence != self._sequence or digest != expected:
                raise StoreDamaged(
                    f"record {sequence} of {self._path} is not what was written: restore the file"
                )
            self._sequence, self._digest = sequence + 1, expected
            yield kind, payload

    def append(self, kind: str, payload: bytes) -> None:
        """Write a record to the disk; when it raises `StoreError`, nothing was written."""
        digest = self._next_digest(kind, payload)
        try:
            self._connection.execute(
                "INSERT INTO records VALUES (?, ?, ?, ?)", (self._sequence, kind, payload, digest)
            )
        except sqlite3.Error as error:
            raise self._named(error) from error
        self._sequence, self._digest = self._sequence + 1, digest

    def close(self) -> None:
        """Let go of the file; may be repeated."""
        self._connection.close()

    def _next_digest(self, kind: str, payload: bytes) -> bytes:
        return hashlib.sha256(self._digest + kind.encode() + b":" + payload).digest()

    def _named(self, error: sqlite3.Error) -> StoreError:
        match error.sqlite_errorcode & 0xFF if hasattr(error, "sqlite_errorcode") else None:
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return StoreBusy(f"{self._path} is in use by another process: close that one first")
            case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_ERROR:
                return StoreDamaged(f"{self._path} is no record of a memory chain: {error}")
            case _:
                return StoreError(f"{self._path} cannot be used: {error}; check folder and disk")
