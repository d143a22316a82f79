"""Standing authorisations: many red lights, one hold, charged together; pure."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.errors import InvalidInput, Refused
from sauma.memory.sessions import VERIFIER
from sauma.session import (
    MicroSession,
    Reason,
    Refusal,
    SessionReading,
    SessionStep,
    Signed,
    Standing,
    StandingAction,
    StandingOutcome,
    StandingStep,
    StandingTerms,
    Transition,
    asks_standing,
    decide_standing,
    read_evidence,
    standing_batch,
)

from .car import CAR, CHARGER, METER, NOON, NOW, OPERATOR, STRANGER, TERMS

A = StandingAction
DAY_S = 86_400
UNTIL = NOW + 30 * DAY_S
ALLOWED = StandingTerms(
    domain=TERMS.domain,
    payer=CAR,
    operator=OPERATOR,
    asset=TERMS.asset,
    cap_units=1_000,
    session_units_max=300,
    valid_from=NOON,
    valid_until=NOON + timedelta(days=30),
    notice_s=DAY_S,
    key="1",
)
LIGHT = attrs.evolve(TERMS, fixed_fee_units=0, arbiter=None, arbiter_window_s=0, bond_units=0)


def line(number: int, wh: int, **changes: object) -> MicroSession:
    terms = attrs.evolve(LIGHT, key=f"light {number}", **changes)

    def reading(sequence: int, register_wh: int) -> Signed:
        statement = SessionReading(
            session_id=terms.session_id, sequence=sequence, register_wh=register_wh, time=NOW
        )
        return Signed(statement=statement, signer=METER)

    return MicroSession(terms=terms, first=reading(0, 5_000), last=reading(1, 5_000 + wh))


def asked(
    action: StandingAction,
    *lines: MicroSession,
    standing: Standing | None = None,
    terms: StandingTerms = ALLOWED,
    caller=OPERATOR,
    now: int = NOW,
    signed: bool = False,
):
    return decide_standing(standing, terms, action, caller, now, lines=lines, is_signed=signed)


def done(*args, **how) -> StandingOutcome:
    answer = asked(*args, **how)
    assert isinstance(answer, StandingOutcome), answer
    return answer


def refused(*args, **how) -> Reason:
    answer = asked(*args, **how)
    assert isinstance(answer, Refusal), answer
    assert answer.message
    return answer.reason


def held(terms: StandingTerms = ALLOWED) -> Standing:
    return done(A.AUTHORISE, terms=terms, signed=True).standing


def test_red_lights_are_charged_together():
    """Lines of several lights come to one part for each who earns, and to what is taken."""
    other = line(3, 200, payee=STRANGER)
    outcome = done(A.CHARGE, line(1, 400), line(2, 333), other, standing=held())

    assert {part.payee: part.units for part in outcome.parts} == {
        CHARGER: 95 + 79,
        STRANGER: 48,
        OPERATOR: 5 + 4 + 2,
    }
    assert outcome.standing.left_units == 1_000 - 233


def test_only_the_payer_allows():
    """By its signature or by asking itself; once, and in time."""
    assert refused(A.AUTHORISE) is Reason.MISSING_EVIDENCE
    assert refused(A.AUTHORISE, signed=True, now=NOW - 1) is Reason.TOO_EARLY
    assert refused(A.AUTHORISE, signed=True, now=UNTIL + 1) is Reason.AUTHORISATION_EXPIRED
    assert done(A.AUTHORISE, caller=CAR, now=UNTIL).locked_units == 1_000

    assert refused(A.AUTHORISE, signed=True, standing=held()) is Reason.ID_USED


def test_what_is_charged_for_is_charged_for_once():
    """P4: a micro-session that was charged, or comes twice, is refused, and nothing with it counts."""
    after = done(A.CHARGE, line(1, 400), standing=held()).standing

    assert refused(A.CHARGE, line(2, 400), line(1, 400), standing=after) is Reason.ID_USED
    assert refused(A.CHARGE, line(3, 400), line(3, 400), standing=after) is Reason.ID_USED


def test_caps_hold():
    """P8: of one session at most the session's cap is paid, and of all no more than the cap."""
    dear = done(A.CHARGE, line(1, 40_000), standing=held())

    assert dear.standing.left_units == 700
    many = [line(number, 40_000) for number in range(4)]
    assert refused(A.CHARGE, *many, standing=held()) is Reason.ABOVE_CAP
    assert refused(A.CHARGE, standing=held()) is Reason.MISSING_EVIDENCE
    assert refused(A.CHARGE, line(1, 0), standing=held()) is Reason.MISSING_EVIDENCE


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (line(1, -1), Reason.REGISTER_BACKWARDS),
        (line(1, 1, payer=STRANGER), Reason.MISSING_EVIDENCE),
        (line(1, 1, operator=STRANGER), Reason.MISSING_EVIDENCE),
        (line(1, 1, domain=bytes(32)), Reason.MISSING_EVIDENCE),
        (attrs.evolve(line(1, 1), last=line(1, 1).first), Reason.SEQUENCE_NOT_HIGHER),
        (attrs.evolve(line(1, 1), first=line(1, 1).last), Reason.MISSING_EVIDENCE),
        (attrs.evolve(line(1, 1), first=line(2, 1).first), Reason.MISSING_EVIDENCE),
        (
            attrs.evolve(line(1, 1), last=attrs.evolve(line(1, 1).last, signer=CHARGER)),
            Reason.MISSING_EVIDENCE,
        ),
    ],
)
def test_a_wrong_line_is_refused(made, reason):
    """Of another party, without the meter's signature, backwards or without order: refused by name."""
    assert refused(A.CHARGE, made, standing=held()) is reason


