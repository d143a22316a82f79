"""Which batches are carried: by what we signed, and by what the chain shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from sauma.store import projections as p

IDS_MAX: Final = 500
"""How many ids one select is given: databases limit the parameters of a statement."""


def is_alive() -> sa.ColumnElement[bool]:
    """The condition that a transaction is neither dead nor failed for ever."""
    states = p.transactions.c
    failed_for_ever = sa.and_(states.state == p.STATE_FINAL, states.succeeded.is_not(True))
    return sa.and_(states.state != p.STATE_DEAD, sa.not_(failed_for_ever))


def is_carried(batch_id: sa.ColumnElement[bytes]) -> sa.ColumnElement[bool]:
    """The condition that a living transaction carries the batch of a row."""
    return sa.exists().where(
        p.transaction_batches.c.batch_id == batch_id,
        p.transactions.c.transaction_id == p.transaction_batches.c.transaction_id,
        is_alive(),
    )


# Built once: every step asks these, and building a statement takes longer than running it.
_EVENTS: Final = sa.select(p.chain_events).where(
    p.chain_events.c.chain_id == sa.bindparam("chain"),
    p.chain_events.c.reference.in_(sa.bindparam("references", expanding=True)),
    p.chain_events.c.retracted_by.is_(None),
    p.chain_events.c.succeeded.is_(True),
)
_SIGNED: Final = sa.select(
    p.transaction_batches.c.batch_id, p.transaction_batches.c.transaction_id
).where(p.transaction_batches.c.batch_id.in_(sa.bindparam("batches", expanding=True)))
_SIGNED_AND_ALIVE: Final = _SIGNED.join(
    p.transactions, p.transactions.c.transaction_id == p.transaction_batches.c.transaction_id
).where(is_alive())
_BATCHES: Final = sa.select(p.instructions.c.instruction_id, p.instructions.c.batch_id).where(
    p.instructions.c.instruction_id.in_(sa.bindparam("instructions", expanding=True))
)
_INCLUDED: Final = (
    sa.select(p.transaction_batches.c.batch_id)
    .join(p.transactions, p.transactions.c.transaction_id == p.transaction_batches.c.transaction_id)
    .where(
        p.transaction_batches.c.batch_id.in_(sa.bindparam("batches", expanding=True)),
        p.transactions.c.succeeded.is_(True),
        is_alive(),
    )
)


def events_with(
    connection: sa.Connection, chain_id: str, references: Iterable[bytes]
) -> list[sa.Row[Any]]:
    """Return the successful events, not taken back, that carry one of some references, in order."""
    wanted = list(references)
    rows: list[sa.Row[Any]] = []
    for first in range(0, len(wanted), IDS_MAX):
        rows += connection.execute(
            _EVENTS, {"chain": chain_id, "references": wanted[first : first + IDS_MAX]}
        ).all()
    return sorted(rows, key=lambda row: (row.sequence, row.row_number))


def signed_for(
    connection: sa.Connection, batch_ids: Sequence[bytes], *, alive: bool = False
) -> set[tuple[bytes, bytes]]:
    """Return batch and transaction of everything signed for some batches; `alive`: that may yet count.

    A transaction that was included and failed lives until its block is final: until then it may be
    undone and succeed.
    """
    found: set[tuple[bytes, bytes]] = set()
    for first in range(0, len(batch_ids), IDS_MAX):
        rows = connection.execute(
            _SIGNED_AND_ALIVE if alive else _SIGNED,
            {"batches": batch_ids[first : first + IDS_MAX]},
        )
        found |= {(bytes(row.batch_id), bytes(row.transaction_id)) for row in rows}
    return found


def batches_waiting_for(
    connection: sa.Connection, transaction_id: bytes
) -> list[tuple[bytes, str]]:
    """Return the batches of a transaction that no block shows yet, each with who signed it."""
    rows = connection.execute(
        sa.select(p.transaction_batches.c.batch_id, p.transactions.c.sender)
        .join(
            p.transactions,
            p.transactions.c.transaction_id == p.transaction_batches.c.transaction_id,
        )
        .where(
            p.transactions.c.transaction_id == transaction_id,
            p.transactions.c.state == p.STATE_COMMITTED,
        )
        .order_by(p.transaction_batches.c.row_number)
    )
    return [(bytes(row.batch_id), row.sender) for row in rows]


def batches_of(connection: sa.Connection, instruction_ids: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return the batch of each instruction."""
    return {
        bytes(row.instruction_id): bytes(row.batch_id)
        for first in range(0, len(instruction_ids), IDS_MAX)
        for row in connection.execute(
            _BATCHES, {"instructions": instruction_ids[first : first + IDS_MAX]}
        )
    }


def included_among(connection: sa.Connection, batch_ids: Sequence[bytes]) -> set[bytes]:
    """Return those of some batches that a transaction carries which is in a block and succeeded."""
    return {
        bytes(row.batch_id)
        for first in range(0, len(batch_ids), IDS_MAX)
        for row in connection.execute(_INCLUDED, {"batches": batch_ids[first : first + IDS_MAX]})
    }
