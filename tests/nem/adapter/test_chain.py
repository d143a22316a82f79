"""The port, what a transaction is from signing to balance, against a node over loopback HTTP."""

from __future__ import annotations

import attrs
import pytest

from sauma.chain import Chain, Codec, SignedTransaction, Word
from sauma.errors import (
    InvalidInput,
    OutcomeUnknown,
    WrongNetwork,
)
from sauma_nem import NemChain, NodeClient
from sauma_nem.network import MAINNET
from sauma_nem.testnode import NodeServer, TestNode

from .street import (
    BUYER,
    ENERGY,
    FEE_MICRO,
    ISSUER,
    POOR,
    PRODUCER,
    SETTINGS,
    STRANGER,
    XEM,
    XEM_MICRO,
    Street,
    batch_of,
    everything,
    issue,
    retire,
    signer_of,
    transfer,
    units,
)


def test_the_port_is_kept(street: Street):
    """NemChain is a Chain, its codec a Codec."""
    assert isinstance(street.chain, Chain)
    assert isinstance(street.chain.codec, Codec)
    assert str(street.chain.chain_id) == "nem:testnet"


def test_fifteen_kilowatt_hours_reach_two_buyers(street: Street):
    """Energy issued to a producer moves to buyers, and what returns leaves circulation."""
    street.issued(15_000)
    street.send(
        batch_of(transfer(7_500), label="a"),
        batch_of(transfer(7_400, recipient=POOR.account), label="b"),
        batch_of(retire(100), label="c"),
    )
    street.node.mine()

    events, _ = everything(street)

    assert [units(street, each) for each in (PRODUCER, BUYER, POOR)] == [0, 7_500, 7_400]
    circulating = sum(effect.delta_units for event in events for effect in event.effects)
    assert circulating == 14_900
    assert units(street, ISSUER) == SETTINGS.supply_units - circulating
    assert units(street, PRODUCER, XEM) == 100 * XEM_MICRO - 3 * FEE_MICRO


def test_balances_say_at_which_block_they_hold(street: Street):
    """A balance is the confirmed one of the block told with it."""
    street.send(batch_of(issue(5)))
    before = street.chain.balance(PRODUCER.account, ENERGY)
    street.node.mine()
    after = street.chain.balance(PRODUCER.account, ENERGY)

    assert (before.units, before.block.height) == (0, 3)
    assert (after.units, after.block) == (5, street.chain.head().newest)
    assert units(street, STRANGER, XEM) == 1_000 * XEM_MICRO


def test_a_balance_elsewhere_is_refused(street: Street):
    """Accounts and assets of other chains are not asked for."""
    with pytest.raises(WrongNetwork):
        street.chain.balance(signer_of("buyer", MAINNET).account, ENERGY)
    with pytest.raises(WrongNetwork):
        street.chain.balance(BUYER.account, attrs.evolve(ENERGY, text="memory:main/unit:wh"))


def test_facts_and_an_address_make_a_chain(street: Street):
    """What the journal recorded opens the same chain again."""
    with NemChain.from_settings(SETTINGS.to_facts(), urls=[street.client.url]) as chain:
        assert chain.settings == SETTINGS
        assert chain.head() == street.chain.head()


def test_a_crash_between_signing_and_sending_loses_nothing(street: Street):
    """The stored bytes alone, in a new process, land once."""
    (signed,) = street.chain.prepare([batch_of(issue(5))], outstanding=())
    stored = SignedTransaction(
        **{field.name: getattr(signed, field.name) for field in attrs.fields(SignedTransaction)}
    )
    street.faults.now = lambda request, answer: (
        None if request.path == "/transaction/announce" else answer(request)
    )
    with pytest.raises(OutcomeUnknown):
        street.chain.broadcast(stored)
    street.faults.now = None

    with NodeClient(street.client.url) as client:
        restarted = NemChain(SETTINGS, client)
        restarted.broadcast(stored)
        restarted.broadcast(stored)
    street.node.mine(2)

    assert units(street, PRODUCER) == 5


def test_bytes_that_are_not_ours_are_never_sent(street: Street):
    """Broken bytes are the caller's fault."""
    (signed,) = street.chain.prepare([batch_of(issue(5))], outstanding=())

    with pytest.raises(InvalidInput):
        street.chain.broadcast(attrs.evolve(signed, raw=signed.raw[:-1]))
    assert street.node.waiting() == ()


def test_words_of_a_node(street: Street):
    """New is accepted, the same again is known, also when it is confirmed."""
    (signed,) = street.chain.prepare([batch_of(issue(5))], outstanding=())

    words = [street.chain.broadcast(signed).word for _ in range(2)]
    street.node.mine()
    words.append(street.chain.broadcast(signed).word)

    assert words == [Word.ACCEPTED, Word.KNOWN, Word.KNOWN]


def test_a_refusal_names_nis_code(street: Street):
    """What a node does not take it names."""
    (signed,) = street.chain.prepare([batch_of(issue(5))], outstanding=())
    street.node.advance(SETTINGS.deadline_s + 1)

    answer = street.chain.broadcast(signed)

    assert answer.word is Word.REJECTED
    assert (answer.code, answer.message) == ("3", "FAILURE_PAST_DEADLINE")


def test_a_fresh_chain_has_a_final_first_block():
    """The first block is never undone."""
    with (
        TestNode.create({}) as node,
        NodeServer(node) as server,
        NodeClient(server.url) as client,
    ):
        head = NemChain(SETTINGS, client).head()

    assert (head.newest.height, head.final_height) == (1, 1)
