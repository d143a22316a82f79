"""A treasury of two out of three fills a float; nobody gets anything else out of it alone."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from sauma.errors import InsufficientBalance, InvalidInput
from sauma_nem.binary import inner_hash
from sauma_nem.cosigning import Cosigner
from sauma_nem.delegation import signed_by, wrapped
from sauma_nem.judging import Objection, TopUpJudge
from sauma_nem.multisig import announce
from sauma_nem.network import TESTNET
from sauma_nem.signed_record import SignedRecord
from sauma_nem.transactions import Message, Multisig
from sauma_nem.treasury import PERIOD_S, Treasury

from .authority import delegate_of, entrust
from .street import ISSUER, POOR, SETTINGS, STRANGER, XEM_MICRO, Street, signer_of

ANNA, BERT, CLEO = (signer_of(f"treasurer {name}") for name in ("anna", "bert", "cleo"))
FLOOR, AMOUNT = 5 * XEM_MICRO, 20 * XEM_MICRO
DELEGATE = delegate_of(STRANGER, ANNA)


@pytest.fixture
def guarded(street: Street) -> Street:
    """The stranger's 1,000 XEM have become a treasury of two out of three."""
    entrust(street.node, street.client, STRANGER, ANNA, BERT, CLEO, needed=2)
    return street


def treasury(street: Street, **changes) -> Treasury:
    terms = {"floats": [POOR.account], "floor_micro": FLOOR, "amount_micro": AMOUNT, **changes}
    return Treasury(street.client, TESTNET, DELEGATE, **terms)


def cosigner(street: Street, path: Path, signer=BERT) -> Cosigner:
    judge = TopUpJudge(
        floats=[POOR.account],
        floor_micro=FLOOR,
        amount_micro=AMOUNT,
        period_s=PERIOD_S,
        balance_micro=lambda address: street.client.account(address).balance_micro,
    )
    return Cosigner(
        street.client,
        SETTINGS,
        account=STRANGER.account,
        signer=signer,
        judge=judge,
        record=SignedRecord(path / f"{signer.account.address}.jsonl"),
    )


def balance(street: Street, signer) -> int:
    return street.client.account(signer.account.address).balance_micro


def test_a_float_that_is_low_is_filled_once(guarded: Street, tmp_path: Path):
    """Proposed by one, signed by another, however often either looks."""
    before = balance(guarded, STRANGER)
    (proposed,) = treasury(guarded).step()
    again = treasury(guarded).step()
    guarded.node.mine()
    alone = balance(guarded, POOR)
    (verdict,) = cosigner(guarded, tmp_path).step()
    late = cosigner(guarded, tmp_path, CLEO).step()
    guarded.node.mine()

    assert proposed.account == POOR.account
    assert (again, alone) == ((), 0)
    assert verdict.is_signed
    assert verdict.wrapper_id == proposed.transaction_id
    assert balance(guarded, POOR) == AMOUNT
    assert treasury(guarded).step() == ()
    signatures = 2 + sum(each.is_signed for each in late)
    assert before - balance(guarded, STRANGER) == AMOUNT + 50_000 + signatures * 150_000


def test_within_an_hour_it_is_the_same_transaction(guarded: Street, tmp_path: Path):
    """What is proposed again after it was lost has the same bytes, so it lands once."""
    (first,) = treasury(guarded).step()
    guarded.node.drop(first.transaction_id)
    guarded.node.advance(60)
    (second,) = treasury(guarded).step()

    assert first == second


FORGERIES = [
    ({"recipient": ISSUER.account.address}, Objection.OTHER_RECIPIENT),
    ({"amount_micro": AMOUNT + 1}, Objection.OTHER_AMOUNT),
    ({"message": Message(payload=b"thanks"), "fee_micro": 100_000}, Objection.OTHER_AMOUNT),
    ({"later_s": 1}, Objection.OTHER_CONTENTS),
    ({"fee_micro": 3 * XEM_MICRO}, Objection.FEE_TOO_HIGH),
]


def test_what_is_no_top_up_is_refused_and_named(guarded: Street, tmp_path: Path):
    """One treasurer's key moves nothing but a top-up, and that not twice in its hour."""
    treasury(guarded).step()
    (waiting,) = guarded.client.unconfirmed(STRANGER.account.address)
    assert isinstance(waiting.transaction, Multisig)
    true = waiting.transaction.inner
    cosigner(guarded, tmp_path).step()
    named = {}
    for change, objection in FORGERIES:
        changes = dict(change)
        later_s = changes.pop("later_s", 0)
        forged = attrs.evolve(true, timestamp_seconds=true.timestamp_seconds + later_s, **changes)
        signed = signed_by(wrapped(forged, DELEGATE), DELEGATE)
        announce(guarded.client, signed)
        named[inner_hash(signed)] = objection
    verdicts = cosigner(guarded, tmp_path).step()
    again = attrs.evolve(true, deadline_seconds=true.deadline_seconds - 1)
    announce(guarded.client, signed_by(wrapped(again, DELEGATE), DELEGATE))
    twice = [each for each in cosigner(guarded, tmp_path).step() if each.inner_hash not in named]
    guarded.node.mine()
    needless = cosigner(guarded, tmp_path).step()

    assert {each.inner_hash: each.objection for each in verdicts} == named
    assert [each.objection for each in twice] == [Objection.SIGNED_BEFORE]
    assert balance(guarded, POOR) == AMOUNT
    assert Objection.NOT_NEEDED in {each.objection for each in needless}


def test_an_empty_treasury_is_named(guarded: Street):
    """It says what is missing before anything is proposed."""
    with pytest.raises(InsufficientBalance, match="send XEM to"):
        treasury(guarded, amount_micro=2_000 * XEM_MICRO).step()


@pytest.mark.parametrize(
    "changes",
    [
        {"floats": []},
        {"floats": [STRANGER.account]},
        {"floor_micro": 0},
        {"amount_micro": 0},
        {"amount_micro": 1.5},
    ],
)
def test_terms_that_cannot_be_are_refused(guarded: Street, changes):
    """A treasury fills other accounts, with something."""
    with pytest.raises(InvalidInput):
        treasury(guarded, **changes)
