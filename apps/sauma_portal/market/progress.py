"""How far each settlement of a household has come, in words that need no chain."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable

import sqlalchemy as sa

from sauma.settlement import ENERGY, MovementKind
from sauma.store import projections as p
from sauma.store import queries
from sauma_portal.messages import N_


class Progress(enum.IntEnum):
    """How far a trade has come."""

    MATCHED = 1
    """Agreed by the market; nothing was sent."""
    SENT = 2
    """On its way to the chain."""
    CONFIRMED = 3
    """In a block that could still be undone."""
    FINAL = 4
    """In a block that cannot be undone."""

    @property
    def word(self) -> str:
        """What people call it."""
        return _WORDS[self]


_WORDS = {
    Progress.MATCHED: N_("matched"),
    Progress.SENT: N_("sent"),
    Progress.CONFIRMED: N_("confirmed"),
    Progress.FINAL: N_("final"),
}

_STATES = {
    p.STATE_COMMITTED: Progress.SENT,
    p.STATE_INCLUDED: Progress.CONFIRMED,
    p.STATE_FINAL: Progress.FINAL,
    p.STATE_DEAD: Progress.MATCHED,
}


def progress_of(
    connection: sa.Connection, participant: str, settlements: Iterable[bytes]
) -> dict[bytes, Progress]:
    """Return how far the energy of somebody has come in each of some settlements.

    A settlement in which nothing has to move for them is final.
    """
    wanted = set(settlements)
    batches = _batches(connection, participant, wanted)
    states = _batch_states(connection, {batch for each in batches.values() for batch in each})
    return {
        settlement: min(
            (states.get(batch, Progress.MATCHED) for batch in batches.get(settlement, ())),
            default=Progress.FINAL,
        )
        for settlement in wanted
    }


def _batches(
    connection: sa.Connection, participant: str, wanted: set[bytes]
) -> dict[bytes, set[bytes]]:
    """Return the batches that move energy to or from somebody, by settlement."""
    found: dict[bytes, set[bytes]] = defaultdict(set)
    moves = p.instructions
    for settlement in wanted:
        rows = connection.execute(
            sa.select(
                moves.c.instruction_id,
                moves.c.batch_id,
                moves.c.kind,
                moves.c.source,
                moves.c.target,
            ).where(moves.c.settlement_id == settlement, moves.c.asset_role == ENERGY)
        ).all()
        nets = [row for row in rows if row.kind == MovementKind.NET]
        legs = p.instruction_legs
        mine = set()
        if nets:
            mine = {
                bytes(row.instruction_id)
                for row in connection.execute(
                    sa.select(legs.c.instruction_id).where(
                        legs.c.instruction_id.in_([row.instruction_id for row in nets]),
                        legs.c.holder == participant,
                    )
                )
            }
        for row in rows:
            if participant in (row.source, row.target) or bytes(row.instruction_id) in mine:
                found[settlement].add(bytes(row.batch_id))
    return found


def _batch_states(connection: sa.Connection, batches: set[bytes]) -> dict[bytes, Progress]:
    """Return how far the best transaction of each batch has come."""
    found: dict[bytes, Progress] = {}
    for batch in batches:
        rows = connection.execute(
            sa.select(p.transactions.c.state)
            .join(
                p.transaction_batches,
                p.transaction_batches.c.transaction_id == p.transactions.c.transaction_id,
            )
            .where(p.transaction_batches.c.batch_id == batch)
        )
        found[batch] = max((_STATES[row.state] for row in rows), default=Progress.MATCHED)
    return found


def settlement_of(
    settlements: Iterable[queries.SettlementRow], area: str, start: int
) -> bytes | None:
    """Return the settlement that an interval belongs to: the first that covers it."""
    for settlement in settlements:
        if settlement.area == area and settlement.period_start <= start < settlement.period_end:
            return settlement.settlement_id
    return None
