"""Steps of sessions: what was taken so far, and what one more step asks of the chain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs
import sqlalchemy as sa

from sauma.chain import Attest, Batch, Capture, Hold, Release
from sauma.errors import InvalidInput, SessionRefused, StoreDamaged
from sauma.identifiers import AccountId
from sauma.journal import Table
from sauma.journal import schemas as journal
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
from sauma.store import projections as p
from sauma.store import vault

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


@attrs.frozen(kw_only=True)
class Parties:
    """Who holds which account, and which of them has what sessions hold."""

    holder_of: Callable[[AccountId], str]
    escrow: AccountId


def step_key(session_id: bytes, number: int) -> str:
    """Return under which key the vault has a step."""
    return f"{session_id.hex()} {number}"


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
    item = vault.get_item(connection, SESSION_STEP, step_key(session_id, number))
    if item is None or item.digest != digest:
        raise StoreDamaged(
            f"the vault does not hold step {number} of session {session_id.hex()} that the journal "
            "commits to: restore the store from a copy"
        )
    return SessionStep.from_bytes(item.content)


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
        at = (block_times or {}).get(taken.number, taken.judged_at)
        try:
            outcome = judge(session, taken.step, at, verifier, corrected)
        except SessionRefused:
            outcome = judge(session, taken.step, taken.judged_at, verifier, corrected)
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
    batches = step_batches(taken, outcome, parties.escrow)
    return [
        Table.from_rows(
            journal.SESSION_BATCHES,
            [
                (
                    batch.batch_id,
                    outcome.session.session_id,
                    taken.number,
                    part,
                    parties.holder_of(batch.instructions[0].authority),
                    int(outcome.session.state),
                )
                for part, batch in enumerate(batches)
            ],
        ),
        Table.from_rows(
            journal.SESSION_EFFECTS,
            [
                (batch.batch_id, parties.holder_of(account), asset, units)
                for batch in batches
                for account, asset, units in batch_effects(batch, parties.escrow)
            ],
        ),
    ]


def batch_effects(batch: Batch, escrow: AccountId) -> Sequence[tuple[AccountId, str, int]]:
    """Return what a batch moves between parties and the escrow: account, asset, units."""
    found: list[tuple[AccountId, str, int]] = []
    for instruction in batch.instructions:
        match instruction:
            case Attest():
                continue
            case Hold(payer=payer, units=units):
                deltas = [(payer, -units)]
            case Capture(parts=parts):
                deltas = [(part.payee, part.units) for part in parts]
            case Release(payer=payer, units=units):
                deltas = [(payer, units)]
            case _:
                raise InvalidInput(f"{type(instruction).__name__} is no part of a session's step")
        asset = str(instruction.asset)
        found += [(account, asset, units) for account, units in deltas]
        found.append((escrow, asset, -sum(units for _, units in deltas)))
    return found
