"""Tables: fixed-width rows that come back as they went in."""

from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.errors import Conflict, InvalidInput, UnknownName
from sauma.journal import (
    ColumnKind,
    SchemaRegistry,
    Table,
    TableClass,
    TableSchema,
    blob,
    bytes32,
    first_difference,
    fixed_bytes,
    flag,
    int8,
    int16,
    int32,
    int64,
    int256,
    schema_from_json,
    text,
    uint8,
    unix_time,
    verify_inclusion,
)

METERED = TableSchema(
    name="metered",
    table_class=TableClass.INPUT,
    version=1,
    columns=(
        bytes32("reading_id"),
        text("point", 18),
        int64("energy_wh"),
        unix_time("received_unix", nullable=True),
        blob("evidence", nullable=True),
    ),
)
ROWS = [
    (b"\x00" * 32, "643006966000000016", -5, None, b""),
    (b"\x01" * 31 + b"\x00", "ü", 2**63 - 1, 1_780_000_000, None),
    (b"\x02" * 32, "", -(2**63), 0, b"signed by a meter"),
    (b"\x02" * 32, "643006966000000016", 0, None, b"signed by a meter"),
]

_TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=3)
_COLUMNS = [
    (int8, st.integers(-128, 127)),
    (uint8, st.integers(0, 255)),
    (int16, st.integers(-(2**15), 2**15 - 1)),
    (int32, st.integers(-(2**31), 2**31 - 1)),
    (int64, st.integers(-(2**63), 2**63 - 1)),
    (int256, st.integers(-(2**255), 2**255 - 1)),
    (flag, st.booleans()),
    (unix_time, st.integers(-(2**63), 2**63 - 1)),
    (bytes32, st.binary(min_size=32, max_size=32)),
    (
        lambda name, *, nullable: fixed_bytes(name, 3, nullable=nullable),
        st.binary(min_size=3, max_size=3),
    ),
    (lambda name, *, nullable: text(name, 12, nullable=nullable), _TEXT),
    (blob, st.binary(max_size=9)),
]


@st.composite
def tables(draw):
    """Any schema with rows that fit it."""
    chosen = draw(
        st.lists(st.tuples(st.sampled_from(_COLUMNS), st.booleans()), min_size=1, max_size=6)
    )
    columns, values = [], []
    for index, ((make, strategy), nullable) in enumerate(chosen):
        columns.append(make(f"column_{index}", nullable=nullable))
        values.append(st.none() | strategy if nullable else strategy)
    schema = TableSchema(
        name="anything", table_class=TableClass.DERIVED, version=1, columns=tuple(columns)
    )
    return schema, draw(st.lists(st.tuples(*values), max_size=8))


@given(tables())
def test_rows_come_back_as_they_went_in(drawn):
    """Whatever fits a schema comes back equal, from columns and from sealed bytes."""
    schema, rows = drawn
    table = Table.from_rows(schema, rows)

    sealed = table.seal()

    assert table.rows() == rows
    assert sealed.table.rows() == rows
    assert sealed.table == table
    assert len(sealed.rows) == len(rows) * schema.row_bytes
    assert [tuple(row.values()) for row in table.dicts()] == rows


@given(tables())
def test_a_schema_comes_back_from_its_text(drawn):
    """A schema read from its canonical JSON is the same schema with the same hash."""
    schema, _ = drawn

    read = schema_from_json(schema.to_json())

    assert read == schema
    assert read.schema_hash == schema.schema_hash


def test_a_row_has_a_fixed_layout():
    """Fields lie behind each other, little-endian, without padding; a missing value is zero."""
    sealed = Table.from_rows(METERED, ROWS).seal()
    evidence = b"signed by a meter"

    row = sealed.row(2)

    assert row == b"".join(
        (
            b"\x02" * 32,
            b"\0" * 18,
            bytes(7) + b"\x80",
            b"\x01" + bytes(8),
            b"\x01" + sha256(evidence).digest() + len(evidence).to_bytes(8, "little"),
        )
    )
    assert sealed.row(1)[-41:] == bytes(41)
    assert METERED.row_bytes == len(row) == 108


