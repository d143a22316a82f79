"""What may leave now: planned batches whose parents are included, as the chain takes them."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

import attrs
import sqlalchemy as sa

from sauma.billing import BillStatus
from sauma.chain import (
    REFERENCE_HASH_BYTES,
    Anchor,
    Batch,
    Codec,
    Instruction,
    Issue,
    Leg,
    Net,
    Transfer,
)
from sauma.errors import UnknownName
from sauma.identifiers import AccountId
from sauma.session import StandingVerifier, Verifier
from sauma.settlement import ESCROW, Movement, MovementKind, PlannedBatch, role_of
from sauma.steps import follow, follow_standing, standing_batch_of, step_batches
from sauma.store import carried, charged
from sauma.store import projections as p
from sauma.venue import Venue

_OPEN_ROWS: Final = (
    sa.select(p.instructions)
    .where(
        p.instructions.c.settlement_id.in_(
            sa.select(p.settlements.c.settlement_id).where(
                p.settlements.c.chain_id == sa.bindparam("chain"),
                p.settlements.c.least_status < int(BillStatus.FINAL),
            )
        ),
        ~carried.is_carried(p.instructions.c.batch_id),
    )
    .order_by(p.instructions.c.sequence, p.instructions.c.row_number)
)
"""Of settlements whose bills are final nothing is open: a step looks at what is on its way alone."""
_OPEN_ANCHORS: Final = (
    sa.select(p.anchors)
    .where(p.anchors.c.chain_id == sa.bindparam("chain"), ~carried.is_carried(p.anchors.c.batch_id))
    .order_by(p.anchors.c.sequence, p.anchors.c.row_number)
)
_PARENTS, _LEGS = (
    sa.select(table)
    .where(table.c.sequence.between(sa.bindparam("first"), sa.bindparam("last")))
    .order_by(table.c.sequence, table.c.row_number)
    for table in (p.instruction_parents, p.instruction_legs)
)
"""Parents and legs lie in the entry that planned their instructions."""


@attrs.frozen(kw_only=True)
class StepBatch:
    """A batch of a session's step, as the chain takes it."""

    authority: str
    batch: Batch

    @property
    def batch_id(self) -> bytes:
        """The batch's."""
        return self.batch.batch_id


OneBatch: TypeAlias = PlannedBatch | StepBatch


@attrs.frozen(kw_only=True)
class DueBatches:
    """Planned batches that no living transaction carries: with parents included, and without."""

    ready: tuple[OneBatch, ...]
    waiting: int


def due_batches(connection: sa.Connection, chain_id: str) -> DueBatches:
    """Return the batches of a chain that may leave now, in the order of their waves.

    A batch that the chain already shows is not due, even if no record of its transaction is left.
    """
    open_rows = _open_rows(connection, chain_id)
    batches = [
        *(_planned(connection, open_rows) if open_rows else ()),
        *_open_anchors(connection, chain_id),
    ]
    if not batches:
        return DueBatches(ready=(), waiting=0)
    shown = _shown(connection, chain_id, batches)
    batches = [batch for batch in batches if batch.batch_id not in shown]
    parents = {parent for batch in batches for move in batch.movements for parent in move.parents}
    batch_of = carried.batches_of(connection, sorted(parents))
    included = carried.included_among(connection, sorted({*batch_of.values()})) | shown
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


def planned_batch(
    connection: sa.Connection, chain_id: str, reference: bytes
) -> tuple[PlannedBatch, int] | None:
    """Return the batch that an on-chain reference means, and the entry that planned it.

    None for a reference of another journal.  Whether anything carries the batch does not matter.
    """
    within = _ids_within(reference)
    rows = connection.execute(
        sa.select(p.instructions)
        .join(p.settlements, p.settlements.c.settlement_id == p.instructions.c.settlement_id)
        .where(
            p.settlements.c.chain_id == chain_id,
            p.instructions.c.batch_id.between(*within),
        )
        .order_by(p.instructions.c.sequence, p.instructions.c.row_number)
    ).all()
    if rows:
        found = _planned(connection, {bytes(rows[0].batch_id): list(rows)})
        sequence = rows[0].sequence
    else:
        anchors = connection.execute(
            sa.select(p.anchors).where(
                p.anchors.c.chain_id == chain_id, p.anchors.c.batch_id.between(*within)
            )
        ).all()
        found = [_anchor(row) for row in anchors]
        sequence = anchors[0].sequence if anchors else 0
    return next(((each, sequence) for each in found if each.reference == reference), None)


