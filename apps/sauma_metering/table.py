"""Delimited text as rows that know where they stand, so that every complaint names its place.

A place is the file, the line as an editor counts it (the header is line 1) and the column by number
and by header name.  Lines that are empty are skipped; white space around a cell does not count.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import attrs

from sauma.errors import Conflict, InvalidInput

FILE_BYTES_MAX: Final = 1 << 30
"""The largest file that is read, 1 GiB: some ten million readings."""
LINES_MAX: Final = 20_000_000
"""The most lines of one file."""

_SHOWN_MAX: Final = 60

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Row:
    """One line of a table: its place and its cells by header name."""

    file: str
    line: int
    columns: Mapping[str, int]
    cells: Sequence[str]

    def __getitem__(self, header: str) -> str:
        """Return the cell under that header, or an empty text when the file has no such column."""
        position = self.columns.get(header)
        return "" if position is None else self.cells[position]

    def broken(self, header: str, remedy: str) -> InvalidInput:
        """Return the error for a cell: file, line, column, what was found, and the remedy."""
        column = self.columns[header] + 1
        found = repr(_shortened(self[header])) if self[header] else "nothing"
        return InvalidInput(
            f"{self.file}, line {self.line}, column {column} ({header}): found {found}: {remedy}"
        )

    def read(self, header: str, parse: Callable[[str], T]) -> T:
        """Return what `parse` makes of a cell; its `InvalidInput` comes back with the place."""
        try:
            return parse(self[header])
        except InvalidInput as error:
            raise self.broken(header, str(error)) from error

    def located(self, error: InvalidInput) -> InvalidInput:
        """Return an error about the line as a whole with its place; one that has it stays as it is."""
        if str(error).startswith(f"{self.file}, line "):
            return error
        return InvalidInput(f"{self.file}, line {self.line}: {error}")

    def conflict(self, other_line: int, what: str) -> Conflict:
        """Return the error for two lines that contradict each other."""
        return Conflict(
            f"{self.file}, line {self.line} contradicts line {other_line}: {what}; "
            "delete the line that is wrong"
        )


def read_text(path: Path) -> str:
    """Read a whole UTF-8 file, with or without a byte order mark.

    Raises `InvalidInput` when it cannot be read, is larger than `FILE_BYTES_MAX` or is not UTF-8.
    """
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise InvalidInput(
                f"{path} has {path.stat().st_size} bytes: split it into files of "
                f"at most {FILE_BYTES_MAX}"
            )
        return decode_text(path.read_bytes(), str(path))
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}: check the name") from error


def decode_text(raw: bytes, file: str) -> str:
    """Return the text of UTF-8 bytes without a byte order mark; else name the line that is not."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InvalidInput(
            f"{file}, line {line}: byte {raw[error.start]:#04x} is not UTF-8: "
            "save the file as UTF-8 and import it again"
        ) from error


def read_header(text: str, separator: str) -> tuple[str, ...]:
    """Return the names in the first line, without checking them."""
    first = text.removeprefix("\ufeff").lstrip("\r\n").partition("\n")[0]
    return tuple(name.strip().strip('"') for name in first.split(separator))


def read_rows(
    text: str,
    *,
    file: str,
    separator: str,
    required: Sequence[str],
    optional: Sequence[str] = (),
) -> Iterator[Row]:
    """Yield the rows below a header that has all `required` columns, in any order.

    Raises `InvalidInput` with the place for a missing, unknown or repeated column, a line with too
    few or too many cells, and quotes that do not close.
    """
    lines = csv.reader(
        io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=separator, strict=True
    )
    columns: dict[str, int] | None = None
    line = 1
    while True:
        line = lines.line_num + 1
        try:
            cells = [cell.strip() for cell in next(lines)]
        except StopIteration:
            break
        except csv.Error as error:
            raise InvalidInput(
                f"{file}, line {line}: {error}: check its quotation marks"
            ) from error
        if line > LINES_MAX:
            raise InvalidInput(f"{file} has more than {LINES_MAX} lines: split it")
        if not any(cells):
            continue
        if columns is None:
            columns = _check_header(cells, file, line, separator, required, optional)
            continue
        _check_length(cells, columns, file, line, separator)
        yield Row(file=file, line=line, columns=columns, cells=cells)
    if columns is None:
        raise InvalidInput(
            f"{file}, line 1: found nothing: the first line must be {separator.join(required)}"
        )


def _check_header(
    names: Sequence[str],
    file: str,
    line: int,
    separator: str,
    required: Sequence[str],
    optional: Sequence[str],
) -> dict[str, int]:
    columns: dict[str, int] = {}
    for position, name in enumerate(names):
        place = f"{file}, line {line}, column {position + 1}"
        if name in columns:
            raise InvalidInput(f"{place}: {name!r} stands twice in the header: delete one column")
        if name not in required and name not in optional:
            known = separator.join([*required, *(f"[{each}]" for each in optional)])
            raise InvalidInput(
                f"{place}: found {_shortened(name)!r}, which is not a column: expected {known}"
            )
        columns[name] = position
    missing = [name for name in required if name not in columns]
    if missing:
        raise InvalidInput(
            f"{file}, line {line}: the header lacks {missing[0]!r}: "
            f"expected {separator.join(required)}"
        )
    return columns


def _check_length(
    cells: Sequence[str], columns: Mapping[str, int], file: str, line: int, separator: str
) -> None:
    if len(cells) < len(columns):
        header = list(columns)[len(cells)]
        raise InvalidInput(
            f"{file}, line {line}, column {len(cells) + 1} ({header}): found the end of the line: "
            f"give {len(columns)} cells separated by {separator!r}"
        )
    if len(cells) > len(columns):
        raise InvalidInput(
            f"{file}, line {line}, column {len(columns) + 1} (no header): "
            f"found {_shortened(cells[len(columns)])!r}: "
            f"give {len(columns)} cells separated by {separator!r}; is a comma in a number unquoted?"
        )


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + "…"
