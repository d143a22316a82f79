"""Where a settlement stands on its chain: what was planned beside what the chain's events say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from sauma.billing import BillStatus, ChainEnergy
from sauma.chain import BatchKind, batch_reference
from sauma.errors import Disagreement
from sauma.settlement import ENERGY, MovementKind
from sauma.store import carried, queries
from sauma.store import projections as p

_OF_SETTLEMENT: Final = p.instructions.c.settlement_id == sa.bindparam("settlement")
_INSTRUCTIONS: Final = sa.select(p.instructions).where(
    _OF_SETTLEMENT, p.instructions.c.asset_role == ENERGY
)
_LEGS: Final = sa.select(p.instruction_legs).where(
    p.instruction_legs.c.instruction_id.in_(
        sa.select(p.instructions.c.instruction_id).where(
            _OF_SETTLEMENT, p.instructions.c.kind == int(MovementKind.NET)
        )
    )
)
_ENERGY_ASSET: Final = sa.select(p.chains.c.energy_asset).where(
    p.chains.c.chain_id == sa.bindparam("chain")
)
_EFFECTS: Final = sa.select(p.chain_effects).where(
    p.chain_effects.c.asset == sa.bindparam("asset"),
    p.chain_effects.c.transaction_id.in_(sa.bindparam("transactions", expanding=True)),
)


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
        cls,
        connection: sa.Connection,
        settlement: queries.SettlementRow,
        *,
        with_effects: bool = True,
    ) -> SettlementStanding:
        """Read plan and chain events of a settlement; for `status_of` alone, effects may be left out."""
        rows = connection.execute(_INSTRUCTIONS, {"settlement": settlement.settlement_id}).all()
        nets = any(row.kind == MovementKind.NET for row in rows)
        legs = _legs(connection, settlement.settlement_id) if nets else {}
        planned = _planned(rows, legs)
        authorities = {bytes(row.batch_id): row.authority for row in rows}
        chain_id = settlement.chain_id
        return cls(
            planned, _seen_batches(connection, chain_id, authorities, with_effects=with_effects)
        )

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


def _planned(
    rows: Sequence[Any], legs: Mapping[bytes, Sequence[tuple[str, int]]]
) -> dict[str, dict[bytes, int]]:
    """Return what each holder is to gain by batch.

    A producer whose energy is issued straight to the buyer gains nothing by it, and is concerned: its
    delivery waits for that batch.
    """
    planned: dict[str, dict[bytes, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        batch = bytes(row.batch_id)
        if row.kind == MovementKind.NET:
            for holder, units in legs.get(bytes(row.instruction_id), ()):
                planned[holder][batch] += units
            continue
        planned[row.source][batch] -= row.units if row.kind == MovementKind.TRANSFER else 0
        planned[row.target][batch] += row.units
    return planned


def _legs(connection: sa.Connection, settlement_id: bytes) -> dict[bytes, list[tuple[str, int]]]:
    legs: dict[bytes, list[tuple[str, int]]] = defaultdict(list)
    for row in connection.execute(_LEGS, {"settlement": settlement_id}):
        legs[bytes(row.instruction_id)].append((row.holder, row.delta_units))
    return legs


def _seen_batches(
    connection: sa.Connection,
    chain_id: str,
    authorities: Mapping[bytes, str],
    *,
    with_effects: bool,
) -> dict[bytes, tuple[bool, dict[str, int]]]:
    """Return for each batch on the chain whether it is final and, if asked, what it moved, by holder.

    Anybody can copy a reference into a transaction; it counts when the transaction is one that we
    signed, or when the batch's authority paid for it (it was ours and our record of it is lost).
    Raises `Disagreement` when one reference then stands in two transactions at once: paid twice.
    """
    batch_of = {batch_reference(batch, BatchKind.SETTLEMENT): batch for batch in authorities}
    events = carried.events_with(connection, chain_id, batch_of)
    if not events:
        return {}
    final_height = queries.chain_state(connection, chain_id).final_height
    signed = carried.signed_for(connection, list(authorities))
    seen: dict[bytes, tuple[bool, dict[str, int]]] = {}
    found: dict[bytes, bytes] = {}
    entries: dict[bytes, int] = {}
    for event in events:
        batch, transaction = batch_of[bytes(event.reference)], bytes(event.transaction_id)
        if (batch, transaction) not in signed and event.fee_payer != authorities[batch]:
            continue
        if found.setdefault(batch, transaction) != transaction:
            raise Disagreement(
                f"batch {batch.hex()} is on the chain twice: in {found[batch].hex()} "
                f"and in {transaction.hex()}"
            )
        seen[batch] = (event.height <= final_height, {})
        entries[transaction] = event.sequence
    if not with_effects:
        return seen
    asset = connection.execute(_ENERGY_ASSET, {"chain": chain_id}).scalar()
    effects_of = {found[batch]: seen[batch][1] for batch in seen}
    for row in _effects(connection, asset, list(entries)):
        transaction = bytes(row.transaction_id)
        if row.sequence == entries[transaction]:
            effects = effects_of[transaction]
            effects[row.holder] = effects.get(row.holder, 0) + row.delta_units
    return seen


def _effects(
    connection: sa.Connection, asset: str | None, transaction_ids: Sequence[bytes]
) -> Iterator[Any]:
    """Give what transactions moved of the energy asset, from every entry that says so."""
    for first in range(0, len(transaction_ids), carried.IDS_MAX):
        yield from connection.execute(
            _EFFECTS,
            {"asset": asset, "transactions": transaction_ids[first : first + carried.IDS_MAX]},
        )
