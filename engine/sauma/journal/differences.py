"""The first difference between two tables, by name: what a replay reports."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from sauma.errors import InvalidInput
from sauma.journal.tables import SealedTable


@attrs.frozen(kw_only=True)
class Difference:
    """Where a recomputed table first differs from the stored one."""

    table: str
    row: int | None
    """Counted from 0; None when the tables differ in schema or number of rows only."""
    column: str | None
    stored: Any
    recomputed: Any

    def __str__(self) -> str:
        """Name table, row and column with both values."""
        place = f"table {self.table}"
        if self.row is not None:
            place += f" row {self.row}"
        return (
            f"{place} {self.column}: stored {_shown(self.stored)}, "
            f"recomputed {_shown(self.recomputed)}"
        )


def first_difference(stored: SealedTable, recomputed: SealedTable) -> Difference | None:
    """Return the first row and column in which two sealed tables differ, or None when they do not."""
    if stored.schema != recomputed.schema:
        return Difference(
            table=stored.name,
            row=None,
            column="schema",
            stored=stored.schema.schema_hash,
            recomputed=recomputed.schema.schema_hash,
        )
    width = stored.schema.row_bytes
    common = min(stored.row_count, recomputed.row_count)
    left = np.frombuffer(stored.rows, dtype=f"V{width}", count=common)
    right = np.frombuffer(recomputed.rows, dtype=f"V{width}", count=common)
    unequal = np.flatnonzero(left != right)
    if len(unequal):
        return _in_row(stored, recomputed, int(unequal[0]))
    if stored.row_count != recomputed.row_count:
        return Difference(
            table=stored.name,
            row=common,
            column="row_count",
            stored=stored.row_count,
            recomputed=recomputed.row_count,
        )
    return None


def _in_row(stored: SealedTable, recomputed: SealedTable, row: int) -> Difference:
    """Return the first column in which two rows differ."""
    left, right = stored.table, recomputed.table
    for column in stored.schema.columns:
        if any(
            left.array[field][row].tobytes() != right.array[field][row].tobytes()
            for field, _ in column.fields
        ):
            return Difference(
                table=stored.name,
                row=row,
                column=column.name,
                stored=left.value(column.name, row),
                recomputed=right.value(column.name, row),
            )
    raise InvalidInput(f"row {row} of table {stored.name} does not differ")


def _shown(value: object) -> str:
    """Show bytes as hexadecimal."""
    return value.hex() if isinstance(value, bytes) else repr(value)
