"""Entries as rows of the journal's tables, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from sauma.errors import Conflict, InvalidInput, StoreDamaged
from sauma.intervals import to_unix
from sauma.journal import (
    GENESIS_HASH,
    Header,
    SealedEntry,
    SealedTable,
    TableSchema,
    schema_from_json,
    verify_entry,
)
from sauma.store.tables import journal_blobs, journal_entries, journal_schemas, journal_tables

PAGE_ENTRIES: Final = 32
"""How many entries are read at a time."""

# Built once: every append runs them.
_HEAD: Final = (
    sa.select(journal_entries.c.sequence, journal_entries.c.entry_hash)
    .order_by(journal_entries.c.sequence.desc())
    .limit(1)
)
_INSERT_ENTRY: Final = sa.insert(journal_entries)
_INSERT_TABLE: Final = sa.insert(journal_tables)
_INSERT_BLOB: Final = sa.insert(journal_blobs)
_SCHEMA_HASH: Final = sa.select(journal_schemas.c.schema_hash).where(
    journal_schemas.c.name == sa.bindparam("of_table"),
    journal_schemas.c.version == sa.bindparam("of_version"),
)
_INSERT_SCHEMA: Final = sa.insert(journal_schemas)
_SCHEMA: Final = sa.select(journal_schemas.c.description).where(
    journal_schemas.c.schema_hash == sa.bindparam("digest")
)
_TABLE_SINCE: Final = (
    sa.select(journal_tables.c.sequence)
    .where(
        journal_tables.c.sequence > sa.bindparam("after"),
        journal_tables.c.name == sa.bindparam("of_table"),
    )
    .limit(1)
)
_PAGE: Final = (
    sa.select(journal_entries)
    .where(journal_entries.c.sequence >= sa.bindparam("first"))
    .order_by(journal_entries.c.sequence)
    .limit(PAGE_ENTRIES)
)
_BLOBS: Final = (
    sa.select(journal_blobs)
    .where(journal_blobs.c.sequence.between(sa.bindparam("low"), sa.bindparam("high")))
    .order_by(journal_blobs.c.sequence, journal_blobs.c.name, journal_blobs.c.position)
)
_TABLES: Final = sa.select(journal_tables).where(
    journal_tables.c.sequence.between(sa.bindparam("low"), sa.bindparam("high"))
)

Stored = TypeVar("Stored", bytes, int)

Schemas = dict[bytes, TableSchema]
"""Schemas that a store has, by hash: they never change, so they are remembered."""


def read_head(connection: sa.Connection) -> tuple[int, bytes]:
    """Return sequence and hash of the last entry; 0 and `GENESIS_HASH` of an empty journal."""
    row = connection.execute(_HEAD).one_or_none()
    if row is None:
        return 0, GENESIS_HASH
    return row.sequence, _stored(row, "entry_hash", bytes)


def has_table_since(connection: sa.Connection, name: str, sequence: int) -> bool:
    """Tell whether an entry behind a sequence has a table of that name."""
    found = connection.execute(_TABLE_SINCE, {"of_table": name, "after": sequence})
    return found.first() is not None


def insert_entry(connection: sa.Connection, entry: SealedEntry, schemas: Schemas) -> None:
    """Write an entry.  Raises `Conflict` when a table's version means something else in this store."""
    for table in entry.tables:
        _remember_schema(connection, table.schema, schemas)
    connection.execute(_INSERT_ENTRY, _entry_row(entry))
    if not entry.tables:
        return
    connection.execute(
        _INSERT_TABLE,
        [
            {
                "sequence": entry.sequence,
                "name": table.name,
                "schema_hash": table.schema.schema_hash,
                "row_count": table.row_count,
                "root": table.root,
                "blob_count": len(table.blobs),
                "blob_root": table.blob_root,
                "locators": table.locators,
                "rows": table.rows,
            }
            for table in entry.tables
        ],
    )
    blobs = [
        {"sequence": entry.sequence, "name": table.name, "position": position, "content": content}
        for table in entry.tables
        for position, content in enumerate(table.blobs)
    ]
    if blobs:
        connection.execute(_INSERT_BLOB, blobs)


def verified_entries(
    read: Callable[[int], list[SealedEntry]], first: int, previous_hash: bytes
) -> Iterator[SealedEntry]:
    """Yield the entries from `first` on that `read` gives page by page, each verified.

    Raises `StoreDamaged` at the first entry that is missing or not what was sealed.
    """
    sequence = first
    while page := read(sequence):
        for entry in page:
            if entry.sequence != sequence:
                raise StoreDamaged(f"entry {sequence} is missing; the next one is {entry.sequence}")
            verify_entry(entry, previous_hash)
            previous_hash = entry.entry_hash
            sequence += 1
            yield entry


def read_page(connection: sa.Connection, first: int, schemas: Schemas) -> list[SealedEntry]:
    """Return at most `PAGE_ENTRIES` entries from `first` on, as stored and not yet verified."""
    rows = connection.execute(_PAGE, {"first": first}).all()
    if not rows:
        return []
    low, high = rows[0].sequence, rows[-1].sequence
    tables = _tables_between(connection, low, high, schemas)
    return [_entry(row, tables.get(row.sequence, ())) for row in rows]


