"""Steps of sessions as bytes: what is written is read back, and what does not fit is refused."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from sauma.chain import Attest, Batch, BatchKind, Hold, Transfer
from sauma.errors import InvalidInput, Unsupported, WrongNetwork
from sauma.identifiers import content_id
from sauma.intervals import from_unix
from sauma.session import (
    Authorisation,
    Outcome,
    SessionReading,
    SessionStep,
    SessionTerms,
    Signed,
    Transition,
    batches_for,
    decide,
    instructions_for,
)
from sauma_ethereum import EthereumCodec, EthereumSigner
from sauma_ethereum.building import Builder
from sauma_ethereum.caip import address_on
from sauma_ethereum.evidence import contract_form, domain_of, parity_form
from sauma_ethereum.fees import Fees
from sauma_ethereum.instructions import check_roles, draft_of
from sauma_ethereum.sessions import SessionCall, parse_step
from sauma_ethereum.signing import CURVE_ORDER

from .test_codec import CHAIN, SETTINGS

CAR, STATION, METER, OPERATOR = (EthereumSigner(bytes((n,)) * 32, CHAIN) for n in range(1, 5))
NOW = 1_800_000_000
TERMS = SessionTerms(
    domain=domain_of(SETTINGS),
    payer=CAR.account,
    payee=STATION.account,
    operator=OPERATOR.account,
    meter=METER.account,
    asset=SETTINGS.money_asset,
    price=25,
    price_decimals=3,
    energy_wh_max=50_000,
    starts_before=from_unix(NOW) + timedelta(hours=1),
    ends_before=from_unix(NOW) + timedelta(hours=9),
    contest_window_s=3_600,
    silence_limit_s=3_600,
    key="vector",
)
CODEC = EthereumCodec(SETTINGS)


def signed(statement, signer, terms=TERMS):
    """Evidence with its signature."""
    signature = signer.sign(CODEC.statement_payload(terms, statement))
    return Signed(statement=statement, signer=signer.account, signature=signature)


def authorising(**changes) -> Batch:
    """The batch that locks 500."""
    terms = attrs.evolve(TERMS, **changes)
    statement = Authorisation(session_id=terms.session_id, held_units=500, valid_until=NOW + 60)
    step = SessionStep(
        transition=Transition.AUTHORISE,
        terms=terms,
        caller=OPERATOR.account,
        evidence=(signed(statement, CAR, terms),),
    )
    outcome = decide(None, step.command(CODEC), NOW, terms=terms)
    assert isinstance(outcome, Outcome)
    (batch,) = batches_for(instructions_for(step, outcome), outcome)
    return batch


def call_of(batch: Batch) -> SessionCall:
    """The call that a batch becomes."""
    call = draft_of(batch, SETTINGS).session
    assert call is not None
    return call


def test_a_step_is_read_back_from_signed_bytes():
    """The effects, the reference and the sender are in the bytes, whoever reads them, without a node."""
    batch = authorising()
    draft = draft_of(batch, SETTINGS)
    check_roles(draft, SETTINGS)
    builder = Builder(SETTINGS)
    built = builder.of_draft(draft, 0, Fees(fee_wei_max=9, priority_fee_wei=1), {})
    sent = builder.signed(built, OPERATOR, batch_ids=(batch.batch_id,), prepared_at=1)

    decoded = CODEC.decode(sent.raw)

    assert (decoded.reference, decoded.effects) == (batch.reference, sent.effects)
    assert [(e.account, e.delta_units, e.session_id) for e in decoded.effects] == [
        (CAR.account, -500, None),
        (SETTINGS.escrow_account, 500, TERMS.session_id),
    ]
    assert draft.owners == tuple(
        address_on(each.account, CHAIN) for each in (CAR, STATION, OPERATOR)
    )
    assert (decoded.sender, decoded.signature_valid) == (OPERATOR.account, True)


def test_only_canonical_calls_are_steps():
    """Bytes that say the same in another way, or something else, are refused."""
    data = call_of(authorising()).calldata()
    assert parse_step(data).calldata() == data

    for other in (data + bytes(32), data[:-1], b"\x00" * 4 + data[4:], data[:4]):
        with pytest.raises(InvalidInput):
            parse_step(other)


def test_payee_and_operator_may_be_one():
    """Where they are one account, the payee's part is all, as the contract counts it."""
    call = call_of(authorising(operator=STATION.account))
    paid = attrs.evolve(
        call, moved=attrs.evolve(call.moved, locked_units=0, payee_units=40, payer_units=460)
    )

    assert [effect.delta_units for effect in paid.effects(SETTINGS)] == [*(-40, 40, -460, 460)]