def _open_rows(connection: sa.Connection, chain_id: str) -> dict[bytes, list[Any]]:
    """Return the instructions that no living transaction carries, by batch, in the order of the plan."""
    open_rows: dict[bytes, list[Any]] = defaultdict(list)
    for row in connection.execute(_OPEN_ROWS, {"chain": chain_id}):
        open_rows[bytes(row.batch_id)].append(row)
    return open_rows


def _open_anchors(connection: sa.Connection, chain_id: str) -> list[PlannedBatch]:
    """Return the anchors that no living transaction carries, each a batch of its own."""
    return [_anchor(row) for row in connection.execute(_OPEN_ANCHORS, {"chain": chain_id})]


def _anchor(row: Any) -> PlannedBatch:
    movement = Movement(
        instruction_id=bytes(row.anchor_id),
        kind=MovementKind.ANCHOR,
        authority=row.authority,
        source=row.authority,
        target=row.authority,
        asset_role="",
        units=0,
        wave=0,
        root=bytes(row.root),
    )
    return PlannedBatch(
        settlement_id=bytes(row.anchor_id),
        batch_id=bytes(row.batch_id),
        wave=0,
        authority=row.authority,
        atomic=False,
        movements=(movement,),
    )


def _shown(connection: sa.Connection, chain_id: str, batches: Iterable[PlannedBatch]) -> set[bytes]:
    """Return the batches whose reference the chain shows in a transaction that their authority paid for.

    Such a batch was sent from this journal before its record was lost, for example by restoring a
    copy.  Anybody may copy a reference, so who paid matters.
    """
    by_reference = {batch.reference: batch for batch in batches}
    events = carried.events_with(connection, chain_id, by_reference)
    return {
        by_reference[bytes(event.reference)].batch_id
        for event in events
        if role_of(event.fee_payer) == by_reference[bytes(event.reference)].authority
    }


def _planned(
    connection: sa.Connection, rows_by_batch: Mapping[bytes, list[Any]]
) -> list[PlannedBatch]:
    """Return batches as they were planned, with parents and legs."""
    wanted = {bytes(row.instruction_id) for rows in rows_by_batch.values() for row in rows}
    planned_in = {row.sequence for rows in rows_by_batch.values() for row in rows}
    span = {"first": min(planned_in), "last": max(planned_in)}
    parents: dict[bytes, list[bytes]] = defaultdict(list)
    for row in connection.execute(_PARENTS, span):
        if bytes(row.instruction_id) in wanted:
            parents[bytes(row.instruction_id)].append(bytes(row.parent_id))
    legs: dict[bytes, list[tuple[str, int]]] = defaultdict(list)
    for row in connection.execute(_LEGS, span):
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


def due_steps(connection: sa.Connection, venue: Venue, codec: Codec) -> DueBatches:
    """Return the batches of sessions that may leave now: of each session the next, the others wait."""
    rows = charged.unfinished_batches(connection)
    if not rows:
        return DueBatches(ready=(), waiting=0)
    ids = sorted({row.batch_id for row in rows})
    taken = {batch_id for batch_id, _ in carried.signed_for(connection, ids, alive=True)}
    shown = charged.events(connection, venue.chain_id, rows)
    included = carried.included_among(connection, ids) | shown.keys()
    ready: list[StepBatch] = []
    blocked: set[bytes] = set()
    waiting = 0
    for batch_id, each in itertools.groupby(rows, lambda row: row.batch_id):
        together = tuple(each)
        if batch_id in included:
            continue
        sessions = {row.session_id for row in together}
        if sessions & blocked:
            waiting += batch_id not in taken
        elif batch_id not in taken:
            ready.append(_step_batch(connection, venue, codec, together))
        blocked |= sessions
    return DueBatches(ready=tuple(ready), waiting=waiting)


