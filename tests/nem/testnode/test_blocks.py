"""Making blocks, taking them back, and branches."""

from __future__ import annotations

import attrs
import pytest

from sauma.errors import InvalidInput
from sauma_nem.binary import block_hash, serialise_block, transaction_hash
from sauma_nem.network import REWRITE_LIMIT_BLOCKS
from sauma_nem.signing import KeyPair, verify
from sauma_nem.testnode import NodeSettings, Result, TestNode, WallClock

from .actors import (
    ALICE,
    BOB,
    CAROL,
    START_MICRO,
    XEM,
    confirm,
    new_node,
    node_with_mosaic,
    private_key_of,
)


def test_the_same_settings_give_the_same_chain() -> None:
    """Nothing is random: two nodes with the same settings make the same blocks."""
    first, second = new_node(), new_node()

    first.mine(3)
    second.mine(3)

    assert first.chain.tip.block_hash == second.chain.tip.block_hash


def test_blocks_are_linked_and_signed() -> None:
    """Each block names the hash of the one before it and is signed by the harvester."""
    node = new_node()
    node.mine(5)

    for confirmed, following in zip(node.chain.blocks(), node.chain.blocks()[1:], strict=False):
        block = following.block

        assert block.previous_hash == block_hash(confirmed.block)
        assert block.height == confirmed.block.height + 1
        assert block.signature is not None
        assert verify(block.signer, serialise_block(block), block.signature)


def test_a_manual_clock_moves_a_minute_a_block() -> None:
    """`mine(n)` moves the clock on by n times the block time."""
    node = new_node()
    before = node.now_seconds()

    node.mine(10)

    assert node.now_seconds() == before + 600


def test_blocks_take_only_what_is_older_than_they_are() -> None:
    """A transaction from the block's own second waits for the next block."""
    node = new_node()
    ahead = ALICE.transfer(node, BOB, 1, timestamp_seconds=node.now_seconds() + 10)
    ALICE.send(node, ahead)
    node.clock.set_ms((node.now_seconds() + 10 - 60) * 1_000)

    node.mine()
    waiting = len(node.waiting())
    node.mine()

    assert waiting == 1
    assert node.waiting() == ()


def test_fees_go_to_the_harvester() -> None:
    """The harvester receives all fees of the block, and only they are new to anybody."""
    node = new_node()
    harvester = KeyPair(node.settings.harvester_private_key).address(node.settings.network)

    ALICE.send(node, ALICE.transfer(node, BOB, XEM, fee_micro=70_000))
    BOB.send(node, BOB.transfer(node, ALICE, XEM, fee_micro=90_000))
    node.mine()

    assert node.balance_micro(harvester) == 160_000
    assert node.account(harvester).harvested_blocks == 1


def test_nobody_harvests_his_own_transactions() -> None:
    """A transaction of the harvester waits as long as that harvester makes the blocks."""
    node = TestNode(
        NodeSettings(
            accounts={ALICE.address: XEM}, harvester_private_key=private_key_of(ALICE.label)
        )
    )

    result = ALICE.result(node, ALICE.transfer(node, BOB, 1))
    node.mine(3)

    assert result is Result.SUCCESS
    assert len(node.waiting()) == 1


def test_a_namespace_and_its_mosaic_are_not_made_in_one_block() -> None:
    """The later of two conflicting transactions (149) waits for the next block."""
    node = new_node()
    ALICE.send(node, ALICE.namespace(node, "grid", fee_micro=160_000))
    ALICE.send(node, ALICE.definition(node, "grid:wh"))
    transfer = ALICE.transfer(node, BOB, XEM, mosaics={"grid:wh": 5}, fee_micro=200_000)
    ALICE.send(node, transfer)

    kinds = []
    for height in (2, 3, 4):
        node.mine()
        block = node.block(height)
        assert block is not None
        kinds.append([each.TYPE for each in block.transactions])

    assert kinds == [[8193], [16385], [257]]
    assert node.mosaic_units(BOB.address, "grid:wh") == 5


def test_rollback_returns_transactions_to_the_pool_under_new_ids() -> None:
    """State and listings revert; the transaction waits again and is confirmed with a new id."""
    node = new_node()
    transfer = ALICE.transfer(node, BOB, XEM)
    ALICE.send(node, transfer)
    node.mine(3)
    entry_hash = transaction_hash(transfer)
    first = node.confirmed(entry_hash)

    node.rollback(3)
    waiting, reverted = node.waiting(), node.balance_micro(BOB.address)
    unknown, _ = node.request("GET", "/transaction/get", params={"hash": entry_hash.hex()})
    node.mine()
    second = node.confirmed(entry_hash)

    assert [transaction_hash(each) for each in waiting] == [entry_hash]
    assert reverted == START_MICRO
    assert unknown == 400
    assert first is not None
    assert second is not None
    assert second.transaction_id > first.transaction_id
    assert node.balance_micro(BOB.address) == START_MICRO + XEM


