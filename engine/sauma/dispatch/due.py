"""What may leave now: planned batches whose parents are included, as the chain takes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import sqlalchemy as sa

from sauma.chain import Batch, BatchKind, Instruction, Issue, Leg, Net, Transfer
from sauma.errors import UnknownName
from sauma.identifiers import AccountId
from sauma.settlement import Movement, MovementKind, PlannedBatch
from sauma.store import projections as p
from sauma.store import queries
from sauma.venue import Venue


@attrs.frozen(kw_only=True)
class DueBatches:
    """Planned batches that no living transaction carries: with parents included, and without."""

    ready: tuple[PlannedBatch, ...]
    waiting: int


def due_batches(connection: sa.Connection, chain_id: str) -> DueBatches:
    """Return the batches of a chain that may leave now, in the order of their waves."""
    alive, included = _batch_states(connection, chain_id)
    settlements = {
        row.settlement_id for row in queries.settlements(connection) if row.chain_id == chain_id
    }
    rows = connection.execute(
        sa.select(p.instructions).order_by(p.instructions.c.sequence, p.instructions.c.row_number)
    ).all()
    open_rows: dict[bytes, list[Any]] = defaultdict(list)
    for row in rows:
        if bytes(row.settlement_id) in settlements and bytes(row.batch_id) not in alive:
            open_rows[bytes(row.batch_id)].append(row)
    if not open_rows:
        return DueBatches(ready=(), waiting=0)
    batch_of = {bytes(row.instruction_id): bytes(row.batch_id) for row in rows}
    batches = _planned(connection, open_rows)
    ready = tuple(
        batch
        for batch in batches
        if all(
            batch_of[parent] in included or batch_of[parent] == batch.batch_id
            for movement in batch.movements
            for parent in movement.parents
        )
    )
    return DueBatches(ready=ready, waiting=len(batches) - len(ready))


def _batch_states(connection: sa.Connection, chain_id: str) -> tuple[set[bytes], set[bytes]]:
    """Return the batches that a living transaction carries, and those with an included one.

    A transaction that was included and failed lives until its block is final: until then it may be
    undone and succeed.
    """
    rows = connection.execute(
        sa.select(
            p.transaction_batches.c.batch_id, p.transactions.c.state, p.transactions.c.succeeded
        )
        .join(
            p.transactions,
            p.transactions.c.transaction_id == p.transaction_batches.c.transaction_id,
        )
        .where(p.transactions.c.chain_id == chain_id)
    )
    alive: set[bytes] = set()
    included: set[bytes] = set()
    for row in rows:
        failed_for_ever = row.state == p.STATE_FINAL and not row.succeeded
        if row.state == p.STATE_DEAD or failed_for_ever:
            continue
        alive.add(bytes(row.batch_id))
        if row.succeeded:
            included.add(bytes(row.batch_id))
    return alive, included


def _planned(
    connection: sa.Connection, rows_by_batch: Mapping[bytes, list[Any]]
) -> list[PlannedBatch]:
    """Return batches as they were planned, with parents and legs."""
    wanted = {bytes(row.instruction_id) for rows in rows_by_batch.values() for row in rows}
    parents: dict[bytes, list[bytes]] = defaultdict(list)
    for row in _in_order(connection, p.instruction_parents):
        if bytes(row.instruction_id) in wanted:
            parents[bytes(row.instruction_id)].append(bytes(row.parent_id))
    legs: dict[bytes, list[tuple[str, int]]] = defaultdict(list)
    for row in _in_order(connection, p.instruction_legs):
        if bytes(row.instruction_id) in wanted:
            legs[bytes(row.instruction_id)].append((row.holder, row.delta_units))
    return [
        PlannedBatch(
            settlement_id=bytes(rows[0].settlement_id),
            batch_id=batch_id,
            wave=rows[0].wave,
            authority=rows[0].authority,
            atomic=rows[0].atomic,
            movements=tuple(_movement(row, parents, legs) for row in rows),
        )
        for batch_id, rows in rows_by_batch.items()
    ]


def _in_order(connection: sa.Connection, table: sa.Table) -> Iterable[Any]:
    return connection.execute(sa.select(table).order_by(table.c.sequence, table.c.row_number))


def _movement(
    row: Any,
    parents: Mapping[bytes, list[bytes]],
    legs: Mapping[bytes, list[tuple[str, int]]],
) -> Movement:
    identity = bytes(row.instruction_id)
    return Movement(
        instruction_id=identity,
        kind=MovementKind(row.kind),
        authority=row.authority,
        source=row.source,
        target=row.target,
        asset_role=row.asset_role,
        units=row.units,
        wave=row.wave,
        parents=tuple(parents[identity]),
        legs=tuple(legs[identity]),
    )


def build_batch(planned: PlannedBatch, venue: Venue, accounts: Mapping[str, AccountId]) -> Batch:
    """Return a batch as the chain takes it; raises `UnknownName` for a holder without an account."""

    def account(holder: str) -> AccountId:
        if holder not in accounts:
            raise UnknownName(f"{holder} has no account on {venue.chain_id}: bind one")
        return accounts[holder]

    def instruction(movement: Movement) -> Instruction:
        asset = venue.asset(movement.asset_role)
        authority = account(movement.authority)
        if movement.kind is MovementKind.ISSUE:
            direct = movement.source != movement.target
            return Issue(
                instruction_id=movement.instruction_id,
                authority=authority,
                evidence=planned.settlement_id,
                recipient=account(movement.target),
                asset=asset,
                units=movement.units,
                on_behalf_of=account(movement.source) if direct else None,
            )
        if movement.kind is MovementKind.TRANSFER:
            return Transfer(
                instruction_id=movement.instruction_id,
                authority=authority,
                evidence=planned.settlement_id,
                sender=account(movement.source),
                recipient=account(movement.target),
                asset=asset,
                units=movement.units,
            )
        return Net(
            instruction_id=movement.instruction_id,
            authority=authority,
            evidence=planned.settlement_id,
            legs=tuple(
                Leg(account=account(holder), asset=asset, delta_units=units)
                for holder, units in movement.legs
            ),
        )

    return Batch(
        batch_id=planned.batch_id,
        kind=BatchKind.SETTLEMENT,
        instructions=tuple(map(instruction, planned.movements)),
        atomic=planned.atomic,
    )
