"""Standing authorisations again: each action judged by the machine, as steps of sessions are.

P14: the same inputs give the same outcome.  A charge whose readings its meter has not signed, one of the
same micro-session again, or one above a limit is no outcome of its evidence, whatever the chain took; and
what nobody returned though anybody could is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa

from sauma.errors import InvalidInput, SaumaError
from sauma.journal import SealedEntry, Table
from sauma.replay.held import differing, held_past_exit, not_judged_so, parties_of
from sauma.replay.past import Past
from sauma.replay.report import Finding
from sauma.session import Standing, StandingVerifier
from sauma.steps import (
    TakenStanding,
    check_charged_once,
    follow_standing,
    judge_standing,
    kept_standing,
    plan_standing,
    taken_standing,
)
from sauma.store import charged


def given_standing(connection: sa.Connection, entry: SealedEntry, _: Past) -> Iterator[Finding]:
    """Yield in what actions cannot have been taken as they stand."""
    for row in entry.table("standing_steps").dicts():
        step = kept_standing(connection, row["standing_id"], row["number"], row["step_digest"])
        before = taken_standing(connection, row["standing_id"])
        judged_at = max((taken.judged_at for taken in before), default=0)
        facts = [
            ("standing_id", row["standing_id"].hex(), step.terms.standing_id.hex()),
            ("action", row["action"], int(step.action)),
            ("number", row["number"], len(before) + 1),
            ("judged_at not before the last", True, row["judged_at"] >= judged_at),
        ]
        yield from differing(entry, "standing_steps", "the action", facts)


def standing_again(connection: sa.Connection, entry: SealedEntry, past: Past) -> Sequence[Table]:
    """Return the derived tables of actions, judged again."""
    verifier = _verifier_of(past)
    chain_id, parties = parties_of(past, "takes an action on a standing authorisation")
    done = []
    for row in entry.table("standing_steps").dicts():
        standing_id = row["standing_id"]
        taken = TakenStanding(
            number=row["number"],
            judged_at=row["judged_at"],
            step=kept_standing(connection, standing_id, row["number"], row["step_digest"]),
        )
        times = charged.block_times(connection, chain_id, standing_id)
        before = follow_standing(connection, standing_id, times)
        standing = before[-1][1].standing if before else None
        done.append((taken, judge_standing(standing, taken.step, taken.judged_at, verifier)))
    check_charged_once(connection, [taken.step for taken, _ in done], parties)
    return plan_standing(done, parties)


def standing_findings(connection: sa.Connection, past: Past) -> Iterator[Finding]:
    """Yield the actions that a block shows at a wrong time, and what nobody had returned."""
    if past.chain_id is None:
        return
    for standing_id in charged.standings(connection):
        times = charged.block_times(connection, past.chain_id, standing_id)
        yield from _findings_of(connection, past, standing_id, times)


def _findings_of(
    connection: sa.Connection, past: Past, standing_id: bytes, times: Mapping[int, int]
) -> Iterator[Finding]:
    place = f"standing authorisation {standing_id.hex()}"
    standing: Standing | None = None
    for taken in taken_standing(connection, standing_id):
        at = times.get(taken.number, taken.judged_at)
        try:
            outcome = judge_standing(standing, taken.step, at, _verifier_of(past))
        except SaumaError as error:
            action = taken.step.action.name.lower()
            yield not_judged_so(f"{place} action {taken.number}", action, at, error)
            return
        standing = outcome.standing
    if standing is not None and standing.left_units:
        yield from held_past_exit(past, place, "its return", standing.ends_at, standing.left_units)


def _verifier_of(past: Past) -> StandingVerifier:
    codec: object = past.codec
    if not isinstance(codec, StandingVerifier):
        raise InvalidInput(
            f"the codec of {past.chain_id} verifies no standing authorisations: load one that does"
        )
    return codec
