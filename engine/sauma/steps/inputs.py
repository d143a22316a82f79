"""What a step of an area is computed from: which tables, and which of their rows.

A test compares this with what the steps read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import sqlalchemy as sa

from sauma.intervals import Interval
from sauma.store import projections as p
from sauma.store.tables import journal_tables, metadata

Inputs: TypeAlias = Mapping[str, sa.ColumnElement[bool]]
"""The condition on the rows that count, by name of the journal's table."""

ANY = sa.true()


def clearing_inputs(area: str, interval: Interval) -> Inputs:
    """Return what the clearing of an area's interval follows from."""
    offers = p.posted_offers.c
    return {
        "rulebooks": ANY,
        "metering_points": ANY,
        "prices": p.prices.c.area_of_row == area,
        "readings": p.readings.c.interval_start_of_row == interval.start_unix,
        "posted_offers": sa.and_(offers.area == area, offers.interval_start == interval.start_unix),
    }


def planning_inputs(area: str, period: tuple[int, int]) -> Inputs:
    """Return what the plan of an area's netting period, given by start and end, follows from."""
    start, end = period
    owed, settled = p.obligations.c, p.settlements.c
    return {
        "rulebooks": ANY,
        "bindings": ANY,
        "obligations": sa.and_(
            owed.area == area, owed.interval_start >= start, owed.interval_start < end
        ),
        "settlements": sa.and_(
            settled.area == area, settled.period_start < end, settled.period_end > start
        ),
    }


def changed_since(connection: sa.Connection, sequence: int, inputs: Inputs) -> bool:
    """Tell whether entries after one have rows that would have counted."""
    entries = journal_tables.c
    newer = connection.execute(
        sa.select(entries.name)
        .where(entries.sequence > sequence, entries.name.in_([*inputs]))
        .distinct()
    ).scalars()
    return any(_has_rows(connection, name, sequence, inputs[name]) for name in newer.all())


def _has_rows(
    connection: sa.Connection, name: str, sequence: int, condition: sa.ColumnElement[bool]
) -> bool:
    if condition is ANY:
        return True
    table = metadata.tables[name]
    found = sa.select(table.c.sequence).where(table.c.sequence > sequence, condition).limit(1)
    return connection.execute(found).first() is not None