def test_instructions_that_are_not_their_step_are_refused():
    """Another session, caller, payer, asset or statement than the step's is named."""
    batch = authorising()
    (hold,) = batch.instructions
    assert isinstance(hold, Hold)
    for change, named in (
        ({"session_id": bytes(32)}, "session_id"),
        ({"authority": CAR.account}, "authority"),
        ({"payer": STATION.account}, "payer"),
        ({"asset": SETTINGS.energy_asset}, "asset"),
    ):
        wrong = attrs.evolve(hold, **change)
        with pytest.raises(InvalidInput, match=named):
            draft_of(attrs.evolve(batch, instructions=(wrong,)), SETTINGS)
    attest = Attest(
        instruction_id=bytes(32),
        authority=hold.authority,
        evidence=hold.evidence,
        session_id=hold.session_id,
        step=1,
        statement=b"another",
    )
    with pytest.raises(InvalidInput, match="statement"):
        draft_of(attrs.evolve(batch, instructions=(attest,)), SETTINGS)
    with pytest.raises(InvalidInput, match="no step of a session"):
        draft_of(attrs.evolve(batch, instructions=(attrs.evolve(hold, evidence=b""),)), SETTINGS)


def test_a_step_shares_no_transaction_with_movements():
    """A step beside a movement is refused before anything is signed; beside other steps see `test_many`."""
    batch = authorising()
    transfer = Transfer(
        instruction_id=bytes(32),
        authority=OPERATOR.account,
        evidence=b"",
        sender=CAR.account,
        recipient=STATION.account,
        asset=SETTINGS.money_asset,
        units=1,
    )
    both = Batch(
        batch_id=content_id("both", 1),
        kind=BatchKind.SESSION,
        instructions=(*batch.instructions, transfer),
    )

    with pytest.raises(Unsupported, match="a batch of its own"):
        draft_of(both, SETTINGS)


def test_another_escrow_and_another_asset_are_refused():
    """Terms of another domain, or that hold what is not kept here, open nothing."""
    elsewhere = attrs.evolve(SETTINGS, area=4)
    assert domain_of(elsewhere) != domain_of(SETTINGS)
    with pytest.raises(WrongNetwork, match="another escrow"):
        draft_of(authorising(domain=domain_of(elsewhere)), SETTINGS)
    with pytest.raises(Unsupported, match="is not held here"):
        draft_of(authorising(asset=SETTINGS.fee_asset), SETTINGS)


def test_numbers_beyond_a_slot_are_refused():
    """Sequences from 2^32 on and registers from 2^40 on do not fit, and the caller is told."""
    for name, value in (("sequence", 2**32), ("register_wh", 2**40)):
        numbers = {"sequence": 0, "register_wh": 0, name: value}
        reading = SessionReading(session_id=TERMS.session_id, time=NOW, **numbers)
        step = SessionStep(
            transition=Transition.START,
            terms=TERMS,
            caller=STATION.account,
            evidence=(signed(reading, METER),),
        )
        attest = Attest(
            instruction_id=bytes(32),
            authority=STATION.account,
            evidence=step.to_bytes(),
            session_id=TERMS.session_id,
            step=2,
            statement=step.statement,
        )
        batch = Batch(batch_id=content_id("far", 1), kind=BatchKind.SESSION, instructions=(attest,))
        with pytest.raises(InvalidInput, match=f"{name} {value} is above"):
            draft_of(batch, SETTINGS)


def test_a_signature_has_one_meaning_in_each_form():
    """Parity, v and EIP-2098 are one signature; a high s and other lengths are none."""
    statement = Authorisation(session_id=TERMS.session_id, held_units=5, valid_until=NOW)
    parity = CAR.sign(CODEC.statement_payload(TERMS, statement))
    compact = contract_form(parity)
    with_v = parity[:-1] + bytes((27 + parity[-1],))
    s = int.from_bytes(parity[32:64], "big")
    high = parity[:32] + (CURVE_ORDER - s).to_bytes(32, "big") + bytes((1 - parity[-1],))

    assert {parity_form(each) for each in (parity, with_v, compact)} == {parity}
    assert contract_form(with_v) == with_v
    for form, holds in ((parity, True), (with_v, True), (compact, True), (high, False)):
        assert CODEC.verify_statement(TERMS, statement, CAR.account, form) is holds
    for short in (b"", parity[:-2], parity + b"\0"):
        assert not CODEC.verify_statement(TERMS, statement, CAR.account, short)
    assert not CODEC.verify_statement(TERMS, statement, STATION.account, parity)