def test_a_released_schema_keeps_its_hash_and_root():
    """The encoding never changes: hash of the schema and root of known rows are fixed for ever."""
    sealed = Table.from_rows(METERED, ROWS).seal()

    assert METERED.schema_hash.hex() == (
        "5e735098986893d5af59b311fc550eb3f27700488999d4149d33ffe7e55ba71c"
    )
    assert sealed.root.hex() == "6e4590f4aec803d556563b922e1e663df6acd68b0dd5dc2f5b309ebefb384239"
    assert sealed.blob_root.hex() == (
        "c207004af79c7456921d098e240d43e5cf65f891f3673fac8bf18bb5ed292525"
    )


def test_equal_blobs_are_kept_once_in_the_order_of_their_hashes():
    """Two rows with one evidence share one blob; the empty blob is a blob, a missing one is none."""
    sealed = Table.from_rows(METERED, ROWS).seal()

    assert len(sealed.blobs) == 2
    assert list(sealed.blobs) == sorted(
        (b"", b"signed by a meter"), key=lambda content: sha256(content).digest()
    )


def test_numpy_columns_go_in_without_becoming_python_values():
    """Integer, boolean and id columns are taken from NumPy arrays as they are."""
    schema = TableSchema(
        name="kernel",
        table_class=TableClass.DERIVED,
        version=1,
        columns=(int32("energy_wh"), flag("final"), bytes32("trade_id")),
    )
    ids = np.frombuffer(b"\x07" * 32 + b"\x00" * 32, dtype="V32")

    table = Table.from_columns(
        schema,
        {"energy_wh": np.array([1, -2]), "final": np.array([True, False]), "trade_id": ids},
    )

    assert table.rows() == [(1, True, b"\x07" * 32), (-2, False, b"\x00" * 32)]
    assert table["energy_wh"].tolist() == [1, -2]
    assert table.given("energy_wh").tolist() == [True, True]