def test_only_those_who_are_named_are_paid():
    """Where the payer names payees, nobody else is paid; and the operator alone charges."""
    named = attrs.evolve(ALLOWED, payees=(STRANGER,))
    standing = held(named)

    assert refused(A.CHARGE, line(1, 400), standing=standing) is Reason.WRONG_CALLER
    to_named = line(1, 400, payee=STRANGER)
    assert refused(A.CHARGE, to_named, standing=standing, caller=CHARGER) is Reason.WRONG_CALLER
    assert done(A.CHARGE, to_named, standing=standing).parts[0].payee == STRANGER


def test_it_holds_for_its_time_and_the_rest_goes_back():
    """P6, P7: its end is inclusive; afterwards anybody has the rest returned, once."""
    standing = done(A.CHARGE, line(1, 400), standing=held(), now=UNTIL).standing
    late = {"standing": standing, "now": UNTIL + 1}
    assert refused(A.CHARGE, line(2, 400), **late) is Reason.AUTHORISATION_EXPIRED
    assert refused(A.RETURN, standing=standing, now=UNTIL, caller=STRANGER) is Reason.TOO_EARLY

    over = done(A.RETURN, caller=STRANGER, **late)

    assert (over.returned_units, over.standing.left_units) == (900, 0)
    for action in (A.RETURN, A.REVOKE, A.CHARGE):
        again = {"standing": over.standing, "now": UNTIL + 2, "caller": CAR}
        assert refused(action, **again) is Reason.WRONG_STATE


def test_the_payer_revokes_with_notice():
    """The payer alone lets it end sooner, after its notice and never later than agreed."""
    assert refused(A.REVOKE, standing=held(), caller=OPERATOR) is Reason.WRONG_CALLER
    revoked = done(A.REVOKE, standing=held(), caller=CAR).standing
    again = done(A.REVOKE, standing=revoked, caller=CAR, now=NOW + 60).standing
    late = done(A.REVOKE, standing=held(), caller=CAR, now=UNTIL).standing

    assert (revoked.ends_at, again.ends_at, late.ends_at) == (NOW + DAY_S, NOW + DAY_S, UNTIL)
    in_time = done(A.CHARGE, line(1, 400), standing=revoked, now=NOW + DAY_S).standing
    assert done(A.RETURN, standing=in_time, now=NOW + DAY_S + 1).returned_units == 900


