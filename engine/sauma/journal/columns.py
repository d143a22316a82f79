"""Columns of a journal table: fixed widths, little-endian, no padding between them.

Every value has exactly one encoding, so equal rows are equal bytes on every machine.  A nullable
column is preceded by one byte: 0 (the value's bytes are zero) or 1.  A blob column holds a reference,
SHA-256 and length; its bytes lie in the table's blob part.

====================  =====  ======================================================================
kind                  bytes  Python value
====================  =====  ======================================================================
int8 … int64, uint8   1 … 8  int, two's complement
int256                32     int, two's complement: for chains whose units need more than 63 bits
flag                  1      bool, 0 or 1
unix_time             8      int, whole seconds since 1970 in UTC (`sauma.intervals.to_unix`)
fixed_bytes(n)        n      bytes of exactly that length
text(n)               n      str, UTF-8, filled up with zero bytes; longer text is refused
blob                  40     bytes of any length; the row holds SHA-256 (32) and length (8)
====================  =====  ======================================================================
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

from sauma.errors import InvalidInput

NAME_BYTES_MAX: Final = 64
FIXED_WIDTH_MAX: Final = 4096
"""Wider columns belong into a blob."""
DIGEST_BYTES: Final = 32
_WIDE_BYTES: Final = 32
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")

Value: TypeAlias = int | bool | bytes | str | None
Array: TypeAlias = npt.NDArray[Any]


class ColumnKind(enum.Enum):
    """What a column holds; the text is part of a schema's hash and never changes."""

    INT8 = "int8"
    UINT8 = "uint8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    INT256 = "int256"
    FLAG = "flag"
    UNIX_TIME = "unix_time"
    BYTES = "bytes"
    TEXT = "text"
    BLOB = "blob"


_INTEGERS: Final = {
    ColumnKind.INT8: "<i1",
    ColumnKind.UINT8: "<u1",
    ColumnKind.INT16: "<i2",
    ColumnKind.INT32: "<i4",
    ColumnKind.INT64: "<i8",
    ColumnKind.UNIX_TIME: "<i8",
}


@attrs.frozen(kw_only=True)
class Column:
    """One column: build it with the functions below, such as `int64("energy_wh")`."""

    name: str
    kind: ColumnKind
    width_bytes: int
    nullable: bool = False

    def __attrs_post_init__(self) -> None:
        """Refuse names that are no lower-case words and widths that nobody should have in a row."""
        check_journal_name(self.name, "column")
        if not 1 <= self.width_bytes <= FIXED_WIDTH_MAX:
            raise InvalidInput(
                f"column {self.name} of {self.width_bytes} bytes is not within 1 … "
                f"{FIXED_WIDTH_MAX}: use a blob column for what is longer"
            )

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The NumPy fields of the column, in the order of its bytes."""
        flag = [(given_field(self.name), "u1")] if self.nullable else []
        if self.kind is ColumnKind.BLOB:
            return [*flag, (self.name, f"V{DIGEST_BYTES}"), (length_field(self.name), "<i8")]
        if self.kind is ColumnKind.TEXT:
            return [*flag, (self.name, f"S{self.width_bytes}")]
        if self.kind in (ColumnKind.BYTES, ColumnKind.INT256):
            return [*flag, (self.name, f"V{self.width_bytes}")]
        return [*flag, (self.name, _INTEGERS.get(self.kind, "u1"))]

    @property
    def zero(self) -> Value:
        """The value whose bytes stand where a nullable column has none."""
        if self.kind is ColumnKind.TEXT:
            return ""
        if self.kind is ColumnKind.BYTES:
            return bytes(self.width_bytes)
        return b"" if self.kind is ColumnKind.BLOB else 0


def int8(name: str, *, nullable: bool = False) -> Column:
    """Return a column of integers from -128 to 127."""
    return Column(name=name, kind=ColumnKind.INT8, width_bytes=1, nullable=nullable)


def uint8(name: str, *, nullable: bool = False) -> Column:
    """Return a column of integers from 0 to 255, such as the numbers of an `IntEnum`."""
    return Column(name=name, kind=ColumnKind.UINT8, width_bytes=1, nullable=nullable)


def int16(name: str, *, nullable: bool = False) -> Column:
    """Return a column of 16-bit integers."""
    return Column(name=name, kind=ColumnKind.INT16, width_bytes=2, nullable=nullable)


def int32(name: str, *, nullable: bool = False) -> Column:
    """Return a column of 32-bit integers."""
    return Column(name=name, kind=ColumnKind.INT32, width_bytes=4, nullable=nullable)


def int64(name: str, *, nullable: bool = False) -> Column:
    """Return a column of 64-bit integers: energy, prices, money, heights."""
    return Column(name=name, kind=ColumnKind.INT64, width_bytes=8, nullable=nullable)


def int256(name: str, *, nullable: bool = False) -> Column:
    """Return a column of 256-bit integers, for units of chains that need them."""
    return Column(name=name, kind=ColumnKind.INT256, width_bytes=_WIDE_BYTES, nullable=nullable)


def flag(name: str, *, nullable: bool = False) -> Column:
    """Return a column of booleans."""
    return Column(name=name, kind=ColumnKind.FLAG, width_bytes=1, nullable=nullable)


def unix_time(name: str, *, nullable: bool = False) -> Column:
    """Return a column of whole seconds since 1970 in UTC."""
    return Column(name=name, kind=ColumnKind.UNIX_TIME, width_bytes=8, nullable=nullable)


def fixed_bytes(name: str, width_bytes: int, *, nullable: bool = False) -> Column:
    """Return a column of byte strings of one length."""
    return Column(name=name, kind=ColumnKind.BYTES, width_bytes=width_bytes, nullable=nullable)


def bytes32(name: str, *, nullable: bool = False) -> Column:
    """Return a column of 32-byte ids and hashes."""
    return fixed_bytes(name, DIGEST_BYTES, nullable=nullable)


def text(name: str, width_bytes: int, *, nullable: bool = False) -> Column:
    """Return a column of text of at most so many UTF-8 bytes."""
    return Column(name=name, kind=ColumnKind.TEXT, width_bytes=width_bytes, nullable=nullable)


def blob(name: str, *, nullable: bool = False) -> Column:
    """Return a column of byte strings of any length, which lie in the table's blob part."""
    return Column(name=name, kind=ColumnKind.BLOB, width_bytes=DIGEST_BYTES + 8, nullable=nullable)


