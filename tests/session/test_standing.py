"""Standing authorisations: many red lights, one lock, lines of a net."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.chain import Batch, BatchKind, Issue, Net, Transfer
from sauma.errors import InsufficientBalance, InvalidInput
from sauma.identifiers import AccountId, content_id
from sauma.memory import MemoryChain
from sauma.session import (
    MicroSession,
    Reason,
    Refusal,
    SessionReading,
    Signed,
    Spent,
    Standing,
    StandingTerms,
    rest_units,
    spend,
)

from .car import CAR, CHARGER, METER, NOON, NOW, OPERATOR, STRANGER, TERMS

PURSE = AccountId("memory:main:car-standing")
ALLOWED = StandingTerms(
    domain=TERMS.domain,
    payer=CAR,
    account=PURSE,
    operator=OPERATOR,
    asset=TERMS.asset,
    cap_units=1_000,
    session_units_max=300,
    valid_from=NOON,
    valid_until=NOON + timedelta(days=30),
    key="1",
)
STANDING = Standing(terms=ALLOWED)
LIGHT = attrs.evolve(TERMS, fixed_fee_units=0, arbiter=None, arbiter_window_s=0, bond_units=0)


def line(number: int, wh: int, **changes: object) -> MicroSession:
    terms = attrs.evolve(LIGHT, key=f"light {number}", **changes)

    def reading(sequence: int, register_wh: int) -> Signed:
        statement = SessionReading(
            session_id=terms.session_id, sequence=sequence, register_wh=register_wh, time=NOW
        )
        return Signed(statement=statement, signer=METER)

    return MicroSession(terms=terms, first=reading(0, 5_000), last=reading(1, 5_000 + wh))


def refused(lines: list[MicroSession], now: int = NOW, standing: Standing = STANDING) -> Reason:
    answer = spend(standing, lines, now)
    assert isinstance(answer, Refusal), answer
    assert answer.message
    return answer.reason


def test_red_lights_settle_in_one_net():
    """Lines of several lights come to one leg for each who pays or earns, and they sum to zero."""
    other = AccountId("memory:main:other-street")
    answer = spend(STANDING, [line(1, 400), line(2, 333), line(3, 200, payee=other)], NOW)

    assert isinstance(answer, Spent)
    assert {leg.account: leg.delta_units for leg in answer.legs} == {
        PURSE: -(100 + 83 + 50),
        CHARGER: 95 + 79,
        other: 48,
        OPERATOR: 5 + 4 + 2,
    }
    assert answer.standing.spent_units == 233


def test_what_is_spent_for_is_spent_for_once():
    """P4: a micro-session that was settled, or comes twice, is refused, and nothing of its batch counts."""
    answer = spend(STANDING, [line(1, 400)], NOW)
    assert isinstance(answer, Spent)

    assert refused([line(2, 400), line(1, 400)], standing=answer.standing) is Reason.ID_USED
    assert refused([line(3, 400), line(3, 400)]) is Reason.ID_USED


def test_caps_hold():
    """P8: of one session at most the session's cap is paid, and of all no more than the cap."""
    dear = spend(STANDING, [line(1, 40_000)], NOW)

    assert isinstance(dear, Spent)
    assert dear.standing.spent_units == 300
    assert refused([line(number, 40_000) for number in range(4)]) is Reason.ABOVE_CAP


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
    assert refused([made]) is reason


def test_only_those_who_are_named_are_paid():
    """Where the payer names payees, nobody else is paid."""
    named = Standing(terms=attrs.evolve(ALLOWED, payees=(STRANGER,)))

    assert refused([line(1, 400)], standing=named) is Reason.WRONG_CALLER
    assert isinstance(spend(named, [line(1, 400, payee=STRANGER)], NOW), Spent)


def test_it_holds_for_its_time_and_the_rest_goes_back():
    """P6, P7: its ends are inclusive; afterwards anybody has the rest given back."""
    until = NOW + 30 * 86_400
    assert refused([line(1, 1)], now=NOW - 1) is Reason.AUTHORISATION_EXPIRED
    assert refused([line(1, 1)], now=until + 1) is Reason.AUTHORISATION_EXPIRED
    answer = spend(STANDING, [line(1, 400)], until)
    assert isinstance(answer, Spent)

    early = rest_units(answer.standing, until)
    assert isinstance(early, Refusal)
    assert early.reason is Reason.TOO_EARLY
    assert rest_units(answer.standing, until + 1) == 900


@pytest.mark.parametrize(
    "changes",
    [
        {"cap_units": 0},
        {"session_units_max": 1_001},
        {"domain": b""},
        {"account": CAR},
        {"valid_until": NOON},
    ],
)
def test_terms_that_cannot_be_kept_are_refused(changes):
    """No cap, more for one session than for all, no account of its own, no time: refused."""
    with pytest.raises(InvalidInput):
        attrs.evolve(ALLOWED, **changes)


def test_the_id_is_of_the_facts():
    """Other terms have another id; the order of payees makes none."""
    one = attrs.evolve(ALLOWED, payees=(CHARGER, STRANGER))
    others = [attrs.evolve(ALLOWED, key="2"), attrs.evolve(ALLOWED, cap_units=999), one]

    assert len({each.standing_id for each in (ALLOWED, *others)}) == 4
    assert one.standing_id == attrs.evolve(ALLOWED, payees=(STRANGER, CHARGER)).standing_id


@given(st.lists(st.integers(0, 3_000), max_size=6), st.integers(0, 10_000))
def test_nothing_is_made_or_lost(energies, fee_bps):
    """P1, P12: whatever flowed and whatever the fee, legs sum to zero and nobody but the purse pays."""
    standing = Standing(terms=attrs.evolve(ALLOWED, cap_units=100_000, session_units_max=100_000))
    lines = [line(number, wh, fee_bps=fee_bps) for number, wh in enumerate(energies)]
    answer = spend(standing, lines, NOW)

    assert isinstance(answer, Spent)
    assert sum(leg.delta_units for leg in answer.legs) == 0
    assert all(leg.delta_units > 0 for leg in answer.legs if leg.account != PURSE)
    assert answer.standing.spent_units == sum(wh * 250_000 // 10**6 for wh in energies)


def test_the_chain_keeps_the_cap():
    """What lies in the purse is the cap: a net above it cannot be prepared, one within it lands at once."""
    chain = MemoryChain("main")
    stamp = {"authority": OPERATOR, "evidence": b""}

    def land(name: str, instruction) -> None:
        batch = Batch(
            batch_id=content_id("standing", name),
            kind=BatchKind.SETTLEMENT,
            instructions=(instruction,),
        )
        for transaction in chain.prepare([batch], outstanding=()):
            chain.broadcast(transaction)
        chain.mine()

    land(
        "purse", Issue(instruction_id=b"1", recipient=CAR, asset=TERMS.asset, units=1_000, **stamp)
    )
    land(
        "lock",
        Transfer(
            instruction_id=b"2", sender=CAR, recipient=PURSE, asset=TERMS.asset, units=200, **stamp
        ),
    )
    within = spend(STANDING, [line(1, 400), line(2, 333)], NOW)
    assert isinstance(within, Spent)
    land("net", Net(instruction_id=b"3", legs=within.legs, **stamp))
    assert chain.balance(CHARGER, TERMS.asset).units == 95 + 79
    above = spend(within.standing, [line(3, 400)], NOW)
    assert isinstance(above, Spent)

    with pytest.raises(InsufficientBalance):
        land("above", Net(instruction_id=b"4", legs=above.legs, **stamp))
