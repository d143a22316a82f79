"""A producer entrusts its account to the operator: the same effects, signed by a cosigner."""

from __future__ import annotations

import attrs
import pytest

from sauma.chain import Cursor, Fate, Word
from sauma.errors import (
    Conflict,
    InsufficientBalance,
    InvalidInput,
    NoSigner,
    Unsupported,
    WrongNetwork,
)
from sauma_nem import Delegate, NemChain
from sauma_nem.binary import inner_hash
from sauma_nem.delegation import signed_by, wrapped
from sauma_nem.multisig import announce, dismiss, make_multisig
from sauma_nem.network import MAINNET, TESTNET
from sauma_nem.transactions import Multisig

from .authority import AUDITOR, OPERATOR, delegate_of, entrust
from .street import (
    BUYER,
    ENERGY,
    POOR,
    PRODUCER,
    SETTINGS,
    STRANGER,
    XEM,
    Street,
    batch_of,
    settings_of,
    signer_of,
    transfer,
)

DELEGATE = delegate_of(PRODUCER, OPERATOR)
PRODUCER2 = signer_of("producer's other key")


@pytest.fixture
def entrusted(street: Street) -> Street:
    """The producer has 50 Wh and lets the operator move them."""
    street.issued(50)
    entrust(street.node, street.client, PRODUCER, OPERATOR, PRODUCER2)
    chain = NemChain(SETTINGS, street.client, {PRODUCER.account: DELEGATE})
    return attrs.evolve(street, chain=chain)


def test_the_operator_moves_what_the_producer_sold(entrusted: Street):
    """A wrapped transfer has the producer's effects, and the producer pays both fees."""
    before = entrusted.chain.balance(PRODUCER.account, XEM).units
    quote = entrusted.chain.quote([batch_of(transfer(10))])
    (signed,) = entrusted.send(batch_of(transfer(10)))
    waiting = entrusted.chain.status(signed).fate
    entrusted.node.mine()
    decoded = entrusted.chain.codec.decode(signed.raw)
    status = entrusted.chain.status(signed)
    paid = before - entrusted.chain.balance(PRODUCER.account, XEM).units

    assert (waiting, status.fate) == (Fate.PENDING, Fate.INCLUDED)
    assert (signed.sender, signed.fee_payer) == (PRODUCER.account, PRODUCER.account)
    assert quote.fees == ((PRODUCER.account, paid),)
    assert paid == signed.fee_units_max == decoded.fee_units_max == 250_000
    assert decoded.effects == signed.effects
    assert decoded.signature_valid
    assert entrusted.chain.balance(BUYER.account, ENERGY).units == 10
    assert entrusted.chain.balance(OPERATOR.account, XEM).units == 0


def test_events_of_a_wrapped_transfer_are_those_that_were_signed(entrusted: Street):
    """What the chain shows is what was committed, down to the payer."""
    batch = batch_of(transfer(10))
    (signed,) = entrusted.send(batch)
    entrusted.node.mine()
    cursor = Cursor()
    while True:
        page = entrusted.chain.events(cursor)
        cursor = page.cursor
        if not page.more:
            break
    event = page.events[-1]

    assert event.transaction_id == signed.transaction_id
    assert (event.reference, event.effects) == (batch.reference, signed.effects)
    assert (event.fee_payer, event.fee_units) == (PRODUCER.account, signed.fee_units_max)


def test_another_cosigners_wrapper_does_not_kill(entrusted: Street):
    """The same inner transaction may land in another wrapper: it is included then, never dead."""
    settings = settings_of(finality_blocks=5, deadline_s=600)
    chain = NemChain(settings, entrusted.client, {PRODUCER.account: DELEGATE})
    (signed,) = chain.prepare([batch_of(transfer(10))], outstanding=())
    ours = chain.codec.read(signed.raw)
    assert isinstance(ours, Multisig)
    theirs = signed_by(
        wrapped(ours.inner, delegate_of(PRODUCER, PRODUCER2)), delegate_of(PRODUCER, PRODUCER2)
    )
    announce(entrusted.client, theirs)
    waiting = chain.status(signed)
    entrusted.node.mine()
    included = chain.status(signed)
    entrusted.node.mine(20)
    final = chain.status(signed)

    assert inner_hash(theirs) == inner_hash(ours)
    assert waiting.fate is Fate.PENDING
    assert [each.fate for each in (included, final)] == [Fate.INCLUDED, Fate.INCLUDED]
    assert final.final
    assert final.superseded_by not in (None, signed.transaction_id)
    assert chain.broadcast(signed).word is Word.KNOWN