def test_every_row_can_be_proved_against_the_root():
    """The inclusion proof of a row verifies with the row's bytes alone."""
    sealed = Table.from_rows(METERED, ROWS).seal()

    for index in range(sealed.row_count):
        assert verify_inclusion(
            data=sealed.row(index),
            index=index,
            size=sealed.row_count,
            proof=sealed.inclusion_proof(index),
            root=sealed.root,
        )


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (int64("a"), 2**63, "column a row 1: 9223372036854775808 is not an integer from"),
        (int64("a"), 1.0, "column a row 1: 1.0 is not an integer"),
        (int64("a"), True, "column a row 1: True is not an integer"),
        (int64("a"), None, "the column is not nullable"),
        (uint8("a"), -1, "is not an integer from 0 to 255"),
        (int256("a"), 2**255, "is not an integer of 256 bits"),
        (flag("a"), 2, "is not a boolean"),
        (bytes32("a"), b"short", "is not 32 bytes"),
        (bytes32("a"), "0" * 32, "is not 32 bytes"),
        (text("a", 3), "four", "is not text of 3 UTF-8 bytes"),
        (text("a", 3), "üü", "is not text of 3 UTF-8 bytes"),
        (text("a", 3), "a\0", "is not text of 3 UTF-8 bytes"),
        (text("a", 3), "\ud800", "is not text of 3 UTF-8 bytes"),
        (blob("a"), "text", "is not bytes"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(column, value, message):
    """A value that a column cannot give back is refused with table, column and row."""
    schema = TableSchema(name="strict", table_class=TableClass.INPUT, version=1, columns=(column,))
    good = {ColumnKind.BYTES: bytes(32), ColumnKind.TEXT: "", ColumnKind.BLOB: b""}

    with pytest.raises(InvalidInput, match=message) as refused:
        Table.from_rows(schema, [(good.get(column.kind, 0),), (value,)])

    assert str(refused.value).startswith("table strict: column a row 1: ")


def test_numpy_columns_are_checked_too():
    """An array of integers that do not fit, or of floats, is refused by row."""
    schema = TableSchema(
        name="strict", table_class=TableClass.INPUT, version=1, columns=(int8("a"),)
    )

    with pytest.raises(InvalidInput, match="column a row 1: 128"):
        Table.from_columns(schema, {"a": np.array([1, 128])})
    with pytest.raises(InvalidInput, match=r"column a row 0: 1\.5"):
        Table.from_columns(schema, {"a": np.array([1.5])})


def test_rows_and_columns_must_be_complete():
    """Missing, unknown and unequal columns are refused."""
    with pytest.raises(InvalidInput, match="row 0: 5 columns, got 1 values"):
        Table.from_rows(METERED, [(b"",)])
    with pytest.raises(InvalidInput, match="row 0: columns are"):
        Table.from_rows(METERED, [{"reading_id": b""}])
    with pytest.raises(InvalidInput, match="has the columns"):
        Table.from_columns(METERED, {"reading_id": []})
    with pytest.raises(InvalidInput, match="column energy_wh has 2 values and the table 1 rows"):
        Table.from_columns(
            METERED,
            {
                "reading_id": [bytes(32)],
                "point": [""],
                "energy_wh": [1, 2],
                "received_unix": [None],
                "evidence": [None],
            },
        )
    with pytest.raises(InvalidInput, match="no column 'price'"):
        Table.empty(METERED)["price"]
    with pytest.raises(InvalidInput, match="row 0 is not within 0 rows"):
        Table.empty(METERED).seal().row(0)


def test_a_schema_must_make_sense():
    """Bad names, widths, versions and doubled columns are refused when the schema is built."""
    with pytest.raises(InvalidInput, match="column name 'Wh'"):
        int64("Wh")
    with pytest.raises(InvalidInput, match="column note of 5000 bytes"):
        text("note", 5000)
    with pytest.raises(InvalidInput, match="different names"):
        TableSchema(
            name="twice",
            table_class=TableClass.INPUT,
            version=1,
            columns=(int64("a"), int64("a")),
        )
    with pytest.raises(InvalidInput, match="version 0"):
        TableSchema(name="old", table_class=TableClass.INPUT, version=0, columns=(int64("a"),))
    with pytest.raises(InvalidInput, match="is not the schema of a table"):
        schema_from_json(b'{"name":"x"}')
    with pytest.raises(InvalidInput, match="canonical form"):
        schema_from_json(METERED.to_json() + b" ")


def test_a_version_once_defined_never_changes():
    """The registry gives a schema by name and version and refuses another one under the same."""
    registry = SchemaRegistry()
    first = registry.define("meters", TableClass.INPUT, version=1, columns=(int64("a"),))
    second = registry.define("meters", TableClass.INPUT, version=2, columns=(int64("b"),))

    assert registry.define("meters", TableClass.INPUT, version=1, columns=(int64("a"),)) is first
    assert registry.get("meters") is second
    assert registry.get("meters", 1) is first
    assert list(registry) == [first, second]
    with pytest.raises(Conflict, match="version 1 of table meters is defined already"):
        registry.define("meters", TableClass.INPUT, version=1, columns=(int64("c"),))
    with pytest.raises(UnknownName, match="no table 'prices'"):
        registry.get("prices")


def test_the_first_difference_is_named():
    """Two tables are compared byte by byte; what differs first is named by row and column."""
    stored = Table.from_rows(METERED, ROWS).seal()
    changed = [*ROWS[:2], (*ROWS[2][:2], 7, *ROWS[2][3:]), ROWS[3]]
    other = TableSchema(
        name="metered", table_class=TableClass.INPUT, version=2, columns=METERED.columns
    )

    difference = first_difference(stored, Table.from_rows(METERED, changed).seal())

    assert str(difference) == (f"table metered row 2 energy_wh: stored {-(2**63)}, recomputed 7")
    assert first_difference(stored, stored) is None
    assert str(first_difference(stored, Table.from_rows(METERED, ROWS[:3]).seal())) == (
        "table metered row 3 row_count: stored 4, recomputed 3"
    )
    assert first_difference(stored, Table.from_rows(other, ROWS).seal()).column == "schema"
    missing = [*ROWS[:3], (*ROWS[3][:4], None)]
    assert str(first_difference(stored, Table.from_rows(METERED, missing).seal())) == (
        "table metered row 3 evidence: stored 7369676e65642062792061206d65746572, recomputed None"
    )
