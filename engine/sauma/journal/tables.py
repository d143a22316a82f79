"""Tables of an entry: columns while working, sealed rows when finished.

A `Table` is a packed little-endian NumPy array with a schema; kernels read and fill its columns.
`Table.seal` freezes it: row bytes, the RFC 6962 root over the rows, and the blobs that the rows refer
to.  Four bytes of each leaf hash are kept beside the rows as *locators*: they are not part of the root
and only serve to name the row when stored bytes are not what was sealed.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from typing import Any, Final, TypeAlias

import attrs
import msgspec
import numpy as np

from sauma.errors import InvalidInput
from sauma.identifiers import Fact, canonical_json
from sauma.journal.columns import (
    NAME_BYTES_MAX,
    Array,
    Column,
    ColumnKind,
    Value,
    check_journal_name,
    fill_column,
    given_field,
    read_column,
)
from sauma.journal.merkle import inclusion_proof, leaf_hashes, root_of

LOCATOR_BYTES: Final = 4
ROWS_BYTES_MAX: Final = 512 * 1024 * 1024
"""Both databases refuse a value of 1 GiB; split an entry long before."""

Row: TypeAlias = tuple[Value, ...]


class TableClass(enum.IntEnum):
    """What replay does with a table."""

    INPUT = 1
    """Given from outside: readings, prices, offers, rulebooks, what the chain showed."""
    DERIVED = 2
    """Recomputed by replay: trades, obligations, instructions, bills."""
    WITNESSED = 3
    """Checked by replay: signed bytes must decode to the same effects."""


@attrs.frozen(kw_only=True)
class TableSchema:
    """The columns of a table.  A version, once used, never changes; a change is a new version."""

    name: str
    table_class: TableClass
    version: int
    columns: tuple[Column, ...]

    def __attrs_post_init__(self) -> None:
        """Refuse a schema without columns, with two columns of one name, or with a bad name."""
        check_journal_name(self.name, "table")
        if self.version < 1:
            raise InvalidInput(f"version {self.version} of table {self.name} must be 1 or more")
        names = [column.name for column in self.columns]
        if not names or len(set(names)) != len(names):
            raise InvalidInput(f"table {self.name} needs columns of different names, got {names}")

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The packed NumPy type of a row."""
        return np.dtype([field for column in self.columns for field in column.fields])

    @property
    def row_bytes(self) -> int:
        """How long a row is."""
        return self.dtype.itemsize

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """The names in the order of a row."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """Return a column by name."""
        for column in self.columns:
            if column.name == name:
                return column
        raise InvalidInput(f"table {self.name} has no column {name!r}, only {self.column_names}")

    def to_json(self) -> bytes:
        """Write the schema as canonical JSON: what its hash is taken of, and what a store keeps."""
        columns: list[Fact] = [
            {
                "kind": column.kind.value,
                "name": column.name,
                "nullable": column.nullable,
                "width_bytes": column.width_bytes,
            }
            for column in self.columns
        ]
        return canonical_json(
            {
                "class": self.table_class.name.lower(),
                "columns": columns,
                "name": self.name,
                "version": self.version,
            }
        )

    @cached_property
    def schema_hash(self) -> bytes:
        """SHA-256 of the canonical JSON; part of every entry that has such a table."""
        return sha256(self.to_json()).digest()


@attrs.frozen(kw_only=True)
class TableRecord:
    """What an entry's hash covers of a table."""

    name: str
    table_class: TableClass
    schema_hash: bytes
    row_count: int
    root: bytes
    blob_count: int
    blob_root: bytes

    def to_bytes(self) -> bytes:
        """Write the record: name (64), class (1), schema (32), rows (8), root, blobs (8), blob root."""
        return b"".join(
            (
                self.name.encode().ljust(NAME_BYTES_MAX, b"\0"),
                bytes((self.table_class,)),
                self.schema_hash,
                self.row_count.to_bytes(8, "little"),
                self.root,
                self.blob_count.to_bytes(8, "little"),
                self.blob_root,
            )
        )


