"""What a database says, as errors of sauma: busy, damaged, failed.  Nothing is swallowed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy.exc

from sauma.errors import StoreBusy, StoreDamaged, StoreError

_SQLITE_BUSY: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SQLITE_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_POSTGRESQL_BUSY: Final = {"55P03", "57014", "40001", "40P01"}
_POSTGRESQL_DAMAGED: Final = {"XX001", "XX002"}


@contextmanager
def database_faults(what: str) -> Iterator[None]:
    """Turn errors of the database driver into `StoreBusy`, `StoreDamaged` or `StoreError`."""
    try:
        yield
    except sqlalchemy.exc.DBAPIError as error:
        raise store_error(what, error.orig if error.orig is not None else error) from error
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise StoreError(f"cannot {what}: {error}") from error
    except sqlite3.Error as error:
        raise store_error(what, error) from error


def store_error(what: str, error: BaseException) -> StoreError:
    """Return the error of sauma for what a database driver raised."""
    # The low byte of SQLite's extended result code is the primary one.
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    state = getattr(error, "sqlstate", None)
    if code in _SQLITE_BUSY or state in _POSTGRESQL_BUSY:
        return StoreBusy(f"cannot {what}: another process writes to the store ({error}); try again")
    unreadable = isinstance(error, sqlite3.OperationalError) and "decode to UTF-8" in str(error)
    if code in _SQLITE_DAMAGED or state in _POSTGRESQL_DAMAGED or unreadable:
        return StoreDamaged(f"cannot {what}: the database file is damaged ({error})")
    return StoreError(f"cannot {what}: {error}")


def is_disk_failure(error: StoreError) -> bool:
    """Tell whether the disk did not do what it was told; then nothing more may be written.

    After a failed fsync the kernel may believe that the pages are clean, so repeating proves nothing.
    """
    cause = error.__cause__
    original = cause.orig if isinstance(cause, sqlalchemy.exc.DBAPIError) else cause
    return (getattr(original, "sqlite_errorcode", None) or 0) & 0xFF == sqlite3.SQLITE_IOERR
