"""Many rows at once, given as columns: no dictionary is built for a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import sqlalchemy as sa


def insert_columns(
    connection: sa.Connection,
    table: sa.Table,
    columns: Mapping[str, Iterable[Any]],
    row_count: int,
) -> None:
    """Insert rows whose values are what the driver takes; a column may go on for ever (`repeat`)."""
    if not row_count:
        return
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    quote = connection.dialect.identifier_preparer.quote
    names, marks = ", ".join(map(quote, columns)), ", ".join([mark] * len(columns))
    rows = list(islice(zip(*columns.values(), strict=False), row_count))
    connection.exec_driver_sql(
        f"INSERT INTO {quote(table.name)} ({names}) VALUES ({marks})",  # noqa: S608
        rows,
    )