@attrs.frozen(kw_only=True)
class SealedTable:
    """Rows that do not change any more, with the root that commits to them.

    Values are as stored and unchecked until `sauma.journal.entries.verify_entry` has seen them.
    """

    schema: TableSchema
    row_count: int
    rows: bytes = attrs.field(repr=False)
    root: bytes
    locators: bytes = attrs.field(repr=False)
    """`LOCATOR_BYTES` of every leaf hash, in row order."""
    blobs: tuple[bytes, ...] = attrs.field(repr=False)
    """Each once, in the order of their SHA-256."""
    blob_root: bytes

    @property
    def name(self) -> str:
        """The name of the table."""
        return self.schema.name

    @property
    def record(self) -> TableRecord:
        """What an entry's hash covers."""
        return TableRecord(
            name=self.schema.name,
            table_class=self.schema.table_class,
            schema_hash=self.schema.schema_hash,
            row_count=self.row_count,
            root=self.root,
            blob_count=len(self.blobs),
            blob_root=self.blob_root,
        )

    @cached_property
    def table(self) -> Table:
        """The columns over the sealed bytes, read-only and without a copy."""
        blobs = {sha256(content).digest(): content for content in self.blobs}
        return Table(
            schema=self.schema, array=np.frombuffer(self.rows, self.schema.dtype), blobs=blobs
        )

    def row(self, index: int) -> bytes:
        """Return the bytes of a row: the data of its leaf."""
        if not 0 <= index < self.row_count:
            raise InvalidInput(f"row {index} is not within {self.row_count} rows of {self.name}")
        width = self.schema.row_bytes
        return self.rows[index * width : (index + 1) * width]

    def inclusion_proof(self, index: int) -> tuple[bytes, ...]:
        """Return the audit path of a row; `merkle.verify_inclusion` checks it against the root."""
        return inclusion_proof(leaf_hashes(self.rows, self.schema.row_bytes), index)


@attrs.frozen(kw_only=True, eq=False)
class Table:
    """Columns while working: `table["energy_wh"]` is a NumPy array of one value a row.

    Text columns are arrays of UTF-8 bytes, ids and 256-bit integers of 32-byte values; `values` gives
    Python values instead.
    """

    schema: TableSchema
    array: Array
    blobs: Mapping[bytes, bytes]

    @classmethod
    def from_columns(cls, schema: TableSchema, columns: Mapping[str, Any]) -> Table:
        """Build a table from one sequence or NumPy array for each column, all of one length.

        Raises `InvalidInput` that names table, column and row.
        """
        if set(columns) != set(schema.column_names):
            raise InvalidInput(
                f"table {schema.name} has the columns {schema.column_names}, got {tuple(columns)}"
            )
        array = np.zeros(len(columns[schema.column_names[0]]), dtype=schema.dtype)
        if array.nbytes > ROWS_BYTES_MAX:
            raise InvalidInput(
                f"table {schema.name} of {array.nbytes} bytes is longer than {ROWS_BYTES_MAX}: "
                "split the entry"
            )
        blobs: dict[bytes, bytes] = {}
        for column in schema.columns:
            try:
                blobs.update(fill_column(array, column, columns[column.name]))
            except InvalidInput as error:
                raise InvalidInput(f"table {schema.name}: {error}") from None
        return cls(schema=schema, array=array, blobs=blobs)

    @classmethod
    def from_rows(
        cls, schema: TableSchema, rows: Sequence[Sequence[Any] | Mapping[str, Any]]
    ) -> Table:
        """Build a table from rows: tuples in the order of the columns, or mappings by column name."""
        names = schema.column_names
        if set(map(type, rows)) <= {tuple} and set(map(len, rows)) <= {len(names)}:
            ordered: Sequence[Sequence[Any]] = rows  # type: ignore[assignment]
        else:
            ordered = [_ordered(schema, index, row) for index, row in enumerate(rows)]
        columns = list(zip(*ordered, strict=True)) if ordered else [()] * len(names)
        return cls.from_columns(schema, dict(zip(names, columns, strict=True)))

    @classmethod
    def empty(cls, schema: TableSchema) -> Table:
        """Return a table without rows."""
        return cls.from_rows(schema, ())

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.array)

    def __getitem__(self, name: str) -> Array:
        """Return the stored column as a NumPy array; where a nullable column has no value it is zero."""
        self.schema.column(name)
        stored: Array = self.array[name]
        return stored

    def given(self, name: str) -> Array:
        """Return for each row whether a nullable column has a value."""
        if not self.schema.column(name).nullable:
            return np.ones(len(self), dtype=bool)
        given: Array = self.array[given_field(name)] != 0
        return given

    def values(self, name: str) -> list[Any]:
        """Return a column as Python values, None where there is none."""
        return read_column(self.array, self.schema.column(name), self.blobs)

    def value(self, name: str, row: int) -> Any:
        """Return one value as a Python value."""
        column = self.schema.column(name)
        return read_column(self.array[row : row + 1], column, self.blobs)[0]

    def rows(self) -> list[Row]:
        """Return the rows as tuples in the order of the columns."""
        return list(zip(*(self.values(name) for name in self.schema.column_names), strict=True))

    def dicts(self) -> Iterator[dict[str, Any]]:
        """Yield the rows as dictionaries by column name."""
        names = self.schema.column_names
        for row in self.rows():
            yield dict(zip(names, row, strict=True))

    def __eq__(self, other: object) -> bool:
        """Equal are tables with the same schema, rows and blobs, byte for byte."""
        if not isinstance(other, Table):
            return NotImplemented
        return (
            self.schema == other.schema
            and self.array.tobytes() == other.array.tobytes()
            and dict(self.blobs) == dict(other.blobs)
        )

    __hash__ = None  # type: ignore[assignment]

    def seal(self) -> SealedTable:
        """Freeze the rows and commit to them; later changes of the array do not reach the result."""
        rows = self.array.tobytes()
        leaves = leaf_hashes(rows, self.schema.row_bytes)
        digests = sorted(self.blobs)
        blobs = tuple(self.blobs[digest] for digest in digests)
        return SealedTable(
            schema=self.schema,
            row_count=len(self.array),
            rows=rows,
            root=root_of(leaves),
            locators=locators_of(leaves),
            blobs=blobs,
            blob_root=blob_root_of(digests, blobs),
        )


