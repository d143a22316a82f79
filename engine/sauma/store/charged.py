"""What the projections say of sessions: what waits to be carried, and what the chain shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import attrs
import sqlalchemy as sa

from sauma.billing import BillStatus
from sauma.chain import BatchKind, batch_reference
from sauma.session import SessionState
from sauma.store import carried, queries
from sauma.store import projections as p
from sauma.store.among import rows_among

_UNFINISHED: Final = (
    sa.select(p.session_batches)
    .where(p.session_batches.c.batch_id.in_(sa.select(p.open_session_batches.c.batch_id)))
    .order_by(p.session_batches.c.sequence, p.session_batches.c.row_number)
)


@attrs.frozen(kw_only=True)
class SessionBatchRow:
    """A batch of a session's step, and whether all before it in its session are included."""

    batch_id: bytes
    session_id: bytes
    number: int
    part: int
    authority: str

    @property
    def reference(self) -> bytes:
        """The reference that the chain carries."""
        return batch_reference(self.batch_id, BatchKind.SESSION)


def sessions(connection: sa.Connection) -> list[bytes]:
    """Return every session, in the order they began."""
    rows = connection.execute(
        sa.select(p.session_steps.c.session_id)
        .where(p.session_steps.c.number == 1)
        .order_by(p.session_steps.c.sequence)
    )
    return [bytes(each) for each in rows.scalars()]


def open_sessions(connection: sa.Connection) -> list[bytes]:
    """Return the sessions that hold something, with every step that was taken."""
    ended = _ended(connection)
    return [each for each in sessions(connection) if each not in ended]


def standings(connection: sa.Connection) -> list[bytes]:
    """Return every standing authorisation, in the order they were authorised."""
    rows = connection.execute(
        sa.select(p.standing_steps.c.standing_id)
        .where(p.standing_steps.c.number == 1)
        .order_by(p.standing_steps.c.sequence, p.standing_steps.c.row_number)
    )
    return [bytes(each) for each in rows.scalars()]


def standings_of(connection: sa.Connection, payers: Iterable[str]) -> list[bytes]:
    """Return the standing authorisations that some holders pay for, in the order they were authorised."""
    begun, held = p.session_batches.c, p.session_effects.c
    query = (
        sa.select(begun.session_id)
        .join(p.session_effects, held.batch_id == begun.batch_id)
        .where(begun.number == 1, held.delta_units < 0)
    )
    of_payers = {bytes(row[0]) for row in rows_among(connection, query, held.holder, payers)}
    return [each for each in standings(connection) if each in of_payers]


def sessions_among(connection: sa.Connection, ids: Iterable[bytes]) -> list[bytes]:
    """Return those of some ids that are of sessions which were authorised."""
    session_id = p.session_steps.c.session_id
    query = sa.select(session_id).where(p.session_steps.c.number == 1)
    return [bytes(row[0]) for row in rows_among(connection, query, session_id, ids)]


def is_standing(connection: sa.Connection, session_id: bytes) -> bool:
    """Tell whether an id is that of a standing authorisation, and not of a session."""
    rows = connection.execute(
        sa.select(p.standing_steps.c.number)
        .where(p.standing_steps.c.standing_id == session_id)
        .limit(1)
    )
    return rows.first() is not None


def open_standings(connection: sa.Connection) -> list[bytes]:
    """Return the standing authorisations of which something is left, with all that was taken."""
    ended = _ended(connection)
    return [each for each in standings(connection) if each not in ended]


def batches(connection: sa.Connection, session_id: bytes | None = None) -> list[SessionBatchRow]:
    """Return the batches of a session, or of all, in the order in which they are carried."""
    query = sa.select(p.session_batches).order_by(
        p.session_batches.c.sequence, p.session_batches.c.row_number
    )
    if session_id is not None:
        query = query.where(p.session_batches.c.session_id == session_id)
    return [row_of(row) for row in connection.execute(query)]


def unfinished_batches(connection: sa.Connection) -> list[SessionBatchRow]:
    """Return the batches that no final transaction carries, in the order in which they are carried.

    So what is looked at in every round is what is on its way, and not every session there ever was.
    """
    return [row_of(row) for row in connection.execute(_UNFINISHED)]


def events(
    connection: sa.Connection, chain_id: str, rows: list[SessionBatchRow]
) -> dict[bytes, sa.Row[Any]]:
    """Return the event that shows each batch: the first with its reference that its authority paid for."""
    by_reference = {row.reference: row for row in rows}  # rows of one batch share who signs it
    found: dict[bytes, sa.Row[Any]] = {}
    for event in carried.events_with(connection, chain_id, by_reference):
        row = by_reference[bytes(event.reference)]
        if event.fee_payer == row.authority:
            found.setdefault(row.batch_id, event)
    return found


def block_times(connection: sa.Connection, chain_id: str, session_id: bytes) -> dict[int, int]:
    """Return the time of the block that has the first batch of each step, by the step's number."""
    rows = batches(connection, session_id)
    shown = events(connection, chain_id, rows)
    return {
        row.number: shown[row.batch_id].block_time
        for row in rows
        if row.part == 0 and row.batch_id in shown
    }


def shown_effects(
    connection: sa.Connection, chain_id: str, session_id: bytes
) -> list[tuple[str, int]]:
    """Return what the chain shows that a session moved, by holder."""
    shown = events(connection, chain_id, batches(connection, session_id))
    return [
        (row.holder, row.delta_units)
        for event in shown.values()
        for row in connection.execute(
            sa.select(p.chain_effects)
            .where(
                p.chain_effects.c.transaction_id == event.transaction_id,
                p.chain_effects.c.sequence == event.sequence,
            )
            .order_by(p.chain_effects.c.row_number)
        )
    ]


def status(connection: sa.Connection, chain_id: str, session_id: bytes) -> BillStatus:
    """Return the least standing of a session's batches."""
    rows = batches(connection, session_id)
    shown = events(connection, chain_id, rows)
    if any(row.batch_id not in shown for row in rows):
        return BillStatus.OPEN
    final_height = queries.chain_state(connection, chain_id).final_height
    if any(event.height > final_height for event in shown.values()):
        return BillStatus.PROVISIONAL
    return BillStatus.FINAL


def waiting_units(connection: sa.Connection, holder: str, asset: str) -> int:
    """Return what a holder gives for sessions in batches that no block has yet."""
    rows = connection.execute(
        sa.select(p.session_effects.c.batch_id, p.session_effects.c.delta_units).where(
            p.session_effects.c.holder == holder,
            p.session_effects.c.asset == asset,
            p.session_effects.c.delta_units < 0,
        )
    ).all()
    included = carried.included_among(connection, sorted({bytes(row.batch_id) for row in rows}))
    return sum(-row.delta_units for row in rows if bytes(row.batch_id) not in included)


def row_of(row: Any) -> SessionBatchRow:
    """Return a row of the projection as a value."""
    return SessionBatchRow(
        batch_id=bytes(row.batch_id),
        session_id=bytes(row.session_id),
        number=row.number,
        part=row.part,
        authority=row.authority,
    )


def _ended(connection: sa.Connection) -> set[bytes]:
    over = (int(SessionState.SETTLED), int(SessionState.RELEASED))
    return {
        bytes(each)
        for each in connection.execute(
            sa.select(p.session_batches.c.session_id).where(p.session_batches.c.state.in_(over))
        ).scalars()
    }
