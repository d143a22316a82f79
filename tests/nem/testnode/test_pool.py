"""The pool: the spam filter, the order of arrival and of blocks, expiry."""

from __future__ import annotations

import json

import pytest

from sauma_nem.testnode import Result, TestNode
from sauma_nem.testnode.pool import sender_limit

from .actors import ALICE, BOB, CAROL, HOUR, XEM, Actor, confirm, new_node
from .recordings import load


@pytest.mark.parametrize(
    "row", load("nis_spam_limits.json"), ids=lambda row: json.dumps(list(row.values()))
)
def test_spam_limits_are_those_of_the_server(row: dict[str, float]) -> None:
    """The formula gives what the server's own class gave."""
    limit = sender_limit(
        importance=row["importance"],
        fee_micro=int(row["fee"]),
        pool_count=int(row["cacheSize"]),
    )

    assert limit == row["maxAllowed"]


def _fill(node: TestNode, actor: Actor, count: int, fee_micro: int = 50_000) -> list[Result]:
    """Announce `count` different transfers."""
    return [
        actor.result(node, actor.transfer(node, CAROL, index, fee_micro=fee_micro))
        for index in range(count)
    ]


def test_one_account_may_hold_120() -> None:
    """The 121st unconfirmed transaction of one account is refused with 19."""
    node = new_node()

    results = _fill(node, ALICE, 121)

    assert results == [Result.SUCCESS] * 120 + [Result.FAILURE_TRANSACTION_CACHE_TOO_FULL]


def test_newcomers_share_what_is_left() -> None:
    """Facing 120 others a newcomer may hold 4 at the least fee; a higher fee buys more."""
    node = new_node()
    _fill(node, ALICE, 120)

    cheap = _fill(node, BOB, 5).count(Result.SUCCESS)
    dear = _fill(node, CAROL, 20, fee_micro=150_000).count(Result.SUCCESS)

    assert cheap == 3  # the second of them already faces 121
    assert dear == 11


def test_a_block_drains_the_pool() -> None:
    """What 19 refused is accepted after a block, when it is signed anew."""
    node = new_node()
    _fill(node, ALICE, 120)
    refused = ALICE.result(node, ALICE.transfer(node, BOB, 1_000))

    node.mine()
    accepted = ALICE.result(node, ALICE.transfer(node, BOB, 1_000))

    assert refused is Result.FAILURE_TRANSACTION_CACHE_TOO_FULL
    assert accepted is Result.SUCCESS


def test_a_block_takes_the_highest_fees_first() -> None:
    """By fee, then by age; a block holds 120 and what is left waits."""
    node = new_node()
    _fill(node, ALICE, 119)
    node.advance(1)
    late = ALICE.transfer(node, BOB, 7)
    dear = ALICE.transfer(node, BOB, 8, fee_micro=XEM)
    latest = BOB.transfer(node, CAROL, 9)
    for actor, transfer in ((ALICE, dear), (BOB, latest), (BOB, BOB.transfer(node, CAROL, 10))):
        assert actor.result(node, transfer) is Result.SUCCESS
    node.mine()

    block = node.block(2)

    assert block is not None
    assert len(block.transactions) == 120
    assert block.transactions[0].fee_micro == XEM
    stamps = [each.timestamp_seconds for each in block.transactions[1:]]
    assert stamps == sorted(stamps)
    assert len(node.waiting()) == 2
    assert late.fee_micro == 50_000


def test_what_expires_leaves_with_what_depends_on_it() -> None:
    """An expired transfer vanishes, and so does the spending of what it would have brought."""
    node = new_node()
    dave = Actor("dave")
    deadline_seconds = node.now_seconds() + 30
    ALICE.send(node, ALICE.transfer(node, dave, 5 * XEM, deadline_seconds=deadline_seconds))
    dave.send(node, dave.transfer(node, BOB, XEM))

    node.advance(31)

    assert node.waiting() == ()


def test_unconfirmed_transactions_are_listed_newest_first_and_at_most_25() -> None:
    """`/account/unconfirmedTransactions` shows the 25 newest by time stamp."""
    node = new_node()
    for index in range(30):
        node.advance(1)
        ALICE.send(node, ALICE.transfer(node, BOB, index))

    _, body = node.request(
        "GET", "/account/unconfirmedTransactions", params={"address": BOB.address}
    )

    amounts = [row["transaction"]["amount"] for row in body["data"]]
    assert amounts == list(range(29, 4, -1))


def test_losers_vanish_when_a_block_takes_their_money() -> None:
    """After each block the rest is judged again against what is confirmed now."""
    node = new_node()
    branch = new_node()
    spent_elsewhere = ALICE.transfer(branch, BOB, 999_998 * XEM, fee_micro=1_250_000)
    confirm(branch, ALICE, spent_elsewhere)
    ALICE.send(node, ALICE.transfer(node, CAROL, 10 * XEM, deadline_seconds=_later(node)))
    block = branch.block(2)
    assert block is not None

    node.set_time(branch.now_seconds())
    node.receive_block(block)

    assert node.waiting() == ()
    assert node.balance_micro(CAROL.address) == branch.balance_micro(CAROL.address)


def _later(node: TestNode) -> int:
    return node.now_seconds() + 2 * HOUR