def planned_step(
    connection: sa.Connection, venue: Venue, reference: bytes
) -> tuple[StepBatch, int] | None:
    """Return the batch of a step that an on-chain reference means, and the entry that took it.

    None for a reference of another journal.  Whether anything carries the batch does not matter.
    """
    within = _ids_within(reference)
    found = connection.execute(
        sa.select(p.session_batches)
        .where(p.session_batches.c.batch_id.between(*within))
        .order_by(p.session_batches.c.sequence, p.session_batches.c.row_number)
    ).all()
    if not found:
        return None
    batch = _step_batch(connection, venue, venue.codec, tuple(map(charged.row_of, found)))
    return (batch, found[0].sequence) if batch.batch.reference == reference else None


def _ids_within(reference: bytes) -> tuple[bytes, bytes]:
    """Return the first and the last batch id whose beginning an on-chain reference carries."""
    begins = reference[-REFERENCE_HASH_BYTES:]
    spare = 32 - len(begins)
    return begins + bytes(spare), begins + b"\xff" * spare


def _step_batch(
    connection: sa.Connection,
    venue: Venue,
    codec: Codec,
    together: tuple[charged.SessionBatchRow, ...],
) -> StepBatch:
    """Return a batch from its rows: of one session, or of standing authorisations charged together."""
    escrow, row = venue.roles.get(ESCROW), together[0]
    verifier: object = codec
    if escrow is None or not isinstance(codec, Verifier):
        raise UnknownName(
            f"the venue on {venue.chain_id} names no {ESCROW}: it carries no sessions"
        )
    if isinstance(verifier, StandingVerifier) and charged.is_standing(connection, row.session_id):
        done = [follow_standing(connection, each.session_id)[each.number - 1] for each in together]
        for asked, _ in done:
            asked.step.verify(verifier)
        return StepBatch(authority=row.authority, batch=standing_batch_of(done))
    taken, outcome = follow(connection, row.session_id, codec)[row.number - 1]
    return StepBatch(authority=row.authority, batch=step_batches(taken, outcome, escrow)[row.part])


def further_holders(accounts: Mapping[str, AccountId]) -> dict[str, tuple[str, ...]]:
    """Return the holders of further accounts of each role that has some, in order."""
    further: dict[str, list[str]] = defaultdict(list)
    for holder in sorted(one for one in accounts if one.startswith("@")):
        if role_of(holder) != holder:
            further[role_of(holder)].append(holder)
    return {role: tuple(holders) for role, holders in further.items()}


def lane_of(planned: OneBatch, further: Mapping[str, tuple[str, ...]]) -> str:
    """Return whose account a batch leaves from: its authority's, or one of the further ones that issue.

    Which follows from the batch's id and the accounts that the journal has bound (`further_holders`), so
    that every process chooses the same.
    """
    issues = isinstance(planned, PlannedBatch) and all(
        movement.kind is MovementKind.ISSUE for movement in planned.movements
    )
    lanes = (planned.authority, *(further.get(planned.authority, ()) if issues else ()))
    return lanes[int.from_bytes(planned.batch_id[:8], "big") % len(lanes)]


def build_batch(
    planned: OneBatch,
    venue: Venue,
    accounts: Mapping[str, AccountId],
    further: Mapping[str, tuple[str, ...]] | None = None,
) -> Batch:
    """Return a batch as the chain takes it; raises `UnknownName` for a holder without an account.

    `further` are the `further_holders` of the accounts: give them where many batches are built.
    """
    if isinstance(planned, StepBatch):
        return planned.batch
    lane = lane_of(planned, further_holders(accounts) if further is None else further)

    def account(holder: str) -> AccountId:
        if holder not in accounts:
            raise UnknownName(f"{holder} has no account on {venue.chain_id}: bind one")
        return accounts[holder]

    def instruction(movement: Movement) -> Instruction:
        is_own = movement.authority == planned.authority
        authority = account(lane if is_own else movement.authority)
        if movement.kind is MovementKind.ANCHOR:
            return Anchor(
                instruction_id=movement.instruction_id,
                authority=authority,
                evidence=planned.settlement_id,
                root=movement.root,
            )
        asset = venue.asset(movement.asset_role)
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
        kind=planned.kind,
        instructions=tuple(map(instruction, planned.movements)),
        atomic=planned.atomic,
    )
