"""Entries as bytes: whatever changes in them is found."""

from datetime import UTC, datetime

import pytest

from sauma.errors import InvalidInput
from sauma.journal import (
    GENESIS_HASH,
    Header,
    Table,
    TableClass,
    TableSchema,
    blob,
    decode_entry,
    encode_entry,
    find_damage,
    int64,
    seal_entry,
    text,
    verify_entry,
)

NOTES = TableSchema(
    name="notes",
    table_class=TableClass.INPUT,
    version=1,
    columns=(int64("number"), text("note", 6), blob("evidence", nullable=True)),
)
OTHERS = TableSchema(
    name="others", table_class=TableClass.DERIVED, version=1, columns=(int64("number"),)
)


def entry():
    """A small entry with two tables and blobs."""
    header = Header(
        sequence=1,
        kind="noted",
        area="",
        interval=None,
        rulebook_hash=None,
        time=datetime(2026, 6, 21, 12, tzinfo=UTC),
        previous_hash=GENESIS_HASH,
    )
    rows = [(1, "first", b"evidence"), (2, "", None), (3, "third", b"more")]
    return seal_entry(header, [Table.from_rows(NOTES, rows), Table.from_rows(OTHERS, [(1,), (2,)])])


def test_an_entry_comes_back_from_its_bytes():
    """Decoding gives the same entry, which verifies without anything else."""
    sealed = entry()

    decoded = decode_entry(encode_entry(sealed))

    assert decoded == sealed
    verify_entry(decoded, GENESIS_HASH)


def test_every_changed_byte_of_an_entry_is_found():
    """Any single changed byte makes the bytes unreadable or the entry damaged."""
    data = encode_entry(entry())

    for at in range(len(data)):
        for mask in (0x01, 0x80, 0xFF):
            changed = data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]
            try:
                decoded = decode_entry(changed)
            except InvalidInput:
                continue
            assert find_damage(decoded, GENESIS_HASH) is not None, at


def test_every_cut_is_found():
    """Bytes that end early, or go on, are refused."""
    data = encode_entry(entry())

    for length in range(len(data)):
        with pytest.raises(InvalidInput):
            decode_entry(data[:length])
    with pytest.raises(InvalidInput, match="1 bytes follow the end"):
        decode_entry(data + b"\0")
