"""Sessions again: each step judged by the machine, at the time it was judged and at that of its block.

P14: the same inputs give the same outcome, so what differs was not computed from them.

Where a contract keeps what is held, the chain did the same.  Where the operator keeps it, this is what
shows whether the promise was kept: a refund that was kept back or a payment above the meter is no
outcome of the evidence, a payment before its window is refused at the time of its block, and a session
that nobody ends still holds what is not the operator's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import sqlalchemy as sa

from sauma.dispatch.rows import OUTSIDE
from sauma.errors import InvalidInput, SaumaError, SessionRefused
from sauma.journal import SealedEntry, Table
from sauma.replay.past import Past
from sauma.replay.report import Finding, found_in
from sauma.session import Outcome, Session, Verifier, exit_of
from sauma.settlement import ESCROW
from sauma.steps import (
    Parties,
    Taken,
    corrected_by,
    follow,
    judge,
    kept_step,
    plan_step,
    taken_steps,
)
from sauma.store import charged

OVERDUE_S: Final = 3_600
"""How long after its exit was open a session may still hold money without being a finding."""


def given_steps(connection: sa.Connection, entry: SealedEntry, _: Past) -> Iterator[Finding]:
    """Yield in what a step cannot have been taken as it stands."""
    (row,) = entry.table("session_steps").dicts()
    step = kept_step(connection, row["session_id"], row["number"], row["step_digest"])
    before = taken_steps(connection, row["session_id"])
    judged_at = max((taken.judged_at for taken in before), default=0)
    facts = [
        ("session_id", row["session_id"].hex(), step.terms.session_id.hex()),
        ("transition", row["transition"], int(step.transition)),
        ("number", row["number"], len(before) + 1),
        ("kept by", row["is_emulated"], before[-1].is_emulated if before else row["is_emulated"]),
        ("judged_at not before the last", True, row["judged_at"] >= judged_at),
    ]
    for name, stated, found in facts:
        if stated != found:
            yield found_in(
                entry, f"{name}: stored {stated!r}, the step says {found!r}", table="session_steps"
            )


def step_again(connection: sa.Connection, entry: SealedEntry, past: Past) -> Sequence[Table]:
    """Return the derived tables of a step, judged again."""
    (row,) = entry.table("session_steps").dicts()
    verifier, session_id = verifier_of(past), row["session_id"]
    taken = Taken(
        number=row["number"],
        judged_at=row["judged_at"],
        is_emulated=row["is_emulated"],
        step=kept_step(connection, session_id, row["number"], row["step_digest"]),
    )
    escrow = past.accounts.get(ESCROW)
    if escrow is None or past.chain_id is None:
        raise InvalidInput(f"takes a step of a session before {ESCROW} was bound")
    times = charged.block_times(connection, past.chain_id, session_id)
    done = follow(connection, session_id, verifier, times)
    session = done[-1][1].session if done else None
    corrected = corrected_by(connection, taken.step, verifier)
    outcome = judge(session, taken.step, taken.judged_at, verifier, corrected)
    parties = Parties(holder_of=lambda account: past.holder(account, OUTSIDE), escrow=escrow)
    return plan_step(taken, outcome, parties)


def session_findings(connection: sa.Connection, past: Past) -> Iterator[Finding]:
    """Yield the sessions that a block shows ended too early, and those that nobody ended."""
    if past.chain_id is None:
        return
    for session_id in charged.sessions(connection):
        place = f"session {session_id.hex()}"
        times = charged.block_times(connection, past.chain_id, session_id)
        session: Session | None = None
        for taken in taken_steps(connection, session_id):
            at = times.get(taken.number)
            try:
                outcome = _judged(connection, session, taken, at, verifier_of(past))
            except SessionRefused as error:
                yield Finding(
                    place=f"{place} step {taken.number}",
                    explanation=f"{taken.step.transition.name.lower()} lies in a block of {at}, when "
                    f"it was refused: {error.reason}: {error}",
                )
                return
            except SaumaError as error:
                yield Finding(place=f"{place} step {taken.number}", explanation=str(error))
                return
            session = outcome.session
        leaving = None if session is None else exit_of(session)
        if session is not None and leaving is not None and past.scanned_time > leaving[1]:
            late_s = past.scanned_time - leaving[1]
            finding = Finding(
                place=place,
                explanation=f"{leaving[0].name.lower()} was open to anybody {late_s} s before the "
                f"last block read, and {session.locked_units} are held still",
            )
            if late_s > OVERDUE_S:
                yield finding
            else:
                past.notes.append(finding)


def verifier_of(past: Past) -> Verifier:
    """Return who verifies evidence of the chain."""
    codec: object = past.codec
    if not isinstance(codec, Verifier):
        raise InvalidInput(
            f"the codec of {past.chain_id} verifies no evidence of sessions: load one that does"
        )
    return codec


def _judged(
    connection: sa.Connection,
    session: Session | None,
    taken: Taken,
    at: int | None,
    verifier: Verifier,
) -> Outcome:
    corrected = corrected_by(connection, taken.step, verifier)
    moment = taken.judged_at if at is None else at
    return judge(session, taken.step, moment, verifier, corrected)
