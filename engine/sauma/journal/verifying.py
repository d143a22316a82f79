"""Checking stored entries: everything is recomputed from the bytes, and the first damage is named."""

from __future__ import annotations

from hashlib import sha256

import attrs
import numpy as np

from sauma.errors import StoreDamaged
from sauma.journal.columns import ColumnKind
from sauma.journal.entries import SealedEntry, entry_hash_of
from sauma.journal.merkle import leaf_hashes, root_of
from sauma.journal.tables import LOCATOR_BYTES, SealedTable, blob_root_of, locators_of


@attrs.frozen(kw_only=True)
class Damage:
    """The first thing in an entry that is not what was sealed."""

    sequence: int
    part: str
    """`link`, `header`, `tables`, `rows`, `root`, `locators`, `blobs`, `blob_root` or `entry_hash`."""
    table: str | None = None
    row: int | None = None
    """Counted from 0; None when the row could not be told."""
    explanation: str

    def __str__(self) -> str:
        """Name the place and what is wrong there."""
        place = f"entry {self.sequence}"
        if self.table is not None:
            place += f" table {self.table}"
        if self.row is not None:
            place += f" row {self.row}"
        return f"{place}: {self.explanation}"


def verify_entry(entry: SealedEntry, previous_hash: bytes) -> None:
    """Recompute an entry from its bytes; raise `StoreDamaged` that names entry, table and row."""
    damage = find_damage(entry, previous_hash)
    if damage is not None:
        raise StoreDamaged(str(damage))


def find_damage(entry: SealedEntry, previous_hash: bytes) -> Damage | None:
    """Return the first damage of an entry, or None when every byte is what was sealed.

    `previous_hash` is the recomputed hash of the entry before it.
    """
    sequence = entry.sequence
    if entry.header.previous_hash != previous_hash:
        return Damage(
            sequence=sequence,
            part="link",
            explanation=f"follows {entry.header.previous_hash.hex()}, but the entry before it "
            f"is {previous_hash.hex()}",
        )
    names = [table.name for table in entry.tables]
    if names != sorted(set(names)):
        return Damage(
            sequence=sequence, part="tables", explanation=f"tables {names} are not in order"
        )
    roots = [root_of(_leaves(table)) for table in entry.tables]
    recomputed = entry_hash_of(
        entry.header,
        [
            attrs.evolve(table.record, root=root)
            for table, root in zip(entry.tables, roots, strict=True)
        ],
    )
    for table, root in zip(entry.tables, roots, strict=True):
        damage = _row_damage(sequence, table, root, sound=recomputed == entry.entry_hash)
        damage = damage or _blob_damage(sequence, table)
        if damage is not None:
            return damage
    if recomputed != entry.entry_hash:
        return Damage(
            sequence=sequence,
            part="entry_hash",
            explanation="the header, the names of the tables or the entry hash are not what was "
            f"sealed: stored {entry.entry_hash.hex()}, recomputed {recomputed.hex()}",
        )
    return None


def _leaves(table: SealedTable) -> list[bytes]:
    """Return the leaf hashes of stored rows; of a wrong number of bytes, those of the whole rows."""
    width = table.schema.row_bytes
    return leaf_hashes(table.rows[: len(table.rows) // width * width], width)


def _row_damage(sequence: int, table: SealedTable, root: bytes, *, sound: bool) -> Damage | None:
    """Compare rows, row count, root and locators; `sound`: with the recomputed roots the hash fits."""
    width = table.schema.row_bytes
    if len(table.rows) != table.row_count * width:
        return Damage(
            sequence=sequence,
            part="rows",
            table=table.name,
            explanation=f"{len(table.rows)} bytes are not {table.row_count} rows of {width} bytes",
        )
    row = _first_changed(table)
    if root != table.root and sound:
        return Damage(
            sequence=sequence,
            part="root",
            table=table.name,
            explanation=f"the stored root {table.root.hex()} was changed; its rows were not",
        )
    if root != table.root:
        return Damage(
            sequence=sequence,
            part="rows",
            table=table.name,
            row=row,
            explanation="the row's bytes are not what was sealed"
            if row is not None
            else "rows and their locators are not what was sealed",
        )
    if row is not None or len(table.locators) != table.row_count * LOCATOR_BYTES:
        return Damage(
            sequence=sequence,
            part="locators",
            table=table.name,
            row=row,
            explanation="the stored locator was changed; the rows were not",
        )
    return None


def _first_changed(table: SealedTable) -> int | None:
    """Return the first row whose leaf hash does not begin as its locator says."""
    expected = locators_of(_leaves(table))
    if len(expected) != len(table.locators):
        return None
    dtype = np.dtype(f"<u{LOCATOR_BYTES}")
    unequal = np.flatnonzero(np.frombuffer(expected, dtype) != np.frombuffer(table.locators, dtype))
    return int(unequal[0]) if len(unequal) else None


def _blob_damage(sequence: int, table: SealedTable) -> Damage | None:
    """Compare the blobs with the references in the rows, which the root has vouched for."""
    references = blob_references(table)
    digests = sorted(references)
    if len(digests) != len(table.blobs):
        return Damage(
            sequence=sequence,
            part="blobs",
            table=table.name,
            explanation=f"{len(table.blobs)} blobs are stored, the rows refer to {len(digests)}",
        )
    for position, (digest, content) in enumerate(zip(digests, table.blobs, strict=True)):
        if sha256(content).digest() != digest:
            return Damage(
                sequence=sequence,
                part="blobs",
                table=table.name,
                row=references[digest],
                explanation=f"blob {position} is not the one of SHA-256 {digest.hex()}",
            )
    if blob_root_of(digests, table.blobs) != table.blob_root:
        return Damage(
            sequence=sequence,
            part="blob_root",
            table=table.name,
            explanation=f"the stored blob root {table.blob_root.hex()} was changed",
        )
    return None


def blob_references(table: SealedTable) -> dict[bytes, int]:
    """Return the SHA-256 of every blob that the rows refer to, with the first row that does."""
    references: dict[bytes, int] = {}
    columns = table.table
    for column in table.schema.columns:
        if column.kind is not ColumnKind.BLOB:
            continue
        given = columns.given(column.name).tolist()
        for row, digest in enumerate(columns[column.name].tolist()):
            if given[row]:
                references.setdefault(digest, row)
    return references
