"""Nodes that share blocks and transactions, are parted, and meet again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sauma.errors import InvalidInput
from sauma_nem.binary import transaction_hash
from sauma_nem.testnode import NodeSettings, Result, TestNetwork, TestNode
from sauma_nem.testnode.settings import GENESIS_TIME_SECONDS

from .actors import ALICE, BOB, CAROL, DAVE, START_MICRO, XEM, confirm
from .http_client import Client

ACCOUNTS = {actor.address: START_MICRO for actor in (ALICE, BOB, CAROL)}


@pytest.fixture
def network() -> Iterator[TestNetwork]:
    with TestNetwork.create(2, ACCOUNTS, control=True) as made:
        yield made


class StillClock:
    """A clock that nothing moves, so that all blocks bear one time."""

    def network_time_ms(self) -> int:
        return GENESIS_TIME_SECONDS * 1_000


def tips(network: TestNetwork) -> list[bytes]:
    return [node.chain.tip.block_hash for node in network.nodes]


def waiting(node: TestNode) -> set[bytes]:
    return {transaction_hash(each) for each in node.waiting()}


def test_what_one_node_takes_the_others_have(network: TestNetwork) -> None:
    """Over HTTP: announced at one, waiting at the other, made into a block by either."""
    first, second = network.nodes
    request = ALICE.signed(ALICE.transfer(first, BOB, XEM))

    with Client(network.servers[0]) as here, Client(network.servers[1]) as there:
        announced = here.announce(request)
        heard = there.announce(request)
        there.post("/sauma/mine")
        height = here.get("/chain/height")
        balance = here.get(f"/account/get?address={BOB.address}")[1]["account"]["balance"]

    assert announced == (200, "SUCCESS")
    assert heard == (200, "NEUTRAL")
    assert height == (200, {"height": 2})
    assert balance == START_MICRO + XEM
    assert second.is_harvesting(second.chain.tip.harvester)
    assert first.chain.tip.harvester == second.chain.tip.harvester
    assert first.waiting() == second.waiting() == ()


def test_parted_nodes_go_their_own_ways(network: TestNetwork) -> None:
    """Neither transactions nor blocks pass; each makes its own."""
    first, second = network.nodes
    network.part()

    ALICE.send(first, ALICE.transfer(first, BOB, 1))
    network.mine(2, node=0)
    network.mine(1, node=1)

    assert network.parts == ((0,), (1,))
    assert (first.height, second.height) == (3, 2)
    assert len(set(tips(network))) == 2
    assert second.balance_micro(BOB.address) == START_MICRO


def test_joined_again_the_longer_chain_wins(network: TestNetwork) -> None:
    """The loser follows it, and what its own blocks had waits again, with new ids in new blocks."""
    first, second = network.nodes
    network.part()
    lost = ALICE.transfer(first, BOB, 1)
    kept = BOB.transfer(second, CAROL, 2)
    confirm(first, ALICE, lost)
    before = first.confirmed(transaction_hash(lost))
    confirm(second, BOB, kept)
    network.mine(3, node=1)

    network.join()
    after_join = [waiting(node) for node in network.nodes]
    network.mine(node=0)
    after = first.confirmed(transaction_hash(lost))

    assert (first.height, second.height) == (6, 6)
    assert len(set(tips(network))) == 1
    assert after_join == [{transaction_hash(lost)}, {transaction_hash(lost)}]
    assert before is not None
    assert after is not None
    assert after.transaction_id != before.transaction_id
    assert first.confirmed(transaction_hash(kept)) is not None
    assert first.balance_micro(BOB.address) == second.balance_micro(BOB.address)


def test_what_the_better_chain_forbids_vanishes(network: TestNetwork) -> None:
    """Two spend the same money on both sides: the loser's transaction is gone, without a word."""
    first, second = network.nodes
    confirm(first, ALICE, ALICE.transfer(first, DAVE, 10 * XEM))
    network.part()
    one = DAVE.transfer(first, BOB, 9 * XEM)
    other = DAVE.transfer(second, CAROL, 8 * XEM)
    confirm(first, DAVE, one)
    confirm(second, DAVE, other)
    network.mine(node=1)

    network.join()
    network.mine()

    assert first.confirmed(transaction_hash(one)) is None
    assert first.waiting() == ()
    assert first.balance_micro(CAROL.address) == START_MICRO + 8 * XEM


def test_of_two_equally_long_chains_the_quicker_wins(network: TestNetwork) -> None:
    """The score is the difficulties less the seconds: earlier blocks, better chain."""
    first, second = network.nodes
    network.part()
    network.mine(2, node=0)
    network.mine(2, node=1)
    quicker = tips(network)[0]

    network.join()

    assert tips(network) == [quicker, quicker]
    assert first.height == second.height == 3


