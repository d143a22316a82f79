"""An exhaustive walk: every state that can be reached in a small world, and the way out of each.

The world is small on purpose: a Wh costs one unit, two units are held, every window is a second.  In
it the walk tries every transition, with every evidence and caller, in every second.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import attrs
import pytest

from sauma.identifiers import AccountId
from sauma.session import (
    Authorisation,
    Cancel,
    Close,
    Command,
    Outcome,
    Ready,
    Reason,
    Receipt,
    Refusal,
    Ruling,
    Session,
    SessionReading,
    SessionState,
    SessionTerms,
    Signed,
    Statement,
    Transition,
    decide,
    exit_of,
)

from .car import ARBITER, CAR, CHARGER, METER, NOON, NOW, OPERATOR, STRANGER, TERMS

SMALL = attrs.evolve(
    TERMS,
    price=1,
    price_decimals=0,
    fixed_fee_units=0,
    no_show_fee_units=1,
    fee_bps=5_000,
    energy_wh_max=2,
    starts_before=NOON + timedelta(seconds=1),
    ends_before=NOON + timedelta(seconds=2),
    contest_window_s=1,
    silence_limit_s=1,
    arbiter_window_s=1,
    bond_units=1,
)
CAPS = (2, 3)
MOMENTS = range(NOW, NOW + 6)
PARTIES = (CAR, CHARGER, OPERATOR, ARBITER)
VANISHED = [
    *((each,) for each in PARTIES),
    *itertools.combinations(PARTIES, 2),
    PARTIES,
]


def evidence(terms: SessionTerms) -> dict[Transition, list[tuple[Signed, ...]]]:
    """Return what can be brought for each transition, of every sequence, register and amount."""
    at = terms.session_id

    def by(signer: AccountId, *statements: Statement) -> list[tuple[Signed, ...]]:
        return [(Signed(statement=each, signer=signer),) for each in statements]

    readings = by(
        METER,
        *(
            SessionReading(session_id=at, sequence=sequence, register_wh=wh, time=NOW)
            for sequence in range(3)
            for wh in (0, 2)
        ),
    )
    receipts = by(
        CAR,
        *(
            Receipt(session_id=at, sequence=sequence, register_wh=wh, amount_units=units)
            for sequence in (1, 2)
            for wh, units in ((0, 0), (2, 1), (2, 2))
        ),
    )
    closes = [
        tuple(
            Signed(
                statement=Close(session_id=at, sequence=sequence, amount_units=units), signer=signer
            )
            for signer in (CAR, CHARGER)
        )
        for sequence in (1, 2)
        for units in (1, 3)
    ]
    caps = by(
        CAR,
        *(Authorisation(session_id=at, held_units=units, valid_until=NOW + 9) for units in CAPS),
    )
    rulings = by(ARBITER, *(Ruling(session_id=at, amount_units=units) for units in range(4)))
    nothing: list[tuple[Signed, ...]] = [()]
    return {
        Transition.AUTHORISE: caps,
        Transition.READY: [(Signed(statement=Ready(session_id=at, time=NOW), signer=CHARGER),)],
        Transition.START: readings,
        Transition.CANCEL: [*nothing, (Signed(statement=Cancel(session_id=at), signer=CAR),)],
        Transition.NO_SHOW: nothing,
        Transition.COUNTERSIGN: receipts,
        Transition.TOP_UP: caps,
        Transition.CLOSE: [*closes, *receipts],
        Transition.CLAIM: readings,
        Transition.CLAIM_SILENT: [*nothing, *readings, *receipts],
        Transition.CONTEST: [*readings, *receipts],
        Transition.SETTLE: nothing,
        Transition.DISPUTE: nothing,
        Transition.RULE: rulings,
        Transition.DEFAULT: nothing,
        Transition.EXPIRE: nothing,
    }


CALLERS = {
    Transition.START: (CHARGER,),
    Transition.CLAIM: (CHARGER,),
    Transition.CLAIM_SILENT: (CAR,),
    Transition.CONTEST: (CAR,),
    Transition.DISPUTE: (CAR,),
    Transition.CLOSE: (CHARGER,),
    Transition.CANCEL: (CAR, CHARGER),
}
"""Who asks for what, where not everybody can; that others are refused is tested one by one."""


def commands(terms: SessionTerms) -> dict[Transition, list[Command]]:
    return {
        transition: [
            Command(
                transition=transition, session_id=terms.session_id, caller=caller, evidence=brought
            )
            for brought in given
            for caller in CALLERS.get(transition, (STRANGER,))
        ]
        for transition, given in evidence(terms).items()
    }


COMMANDS = commands(SMALL)


def plain(session: Session | None) -> Session | None:
    """The session without the count of its steps, which only grows."""
    return None if session is None else attrs.evolve(session, steps=0)


def key(session: Session | None) -> tuple[object, ...] | None:
    if session is None:
        return None
    return tuple(
        getattr(session, field.name)
        for field in attrs.fields(Session)
        if field.name not in ("terms", "steps")
    )


def walk() -> Iterator[tuple[Session | None, int, Command, Outcome | Refusal]]:
    """Yield every answer of every state and moment that can be reached."""
    level: dict[object, Session | None] = {None: None}
    for now in MOMENTS:
        waiting = list(level.values())
        while waiting:
            session = waiting.pop()
            for command, answer in answers(session, now):
                yield session, now, command, answer
                if isinstance(answer, Outcome):
                    after = plain(answer.session)
                    if key(after) not in level:
                        level[key(after)] = after
                        waiting.append(after)


def answers(session: Session | None, now: int) -> Iterator[tuple[Command, Outcome | Refusal]]:
    """Yield the answers to everything that can be asked; what the state forbids is asked once."""
    for given in COMMANDS.values():
        for command in given:
            answer = decide(session, command, now, terms=SMALL)
            yield command, answer
            if isinstance(answer, Refusal) and answer.reason in (
                Reason.WRONG_STATE,
                Reason.ID_USED,
            ):
                break


@pytest.fixture(scope="module")
def walked() -> list[tuple[Session | None, int, Command, Outcome | Refusal]]:
    """The whole walk, once."""
    return list(walk())


@pytest.fixture(scope="module")
def reached(walked) -> list[Session]:
    """Every session that can be, once."""
    return list(
        {
            key(each.session): each.session for *_, each in walked if isinstance(each, Outcome)
        }.values()
    )


def test_every_state_and_transition_is_reached(walked):
    """The walk meets every state and carries out every transition but the correction."""
    done = {each.transition for *_, each in walked if isinstance(each, Outcome)}
    states = {each.session.state for *_, each in walked if isinstance(each, Outcome)}

    assert done == set(Transition) - {Transition.CORRECT}
    assert states == set(SessionState) - {SessionState.NONE}


def test_nothing_is_made_or_lost(walked):
    """P1, P2, P12: of every transition, what was locked is what goes out and what stays locked."""
    for session, _, _, answer in walked:
        if isinstance(answer, Outcome):
            before = 0 if session is None else session.locked_units
            out = (answer.payee_units, answer.operator_units, answer.payer_units)
            assert min(*out, answer.locked_units, answer.session.locked_units) >= 0
            assert before + answer.locked_units == sum(out) + answer.session.locked_units


def test_only_newer_evidence_counts(walked):
    """P8: sequence, register, amount and cap never fall, and no amount is above the cap."""
    for session, _, _, answer in walked:
        if session is not None and isinstance(answer, Outcome):
            after = answer.session
            assert after.sequence >= session.sequence
            assert after.register_wh >= session.register_wh
            assert after.held_units >= session.held_units
            assert after.acknowledged_units >= session.acknowledged_units
            assert after.amount_units <= after.held_units


def test_what_is_over_is_over(walked):
    """P4: no transition leaves a settled or released session, and none opens it again."""
    for session, _, _, answer in walked:
        if session is not None and session.state.is_terminal:
            assert isinstance(answer, Refusal)


@pytest.mark.parametrize("vanished", VANISHED, ids=lambda each: "+".join(a.address for a in each))
def test_whoever_vanishes_there_is_a_way_out(reached, vanished):
    """P7: from every state there is a second after which anybody ends it, and what is due is paid.

    Whoever is left asks, without evidence from anybody: the payer gets back what was not evidenced,
    the payee what the payer countersigned, or what was claimed and not disputed.
    """
    ends: Counter[SessionState] = Counter()
    for session in reached:
        found = exit_of(session)
        if found is None:
            assert session.locked_units == 0
            continue
        transition, last = found
        left = [each for each in (*PARTIES, STRANGER) if each not in vanished]
        asked = [
            Command(transition=transition, session_id=session.session_id, caller=caller)
            for caller in left
        ]
        assert all(isinstance(decide(session, each, last), Refusal) for each in asked)
        outcomes = [decide(session, each, last + 1) for each in asked]
        outcome = outcomes[0]
        assert isinstance(outcome, Outcome)
        assert outcome.session.state.is_terminal
        assert outcomes == [outcome] * len(left)
        ends[session.state] += 1
        earned = outcome.payee_units + outcome.operator_units
        due = {
            SessionState.AUTHORISED: 1 if session.is_ready else 0,
            SessionState.ACTIVE: session.acknowledged_units,
            SessionState.CLAIMED: session.amount_units,
            SessionState.DISPUTED: 0,
        }[session.state]
        assert earned == due
        assert outcome.payer_units == session.locked_units - due
    assert set(ends) == {
        SessionState.AUTHORISED,
        SessionState.ACTIVE,
        SessionState.CLAIMED,
        SessionState.DISPUTED,
    }


def test_exits_do_not_wait_for_ever(walked):
    """P7: money locked in the walk is free again within a bounded time, whatever was done.

    From the end of the session: two windows for a claim and one contest, one for the arbiter.
    """
    last = NOW + 2 + SMALL.contest_window_s
    bound = last + 2 * SMALL.contest_window_s + SMALL.arbiter_window_s + 2
    for _, now, _, answer in walked:
        if isinstance(answer, Outcome) and now <= last:
            found = exit_of(answer.session)
            assert found is None or found[1] <= bound
