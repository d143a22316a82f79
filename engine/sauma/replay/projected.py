"""Comparing a store's projections with those of the journal lived again."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

import sqlalchemy as sa

from sauma.replay.report import Finding
from sauma.store import Store
from sauma.store.projections import PROJECTORS


def compare_projections(store: Store, again: Store) -> Finding | None:
    """Return the first row in which a projection differs from the journal's fold."""
    for projector in PROJECTORS:
        for table in sorted(projector.tables, key=lambda one: one.name):
            finding = _compare(store, again, table)
            if finding is not None:
                return finding
    return None


def _compare(store: Store, again: Store, table: sa.Table) -> Finding | None:
    select = sa.select(table).order_by(*table.primary_key.columns)
    with store.reading() as stored, again.reading() as folded:
        rows = zip_longest(stored.execute(select), folded.execute(select))
        for number, (left, right) in enumerate(rows):
            if left is None or right is None:
                return Finding(
                    place=f"projection {table.name} row {number}",
                    explanation="is missing" if left is None else "nothing in the journal makes it",
                )
            if tuple(left) != tuple(right):
                return Finding(
                    place=f"projection {table.name} row {number}", explanation=_shown(left, right)
                )
    return None


def _shown(left: sa.Row[Any], right: sa.Row[Any]) -> str:
    for name, stored, folded in zip(left._fields, left, right, strict=True):
        if stored != folded:
            return f"{name}: stored {stored!r}, folded from the journal {folded!r}"
    return "differs"