def test_with_equal_scores_each_keeps_its_own_until_the_next_block() -> None:
    """As NIS does, so that two equal blocks do not chase each other through the network."""
    with TestNetwork.create(2, ACCOUNTS, clock=StillClock()) as network:
        network.part()
        network.mine(node=0)
        network.mine(node=1)
        network.join()
        scores = [node.chain.score for node in network.nodes]
        apart = tips(network)
        network.mine(node=1)

        assert scores[0] == scores[1]
        assert apart[0] != apart[1]
        assert tips(network)[0] == tips(network)[1]


def test_360_blocks_are_undone_and_no_more() -> None:
    """At 361 the nodes refuse to join and stay parted, for ever, as NIS nodes do."""
    with TestNetwork.create(2, ACCOUNTS) as network:
        first = network.nodes[0]
        network.part()
        lost = ALICE.transfer(first, BOB, 1, deadline_seconds=first.now_seconds() + 86_400)
        confirm(first, ALICE, lost)
        network.mine(359, node=0)
        network.mine(361, node=1)
        network.join()
        joined = (first.height, len(set(tips(network))), waiting(first))
        network.part()
        network.mine(361, node=0)
        network.mine(362, node=1)

        with pytest.raises(InvalidInput, match="would have to undo 361 blocks"):
            network.join()

        assert joined == (362, 1, {transaction_hash(lost)})
        assert network.parts == ((0,), (1,))
        assert first.height == 362 + 361


def test_a_majority_goes_on_while_one_is_away() -> None:
    """Three nodes, one of them cut off; a proposal and its cosignatures survive the meeting."""
    with TestNetwork.create(3, ACCOUNTS) as network:
        first, _, third = network.nodes
        confirm(first, ALICE, ALICE.modification(first, add=(BOB, CAROL), relative_change=2))
        network.part([0, 1], [2])
        wrapper = BOB.wrapper(first, ALICE.transfer(first, DAVE, XEM))
        alone = third.settings.node_name
        BOB.send(first, wrapper)
        CAROL.send(first, CAROL.cosignature(first, wrapper))
        network.mine(2, node=2)
        had = [len(node.waiting()) for node in network.nodes]
        network.join()
        shared = [node.waiting() for node in network.nodes]
        network.mine(node=2)

        assert alone == "sauma test node 2"
        assert had == [1, 1, 0]
        assert shared[0] == shared[1] == shared[2] != ()
        assert [node.balance_micro(DAVE.address) for node in network.nodes] == [XEM] * 3


def test_cosignatures_reach_a_wrapper_that_waits_on_both_sides() -> None:
    """What was proposed before the parting and cosigned on one side is complete on both after it."""
    with TestNetwork.create(2, ACCOUNTS) as network:
        first, second = network.nodes
        confirm(first, ALICE, ALICE.modification(first, add=(BOB, CAROL), relative_change=2))
        wrapper = BOB.wrapper(first, ALICE.transfer(first, DAVE, XEM))
        BOB.send(first, wrapper)
        network.part()
        CAROL.send(second, CAROL.cosignature(second, wrapper))
        network.join()
        network.mine(node=0)

        assert first.balance_micro(DAVE.address) == XEM


def test_peers_are_listed_as_they_are_heard_of(network: TestNetwork) -> None:
    """Those that answer are active, those that do not inactive; both are told of blocks."""
    network.mine(4)
    with Client(network.servers[0]) as client:
        joined = client.get("/node/peer-list/reachable")[1]["data"]
        highest = client.get("/node/active-peers/max-chain-height")[1]
        client.post("/sauma/part")
        everybody = client.get("/node/peer-list/all")[1]
        partners = client.get("/node/peer-list/active")[1]["data"]
        alone = client.get("/node/active-peers/max-chain-height")[1]

    assert [each["endpoint"]["port"] for each in joined] == [network.servers[1].port]
    assert joined[0]["identity"]["public-key"] == network.nodes[1].harvester_public_key.hex()
    assert highest == {"height": 5}
    assert everybody["active"] == []
    assert [each["metaData"]["version"] for each in everybody["inactive"]] == ["0.0.0"]
    assert len(partners) == 1
    assert alone == {"height": 1}


def test_parting_and_joining_by_the_control_route(network: TestNetwork) -> None:
    """Another process parts and joins; groups that cannot be are named."""
    with Client(network.servers[1]) as client:
        parted = client.post("/sauma/part", {"groups": [[0], [1]]})
        network.mine(3, node=0)
        height = client.get("/chain/height")[1]
        joined = client.post("/sauma/join")
        missing = client.post("/sauma/part", {"groups": [[0]]})
        nonsense = client.post("/sauma/part", {"groups": [0]})

    assert parted == (200, {"height": 1})
    assert height == {"height": 1}
    assert joined == (200, {"height": 4})
    assert (missing[0], nonsense[0]) == (400, 400)
    assert "every node from 0 to 1" in missing[1]["message"]
    assert network.parts == ((0, 1),)


