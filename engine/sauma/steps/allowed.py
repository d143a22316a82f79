"""Standing authorisations: what was asked about them so far, and what one more action asks of the chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import attrs
import sqlalchemy as sa

from sauma.chain import Batch
from sauma.errors import SessionRefused
from sauma.journal import Table
from sauma.session import (
    Reason,
    Refusal,
    SessionState,
    Standing,
    StandingOutcome,
    StandingStep,
    StandingVerifier,
    standing_batch,
)
from sauma.steps.held import Parties, batch_tables
from sauma.steps.kept import by_block_time, kept, step_key
from sauma.store import charged
from sauma.store import projections as p

STANDING_STEPS_TAKEN: Final = "standing_steps_taken"
STANDING_STEP: Final = "standing_step"
"""The vault's kind of terms, micro-sessions and readings."""


@attrs.frozen(kw_only=True)
class TakenStanding:
    """An action that the journal has, with when it was judged."""

    number: int
    judged_at: int
    step: StandingStep


def taken_standing(connection: sa.Connection, standing_id: bytes) -> list[TakenStanding]:
    """Return the actions on an authorisation, in order; raises `StoreDamaged` as `taken_steps` does."""
    rows = connection.execute(
        sa.select(p.standing_steps)
        .where(p.standing_steps.c.standing_id == standing_id)
        .order_by(p.standing_steps.c.number)
    ).all()
    return [
        TakenStanding(
            number=row.number,
            judged_at=row.judged_at,
            step=kept_standing(connection, standing_id, row.number, bytes(row.step_digest)),
        )
        for row in rows
    ]


def kept_standing(
    connection: sa.Connection, standing_id: bytes, number: int, digest: bytes
) -> StandingStep:
    """Return an action from the vault, checked against the digest in the journal."""
    what = f"action {number} on standing authorisation {standing_id.hex()}"
    key = step_key(standing_id, number)
    return StandingStep.from_bytes(kept(connection, STANDING_STEP, key, digest, what))


def judge_standing(
    standing: Standing | None, step: StandingStep, at: int, verifier: StandingVerifier
) -> StandingOutcome:
    """Return what comes of an action; raises `SessionRefused` with the machine's reason.

    Raises `Refused` for a signature that does not fit.
    """
    step.verify(verifier)
    return _decided(standing, step, at)


def _decided(standing: Standing | None, step: StandingStep, at: int) -> StandingOutcome:
    answer = step.decide(standing, at)
    if isinstance(answer, Refusal):
        raise SessionRefused(answer.message, answer.reason.value)
    return answer


def follow_standing(
    connection: sa.Connection,
    standing_id: bytes,
    block_times: Mapping[int, int] | None = None,
) -> list[tuple[TakenStanding, StandingOutcome]]:
    """Return every action with what came of it, by the times of its blocks where they are there.

    Signatures are not verified again: each action's were when it was taken, the journal commits to its
    bytes, and replay verifies each.  Otherwise what a charge costs would grow with those before it.
    """
    standing: Standing | None = None
    done: list[tuple[TakenStanding, StandingOutcome]] = []
    for taken in taken_standing(connection, standing_id):
        again = partial(_decided, standing, taken.step)
        outcome = by_block_time(again, taken.judged_at, (block_times or {}).get(taken.number))
        standing = outcome.standing
        done.append((taken, outcome))
    return done


def check_charged_once(
    connection: sa.Connection, steps: Sequence[StandingStep], parties: Parties
) -> None:
    """Raise `SessionRefused` for a micro-session that was paid for elsewhere (P4).

    By another authorisation of its payer, there or in the same batch, or by a session with a hold of
    its own; that one authorisation pays for it once is the machine's to say.
    """
    asked: dict[bytes, bytes] = {}
    for step in steps:
        for line in step.lines:
            _refuse_other(asked, line.terms.session_id, step.terms.standing_id)
            asked[line.terms.session_id] = step.terms.standing_id
    if not asked:
        return
    payers = {parties.holder_of(step.terms.payer) for step in steps}
    for standing_id in charged.standings_of(connection, payers):
        for taken in taken_standing(connection, standing_id):
            for line in taken.step.lines:
                _refuse_other(asked, line.terms.session_id, standing_id)
    for session_id in charged.sessions_among(connection, asked):
        _refuse_other(asked, session_id, session_id)


def _refuse_other(asked: Mapping[bytes, bytes], session_id: bytes, paid_by: bytes) -> None:
    """Refuse a micro-session that is asked for under another authorisation than paid for it."""
    if asked.get(session_id, paid_by) != paid_by:
        raise SessionRefused(
            f"micro-session {session_id.hex()} is paid for by {paid_by.hex()}: leave it out",
            Reason.ID_USED.value,
        )


def standing_batch_of(done: Sequence[tuple[TakenStanding, StandingOutcome]]) -> Batch:
    """Return what actions that were taken together ask of the chain."""
    return standing_batch([(taken.step, outcome) for taken, outcome in done])


def plan_standing(
    done: Sequence[tuple[TakenStanding, StandingOutcome]], parties: Parties
) -> list[Table]:
    """Return the derived tables of actions that were taken together: their batch, and what it moves."""
    batch = standing_batch_of(done)
    return batch_tables(
        [
            (batch, (outcome.standing.standing_id, taken.number, 0), _state(outcome))
            for taken, outcome in done
        ],
        parties,
    )


def _state(outcome: StandingOutcome) -> SessionState:
    return SessionState.ACTIVE if outcome.standing.left_units else SessionState.RELEASED
