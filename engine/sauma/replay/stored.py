"""Comparing a store, table by table, with the one in which its journal was lived again.

Compared are the values as the database holds them, before any conversion: another type, a row that
nobody reads or a moved position would be lost in reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa

from sauma.dispatch.rows import RAW
from sauma.replay.report import Finding
from sauma.steps import ANCHOR_KEY, SESSION_STEP, STANDING_STEP, step_key
from sauma.store import Store, salted_digest
from sauma.store import projections as p
from sauma.store.folding import PROJECTORS
from sauma.store.tables import JOURNAL_TABLES, vault
from sauma.store.vault import SALT_BYTES

CELL_CHARACTERS_MAX: Final = 160
"""Longer values are cut in a finding."""

_Cell = tuple[str, Any]
"""The type's name and the value, so that values of different types have an order too."""
_Keyed = tuple[tuple[_Cell, ...], tuple[_Cell, ...]]


def stored_findings(store: Store, again: Store, only: str | None = None) -> Iterator[Finding]:
    """Yield the first difference in each table of the journal and of the projections, or `only` one."""
    projected = [table for projector in PROJECTORS for table in projector.tables]
    for kind, tables in (("journal", JOURNAL_TABLES), ("projection", projected)):
        for table in sorted(tables, key=lambda one: one.name):
            if only not in (None, table.name):
                continue
            with store.reading() as stored, again.reading() as folded:
                yield from _first_difference(
                    kind, table, _rows(stored, table), _rows(folded, table)
                )


def damaged_item(row: Any) -> Finding | None:
    """Return what is wrong with an item of the vault by itself: salt, content or digest."""
    cells = [_cell(value) for value in (row.salt, row.content, row.digest)]
    if all(kind == "bytes" for kind, _ in cells):
        salt, content, digest = (value for _, value in cells)
        if len(salt) == SALT_BYTES and salted_digest(salt, content) == digest:
            return None
    return Finding(
        place=f"vault {row.kind} {row.key}",
        explanation="salt, content or digest is not what was kept",
    )


def unused_items(again: Store) -> Iterator[Finding]:
    """Yield the items of the vault that nothing in the journal commits to."""
    with again.reading() as connection:
        committed = {
            *(("account", f"{row.holder} {row.chain_id}") for row in _all(connection, p.bindings)),
            *(("gsrn", row.gsrn) for row in _all(connection, p.metering_points)),
            *((RAW, bytes(row.transaction_id).hex()) for row in _all(connection, p.transactions)),
            *(
                (SESSION_STEP, step_key(bytes(row.session_id), row.number))
                for row in _all(connection, p.session_steps)
            ),
            *(
                (STANDING_STEP, step_key(bytes(row.standing_id), row.number))
                for row in _all(connection, p.standing_steps)
            ),
            *((ANCHOR_KEY, bytes(row.anchor_id).hex()) for row in _all(connection, p.anchor_keys)),
        }
        kept = connection.execute(sa.select(vault.c.kind, vault.c.key))
        for kind, key in sorted(tuple(row) for row in kept):
            if (kind, key) not in committed:
                yield Finding(
                    place=f"vault {kind} {key}", explanation="nothing in the journal commits to it"
                )


def _all(connection: sa.Connection, table: sa.Table) -> sa.CursorResult[Any]:
    return connection.execute(sa.select(table))


def _rows(connection: sa.Connection, table: sa.Table) -> Iterator[_Keyed]:
    """Yield key and cells of each row in one order on every database.

    Databases sort numbers alike and texts by rules of their own, so rows are read in the order of the
    first key column and sorted here within each value of it; where that column is no number, all are.
    """
    key = [column.name for column in table.primary_key.columns]
    positions = [list(table.columns.keys()).index(name) for name in key]
    columns = [
        sa.type_coerce(column, sa.types.NullType()).label(column.name) for column in table.columns
    ]
    is_number = isinstance(table.primary_key.columns[key[0]].type, sa.Integer)
    query = sa.select(*columns)
    result = connection.execute(query.order_by(table.c[key[0]]) if is_number else query)
    rows = (tuple(map(_cell, row)) for row in result)
    keyed = ((tuple(row[position] for position in positions), row) for row in rows)
    if not is_number:
        yield from sorted(keyed)
        return
    for _, group in groupby(keyed, key=lambda row: row[0][0]):
        yield from sorted(group)


def _cell(value: object) -> _Cell:
    if isinstance(value, memoryview):
        value = bytes(value)
    if isinstance(value, bool):
        value = int(value)
    return type(value).__name__, value


def _first_difference(
    kind: str, table: sa.Table, stored: Iterator[_Keyed], folded: Iterator[_Keyed]
) -> Iterator[Finding]:
    for left in stored:
        right = next(folded, None)
        if left == right:
            continue
        if right is None or left[0] < right[0]:
            yield _finding(kind, table, left[0], "nothing in the journal makes it")
        elif left[0] > right[0]:
            yield _finding(kind, table, right[0], "is missing")
        else:
            cells = zip(table.columns.keys(), left[1], right[1], strict=True)
            name, here, again = next(cell for cell in cells if cell[1] != cell[2])
            yield _finding(
                kind,
                table,
                left[0],
                f"{name}: stored {_shown(here)}, made from the journal {_shown(again)}",
            )
        return
    right = next(folded, None)
    if right is not None:
        yield _finding(kind, table, right[0], "is missing")


def _finding(kind: str, table: sa.Table, key: tuple[_Cell, ...], explanation: str) -> Finding:
    names = [column.name for column in table.primary_key.columns]
    where = " ".join(f"{name} {_shown(cell)}" for name, cell in zip(names, key, strict=True))
    return Finding(place=f"{kind} {table.name} {where}", explanation=explanation)


def _shown(cell: _Cell) -> str:
    value = cell[1]
    text = value.hex() if isinstance(value, bytes) else str(value)
    if len(text) > CELL_CHARACTERS_MAX:
        text = text[:CELL_CHARACTERS_MAX] + "…"
    return text if cell[0] != "str" else repr(text)
