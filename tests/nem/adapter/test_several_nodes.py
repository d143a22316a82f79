"""Two real nodes behind one chain: failover, everybody told, and agreement on final blocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import attrs
import pytest

from sauma.chain import Cursor, Fate, Word
from sauma.errors import InvalidInput, WrongNetwork
from sauma_nem import NemChain, NodeClient
from sauma_nem.network import MAINNET
from sauma_nem.testnode import NodeServer, TestNode
from sauma_nodes import NodesDisagree, TooFewNodes

from .street import ISSUER, PRODUCER, SETTINGS, Street, a_street, batch_of, issue, settings_of

FAST = settings_of(finality_blocks=3, deadline_s=600)


@attrs.frozen(kw_only=True)
class Pair:
    """A street's node and a second one that gets its blocks."""

    street: Street
    second: TestNode
    client: NodeClient

    def chain(self, settings=FAST, *, agreement: int = 1) -> NemChain:
        """A chain that asks the street's node first."""
        return NemChain(
            settings,
            [self.street.client, self.client],
            {ISSUER.account: ISSUER, PRODUCER.account: PRODUCER},
            agreement=agreement,
        )

    def share(self) -> None:
        """Bring the second node to the height of the first."""
        self.second.set_time(self.street.node.now_seconds())
        for height in range(self.second.height + 1, self.street.node.height + 1):
            block = self.street.node.block(height)
            assert block is not None
            self.second.receive_block(block)


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two nodes at the same height."""
    with ExitStack() as stack:
        street = stack.enter_context(a_street(FAST))
        second = stack.enter_context(TestNode(street.node.settings))
        server = stack.enter_context(NodeServer(second))
        client = stack.enter_context(NodeClient(server.url, read_timeout_s=2))
        made = Pair(street=street, second=second, client=client)
        made.share()
        yield made


def test_a_dead_node_is_passed_over(pair: Pair):
    """Preparing, sending and following go on with the node that is left."""
    dead = NodeClient("http://127.0.0.1:9", connect_timeout_s=0.2)
    chain = NemChain(FAST, [dead, pair.street.client], {ISSUER.account: ISSUER})
    (signed,) = chain.prepare([batch_of(issue(5))], outstanding=())
    answer = chain.broadcast(signed)
    pair.street.node.mine()

    assert answer.word is Word.ACCEPTED
    assert chain.status(signed).fate is Fate.INCLUDED
    assert [each.is_resting for each in chain.health()] == [True, False]


def test_every_node_is_told(pair: Pair):
    """Bytes lie in both pools, so that no single node can withhold them."""
    chain = pair.chain()
    (signed,) = chain.prepare([batch_of(issue(5))], outstanding=())
    chain.broadcast(signed)

    for client in (pair.street.client, pair.client):
        (waiting,) = client.unconfirmed(ISSUER.account.address)
        assert waiting.transaction_id == signed.transaction_id


def test_a_node_that_lags_is_asked_last(pair: Pair):
    """The head comes from the node that is further."""
    pair.street.node.mine(2)
    pair.share()
    pair.street.node.mine(3)
    chain = NemChain(FAST, [pair.client, pair.street.client])

    assert chain.head().newest.height == pair.street.node.height


def test_final_is_what_two_of_two_have(pair: Pair):
    """A block that only one node has is not believed to be final."""
    chain = pair.chain(agreement=2)
    chain.events(Cursor())
    pair.street.node.mine(5)
    with pytest.raises(TooFewNodes, match="1 of 2 nodes confirm"):
        chain.events(Cursor())
    with pytest.raises(TooFewNodes):
        chain.head()
    pair.share()

    assert chain.events(Cursor()).final_height == pair.street.node.height - 2


def test_nodes_on_two_chains_are_told_apart(pair: Pair):
    """Where two chains have different final blocks, nothing of either is believed."""
    pair.street.node.mine(6)
    pair.second.advance(30)
    pair.second.mine(6)
    assert pair.street.node.block(8) != pair.second.block(8)

    for question in (lambda chain: chain.head(), lambda chain: chain.events(Cursor())):
        question(pair.chain())
        with pytest.raises(NodesDisagree, match="follows another"):
            question(pair.chain(agreement=2))


def test_death_is_believed_only_together(pair: Pair):
    """New bytes are signed for what is dead, so one lying node must not be able to say so."""
    chain = pair.chain(agreement=2)
    (signed,) = chain.prepare([batch_of(issue(5))], outstanding=())
    pair.second.announce(
        chain.codec.announce_request(signed.raw).data,
        chain.codec.announce_request(signed.raw).signature,
    )
    pair.street.node.mine(20)
    pair.second.mine(20)

    assert pair.chain().status(signed).fate is Fate.DEAD
    with pytest.raises(NodesDisagree):
        chain.status(signed)


def test_inclusion_is_final_only_together(pair: Pair):
    """The same holds for what is included in a final block."""
    chain = pair.chain(agreement=2)
    (signed,) = chain.prepare([batch_of(issue(5))], outstanding=())
    chain.broadcast(signed)
    pair.street.node.mine()
    young = chain.status(signed)
    pair.street.node.mine(5)

    assert (young.fate, young.final) == (Fate.INCLUDED, False)
    with pytest.raises(TooFewNodes, match="nodes confirm block"):
        chain.status(signed)
    pair.share()
    assert chain.status(signed).final


def test_a_node_of_another_network_is_a_mistake(pair: Pair):
    """It is refused by name, though another node would do."""
    with (
        TestNode.create({}, network=MAINNET) as elsewhere,
        NodeServer(elsewhere) as server,
        NodeClient(server.url) as client,
        pytest.raises(WrongNetwork),
    ):
        NemChain(SETTINGS, [client, pair.street.client]).head()


def test_more_agreement_than_nodes_is_refused(pair: Pair):
    """Three of two cannot agree."""
    with pytest.raises(InvalidInput, match="agreement 3"):
        pair.chain(agreement=3)
