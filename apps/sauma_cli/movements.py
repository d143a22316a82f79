"""What moved on the chain, as the journal tells it: for tables, not for decisions."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from sauma.settlement import ENERGY, MovementKind
from sauma.store import Store
from sauma.store import projections as p


@attrs.frozen(kw_only=True)
class Moved:
    """One transaction of ours in a block, with one of the movements that it carries."""

    height: int
    transaction_id: bytes
    kind: MovementKind
    source: str
    target: str
    is_energy: bool
    units: int
    fee_units: int
    """What the whole transaction cost."""


def moved(store: Store, *, after_height: int = 0) -> tuple[Moved, ...]:
    """Return what is included in blocks above a height, in the order of blocks and waves."""
    query = (
        sa.select(
            p.transactions.c.block_height,
            p.transactions.c.transaction_id,
            p.instructions.c.kind,
            p.instructions.c.source,
            p.instructions.c.target,
            p.instructions.c.authority,
            p.instructions.c.asset_role,
            p.instructions.c.units,
            p.chain_events.c.fee_units,
        )
        .join(
            p.transaction_batches,
            p.transaction_batches.c.transaction_id == p.transactions.c.transaction_id,
        )
        .join(p.instructions, p.instructions.c.batch_id == p.transaction_batches.c.batch_id)
        .join(
            p.chain_events,
            sa.and_(
                p.chain_events.c.transaction_id == p.transactions.c.transaction_id,
                p.chain_events.c.retracted_by.is_(None),
            ),
        )
        .where(
            p.transactions.c.state.in_((p.STATE_INCLUDED, p.STATE_FINAL)),
            p.transactions.c.block_height > after_height,
        )
        .order_by(
            p.transactions.c.block_height,
            p.instructions.c.wave,
            p.instructions.c.asset_role,
            p.instructions.c.source,
            p.instructions.c.target,
        )
    )
    return tuple(
        Moved(
            height=row.block_height,
            transaction_id=bytes(row.transaction_id),
            kind=MovementKind(row.kind),
            source=row.authority if row.kind == MovementKind.ISSUE else row.source,
            target=row.target,
            is_energy=row.asset_role == ENERGY,
            units=row.units,
            fee_units=row.fee_units,
        )
        for row in store.query(query)
    )
