"""Sessions again: each step judged by the machine, at the time it was judged and at that of its block.

P14: the same inputs give the same outcome, so what differs was not computed from them.

Where a contract keeps what is held, the chain did the same.  Where the operator keeps it, this is what
shows whether the promise was kept: a refund that was kept back or a payment above the meter is no
outcome of the evidence, a payment before its window is refused at the time of its block, and a session
that nobody ends still holds what is not the operator's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa

from sauma.errors import InvalidInput, SaumaError
from sauma.journal import SealedEntry, Table
from sauma.replay.held import differing, held_past_exit, not_judged_so, parties_of
from sauma.replay.past import Past
from sauma.replay.report import Finding
from sauma.session import Session, Verifier, exit_of
from sauma.steps import (
    Taken,
    corrected_by,
    follow,
    judge,
    kept_step,
    plan_step,
    taken_steps,
)
from sauma.store import charged


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
    yield from differing(entry, "session_steps", "the step", facts)


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
    chain_id, parties = parties_of(past, "takes a step of a session")
    times = charged.block_times(connection, chain_id, session_id)
    done = follow(connection, session_id, verifier, times)
    session = done[-1][1].session if done else None
    corrected = corrected_by(connection, taken.step, verifier)
    outcome = judge(session, taken.step, taken.judged_at, verifier, corrected)
    return plan_step(taken, outcome, parties)


def session_findings(connection: sa.Connection, past: Past) -> Iterator[Finding]:
    """Yield the sessions that a block shows ended too early, and those that nobody ended."""
    if past.chain_id is None:
        return
    for session_id in charged.sessions(connection):
        times = charged.block_times(connection, past.chain_id, session_id)
        yield from _findings_of(connection, past, session_id, times)


def _findings_of(
    connection: sa.Connection, past: Past, session_id: bytes, times: Mapping[int, int]
) -> Iterator[Finding]:
    place = f"session {session_id.hex()}"
    session: Session | None = None
    for taken in taken_steps(connection, session_id):
        at = times.get(taken.number, taken.judged_at)
        try:
            verifier = verifier_of(past)
            corrected = corrected_by(connection, taken.step, verifier)
            outcome = judge(session, taken.step, at, verifier, corrected)
        except SaumaError as error:
            transition = taken.step.transition.name.lower()
            yield not_judged_so(f"{place} step {taken.number}", transition, at, error)
            return
        session = outcome.session
    leaving = None if session is None else exit_of(session)
    if session is not None and leaving is not None:
        name, open_after = leaving[0].name.lower(), leaving[1]
        yield from held_past_exit(past, place, name, open_after, session.locked_units)


def verifier_of(past: Past) -> Verifier:
    """Return who verifies evidence of the chain."""
    codec: object = past.codec
    if not isinstance(codec, Verifier):
        raise InvalidInput(
            f"the codec of {past.chain_id} verifies no evidence of sessions: load one that does"
        )
    return codec
