"""Computing again what follows from what was given, and comparing it byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import sqlalchemy as sa

from sauma.errors import InvalidInput, UnknownName
from sauma.intervals import to_unix
from sauma.journal import SealedEntry, Table, TableClass, first_difference
from sauma.replay.report import Finding
from sauma.rulebook import Rulebook
from sauma.settlement import ChainTerms
from sauma.steps import (
    BILLS_ISSUED,
    INTERVAL_CLEARED,
    SETTLEMENT_PLANNED,
    clear_interval,
    issue_bills,
    plan_settlement,
)
from sauma.store import queries


def derived_finding(connection: sa.Connection, entry: SealedEntry) -> Finding | None:
    """Return the first difference between an entry's derived tables and the same computed again.

    `connection` sees the projections as they were before the entry.
    """
    derived = {
        table.name: table
        for table in entry.tables
        if table.schema.table_class is TableClass.DERIVED
    }
    step = _STEPS.get(entry.kind)
    if step is None:
        if derived:
            return Finding(
                place=f"entry {entry.sequence}",
                explanation=f"a {entry.kind} entry has derived tables {sorted(derived)}, "
                "which nothing computes",
            )
        return None
    recomputed = {
        table.schema.name: table.seal()
        for table in step(connection, entry)
        if table.schema.table_class is TableClass.DERIVED
    }
    if sorted(recomputed) != sorted(derived):
        return Finding(
            place=f"entry {entry.sequence}",
            explanation=f"has the derived tables {sorted(derived)}, computed were "
            f"{sorted(recomputed)}",
        )
    for name in sorted(derived):
        difference = first_difference(derived[name], recomputed[name])
        if difference is not None:
            return Finding(place=f"entry {entry.sequence}", explanation=str(difference))
    return None


def _rulebook(connection: sa.Connection, entry: SealedEntry) -> Rulebook:
    if entry.header.rulebook_hash is None:
        raise InvalidInput(f"the {entry.kind} entry names no rulebook")
    return queries.rulebook(connection, entry.header.rulebook_hash)


def _clear_again(connection: sa.Connection, entry: SealedEntry) -> Sequence[Table]:
    interval = entry.header.interval
    if interval is None:
        raise InvalidInput("the entry clears no interval")
    return clear_interval(connection, _rulebook(connection, entry), entry.header.area, interval)


def _plan_again(connection: sa.Connection, entry: SealedEntry) -> Sequence[Table]:
    interval = entry.header.interval
    if interval is None:
        raise InvalidInput("the entry plans no period")
    rulebook = _rulebook(connection, entry)
    start, end = (to_unix(moment) for moment in rulebook.settlement_period(interval))
    rows = list(entry.table("chain_terms").dicts())
    if len(rows) != 1:
        raise InvalidInput(f"the entry has {len(rows)} rows of chain terms")
    fees = [(row["holder"], row["units"]) for row in entry.table("fee_quotes").dicts()]
    return plan_settlement(
        connection, rulebook, entry.header.area, (start, end), ChainTerms(**rows[0]), fees
    )


def _bill_again(connection: sa.Connection, entry: SealedEntry) -> Sequence[Table]:
    interval = entry.header.interval
    if interval is None:
        raise InvalidInput("the entry bills no period")
    for settlement in queries.settlements(connection):
        if (settlement.area, settlement.period_start) == (
            entry.header.area,
            interval.start_unix,
        ):
            return issue_bills(connection, _rulebook(connection, entry), settlement, entry.sequence)
    raise UnknownName(f"no settlement of {entry.header.area} begins at {interval}")


_STEPS: Final[dict[str, Callable[[sa.Connection, SealedEntry], Sequence[Table]]]] = {
    INTERVAL_CLEARED: _clear_again,
    SETTLEMENT_PLANNED: _plan_again,
    BILLS_ISSUED: _bill_again,
}