def test_the_producer_takes_back_what_it_entrusted(entrusted: Street):
    """One signature of the producer's own is enough, and the operator is refused by name."""
    own = delegate_of(PRODUCER, PRODUCER2)
    first = dismiss(entrusted.client, TESTNET, own, cosigner=OPERATOR.public_key)
    again = dismiss(entrusted.client, TESTNET, own, cosigner=OPERATOR.public_key)
    entrusted.node.mine()

    assert first == again
    assert not first.is_done
    assert dismiss(entrusted.client, TESTNET, own, cosigner=OPERATOR.public_key).is_done
    with pytest.raises(NoSigner, match="no cosigner"):
        entrusted.chain.prepare([batch_of(transfer(10))], outstanding=())
    with pytest.raises(InvalidInput, match="only cosigner"):
        dismiss(entrusted.client, TESTNET, own, cosigner=PRODUCER2.public_key)


def test_a_delegate_of_an_ordinary_account_is_refused(street: Street):
    """Nobody is a cosigner of an account that signs for itself."""
    chain = NemChain(SETTINGS, street.client, {PRODUCER.account: DELEGATE})

    with pytest.raises(NoSigner, match="no multisig account"):
        chain.prepare([batch_of(transfer(1))], outstanding=())


def test_a_fee_that_was_not_said_is_refused(street: Street):
    """An account that needs more cosigners than the settings say would cost more than is said."""
    street.issued(50)
    entrust(street.node, street.client, PRODUCER, OPERATOR, AUDITOR, needed=2)
    chain = NemChain(SETTINGS, street.client, {PRODUCER.account: DELEGATE})

    with pytest.raises(Unsupported, match="correct `cosignatures`"):
        chain.prepare([batch_of(transfer(1))], outstanding=())


def test_turning_an_account_needs_money(street: Street):
    """Missing XEM is told before anything is announced."""
    with pytest.raises(InsufficientBalance, match="500000 micro XEM"):
        make_multisig(street.client, TESTNET, POOR, cosigners=[OPERATOR.public_key], needed=1)


def test_turning_an_account_is_done_once(street: Street):
    """Repeating it changes nothing, and other cosigners than it has are a conflict."""
    keys = [OPERATOR.public_key, AUDITOR.public_key]
    states = [
        make_multisig(street.client, TESTNET, BUYER, cosigners=keys, needed=2) for _ in range(2)
    ]
    street.node.mine()

    assert states[0] == states[1]
    assert make_multisig(street.client, TESTNET, BUYER, cosigners=keys, needed=2).is_done
    with pytest.raises(Conflict, match="already"):
        make_multisig(street.client, TESTNET, BUYER, cosigners=keys, needed=1)


@pytest.mark.parametrize(
    ("labels", "needed"),
    [([], 1), (["a", "a"], 1), (["a"], 2), (["a"], 0), (["buyer"], 1)],
)
def test_cosigners_that_cannot_be_are_refused(street: Street, labels, needed):
    """Nothing is announced for a change that the chain would refuse."""
    keys = [signer_of(label).public_key for label in labels]

    with pytest.raises(InvalidInput):
        make_multisig(street.client, TESTNET, BUYER, cosigners=keys, needed=needed)
    assert street.client.unconfirmed(BUYER.account.address) == ()


def test_delegates_are_checked_when_the_chain_is_built(street: Street):
    """A delegate has the account's key, a cosigner of this network, and is not itself."""
    elsewhere = signer_of("operator", MAINNET)

    with pytest.raises(InvalidInput, match="own cosigner"):
        delegate_of(PRODUCER, PRODUCER)
    with pytest.raises(InvalidInput, match="has the key of"):
        NemChain(
            SETTINGS,
            street.client,
            {PRODUCER.account: Delegate(PRODUCER.account, BUYER.public_key, OPERATOR)},
        )
    with pytest.raises(WrongNetwork):
        NemChain(SETTINGS, street.client, {PRODUCER.account: delegate_of(PRODUCER, elsewhere)})
    assert "key" not in repr(DELEGATE)
    assert STRANGER.account.address not in repr(DELEGATE)
