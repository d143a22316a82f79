"""Engines: how the store talks to SQLite and PostgreSQL.

SQLite: WAL, `synchronous=FULL` (a commit is on the disk before it is acknowledged), foreign keys,
erased bytes overwritten.  The driver's own handling of transactions is switched off: it would begin a
transaction late and not at all before DDL.  A writer begins with BEGIN IMMEDIATE, so that it waits for
the lock before it has read anything.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.util import LRUCache

from sauma.errors import InvalidInput, StoreError

WRITER: Final = "sauma_writer"
"""The execution option of a connection that is going to write."""
BUSY_TIMEOUT_MS: Final = 5_000
_POSTGRESQL_LOCK: Final = 0x7361756D61
"""Whoever appends holds this advisory lock: `sauma` in ASCII."""
_STATEMENTS_MAX: Final = 1_000
CACHE_KIB: Final = 64 * 1024
"""Pages of SQLite that a connection may keep at hand: indexes over hashes are written all over."""


class _Statements(LRUCache[Any, Any]):
    """Statements as SQLite takes them, compiled once for all stores of a process.

    SQLAlchemy compiles anew for every engine, since dialects may differ; those of one SQLite do not.
    Compiling takes longer than running, and a store that is opened for one step compiles everything.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(key[1:], default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__(key[1:], compiled)


_STATEMENTS: Final = _Statements(_STATEMENTS_MAX)


class _SqliteConnection(sqlite3.Connection):
    """A connection that is told, before it begins, that it is going to write."""

    writes = False


class SqliteDialect(SQLiteDialect_pysqlite):
    """Begins where SQLAlchemy says so; a writer takes the lock at once.

    A listener for the beginning would do the same, and have SQLAlchemy ask at every statement whether
    somebody listens to that, too: a twentieth of the time of a step.
    """

    supports_statement_cache = True

    def set_connection_execution_options(
        self, connection: sa.Connection, opts: Mapping[str, Any]
    ) -> None:
        """Note who is going to write."""
        if WRITER in opts:
            _raw(connection.connection).writes = bool(opts[WRITER])
        super().set_connection_execution_options(connection, opts)

    def set_engine_execution_options(self, engine: sa.Engine, opts: Mapping[str, Any]) -> None:
        """Refuse the option for all connections of an engine: none of them would be told."""
        if WRITER in opts:
            raise InvalidInput(f"{WRITER} is an option of a connection: set it on each that writes")
        super().set_engine_execution_options(engine, opts)

    def do_begin(self, dbapi_connection: DBAPIConnection) -> None:
        """Begin; the next transaction of this connection only reads, unless it says so again."""
        raw = _raw(dbapi_connection)
        writes, raw.writes = raw.writes, False
        raw.execute("BEGIN IMMEDIATE" if writes else "BEGIN")


def _raw(connection: Any) -> _SqliteConnection:
    """Return the driver's connection behind that of the pool."""
    raw = connection.dbapi_connection
    if not isinstance(raw, _SqliteConnection):
        raise StoreError("the connection to the store is closed: open the store again")
    return raw


registry.register("sqlite.sauma", __name__, SqliteDialect.__name__)


def store_url(location: str | os.PathLike[str]) -> sa.URL:
    """Return the database URL of a path or URL; a path is a SQLite file."""
    if isinstance(location, str) and "://" in location:
        url = sa.make_url(location)
    else:
        url = sa.URL.create("sqlite", database=os.fspath(location))
    backend = url.get_backend_name()
    if backend == "postgresql" and url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if backend not in ("sqlite", "postgresql"):
        raise InvalidInput(f"{url} is neither a SQLite nor a PostgreSQL database")
    if backend == "sqlite" and (url.database or ":memory:") == ":memory:":
        raise InvalidInput("a store needs a file: give a path such as sauma/store.sqlite")
    return url


def sqlite_path(url: sa.URL) -> Path | None:
    """Return the file of a SQLite database, None for PostgreSQL."""
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def connect_engine(url: sa.URL, *, read_only: bool, busy_timeout_ms: int) -> sa.Engine:
    """Return the engine of a store; raises `StoreError` when the driver is not installed."""
    path = sqlite_path(url)
    if path is None:
        return _postgresql_engine(url, read_only=read_only, busy_timeout_ms=busy_timeout_ms)
    query = f"file:{quote(str(path.absolute()))}?mode=rw"
    if not read_only:
        query = f"file:{quote(str(path.absolute()))}?mode=rwc"
    elif not os.access(path.parent, os.W_OK) or not os.access(path, os.W_OK):
        # Without a place for the WAL index SQLite opens only what it may believe never changes.
        query = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
    engine = sa.create_engine(
        "sqlite+sauma://",
        creator=lambda: _sqlite_connection(query, busy_timeout_ms),
        poolclass=sa.QueuePool,
        execution_options={"compiled_cache": _STATEMENTS},
    )
    sa.event.listen(engine, "connect", lambda dbapi, _: _prepare_sqlite(dbapi, read_only=read_only))
    return engine


def _sqlite_connection(uri: str, busy_timeout_ms: int) -> sqlite3.Connection:
    """Connect without the driver's own transactions; threads may take turns with a connection."""
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, factory=_SqliteConnection
    )
    connection.execute(f"PRAGMA busy_timeout={busy_timeout_ms:d}")
    return connection


def _prepare_sqlite(connection: sqlite3.Connection, *, read_only: bool) -> None:
    """Set what SQLite forgets when a connection closes, and WAL where it is not set yet."""
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA cache_size=-{CACHE_KIB:d}")
    if read_only:
        connection.execute("PRAGMA query_only=ON")
        return
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if mode != "wal":
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise StoreError(
            f"SQLite keeps its journal mode {mode!r} here: put the store on a local disk"
        )


def _postgresql_engine(url: sa.URL, *, read_only: bool, busy_timeout_ms: int) -> sa.Engine:
    """Return an engine whose writers take one advisory lock, as SQLite has one writer."""

    def begin(connection: sa.Connection) -> None:
        if read_only or not connection.get_execution_options().get(WRITER, False):
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        else:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {busy_timeout_ms:d}")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK:d})")

    try:
        engine = sa.create_engine(url)
    except ModuleNotFoundError as error:
        raise StoreError(f"no driver for PostgreSQL ({error}): install psycopg") from error
    sa.event.listen(engine, "begin", begin)
    return engine
