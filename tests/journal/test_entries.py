"""Entries: linked by hashes, and not one byte changes unseen."""

import struct
from datetime import UTC, datetime
from hashlib import sha256

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.errors import InvalidInput, StoreDamaged
from sauma.intervals import Interval
from sauma.journal import (
    GENESIS_HASH,
    Header,
    Table,
    TableClass,
    TableSchema,
    blob,
    bytes32,
    find_damage,
    int64,
    schema_from_json,
    seal_entry,
    text,
    verify_entry,
)
from sauma.journal.entries import HEADER_BYTES

NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
OFFERS = TableSchema(
    name="offers",
    table_class=TableClass.INPUT,
    version=1,
    columns=(bytes32("offer_id"), text("participant", 8), int64("energy_wh")),
)
SIGNED = TableSchema(
    name="signed",
    table_class=TableClass.WITNESSED,
    version=1,
    columns=(int64("number"), blob("raw", nullable=True)),
)
FLIPS = (0x01, 0x80, 0xFF)


def header(**changes):
    """A header of the first entry."""
    facts = {
        "sequence": 1,
        "kind": "interval_cleared",
        "area": "koivukyla",
        "interval": Interval(start=NOON),
        "rulebook_hash": b"\x05" * 32,
        "time": NOON,
        "previous_hash": GENESIS_HASH,
    }
    return Header(**{**facts, **changes})


def entry():
    """A small entry with an input, a witnessed and an empty table."""
    empty = TableSchema(
        name="nothing", table_class=TableClass.DERIVED, version=1, columns=(int64("a"),)
    )
    return seal_entry(
        header(),
        [
            Table.from_rows(
                SIGNED, [(1, b"first bytes"), (2, None), (3, b"other"), (4, b"first bytes")]
            ),
            Table.from_rows(OFFERS, [(bytes([i]) * 32, f"p{i}", i * 100) for i in range(5)]),
            Table.empty(empty),
        ],
    )


def flipped(data):
    """Yield every changed copy of bytes with the place of the change."""
    for at in range(len(data)):
        for flip in FLIPS:
            yield at, data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]


def with_table(sealed, name, **changes):
    """An entry with one table changed behind its hash."""
    return attrs.evolve(
        sealed,
        tables=tuple(
            attrs.evolve(table, **changes) if table.name == name else table
            for table in sealed.tables
        ),
    )


def test_a_sealed_entry_verifies():
    """What was sealed and not touched has no damage; its tables are found by name."""
    sealed = entry()

    verify_entry(sealed, GENESIS_HASH)
    assert [table.name for table in sealed.tables] == ["nothing", "offers", "signed"]
    assert sealed.table("offers").values("energy_wh") == [0, 100, 200, 300, 400]
    assert sealed.row_count == 9
    assert sealed.has("signed")
    assert not sealed.has("bills")
    with pytest.raises(InvalidInput, match="entry 1 has no table 'bills'"):
        sealed.table("bills")


def test_the_hash_of_a_known_entry_is_fixed_for_ever():
    """The encoding of headers, records and entries never changes."""
    assert entry().entry_hash.hex() == (
        "8bd07245e9cbc58549df5f89cfc7b5224188cfc5c645303014f435a6940a3c8b"
    )


