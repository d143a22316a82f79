"""Asking for the rows of some ids, as many at a time as a statement may have parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import sqlalchemy as sa

from sauma.store.queries import IDS_MAX

Id = TypeVar("Id", str, bytes)


def rows_among(
    connection: sa.Connection,
    query: sa.Select[Any],
    column: sa.ColumnElement[Any],
    ids: Iterable[Id],
) -> Iterator[Any]:
    """Yield the rows of a select in which a column is one of some ids."""
    wanted = sorted(set(ids))
    for first in range(0, len(wanted), IDS_MAX):
        yield from connection.execute(query.where(column.in_(wanted[first : first + IDS_MAX])))
