"""Projections: relational tables that are a fold of the journal and can be made anew from it.

A projector is told of every entry in the transaction that appends it.  It may read and write its own
tables, must take everything from the entry, and must not read a clock, so that folding the journal
again gives the same rows.  Its tables are defined on `sauma.store.tables.metadata`, made by a
migration, have a primary key and hold integers, text, bytes and booleans.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Protocol, runtime_checkable

import sqlalchemy as sa

from sauma.errors import InvalidInput
from sauma.journal import SealedEntry


@runtime_checkable
class Projector(Protocol):
    """One projection: a name, the tables that nobody else writes, and the fold that does."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def tables(self) -> tuple[sa.Table, ...]:
        """The tables that it owns."""
        ...

    def project(self, connection: sa.Connection, entry: SealedEntry) -> None:
        """Bring the tables up to an entry; entries come in order, each once."""
        ...


def clear_projections(connection: sa.Connection, projectors: Sequence[Projector]) -> None:
    """Empty the tables of all projectors, children before parents."""
    for table in reversed(_sorted_tables(projectors)):
        connection.execute(sa.delete(table))


def fold(
    connection: sa.Connection, projectors: Sequence[Projector], entries: Iterable[SealedEntry]
) -> None:
    """Tell every projector of every entry, in order."""
    for entry in entries:
        for projector in projectors:
            projector.project(connection, entry)


def projection_digest(connection: sa.Connection, projectors: Sequence[Projector]) -> bytes:
    """Return one SHA-256 over all rows of all projections: tables by name, rows by their bytes.

    Sorting by bytes and not in SQL gives one digest on both databases, whatever their collation.
    """
    digest = sha256()
    for table in sorted(_sorted_tables(projectors), key=lambda table: table.name):
        digest.update(b"table:" + table.name.encode() + b"\n")
        result = connection.execute(sa.select(table))
        rows = sorted(b"".join(_encoded(value) for value in row) for row in result)
        for row in rows:
            digest.update(len(row).to_bytes(8, "little") + row)
    return digest.digest()


def _sorted_tables(projectors: Sequence[Projector]) -> list[sa.Table]:
    """Return the tables of all projectors, parents before children."""
    owned = [table for projector in projectors for table in projector.tables]
    if len(set(owned)) != len(owned):
        raise InvalidInput(f"two projectors own one table: {sorted(table.name for table in owned)}")
    return list(sa.schema.sort_tables(owned))


def _encoded(value: object) -> bytes:
    """Return a value as bytes that no other value has."""
    if value is None:
        return b"n"
    if isinstance(value, int):
        text = b"%d" % value
        return b"i" + len(text).to_bytes(8, "little") + text
    if isinstance(value, str):
        text = value.encode("utf-8")
        return b"s" + len(text).to_bytes(8, "little") + text
    if isinstance(value, bytes | memoryview):
        data = bytes(value)
        return b"b" + len(data).to_bytes(8, "little") + data
    raise InvalidInput(
        f"a projection holds {value!r} of type {type(value).__name__}: use integers, text or bytes"
    )