def _entry_row(entry: SealedEntry) -> dict[str, Any]:
    """Return the row of an entry: the header's bytes and its fields beside them."""
    header = entry.header
    return {
        "sequence": header.sequence,
        "kind": header.kind,
        "area": header.area,
        "interval_start": header.interval.start_unix if header.interval is not None else None,
        "time": to_unix(header.time),
        "rulebook_hash": header.rulebook_hash,
        "previous_hash": header.previous_hash,
        "entry_hash": entry.entry_hash,
        "table_count": len(entry.tables),
        "header": header.to_bytes(),
    }


def _entry(row: sa.Row[Any], tables: tuple[SealedTable, ...]) -> SealedEntry:
    """Return an entry; the columns beside the header must say what the header says."""
    try:
        header = Header.from_bytes(_stored(row, "header", bytes))
    except InvalidInput as error:
        raise StoreDamaged(f"entry {row.sequence} header: {error}") from error
    entry = SealedEntry(header=header, tables=tables, entry_hash=_stored(row, "entry_hash", bytes))
    for name, expected in _entry_row(entry).items():
        stored = getattr(row, name)
        if (bytes(stored) if isinstance(stored, memoryview) else stored) != expected:
            raise StoreDamaged(
                f"entry {row.sequence} column {name}: stored {stored!r}, sealed {expected!r}"
            )
    return entry


def _stored(row: sa.Row[*tuple[Any, ...]], column: str, kind: type[Stored]) -> Stored:
    """Return a value of a row; SQLite would give back a changed type without a word."""
    value = getattr(row, column)
    if isinstance(value, memoryview):
        value = bytes(value)
    if not isinstance(value, kind):
        place = f"entry {row.sequence}" if hasattr(row, "sequence") else "a schema"
        raise StoreDamaged(f"{place} column {column} is stored as {type(value).__name__}")
    return value


def hash_before(connection: sa.Connection, sequence: int) -> bytes:
    """Return the stored hash of the entry before a sequence."""
    if sequence < 1:
        raise InvalidInput(f"sequence {sequence} must be 1 or more")
    if sequence == 1:
        return GENESIS_HASH
    row = connection.execute(
        sa.select(journal_entries.c.sequence, journal_entries.c.entry_hash).where(
            journal_entries.c.sequence == sequence - 1
        )
    ).one_or_none()
    if row is None:
        raise InvalidInput(f"the journal ends before entry {sequence}")
    return _stored(row, "entry_hash", bytes)


def _tables_between(
    connection: sa.Connection, low: int, high: int, schemas: Schemas
) -> dict[int, tuple[SealedTable, ...]]:
    """Return the sealed tables of entries by sequence, each entry's in the order of their names."""
    blobs: dict[tuple[int, str], list[bytes]] = {}
    for blob in connection.execute(_BLOBS, {"low": low, "high": high}):
        blobs.setdefault((blob.sequence, blob.name), []).append(_stored(blob, "content", bytes))
    tables: dict[int, list[SealedTable]] = {}
    for row in connection.execute(_TABLES, {"low": low, "high": high}):
        schema = _schema(connection, row, schemas)
        found = tuple(blobs.get((row.sequence, row.name), ()))
        if len(found) != row.blob_count:
            raise StoreDamaged(
                f"entry {row.sequence} table {row.name}: {len(found)} blobs are stored, "
                f"{row.blob_count} were sealed"
            )
        tables.setdefault(row.sequence, []).append(
            SealedTable(
                schema=schema,
                row_count=_stored(row, "row_count", int),
                rows=_stored(row, "rows", bytes),
                root=_stored(row, "root", bytes),
                locators=_stored(row, "locators", bytes),
                blobs=found,
                blob_root=_stored(row, "blob_root", bytes),
            )
        )
    return {
        sequence: tuple(sorted(of_entry, key=lambda table: table.name))
        for sequence, of_entry in tables.items()
    }


def _schema(connection: sa.Connection, row: sa.Row[Any], schemas: Schemas) -> TableSchema:
    """Return the schema of a stored table, checked against its hash."""
    place = f"entry {row.sequence} table {row.name}"
    schema_hash = _stored(row, "schema_hash", bytes)
    if schema_hash not in schemas:
        described = connection.execute(_SCHEMA, {"digest": schema_hash}).one_or_none()
        if described is None:
            raise StoreDamaged(f"{place}: the schema {schema_hash.hex()} is missing")
        try:
            schema = schema_from_json(_stored(described, "description", bytes))
        except InvalidInput as error:
            raise StoreDamaged(f"{place}: {error}") from error
        if schema.schema_hash != schema_hash:
            raise StoreDamaged(f"{place}: the stored schema is not the one of {schema_hash.hex()}")
        schemas[schema_hash] = schema
    schema = schemas[schema_hash]
    if schema.name != row.name:
        raise StoreDamaged(f"{place}: its schema is that of table {schema.name}")
    return schema


def _remember_schema(connection: sa.Connection, schema: TableSchema, schemas: Schemas) -> None:
    """Keep a schema that the store has not seen."""
    if schema.schema_hash in schemas:
        return
    stored = connection.execute(
        _SCHEMA_HASH, {"of_table": schema.name, "of_version": schema.version}
    ).scalar_one_or_none()
    if stored is not None and bytes(stored) != schema.schema_hash:
        raise Conflict(
            f"the journal has another version {schema.version} of table {schema.name}: a changed "
            "table needs a new version"
        )
    if stored is None:
        connection.execute(
            _INSERT_SCHEMA,
            {
                "schema_hash": schema.schema_hash,
                "name": schema.name,
                "version": schema.version,
                "description": schema.to_json(),
            },
        )
    schemas[schema.schema_hash] = schema