def given_field(name: str) -> str:
    """Return the NumPy field that says whether a nullable column has a value in a row."""
    return f"{name}?"


def length_field(name: str) -> str:
    """Return the NumPy field with the length of a blob."""
    return f"{name}#"


def check_journal_name(name: object, what: str) -> str:
    """Return a lower-case name of a table, column or kind, or raise `InvalidInput`."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{what} name {name!r} is not a word of lower-case letters, digits and underscores"
        )
    return name


def fill_column(array: Array, column: Column, values: Any) -> dict[bytes, bytes]:
    """Write the values of a column into a structured array; return its blobs by SHA-256.

    Raises `InvalidInput` that names the column and, for a value, its row.
    """
    if len(values) != len(array):
        raise InvalidInput(
            f"column {column.name} has {len(values)} values and the table {len(array)} rows"
        )
    if isinstance(values, np.ndarray):
        return _fill_from_array(array, column, values)
    if column.nullable:
        given = [value is not None for value in values]
        array[given_field(column.name)] = given
        zero = column.zero
        known = [zero if value is None else value for value in values]
    else:
        given = []
        known = list(values)
    if column.kind is ColumnKind.BLOB:
        return _fill_blobs(array, column, known, given)
    array[column.name] = _encoded(column, known)
    return {}


def read_column(array: Array, column: Column, blobs: Mapping[bytes, bytes]) -> list[Any]:
    """Return the Python values of a column, row by row."""
    stored = array[column.name]
    values: list[Any]
    if column.kind is ColumnKind.BLOB:
        values = [blobs.get(digest) for digest in stored.tolist()]
    elif column.kind is ColumnKind.TEXT:
        values = [value.decode("utf-8") for value in stored.tolist()]
    elif column.kind is ColumnKind.FLAG:
        values = [value != 0 for value in stored.tolist()]
    elif column.kind is ColumnKind.INT256:
        values = [int.from_bytes(value, "little", signed=True) for value in stored.tolist()]
    else:
        values = stored.tolist()
    if column.nullable:
        given = array[given_field(column.name)].tolist()
        values = [value if known else None for value, known in zip(values, given, strict=True)]
    return values


def _fill_from_array(array: Array, column: Column, values: Array) -> dict[bytes, bytes]:
    """Take a NumPy column without a detour where it holds integers that fit; else by its values."""
    if column.kind in _INTEGERS and not column.nullable and values.dtype.kind in "iu":
        limits = np.iinfo(np.dtype(_INTEGERS[column.kind]))
        if len(values) and (int(values.min()) < limits.min or int(values.max()) > limits.max):
            return fill_column(array, column, values.tolist())
        array[column.name] = values
        return {}
    if column.kind is ColumnKind.FLAG and not column.nullable and values.dtype.kind == "b":
        array[column.name] = values
        return {}
    exact = np.dtype(f"V{column.width_bytes}")
    if column.kind is ColumnKind.BYTES and not column.nullable and values.dtype == exact:
        array[column.name] = values
        return {}
    return fill_column(array, column, values.tolist())


def _fill_blobs(
    array: Array, column: Column, values: list[Any], given: list[bool]
) -> dict[bytes, bytes]:
    """Write references to blobs; where a nullable column has no value the reference is zero."""
    _check_each(column, values, lambda value: type(value) is bytes, "bytes")
    none = bytes(DIGEST_BYTES)
    known = {value: sha256(value).digest() for value in set(values)}
    digests = [
        none if given and not given[index] else known[value] for index, value in enumerate(values)
    ]
    blobs = {digest: value for digest, value in zip(digests, values, strict=True) if digest != none}
    array[column.name] = np.frombuffer(b"".join(digests), dtype=f"V{DIGEST_BYTES}")
    array[length_field(column.name)] = [len(value) for value in values]
    return blobs


def _encoded(column: Column, values: list[Any]) -> Array:
    """Return the values of a column as an array of its width, each of them checked."""
    if column.kind is ColumnKind.TEXT:
        return _encoded_text(column, values)
    if column.kind is ColumnKind.BYTES:
        width = column.width_bytes
        if not (set(map(type, values)) <= {bytes} and set(map(len, values)) <= {width}):
            _check_each(
                column,
                values,
                lambda value: type(value) is bytes and len(value) == width,
                f"{width} bytes",
            )
        return np.frombuffer(b"".join(values), dtype=f"V{width}")
    if column.kind is ColumnKind.INT256:
        return _encoded_wide(column, values)
    if column.kind is ColumnKind.FLAG:
        _check_each(
            column, values, lambda value: type(value) is bool or value in (0, 1), "a boolean"
        )
        return np.array(values, dtype="u1")
    return _encoded_integers(column, values)


def _encoded_integers(column: Column, values: list[Any]) -> Array:
    """Return integers as an array; enumerations of integers are integers, booleans are not."""
    dtype = np.dtype(_INTEGERS[column.kind])
    limits = np.iinfo(dtype)
    lowest, highest = int(limits.min), int(limits.max)
    if set(map(type, values)) <= {int} and (
        not values or (min(values) >= lowest and max(values) <= highest)
    ):
        return np.array(values, dtype=dtype)
    _check_each(
        column,
        values,
        lambda value: (
            isinstance(value, (int, np.integer))
            and not isinstance(value, bool)
            and lowest <= value <= highest
        ),
        f"an integer from {lowest} to {highest}",
    )
    return np.array([int(value) for value in values], dtype=dtype)


def _encoded_wide(column: Column, values: list[Any]) -> Array:
    """Return 256-bit integers as 32 bytes each, two's complement."""
    limit = 1 << (8 * _WIDE_BYTES - 1)
    _check_each(
        column,
        values,
        lambda value: (
            isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit
        ),
        "an integer of 256 bits",
    )
    encoded = b"".join(int(value).to_bytes(_WIDE_BYTES, "little", signed=True) for value in values)
    return np.frombuffer(encoded, dtype=f"V{_WIDE_BYTES}")


def _encoded_text(column: Column, values: list[Any]) -> Array:
    """Return text as UTF-8 of a fixed width; a zero byte inside would not come back, so it is refused."""
    width = column.width_bytes
    if set(map(type, values)) <= {str}:
        # Looked at as a whole; only where something is wrong one by one, for the row to be named.
        joined = "".join(values)
        if joined.isascii() and "\0" not in joined and max(map(len, values), default=0) <= width:
            return np.array(values, dtype=f"S{width}")
    _check_each(column, values, lambda value: _fits(value, width), f"text of {width} UTF-8 bytes")
    return np.array([value.encode("utf-8") for value in values], dtype=f"S{width}")


def _fits(value: object, width: int) -> bool:
    """Tell whether a value is text that a column of that width gives back unchanged."""
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        return len(value.encode("utf-8")) <= width
    except UnicodeEncodeError:
        return False


def _check_each(column: Column, values: list[Any], fits: Any, wanted: str) -> None:
    """Raise `InvalidInput` for the first value that does not fit, with its row."""
    for row, value in enumerate(values):
        if not fits(value):
            raise InvalidInput(
                f"column {column.name} row {row}: {value!r} is not {wanted}"
                + ("" if column.nullable or value is not None else " (the column is not nullable)")
            )