def test_rollback_takes_everything_back() -> None:
    """Namespaces, mosaics and supplies are as they were."""
    node: TestNode = node_with_mosaic()
    confirm(node, ALICE, ALICE.supply_change(node, "grid:wh", 500))
    before = [node.request("GET", path)[1] for path in _LISTINGS]
    confirm(node, ALICE, ALICE.supply_change(node, "grid:wh", -700))
    confirm(node, ALICE, ALICE.transfer(node, BOB, XEM, mosaics={"grid:wh": 9}, fee_micro=XEM))
    confirm(node, ALICE, ALICE.definition(node, "grid:other"))

    node.rollback(3)

    assert [node.request("GET", path)[1] for path in _LISTINGS] == before


_LISTINGS = (
    f"/account/mosaic/owned?address={ALICE.address}",
    f"/account/mosaic/owned?address={BOB.address}",
    f"/account/get?address={ALICE.address}",
    f"/account/transfers/all?address={ALICE.address}",
    "/mosaic/supply?mosaicId=grid:wh",
    "/mosaic/definition/page",
    "/namespace/root/page",
    "/chain/last-block",
)


def test_at_most_360_blocks_can_be_taken_back() -> None:
    """What is older is final, and the genesis stays."""
    node = new_node()
    node.mine(REWRITE_LIMIT_BLOCKS + 10)

    with pytest.raises(InvalidInput, match="between 1 and 360"):
        node.rollback(REWRITE_LIMIT_BLOCKS + 1)
    height = node.rollback(REWRITE_LIMIT_BLOCKS)

    assert height == 11
    with pytest.raises(InvalidInput, match="between 1 and 0"):
        new_node().rollback(1)


@pytest.mark.parametrize("clock", [None, WallClock()], ids=["manual", "wall"])
def test_a_fork_replaces_blocks_by_other_ones(clock: WallClock | None) -> None:
    """The new branch is longer and differs from its first block on; transactions wait again."""
    node = new_node(clock=clock)
    node.mine(2)
    ALICE.send(node, ALICE.transfer(node, BOB, 1, timestamp_seconds=node.now_seconds() - 5))
    node.mine(2)
    before = [each.block_hash for each in node.chain.blocks()]

    height = node.fork(2)

    after = [each.block_hash for each in node.chain.blocks()]
    assert height == 6
    assert after[:3] == before[:3]
    assert not set(after[3:]) & set(before[3:])
    assert len(node.waiting()) == 1


def test_a_peers_block_is_taken_only_if_it_is_valid() -> None:
    """A block that was tampered with, does not follow, or overspends is refused."""
    node, peer = new_node(), new_node()
    ALICE.send(peer, ALICE.transfer(peer, BOB, XEM))
    peer.mine(2)
    second, third = peer.block(2), peer.block(3)
    assert second is not None
    assert third is not None

    with pytest.raises(InvalidInput, match="does not follow"):
        node.receive_block(third)
    with pytest.raises(InvalidInput, match="60 s ahead of this node"):
        node.receive_block(second)
    node.set_time(second.timestamp_seconds - 9)
    with pytest.raises(InvalidInput, match="not signed"):
        node.receive_block(attrs.evolve(second, timestamp_seconds=second.timestamp_seconds + 1))
    node.receive_block(second)
    node.set_time(third.timestamp_seconds - 10)
    node.receive_block(third)

    assert node.chain.tip.block_hash == peer.chain.tip.block_hash
    assert node.balance_micro(BOB.address) == START_MICRO + XEM


def test_auto_mining_confirms_at_once() -> None:
    """With `auto_mine` each accepted announce is in the tip when the answer comes."""
    for clock in (None, WallClock()):
        node = new_node(auto_mine=True, clock=clock)
        transfer = ALICE.transfer(node, BOB, 1)

        ALICE.send(node, transfer)

        assert node.height == 2
        assert node.confirmed(transaction_hash(transfer)) is not None


def test_hashes_are_forgotten_after_36_hours() -> None:
    """An old transaction is found in listings and no longer by its hash."""
    node = new_node()
    transfer = ALICE.transfer(node, BOB, 1)
    confirm(node, ALICE, transfer)
    query = {"hash": transaction_hash(transfer).hex()}

    node.advance(36 * 3_600)
    node.mine(360)
    status, _ = node.request("GET", "/transaction/get", params=query)
    _, listed = node.request("GET", "/account/transfers/all", params={"address": BOB.address})

    assert status == 400
    assert listed["data"][0]["meta"]["hash"]["data"] == query["hash"]
    assert CAROL.address not in str(listed["data"][0])


@pytest.mark.parametrize(
    "accounts",
    [{ALICE.address: -1}, {ALICE.address: 9_000_000_000 * XEM}, {"nobody": 1}],
    ids=["negative", "more than there is", "no address"],
)
def test_a_network_that_cannot_be_is_refused(accounts: dict[str, int]) -> None:
    """Starting balances are checked before there is a chain."""
    with pytest.raises(InvalidInput):
        TestNode.create(accounts)


def test_accounts_can_be_named_by_public_key() -> None:
    """A public key stands for its address."""
    node = TestNode.create({ALICE.key.public_key.hex(): 5})

    assert node.balance_micro(ALICE.address) == 5
