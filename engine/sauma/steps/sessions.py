"""Steps of sessions: what was taken so far, and what one more step asks of the chain."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

import attrs
import sqlalchemy as sa

from sauma.chain import Batch
from sauma.errors import SessionRefused
from sauma.identifiers import AccountId
from sauma.journal import Table
from sauma.session import (
    NO_WORD,
    Outcome,
    Refusal,
    Session,
    SessionStep,
    Verifier,
    batches_for,
    decide,
    instructions_for,
)
from sauma.steps.held import Parties, batch_tables
from sauma.steps.kept import by_block_time, kept, step_key
from sauma.store import projections as p

SESSION_STEP_TAKEN: Final = "session_step_taken"
SESSION_STEP: Final = "session_step"
"""The vault's kind of terms and evidence."""


@attrs.frozen(kw_only=True)
class Taken:
    """A step that the journal has, with when it was judged."""

    number: int
    judged_at: int
    is_emulated: bool
    step: SessionStep


def taken_steps(connection: sa.Connection, session_id: bytes) -> list[Taken]:
    """Return the steps of a session, in order; raises `StoreDamaged` for one that is not what was kept."""
    rows = connection.execute(
        sa.select(p.session_steps)
        .where(p.session_steps.c.session_id == session_id)
        .order_by(p.session_steps.c.number)
    ).all()
    return [
        Taken(
            number=row.number,
            judged_at=row.judged_at,
            is_emulated=row.is_emulated,
            step=kept_step(connection, session_id, row.number, bytes(row.step_digest)),
        )
        for row in rows
    ]


def kept_step(
    connection: sa.Connection, session_id: bytes, number: int, digest: bytes
) -> SessionStep:
    """Return a step from the vault, checked against the digest in the journal."""
    what = f"step {number} of session {session_id.hex()}"
    key = step_key(session_id, number)
    return SessionStep.from_bytes(kept(connection, SESSION_STEP, key, digest, what))


def judge(
    session: Session | None,
    step: SessionStep,
    at: int,
    verifier: Verifier,
    corrected: Session | None = None,
) -> Outcome:
    """Return what comes of a step; raises `SessionRefused` with the machine's reason."""
    answer = decide(session, step.command(verifier), at, terms=step.terms, corrected=corrected)
    if isinstance(answer, Refusal):
        raise SessionRefused(answer.message, answer.reason.value)
    return answer


def follow(
    connection: sa.Connection,
    session_id: bytes,
    verifier: Verifier,
    block_times: Mapping[int, int] | None = None,
) -> list[tuple[Taken, Outcome]]:
    """Return every step of a session with what came of it.

    `block_times` are the times of the blocks that have steps, by number: where the chain's machine
    ran then, deadlines follow from that time.
    """
    session: Session | None = None
    done: list[tuple[Taken, Outcome]] = []
    for taken in taken_steps(connection, session_id):
        corrected = corrected_by(connection, taken.step, verifier)
        again = partial(judge, session, taken.step, verifier=verifier, corrected=corrected)
        outcome = by_block_time(again, taken.judged_at, (block_times or {}).get(taken.number))
        session = outcome.session
        done.append((taken, outcome))
    return done


def corrected_by(
    connection: sa.Connection, step: SessionStep, verifier: Verifier
) -> Session | None:
    """Return the session that the terms of a step compensate."""
    if step.terms.corrects == NO_WORD:
        return None
    done = follow(connection, step.terms.corrects, verifier)
    return done[-1][1].session if done else None


def step_batches(taken: Taken, outcome: Outcome, escrow: AccountId) -> tuple[Batch, ...]:
    """Return what a step asks of the chain."""
    instructions = instructions_for(
        taken.step, outcome, escrow=escrow if taken.is_emulated else None
    )
    return batches_for(instructions, outcome, one_by_one=taken.is_emulated)


def plan_step(taken: Taken, outcome: Outcome, parties: Parties) -> list[Table]:
    """Return the derived tables of a step: its batches, and what each of them moves."""
    state = outcome.session.state
    return batch_tables(
        [
            (batch, (outcome.session.session_id, taken.number, part), state)
            for part, batch in enumerate(step_batches(taken, outcome, parties.escrow))
        ],
        parties,
    )