def tree(leaves):
    """The recursive definition of RFC 6962 section 2.1."""
    if len(leaves) < 2:
        return sha256(b"\0" + leaves[0]).digest() if leaves else sha256(b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1" + tree(leaves[:split]) + tree(leaves[split:])).digest()


def test_the_format_can_be_read_without_this_library():
    """Header, records and hash follow from the written format with `struct` and `hashlib` alone."""
    sealed = entry()
    parts = [b"sauma:entry:1\n"]
    parts.append(
        struct.pack(
            "<4sHHQ64s64sqHq32s32s",
            b"SAUJ",
            1,
            3,
            1,
            b"interval_cleared",
            b"koivukyla",
            1782043200,
            15,
            1782043200,
            b"\x05" * 32,
            bytes(32),
        )
    )
    parts.append(struct.pack("<I", 3))
    rows = [bytes([i]) * 32 + b"p%d" % i + bytes(6) + struct.pack("<q", i * 100) for i in range(5)]
    references = [
        sha256(content).digest() + struct.pack("<q", len(content))
        for content in (b"first bytes", b"other")
    ]
    first, other = references
    signed = [
        struct.pack("<q", number) + (b"\1" + reference if reference else bytes(41))
        for number, reference in ((1, first), (2, None), (3, other), (4, first))
    ]
    for name, number, leaves, blobs in (
        (b"nothing", 2, [], []),
        (b"offers", 1, rows, []),
        (b"signed", 3, signed, sorted(references)),
    ):
        schema = sealed.sealed_table(name.decode()).schema.to_json()
        parts.append(struct.pack("<64sB", name, number) + sha256(schema).digest())
        parts.append(struct.pack("<Q", len(leaves)) + tree(leaves))
        parts.append(struct.pack("<Q", len(blobs)) + tree(blobs))

    assert sha256(b"".join(parts)).digest() == sealed.entry_hash


def test_every_changed_byte_of_rows_is_named_by_row():
    """A changed byte in any row of any table is found, and entry, table and row are named."""
    sealed = entry()

    for table in sealed.tables:
        for at, rows in flipped(table.rows):
            damage = find_damage(with_table(sealed, table.name, rows=rows), GENESIS_HASH)
            assert (damage.part, damage.table) == ("rows", table.name)
            assert damage.row == at // table.schema.row_bytes
    assert str(damage) == "entry 1 table signed row 3: the row's bytes are not what was sealed"


def test_every_changed_byte_beside_the_rows_is_named():
    """A changed byte in a root, locator, blob, blob root or entry hash is found where it is."""
    sealed = entry()

    for table in sealed.tables:
        for _, root in flipped(table.root):
            damage = find_damage(with_table(sealed, table.name, root=root), GENESIS_HASH)
            assert (damage.part, damage.table) == ("root", table.name)
        for at, locators in flipped(table.locators):
            damage = find_damage(with_table(sealed, table.name, locators=locators), GENESIS_HASH)
            assert (damage.part, damage.table, damage.row) == ("locators", table.name, at // 4)
        for _, root in flipped(table.blob_root):
            damage = find_damage(with_table(sealed, table.name, blob_root=root), GENESIS_HASH)
            assert (damage.part, damage.table) == ("blob_root", table.name)
        for position, content in enumerate(table.blobs):
            for _, changed in flipped(content):
                blobs = (*table.blobs[:position], changed, *table.blobs[position + 1 :])
                damage = find_damage(with_table(sealed, table.name, blobs=blobs), GENESIS_HASH)
                assert (damage.part, damage.table) == ("blobs", table.name)
                assert f"blob {position} " in damage.explanation
    for _, entry_hash in flipped(sealed.entry_hash):
        damage = find_damage(attrs.evolve(sealed, entry_hash=entry_hash), GENESIS_HASH)
        assert damage.part == "entry_hash"


def test_every_changed_byte_of_a_header_is_found():
    """A changed byte of a header is no header any more, breaks the link, or changes the hash."""
    sealed = entry()
    parts = set()

    for _, data in flipped(sealed.header.to_bytes()):
        try:
            changed = attrs.evolve(sealed, header=Header.from_bytes(data))
        except InvalidInput:
            continue
        damage = find_damage(changed, GENESIS_HASH)
        assert damage is not None
        parts.add(damage.part)

    assert parts == {"link", "entry_hash"}


def test_every_changed_byte_of_a_schema_is_found():
    """A changed byte of a schema's text is no schema, or another one whose hash does not fit."""
    sealed = entry()

    for _, description in flipped(OFFERS.to_json()):
        try:
            schema = schema_from_json(description)
        except InvalidInput:
            continue
        assert find_damage(with_table(sealed, "offers", schema=schema), GENESIS_HASH) is not None


@given(st.data())
def test_missing_rows_blobs_and_tables_are_found(data):
    """What was cut off or added is found too."""
    sealed = entry()
    offers = sealed.sealed_table("offers")
    cut = data.draw(st.integers(0, len(offers.rows) - 1))

    assert find_damage(with_table(sealed, "offers", rows=offers.rows[:cut]), GENESIS_HASH)
    assert find_damage(with_table(sealed, "offers", rows=offers.rows + b"x"), GENESIS_HASH)
    assert find_damage(with_table(sealed, "offers", locators=b""), GENESIS_HASH)
    assert find_damage(with_table(sealed, "offers", row_count=4), GENESIS_HASH)
    assert find_damage(with_table(sealed, "signed", blobs=()), GENESIS_HASH)
    assert find_damage(attrs.evolve(sealed, tables=sealed.tables[1:]), GENESIS_HASH)
    assert find_damage(attrs.evolve(sealed, tables=sealed.tables[::-1]), GENESIS_HASH)


def test_swapped_rows_are_found_even_when_their_locators_are_swapped_too():
    """Rows have an order; whoever adapts the locators is found by the root."""
    sealed = entry()
    offers = sealed.sealed_table("offers")
    width = offers.schema.row_bytes
    rows = offers.rows[width : 2 * width] + offers.rows[:width] + offers.rows[2 * width :]
    locators = offers.locators[4:8] + offers.locators[:4] + offers.locators[8:]

    damage = find_damage(with_table(sealed, "offers", rows=rows, locators=locators), GENESIS_HASH)

    assert (damage.part, damage.table, damage.row) == ("rows", "offers", None)


def test_an_entry_follows_the_one_before_it():
    """An entry that names another predecessor is damaged by name, and the error says where."""
    with pytest.raises(StoreDamaged, match="entry 1: follows 0000"):
        verify_entry(entry(), b"\x01" * 32)


@given(
    st.builds(
        header,
        sequence=st.integers(1, 2**63 - 1),
        area=st.text(
            st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=16
        ),
        interval=st.none()
        | st.sampled_from((5, 15, 60)).map(lambda minutes: Interval(start=NOON, minutes=minutes)),
        rulebook_hash=st.none() | st.binary(min_size=32, max_size=32),
        time=st.datetimes(timezones=st.just(UTC)).map(lambda time: time.replace(microsecond=0)),
        previous_hash=st.binary(min_size=32, max_size=32),
    )
)
def test_a_header_comes_back_from_its_bytes(made):
    """Every header has one form of fixed length that reads back equal."""
    data = made.to_bytes()

    assert len(data) == HEADER_BYTES == 226
    assert Header.from_bytes(data) == made


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sequence": 0}, "sequence 0"),
        ({"kind": "Interval Cleared"}, "kind name"),
        ({"area": "x" * 65}, "area"),
        ({"rulebook_hash": b"\x01"}, "rulebook hash 01 must have 32 bytes"),
        ({"time": datetime(2026, 6, 21, 12)}, "naive"),  # noqa: DTZ001 - that is what is refused
        ({"time": NOON.replace(microsecond=1)}, "fraction of a second"),
    ],
)
def test_a_header_that_would_not_come_back_is_refused(changes, message):
    """Values that the fixed fields cannot hold are refused."""
    with pytest.raises(InvalidInput, match=message):
        header(**changes)


def test_an_entry_has_each_table_once():
    """Two tables of one name are refused."""
    table = Table.empty(OFFERS)

    with pytest.raises(InvalidInput, match="tables of different names"):
        seal_entry(header(), [table, table])