def locators_of(leaves: Sequence[bytes]) -> bytes:
    """Return the first bytes of each leaf hash."""
    return b"".join([leaf[:LOCATOR_BYTES] for leaf in leaves])


def blob_root_of(digests: Sequence[bytes], blobs: Sequence[bytes]) -> bytes:
    """Return the root over blob references (SHA-256, length), which are as in the rows."""
    references = b"".join(
        digest + len(content).to_bytes(8, "little")
        for digest, content in zip(digests, blobs, strict=True)
    )
    return root_of(leaf_hashes(references, 40))


def schema_from_json(text: bytes) -> TableSchema:
    """Read what `TableSchema.to_json` wrote; raises `InvalidInput` for anything else."""
    try:
        plain = msgspec.json.decode(text)
        schema = TableSchema(
            name=plain["name"],
            table_class=TableClass[plain["class"].upper()],
            version=plain["version"],
            columns=tuple(
                Column(
                    name=column["name"],
                    kind=ColumnKind(column["kind"]),
                    width_bytes=column["width_bytes"],
                    nullable=column["nullable"],
                )
                for column in plain["columns"]
            ),
        )
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"{text[:80]!r} is not the schema of a table: {error}") from error
    if schema.to_json() != text:
        raise InvalidInput(f"the schema of table {schema.name} is not in its canonical form")
    return schema


def _ordered(
    schema: TableSchema, index: int, row: Sequence[Any] | Mapping[str, Any]
) -> Sequence[Any]:
    """Return the values of a row in the order of the columns."""
    names = schema.column_names
    if isinstance(row, Mapping):
        if set(row) != set(names):
            raise InvalidInput(
                f"table {schema.name} row {index}: columns are {names}, got {tuple(row)}"
            )
        return [row[name] for name in names]
    if len(row) != len(names):
        raise InvalidInput(
            f"table {schema.name} row {index}: {len(names)} columns, got {len(row)} values"
        )
    return row
