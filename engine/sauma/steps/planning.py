"""From what is owed in a netting period to instructions in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import sqlalchemy as sa

from sauma.intervals import from_unix
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.rulebook import Rulebook
from sauma.settlement import (
    ENERGY,
    ChainTerms,
    Movement,
    Obligation,
    PlannedBatch,
    add_fee_floats,
    batch_movements,
    plan_movements,
    settlement_id,
)
from sauma.store import queries, registered

SETTLEMENT_PLANNED: Final = "settlement_planned"


def plan_batches(
    connection: sa.Connection,
    rulebook: Rulebook,
    area: str,
    period: tuple[int, int],
    terms: ChainTerms,
    fees: Sequence[tuple[str, int]] = (),
) -> tuple[bytes, list[PlannedBatch]]:
    """Return settlement id and batches for the energy owed in a period, with floats for quoted fees."""
    owed = queries.energy_debts(connection, _period(area, period))
    return _planned(connection, rulebook, area, period, terms, fees, owed)


def _period(area: str, period: tuple[int, int]) -> queries.Period:
    start, end = period
    return queries.Period(area=area, start=start, end=end)


def _planned(
    connection: sa.Connection,
    rulebook: Rulebook,
    area: str,
    period: tuple[int, int],
    terms: ChainTerms,
    fees: Sequence[tuple[str, int]],
    owed: Sequence[Obligation],
) -> tuple[bytes, list[PlannedBatch]]:
    start, end = period
    identity = settlement_id(rulebook, area, from_unix(start), from_unix(end), terms.chain_id)
    movements = plan_movements(identity, owed, rulebook, terms)
    if terms.needs_fees:
        movements = add_fee_floats(identity, movements, fees)
    holders = {
        holder
        for move in movements
        for holder in (move.source, move.target, *(name for name, _ in move.legs))
    }
    bound = registered.bound_among(connection, terms.chain_id, holders)
    return identity, batch_movements(identity, movements, terms, bound)


def plan_settlement(
    connection: sa.Connection,
    rulebook: Rulebook,
    area: str,
    period: tuple[int, int],
    terms: ChainTerms,
    fees: Sequence[tuple[str, int]],
) -> list[Table]:
    """Return the settlement of a period as tables: what was given with it and what follows."""
    owed = queries.energy_debts(connection, _period(area, period))
    identity, batches = _planned(connection, rulebook, area, period, terms, fees, owed)
    movements = [movement for batch in batches for movement in batch.movements]
    summary = (
        identity,
        terms.chain_id,
        *period,
        queries.obligation_count(connection, _period(area, period)),
        sum(one.units for one in owed),
        sum(move.units for move in movements if move.asset_role == ENERGY),
    )
    return [
        Table.from_rows(journal.CHAIN_TERMS, [attrs.astuple(terms)]),
        Table.from_rows(journal.FEE_QUOTES, sorted(fees)),
        Table.from_rows(journal.SETTLEMENTS, [summary]),
        Table.from_rows(
            journal.INSTRUCTIONS,
            [
                _instruction_row(identity, batch, position, movement)
                for batch in batches
                for position, movement in enumerate(batch.movements)
            ],
        ),
        Table.from_rows(
            journal.INSTRUCTION_PARENTS,
            [(move.instruction_id, parent) for move in movements for parent in move.parents],
        ),
        Table.from_rows(
            journal.INSTRUCTION_LEGS,
            [
                (move.instruction_id, holder, units)
                for move in movements
                for holder, units in move.legs
            ],
        ),
    ]


def _instruction_row(
    identity: bytes, batch: PlannedBatch, position: int, movement: Movement
) -> tuple[object, ...]:
    return (
        movement.instruction_id,
        identity,
        batch.batch_id,
        position,
        int(movement.kind),
        movement.wave,
        movement.authority,
        movement.source,
        movement.target,
        movement.asset_role,
        movement.units,
        batch.atomic,
    )
