"""An entry as one run of bytes, for bundles: it carries its schemas, so it can be read by itself.

Integers are little-endian.  ``bytes`` stands for a length (8 bytes) and so many bytes::

    entry    magic "SAUE", version (2), header as bytes, entry hash (32), number of tables (4), tables
    table    schema as bytes (canonical JSON), rows (8), root (32), rows as bytes, locators as bytes,
             blob root (32), number of blobs (8), each blob as bytes
"""

from __future__ import annotations

from typing import Final

from sauma.errors import InvalidInput
from sauma.journal.entries import HASH_BYTES, TABLES_MAX, Header, SealedEntry
from sauma.journal.tables import SealedTable, schema_from_json

_MAGIC: Final = b"SAUE"
_VERSION: Final = (1).to_bytes(2, "little")


def encode_entry(entry: SealedEntry) -> bytes:
    """Write an entry with everything that `verify_entry` needs except the hash before it."""
    parts = [_MAGIC, _VERSION, *_sized(entry.header.to_bytes()), entry.entry_hash]
    parts.append(len(entry.tables).to_bytes(4, "little"))
    for table in entry.tables:
        parts += _sized(table.schema.to_json())
        parts += [table.row_count.to_bytes(8, "little"), table.root]
        parts += [*_sized(table.rows), *_sized(table.locators), table.blob_root]
        parts.append(len(table.blobs).to_bytes(8, "little"))
        for content in table.blobs:
            parts += _sized(content)
    return b"".join(parts)


def decode_entry(data: bytes) -> SealedEntry:
    """Read what `encode_entry` wrote, unchecked until `verify_entry` saw it.

    Raises `InvalidInput` for bytes that are no entry.
    """
    reader = _Reader(data)
    if reader.take(4, "magic") != _MAGIC or reader.take(2, "version") != _VERSION:
        raise InvalidInput(f"{data[:6].hex()} does not begin an entry of version 1")
    header = Header.from_bytes(reader.sized("header"))
    entry_hash = reader.take(HASH_BYTES, "entry hash")
    count = reader.number(4, "number of tables")
    if count > TABLES_MAX:
        raise InvalidInput(f"{count} tables are more than the {TABLES_MAX} that an entry has")
    tables = tuple(_table(reader) for _ in range(count))
    reader.end()
    return SealedEntry(header=header, tables=tables, entry_hash=entry_hash)


def _table(reader: _Reader) -> SealedTable:
    """Read one table."""
    schema = schema_from_json(reader.sized("schema"))
    row_count = reader.number(8, "number of rows")
    root = reader.take(HASH_BYTES, "root")
    rows = reader.sized("rows")
    if len(rows) % schema.row_bytes:
        raise InvalidInput(
            f"table {schema.name}: {len(rows)} bytes are not rows of {schema.row_bytes} bytes"
        )
    locators = reader.sized("locators")
    blob_root = reader.take(HASH_BYTES, "blob root")
    blob_count = reader.number(8, "number of blobs")
    blobs: list[bytes] = []
    for _ in range(blob_count):
        blobs.append(reader.sized("blob"))
    return SealedTable(
        schema=schema,
        row_count=row_count,
        rows=rows,
        root=root,
        locators=locators,
        blobs=tuple(blobs),
        blob_root=blob_root,
    )


def _sized(data: bytes) -> tuple[bytes, bytes]:
    """Return the length of bytes and the bytes."""
    return len(data).to_bytes(8, "little"), data


class _Reader:
    """Takes bytes from the front and refuses to go behind the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int, what: str) -> bytes:
        """Return the next so many bytes."""
        if count > len(self._data) - self._at:
            raise InvalidInput(f"the entry ends within its {what}, at byte {len(self._data)}")
        taken = self._data[self._at : self._at + count]
        self._at += count
        return taken

    def number(self, width: int, what: str) -> int:
        """Return the next unsigned number."""
        return int.from_bytes(self.take(width, what), "little")

    def sized(self, what: str) -> bytes:
        """Return the next bytes that have their length before them."""
        return self.take(self.number(8, f"length of {what}"), what)

    def end(self) -> None:
        """Refuse bytes that belong to nothing."""
        if self._at != len(self._data):
            raise InvalidInput(f"{len(self._data) - self._at} bytes follow the end of the entry")
