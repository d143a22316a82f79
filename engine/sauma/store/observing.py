"""Folding what a chain showed: where a transaction stands, what was taken back, how far was read."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from sauma.journal import SealedEntry
from sauma.store.projections import (
    STATE_COMMITTED,
    STATE_DEAD,
    STATE_FINAL,
    STATE_INCLUDED,
    chain_events,
    chain_states,
    open_session_batches,
    transaction_batches,
    transactions,
)


def rows_of(entry: SealedEntry, name: str) -> list[dict[str, Any]]:
    """Return the rows of a table of an entry; none where it has no such table."""
    for sealed in entry.tables:
        if sealed.name == name:
            return list(sealed.table.dicts())
    return []


def fold_observation(connection: sa.Connection, entry: SealedEntry) -> None:
    """Move the cursor; take back what was rolled back; mark what was included and what is final."""
    for row in rows_of(entry, "observations"):
        chain_id = row["chain_id"]
        if row["rolled_back_to"] is not None:
            _retract(connection, chain_id, row["rolled_back_to"], entry.sequence)
        included = [
            {
                "of_chain": chain_id,
                "of_transaction": event["transaction_id"],
                "block_height": event["height"],
                "block_hash": event["block_hash"],
                "block_time": event["block_time"],
                "succeeded": event["succeeded"],
            }
            for event in rows_of(entry, "chain_events")
        ]
        if included:
            connection.execute(_INCLUDE, included)
        connection.execute(_FINALISE, {"of_chain": chain_id, "final": row["final_height"]})
        connection.execute(_CLOSE_SESSION_BATCHES)
        state = {
            "cursor": row["cursor"].decode(),
            "scanned_height": row["scanned_height"],
            "scanned_time": row["scanned_time"],
            "final_height": row["final_height"],
        }
        if not connection.execute(_MOVE_STATE, {"of_chain": chain_id, **state}).rowcount:
            connection.execute(_BEGIN_STATE, {"chain_id": chain_id, **state})


_INCLUDE: Final = (
    sa.update(transactions)
    .where(
        transactions.c.chain_id == sa.bindparam("of_chain"),
        transactions.c.transaction_id == sa.bindparam("of_transaction"),
    )
    .values(
        state=STATE_INCLUDED,
        block_height=sa.bindparam("block_height"),
        block_hash=sa.bindparam("block_hash"),
        block_time=sa.bindparam("block_time"),
        succeeded=sa.bindparam("succeeded"),
    )
)
_FINALISE: Final = (
    sa.update(transactions)
    .where(
        transactions.c.chain_id == sa.bindparam("of_chain"),
        transactions.c.state == STATE_INCLUDED,
        transactions.c.block_height <= sa.bindparam("final"),
    )
    .values(state=STATE_FINAL)
)
_CLOSE_SESSION_BATCHES: Final = sa.delete(open_session_batches).where(
    sa.exists().where(
        transaction_batches.c.batch_id == open_session_batches.c.batch_id,
        transactions.c.transaction_id == transaction_batches.c.transaction_id,
        transactions.c.state == STATE_FINAL,
        transactions.c.succeeded.is_(True),
    )
)
_MOVE_STATE: Final = (
    sa.update(chain_states)
    .where(chain_states.c.chain_id == sa.bindparam("of_chain"))
    .values(
        cursor=sa.bindparam("cursor"),
        scanned_height=sa.bindparam("scanned_height"),
        scanned_time=sa.bindparam("scanned_time"),
        final_height=sa.bindparam("final_height"),
    )
)
_BEGIN_STATE: Final = sa.insert(chain_states)


def _retract(connection: sa.Connection, chain_id: str, height: int, sequence: int) -> None:
    """Take back what blocks above a height had; what is final stays, as no reading may undo it."""
    connection.execute(
        sa.update(chain_events)
        .where(
            chain_events.c.chain_id == chain_id,
            chain_events.c.height > height,
            chain_events.c.retracted_by.is_(None),
            chain_events.c.sequence < sequence,
        )
        .values(retracted_by=sequence)
    )
    connection.execute(
        sa.update(transactions)
        .where(
            transactions.c.chain_id == chain_id,
            transactions.c.state == STATE_INCLUDED,
            transactions.c.block_height > height,
        )
        .values(
            state=STATE_COMMITTED,
            block_height=None,
            block_hash=None,
            block_time=None,
            succeeded=None,
        )
    )


def fold_burial(connection: sa.Connection, entry: SealedEntry) -> None:
    """Mark what was proved dead."""
    for row in rows_of(entry, "burials"):
        connection.execute(
            sa.update(transactions)
            .where(
                transactions.c.transaction_id == row["transaction_id"],
                transactions.c.state == STATE_COMMITTED,
            )
            .values(state=STATE_DEAD)
        )
