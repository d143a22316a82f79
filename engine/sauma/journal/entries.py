"""Entries: a header and sealed tables, linked by hashes.

::

    header       226 bytes, fixed fields, little-endian (`Header.to_bytes`)
    table        a `TableRecord` of 177 bytes for each table, in the order of their names
    entry hash   SHA-256 of the tag, the header, the number of tables (4 bytes) and the table records

Each header holds the hash of the entry before it, so one hash stands for the whole journal up to
there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Final

import attrs

from sauma.errors import InvalidInput
from sauma.intervals import Interval, check_utc, from_unix, to_unix
from sauma.journal.columns import check_journal_name
from sauma.journal.tables import SealedTable, Table, TableRecord

HASH_BYTES: Final = 32
GENESIS_HASH: Final = bytes(HASH_BYTES)
"""What the first entry names as the hash of the one before it."""
AREA_BYTES_MAX: Final = 64
TABLES_MAX: Final = 64

_MAGIC: Final = b"SAUJ"
_VERSION: Final = 1
_ENTRY_TAG: Final = b"sauma:entry:1\n"
_INTERVAL_GIVEN: Final = 1
_RULEBOOK_GIVEN: Final = 2
_HEADER: Final = struct.Struct("<4sHHQ64s64sqHq32s32s")
HEADER_BYTES: Final = _HEADER.size


@attrs.frozen(kw_only=True)
class Header:
    """What an entry is about and which one comes before it."""

    sequence: int
    """1, 2, 3 … without gaps."""
    kind: str
    area: str
    """Empty when the entry is about no single area."""
    interval: Interval | None
    rulebook_hash: bytes | None
    """The rulebook in force; None before there is one."""
    time: datetime
    """When it was appended: aware, in UTC, whole seconds."""
    previous_hash: bytes

    def __attrs_post_init__(self) -> None:
        """Refuse what would not come back from the header's bytes."""
        if not 1 <= self.sequence < 1 << 63:
            raise InvalidInput(f"sequence {self.sequence} must be 1 or more")
        check_journal_name(self.kind, "kind")
        area = self.area.encode("utf-8")
        if len(area) > AREA_BYTES_MAX or b"\0" in area:
            raise InvalidInput(f"area {self.area!r} is longer than {AREA_BYTES_MAX} bytes")
        for name, digest in (
            ("rulebook hash", self.rulebook_hash),
            ("previous hash", self.previous_hash),
        ):
            if digest is not None and len(digest) != HASH_BYTES:
                raise InvalidInput(f"{name} {digest.hex()} must have {HASH_BYTES} bytes")
        to_unix(self.time)
        object.__setattr__(self, "time", check_utc(self.time))

    def to_bytes(self) -> bytes:
        """Write the header: format, version, flags, sequence, kind, area, interval, time, hashes."""
        interval, rulebook_hash = self.interval, self.rulebook_hash
        flags = (_INTERVAL_GIVEN if interval is not None else 0) | (
            _RULEBOOK_GIVEN if rulebook_hash is not None else 0
        )
        return _HEADER.pack(
            _MAGIC,
            _VERSION,
            flags,
            self.sequence,
            self.kind.encode("utf-8"),
            self.area.encode("utf-8"),
            interval.start_unix if interval is not None else 0,
            interval.minutes if interval is not None else 0,
            to_unix(self.time),
            rulebook_hash if rulebook_hash is not None else bytes(HASH_BYTES),
            self.previous_hash,
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Header:
        """Read what `to_bytes` wrote; raises `InvalidInput` for any other bytes."""
        if len(data) != HEADER_BYTES:
            raise InvalidInput(f"a header has {HEADER_BYTES} bytes, got {len(data)}")
        magic, version, flags, sequence, kind, area, start, minutes, time, rulebook, previous = (
            _HEADER.unpack(data)
        )
        if magic != _MAGIC or version != _VERSION:
            raise InvalidInput(f"format {magic!r} version {version} is not a header of an entry")
        try:
            header = cls(
                sequence=sequence,
                kind=kind.rstrip(b"\0").decode("utf-8"),
                area=area.rstrip(b"\0").decode("utf-8"),
                interval=Interval.from_start_unix(start, minutes)
                if flags & _INTERVAL_GIVEN
                else None,
                rulebook_hash=rulebook if flags & _RULEBOOK_GIVEN else None,
                time=from_unix(time),
                previous_hash=previous,
            )
        except (UnicodeDecodeError, OverflowError) as error:
            raise InvalidInput(f"header {data.hex()} cannot be read: {error}") from error
        if header.to_bytes() != data:
            raise InvalidInput(f"header {data.hex()} is not in its canonical form")
        return header


@attrs.frozen(kw_only=True)
class SealedEntry:
    """A finished entry.  One that was read from a store is unchecked until `verify_entry` saw it."""

    header: Header
    tables: tuple[SealedTable, ...]
    """In the order of their names."""
    entry_hash: bytes

    @property
    def sequence(self) -> int:
        """The place of the entry in the journal."""
        return self.header.sequence

    @property
    def kind(self) -> str:
        """What kind of entry it is."""
        return self.header.kind

    @property
    def row_count(self) -> int:
        """How many rows all tables have together."""
        return sum(table.row_count for table in self.tables)

    def has(self, name: str) -> bool:
        """Tell whether the entry has a table of that name."""
        return any(table.name == name for table in self.tables)

    def sealed_table(self, name: str) -> SealedTable:
        """Return a table by name with its root and proofs, or raise `InvalidInput`."""
        for table in self.tables:
            if table.name == name:
                return table
        names = [table.name for table in self.tables]
        raise InvalidInput(f"entry {self.sequence} has no table {name!r}, only {names}")

    def table(self, name: str) -> Table:
        """Return the columns of a table by name, read-only, or raise `InvalidInput`."""
        return self.sealed_table(name).table


def entry_hash_of(header: Header, records: Iterable[TableRecord]) -> bytes:
    """Return the hash of an entry from its header and table records, without any rows."""
    written = [record.to_bytes() for record in records]
    return sha256(
        b"".join((_ENTRY_TAG, header.to_bytes(), len(written).to_bytes(4, "little"), *written))
    ).digest()


def seal_entry(header: Header, tables: Iterable[Table | SealedTable]) -> SealedEntry:
    """Seal the tables that are not sealed yet and return the finished entry."""
    sealed = sorted(
        (table.seal() if isinstance(table, Table) else table for table in tables),
        key=lambda table: table.name,
    )
    names = [table.name for table in sealed]
    if len(set(names)) != len(names) or len(names) > TABLES_MAX:
        raise InvalidInput(
            f"an entry has at most {TABLES_MAX} tables of different names, got {names}"
        )
    return SealedEntry(
        header=header,
        tables=tuple(sealed),
        entry_hash=entry_hash_of(header, [table.record for table in sealed]),
    )