def test_a_node_alone_has_no_network(network: TestNetwork) -> None:
    """Parting is for several; a network has at least one node and at most 16."""
    status, error = network.nodes[0].request("GET", "/sauma/part")
    alone = TestNode(NodeSettings(accounts=ACCOUNTS))

    with pytest.raises(InvalidInput, match="1 to 16 nodes"):
        TestNetwork([])
    assert (status, error["message"]) == (404, None)
    assert alone.peers() == ()


def test_auto_mining_makes_one_block_a_transaction() -> None:
    """Whichever node took it first makes the block, and only one."""
    with TestNetwork.create(2, ACCOUNTS, auto_mine=True) as network:
        first, second = network.nodes

        result = ALICE.result(first, ALICE.transfer(first, BOB, 1))

        assert result is Result.SUCCESS
        assert first.height == second.height == 2
        assert first.waiting() == second.waiting() == ()


def test_a_network_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Each node keeps its chain in the folder; opened again they are joined and agree."""
    with TestNetwork.create(2, ACCOUNTS, folder=tmp_path) as network:
        confirm(network.nodes[0], ALICE, ALICE.transfer(network.nodes[0], BOB, 1))
        network.part()
        network.mine(2, node=1)
        clock_seconds = network.nodes[0].now_seconds()

    with TestNetwork.create(2, ACCOUNTS, folder=tmp_path) as again:
        assert [node.height for node in again.nodes] == [4, 4]
        assert len(set(tips(again))) == 1
        assert again.nodes[0].now_seconds() == clock_seconds
        assert again.nodes[0].balance_micro(BOB.address) == START_MICRO + 1


def test_a_branch_with_a_bad_block_changes_nothing() -> None:
    """Whatever was undone to look at it stands again: blocks, ids, balances, what waits."""
    with TestNetwork.create(2, ACCOUNTS) as network:
        first, second = network.nodes
        network.part()
        confirm(first, ALICE, ALICE.transfer(first, BOB, 1))
        ALICE.send(first, ALICE.transfer(first, BOB, 2))
        network.mine(3, node=1)
        before = json.dumps(
            [
                first.request("GET", path)
                for path in (
                    "/chain/last-block",
                    f"/account/transfers/all?address={BOB.address}",
                    f"/account/get?address={ALICE.address}",
                    f"/account/unconfirmedTransactions?address={ALICE.address}",
                )
            ]
        )
        blocks = [second.block(height) for height in (2, 4)]

        with pytest.raises(InvalidInput, match="does not follow"):
            first.follow(1, [block for block in blocks if block is not None])
        after = json.dumps(
            [
                first.request("GET", path)
                for path in (
                    "/chain/last-block",
                    f"/account/transfers/all?address={BOB.address}",
                    f"/account/get?address={ALICE.address}",
                    f"/account/unconfirmedTransactions?address={ALICE.address}",
                )
            ]
        )

        assert after == before


def test_nodes_take_turns_by_the_timer() -> None:
    """With `block_seconds` the chain grows by itself, by the blocks of both, and stays one."""
    with TestNetwork.create(2, ACCOUNTS, clock=StillClock(), block_seconds=0.005) as network:
        limit = time.monotonic() + 10
        while network.nodes[0].height < 8 and time.monotonic() < limit:
            threading.Event().wait(0.005)
        with network.nodes[0].locked():
            same = len(set(tips(network))) == 1
            makers = {each.harvester for each in network.nodes[0].chain.blocks()[1:]}

    assert same
    assert len(makers) == 2


def test_nodes_of_different_networks_are_refused() -> None:
    """They must begin with the same block."""
    nodes = [TestNode(NodeSettings(accounts={actor.address: 1})) for actor in (ALICE, BOB)]

    with pytest.raises(InvalidInput, match="begin with different blocks"):
        TestNetwork(nodes)


def test_a_folder_takes_more_nodes_later(tmp_path: Path) -> None:
    """A node that joins a kept network begins with its genesis and follows its chain."""
    with TestNetwork.create(1, ACCOUNTS, folder=tmp_path) as network:
        network.mine(3)

    with TestNetwork.create(2, {}, folder=tmp_path, file_wins=True) as grown:
        assert [node.height for node in grown.nodes] == [4, 4]
        assert grown.nodes[1].balance_micro(ALICE.address) == START_MICRO
