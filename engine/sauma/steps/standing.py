"""Where a settlement stands on its chain: what was planned beside what the chain's events say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from sauma.billing import BillStatus, ChainEnergy
from sauma.chain import BatchKind, batch_reference
from sauma.errors import Disagreement
from sauma.settlement import ENERGY, MovementKind
from sauma.store import projections as p
from sauma.store import queries


class SettlementStanding:
    """Where a settlement's instructions stand on the chain, read from the chain's events."""

    def __init__(
        self,
        planned: dict[str, dict[bytes, int]],
        seen: dict[bytes, tuple[bool, dict[str, int]]],
    ) -> None:
        """Take what each holder should gain by batch, and for each batch seen its finality and effects."""
        self._planned = planned
        self._seen = seen
        self.concerned = tuple(sorted(name for name in planned if not name.startswith("@")))

    @classmethod
    def read(
        cls, connection: sa.Connection, settlement: queries.SettlementRow
    ) -> SettlementStanding:
        """Read plan and chain events of a settlement."""
        rows = connection.execute(
            sa.select(p.instructions).where(
                p.instructions.c.settlement_id == settlement.settlement_id,
                p.instructions.c.asset_role == ENERGY,
            )
        ).all()
        legs = _legs(connection, [bytes(row.instruction_id) for row in rows])
        planned: dict[str, dict[bytes, int]] = defaultdict(lambda: defaultdict(int))
        for row in rows:
            batch = bytes(row.batch_id)
            if row.kind == MovementKind.NET:
                for holder, units in legs.get(bytes(row.instruction_id), ()):
                    planned[holder][batch] += units
                continue
            if row.kind == MovementKind.TRANSFER:
                planned[row.source][batch] -= row.units
            planned[row.target][batch] += row.units
        references = {
            batch_reference(batch, BatchKind.SETTLEMENT): batch
            for batches in planned.values()
            for batch in batches
        }
        seen = _seen_batches(connection, settlement.chain_id, references)
        return cls(planned, seen)

    def status_of(self, participant: str) -> BillStatus:
        """Return how far the energy of a participant has come."""
        status = BillStatus.FINAL
        for batch in self._planned.get(participant, ()):
            if batch not in self._seen:
                return BillStatus.OPEN
            final, _ = self._seen[batch]
            if not final:
                status = BillStatus.PROVISIONAL
        return status

    @property
    def planned_wh(self) -> int:
        """What net receivers are to have more than before."""
        totals = (sum(batches.values()) for batches in self._planned.values())
        return sum(total for total in totals if total > 0)

    @property
    def delivered_wh(self) -> int:
        """What holders have more than before, as the chain says."""
        totals = (
            sum(self._seen.get(batch, (False, {}))[1].get(holder, 0) for batch in batches)
            for holder, batches in self._planned.items()
        )
        return sum(total for total in totals if total > 0)

    def chain_energy(self, participant: str) -> ChainEnergy:
        """Return what the chain moved for a participant, both ways."""
        received_wh = sent_wh = 0
        for batch in self._planned.get(participant, ()):
            _, effects = self._seen.get(batch, (False, {}))
            delta = effects.get(participant, 0)
            received_wh += max(delta, 0)
            sent_wh += max(-delta, 0)
        return ChainEnergy(received_wh=received_wh, sent_wh=sent_wh)

    def check(self, participant: str) -> None:
        """Raise `Disagreement` unless the chain moved for a participant exactly what was planned."""
        for batch, planned_wh in self._planned.get(participant, {}).items():
            _, effects = self._seen[batch]
            if effects.get(participant, 0) != planned_wh:
                raise Disagreement(
                    f"batch {batch.hex()} was to move {planned_wh} Wh for {participant}, "
                    f"the chain says {effects.get(participant, 0)}"
                )


def _legs(
    connection: sa.Connection, instruction_ids: Sequence[bytes]
) -> dict[bytes, list[tuple[str, int]]]:
    legs: dict[bytes, list[tuple[str, int]]] = defaultdict(list)
    wanted = set(instruction_ids)
    for row in connection.execute(sa.select(p.instruction_legs)):
        if bytes(row.instruction_id) in wanted:
            legs[bytes(row.instruction_id)].append((row.holder, row.delta_units))
    return legs


def _seen_batches(
    connection: sa.Connection, chain_id: str, references: dict[bytes, bytes]
) -> dict[bytes, tuple[bool, dict[str, int]]]:
    """Return for each batch on the chain whether it is final and what it moved, by holder.

    Raises `Disagreement` when one reference stands in two transactions at once: paid twice.
    """
    asset = connection.execute(
        sa.select(p.chains.c.energy_asset).where(p.chains.c.chain_id == chain_id)
    ).scalar()
    final_height = queries.chain_state(connection, chain_id).final_height
    events = connection.execute(
        sa.select(p.chain_events).where(
            p.chain_events.c.chain_id == chain_id,
            p.chain_events.c.reference.is_not(None),
            p.chain_events.c.retracted_by.is_(None),
            p.chain_events.c.succeeded.is_(True),
        )
    ).all()
    seen: dict[bytes, tuple[bool, dict[str, int]]] = {}
    found: dict[bytes, bytes] = {}
    for event in events:
        batch = references.get(bytes(event.reference))
        if batch is None:
            continue
        transaction = bytes(event.transaction_id)
        if found.setdefault(batch, transaction) != transaction:
            raise Disagreement(
                f"batch {batch.hex()} is on the chain twice: in {found[batch].hex()} "
                f"and in {transaction.hex()}"
            )
        seen[batch] = (event.height <= final_height, {})
    _add_effects(connection, asset, {found[batch]: seen[batch][1] for batch in seen}, events)
    return seen


def _add_effects(
    connection: sa.Connection,
    asset: str | None,
    effects_of: dict[bytes, dict[str, int]],
    events: Sequence[Any],
) -> None:
    """Add what the transactions moved of the energy asset, each from the entry that still holds."""
    holding = {
        (event.sequence, bytes(event.transaction_id))
        for event in events
        if bytes(event.transaction_id) in effects_of
    }
    for row in connection.execute(
        sa.select(p.chain_effects).where(p.chain_effects.c.asset == asset)
    ):
        transaction = bytes(row.transaction_id)
        if (row.sequence, transaction) in holding:
            effects = effects_of[transaction]
            effects[row.holder] = effects.get(row.holder, 0) + row.delta_units