@pytest.mark.parametrize(
    "changes",
    [
        {"cap_units": 0},
        {"session_units_max": 1_001},
        {"session_units_max": 0},
        {"domain": b""},
        {"operator": CAR},
        {"payees": (CAR,)},
        {"payees": (CHARGER, CHARGER)},
        {"notice_s": -1},
        {"valid_until": NOON},
    ],
)
def test_terms_that_cannot_be_kept_are_refused(changes):
    """No cap, more for one session than for all, payees that pay themselves, no time: refused."""
    with pytest.raises(InvalidInput):
        attrs.evolve(ALLOWED, **changes)


def test_the_id_is_of_the_facts():
    """Other terms have another id: 11 words of 32 bytes, hashed."""
    others = [
        attrs.evolve(ALLOWED, **changes)
        for changes in (
            {"key": "2"},
            {"cap_units": 999},
            {"session_units_max": 299},
            {"notice_s": 1},
            {"payees": (CHARGER, STRANGER)},
            {"payees": (STRANGER, CHARGER)},
        )
    ]

    assert len(ALLOWED.to_bytes()) == 11 * 32
    assert len({each.standing_id for each in (ALLOWED, *others)}) == 7


def test_evidence_comes_back_as_it_was():
    """An action survives its bytes, canonical only, and is told from the step of a session."""
    named = attrs.evolve(ALLOWED, payees=(CHARGER,))
    step = StandingStep(
        action=A.CHARGE, terms=named, caller=OPERATOR, lines=(line(1, 400), line(2, 5))
    )
    other = SessionStep(transition=Transition.CANCEL, terms=TERMS, caller=CAR)

    assert read_evidence(step.to_bytes()) == step
    assert read_evidence(other.to_bytes()) == other
    for raw in (step.to_bytes() + b" ", b"{}", b'{"action":9}', other.to_bytes()):
        with pytest.raises(InvalidInput):
            StandingStep.from_bytes(raw)


def test_signatures_are_verified():
    """P5: the payer's of the terms, and each meter's of each reading."""
    step = StandingStep(action=A.AUTHORISE, terms=ALLOWED, caller=OPERATOR, signature=b"forged")
    with pytest.raises(Refused, match="not signed by"):
        step.verify(VERIFIER)

    charge = StandingStep(action=A.CHARGE, terms=ALLOWED, caller=OPERATOR, lines=(line(1, 4),))
    with pytest.raises(Refused, match="reading of micro-session"):
        charge.verify(VERIFIER)


def test_charges_of_several_share_a_batch():
    """One batch of captures, whole or not at all; its id is of each authorisation and its step."""
    other = attrs.evolve(ALLOWED, key="2")
    steps = [
        StandingStep(action=A.CHARGE, terms=terms, caller=OPERATOR, lines=(line(number, 400),))
        for number, terms in enumerate((ALLOWED, other))
    ]
    outcomes = [step.decide(held(step.terms), NOW) for step in steps]
    assert all(isinstance(each, StandingOutcome) for each in outcomes)
    batch = standing_batch(list(zip(steps, outcomes, strict=True)))

    assert (batch.atomic, len(batch.instructions), asks_standing(batch)) == (True, 2, True)
    alone = standing_batch([(steps[0], outcomes[0])])
    assert (alone.atomic, alone.batch_id == batch.batch_id) == (False, False)


@given(st.lists(st.integers(1, 3_000), min_size=1, max_size=6), st.integers(0, 10_000))
def test_nothing_is_made_or_lost(energies, fee_bps):
    """P1, P12: whatever flowed and whatever the fee, the parts are what is taken, and all above zero."""
    standing = held(attrs.evolve(ALLOWED, cap_units=100_000, session_units_max=100_000))
    lines = [line(number, wh, fee_bps=fee_bps) for number, wh in enumerate(energies)]
    total = sum(wh * 250_000 // 10**6 for wh in energies)
    answer = asked(A.CHARGE, *lines, standing=standing, terms=standing.terms)
    if not total:
        assert isinstance(answer, Refusal)
        return

    assert isinstance(answer, StandingOutcome)
    assert sum(part.units for part in answer.parts) == total
    assert all(part.units > 0 for part in answer.parts)
    assert answer.standing.left_units == 100_000 - total
