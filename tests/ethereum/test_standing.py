"""Standing authorisations as bytes: what is written is read back, and what does not fit is refused."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from sauma.chain import Batch
from sauma.errors import InvalidInput, Unsupported
from sauma.intervals import from_unix
from sauma.session import (
    MicroSession,
    SessionReading,
    StandingAction,
    StandingOutcome,
    StandingStep,
    StandingTerms,
    standing_batch,
)
from sauma_ethereum.building import Builder
from sauma_ethereum.caip import address_on
from sauma_ethereum.evidence import domain_of
from sauma_ethereum.fees import Fees
from sauma_ethereum.instructions import draft_of
from sauma_ethereum.standing import ChargeCall, parse_charge, parse_stand

from .test_codec import CHAIN, SETTINGS
from .test_sessions import CAR, CODEC, METER, NOW, OPERATOR, STATION, TERMS, signed

ALLOWED = StandingTerms(
    domain=domain_of(SETTINGS),
    payer=CAR.account,
    operator=OPERATOR.account,
    asset=SETTINGS.money_asset,
    cap_units=10_000,
    session_units_max=300,
    valid_from=from_unix(NOW),
    valid_until=from_unix(NOW) + timedelta(days=30),
    payees=(STATION.account,),
    key="vector",
)
NUMBERS = {
    address_on(each.account, CHAIN): number for number, each in enumerate((STATION, OPERATOR), 7)
}


def light(number: int, wh: int) -> MicroSession:
    terms = attrs.evolve(TERMS, key=f"light {number}", fee_bps=1_000)

    def reading(sequence: int, register_wh: int):
        statement = SessionReading(
            session_id=terms.session_id, sequence=sequence, register_wh=register_wh, time=NOW
        )
        return signed(statement, METER, terms)

    return MicroSession(terms=terms, first=reading(0, 5_000), last=reading(1, 5_000 + wh))


def asked(*steps: StandingStep) -> Batch:
    done = []
    for step in steps:
        held = held_of(step.terms)
        answer = step.decide(None if step.action is StandingAction.AUTHORISE else held, NOW)
        assert isinstance(answer, StandingOutcome), answer
        done.append((step, answer))
    return standing_batch(done)


def held_of(terms: StandingTerms):
    allowed = StandingStep(action=StandingAction.AUTHORISE, terms=terms, caller=terms.payer)
    outcome = allowed.decide(None, NOW)
    assert isinstance(outcome, StandingOutcome)
    return outcome.standing


def charge(terms: StandingTerms = ALLOWED, *lines: MicroSession) -> StandingStep:
    return StandingStep(
        action=StandingAction.CHARGE,
        terms=terms,
        caller=OPERATOR.account,
        lines=lines or (light(1, 4_000), light(2, 8_000)),
    )


def charging(*steps: StandingStep) -> ChargeCall:
    call = draft_of(asked(*steps), SETTINGS).session
    assert isinstance(call, ChargeCall)
    return call


def test_an_authorisation_is_read_back_from_signed_bytes():
    """Who pays, how much is held and under which id are in the bytes, without a node."""
    signature = CAR.sign(CODEC.standing_payload(ALLOWED))
    step = StandingStep(
        action=StandingAction.AUTHORISE,
        terms=ALLOWED,
        caller=OPERATOR.account,
        signature=signature,
    )
    batch = asked(step)
    builder = Builder(SETTINGS)
    built = builder.of_draft(
        draft_of(batch, SETTINGS), 0, Fees(fee_wei_max=9, priority_fee_wei=1), {}
    )
    sent = builder.signed(built, OPERATOR, batch_ids=(batch.batch_id,), prepared_at=1)

    decoded = CODEC.decode(sent.raw)

    assert (decoded.reference, decoded.effects) == (batch.reference, sent.effects)
    assert [(e.account, e.delta_units, e.session_id) for e in decoded.effects] == [
        (CAR.account, -10_000, None),
        (SETTINGS.escrow_account, 10_000, ALLOWED.standing_id),
    ]
    assert parse_stand(built.transaction.data).standing_id == ALLOWED.standing_id


def test_a_charge_is_read_back_from_signed_bytes():
    """Who is paid what is in the bytes, though the contract knows them by number."""
    other = attrs.evolve(ALLOWED, key="another")
    call = charging(charge(), charge(other, light(3, 400)))
    places = {ALLOWED.standing_id: 9, other.standing_id: 2}
    data = call.calldata(NUMBERS, places)

    read = parse_charge(data)

    assert read.effects(SETTINGS) == call.effects(SETTINGS)
    assert [(e.account, e.delta_units) for e in read.effects(SETTINGS)] == [
        (SETTINGS.escrow_account, -310),
        (STATION.account, 279),
        (OPERATOR.account, 31),
    ]
    assert [(int.from_bytes(each, "big"), units) for each, units in read.charges] == [
        (2, (10,)),
        (9, (100, 200)),
    ]


def test_only_canonical_charges_are_read():
    """Bytes that are cut off, that say more, or that name nobody for a number are refused."""
    data = charging(charge()).calldata(NUMBERS, {ALLOWED.standing_id: 0})
    stand = StandingStep(action=StandingAction.AUTHORISE, terms=ALLOWED, caller=CAR.account)
    held = draft_of(asked(stand), SETTINGS).session
    assert held is not None

    for other in (data[:-1], data[:-20], data + bytes(20), data[:-41] + b"\x02" + data[-40:]):
        with pytest.raises(InvalidInput):
            parse_charge(other)
    for other in (held.calldata()[:-1], held.calldata() + b"\0"):
        with pytest.raises(InvalidInput):
            parse_stand(other)


def test_a_batch_is_of_one_plan():
    """Other payees, another limit or another end are another plan, and named as such."""
    for changes in (
        {"payees": ()},
        {"session_units_max": 299},
        {"valid_until": ALLOWED.valid_until + timedelta(days=1)},
    ):
        other = attrs.evolve(ALLOWED, key="another", **changes)
        with pytest.raises(Unsupported, match="several plans"):
            draft_of(asked(charge(), charge(other, light(3, 400))), SETTINGS)


def test_what_does_not_fit_the_contract_is_refused():
    """Another asset, too much at a time, and two actions in a batch: each by name."""
    for changes, error in (
        ({"asset": SETTINGS.energy_asset}, Unsupported),
        ({"cap_units": 2**40, "session_units_max": 2**32}, InvalidInput),
    ):
        step = StandingStep(
            action=StandingAction.AUTHORISE,
            terms=attrs.evolve(ALLOWED, **changes),
            caller=CAR.account,
        )
        with pytest.raises(error):
            draft_of(asked(step), SETTINGS)
    steps = [
        StandingStep(
            action=StandingAction.AUTHORISE,
            terms=attrs.evolve(ALLOWED, key=key),
            caller=CAR.account,
        )
        for key in "ab"
    ]
    with pytest.raises(Unsupported, match="batch of each"):
        draft_of(asked(*steps), SETTINGS)
