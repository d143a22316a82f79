"""Multisig accounts: making one, signing for it, and changing who signs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sauma_nem.binary import inner_hash, transaction_hash
from sauma_nem.testnode import Result, TestNode
from sauma_nem.transactions import Multisig, Transaction

from .actors import ALICE, BOB, CAROL, DAVE, START_MICRO, XEM, Actor, confirm, new_node

ERIN = Actor("erin")
COSIGNERS = (BOB, DAVE, ERIN)
"""Bob has XEM, Dave and Erin have none: a multisig account pays for its cosigners."""


def _treasury() -> TestNode:
    """Alice is a 2-of-3 multisig account of Bob, Dave and Erin."""
    node = new_node()
    confirm(node, ALICE, ALICE.modification(node, add=COSIGNERS, relative_change=2))
    return node


def _proposal(node: TestNode, cosigner: Actor, amount_micro: int = XEM) -> Multisig:
    return cosigner.wrapper(node, ALICE.transfer(node, CAROL, amount_micro))


def test_two_of_three_move_money_and_the_multisig_account_pays() -> None:
    """One proposes, one cosigns; inner fee, wrapper and cosignature are the account's to pay."""
    node = _treasury()
    before_micro = node.balance_micro(ALICE.address)
    wrapper = _proposal(node, DAVE)

    results = [DAVE.result(node, wrapper)]
    node.mine()
    incomplete = node.confirmed(transaction_hash(wrapper))
    results.append(ERIN.result(node, ERIN.cosignature(node, wrapper)))
    node.mine()

    assert results == [Result.SUCCESS] * 2
    assert incomplete is None
    assert node.balance_micro(CAROL.address) == START_MICRO + XEM
    assert before_micro - node.balance_micro(ALICE.address) == XEM + 50_000 + 2 * 150_000
    assert node.balance_micro(DAVE.address) == node.balance_micro(ERIN.address) == 0


def test_a_wrapper_is_listed_for_all_whom_it_concerns() -> None:
    """The multisig account, the recipient and who signed see the wrapper, never the inner one."""
    node = _treasury()
    wrapper = _proposal(node, BOB)
    BOB.send(node, wrapper)
    DAVE.send(node, DAVE.cosignature(node, wrapper))
    node.mine()
    inner = inner_hash(wrapper)
    assert inner is not None

    lists = {
        (actor.label, direction): [
            row["transaction"]["type"]
            for row in node.request(
                "GET", f"/account/transfers/{direction}", params={"address": actor.address}
            )[1]["data"][:1]
        ]
        for actor, direction in (
            (ALICE, "outgoing"),
            (BOB, "outgoing"),
            (DAVE, "outgoing"),
            (CAROL, "incoming"),
        )
    }
    inner_status, _ = node.request("GET", "/transaction/get", params={"hash": inner.hex()})

    assert set(map(tuple, lists.values())) == {(4100,)}
    assert inner_status == 404


def test_the_account_cannot_sign_any_more() -> None:
    """From the moment its conversion waits in the pool."""
    node = new_node()
    ALICE.send(node, ALICE.modification(node, add=COSIGNERS, relative_change=2))

    waiting = ALICE.result(node, ALICE.transfer(node, BOB, 1))
    node.mine()
    confirmed = ALICE.result(node, ALICE.transfer(node, BOB, 2))

    assert waiting is confirmed is Result.FAILURE_TRANSACTION_NOT_ALLOWED_FOR_MULTISIG


def test_the_same_inner_transaction_is_proposed_once() -> None:
    """A second cosigner who wraps it again gets NEUTRAL."""
    node = _treasury()
    inner = ALICE.transfer(node, CAROL, XEM)

    first = BOB.result(node, BOB.wrapper(node, inner))
    second = DAVE.result(node, DAVE.wrapper(node, inner))

    assert (first, second) == (Result.SUCCESS, Result.NEUTRAL)


COSIGNATURES: dict[str, tuple[Actor, Callable[[TestNode, Multisig], Transaction], Result]] = {
    "initiator": (
        BOB,
        BOB.cosignature,
        Result.FAILURE_MULTISIG_NO_MATCHING_MULTISIG,
    ),
    "outsider": (
        CAROL,
        CAROL.cosignature,
        Result.FAILURE_MULTISIG_NO_MATCHING_MULTISIG,
    ),
    "another transaction": (
        DAVE,
        lambda node, wrapper: DAVE.cosignature(node, _proposal(node, BOB, 77)),
        Result.FAILURE_MULTISIG_NO_MATCHING_MULTISIG,
    ),
    "fee too low": (
        DAVE,
        lambda node, wrapper: DAVE.cosignature(node, wrapper, fee_micro=149_999),
        Result.FAILURE_INSUFFICIENT_FEE,
    ),
    "fee above a thousand XEM": (
        DAVE,
        lambda node, wrapper: DAVE.cosignature(node, wrapper, fee_micro=1_000 * XEM + 1),
        Result.FAILURE_INSUFFICIENT_FEE,
    ),
    "cosigner": (
        DAVE,
        DAVE.cosignature,
        Result.SUCCESS,
    ),
}


@pytest.mark.parametrize("name", COSIGNATURES)
def test_who_may_cosign(name: str) -> None:
    """Cosigners other than the initiator, for a wrapper that waits, at a bounded fee."""
    actor, make, expected = COSIGNATURES[name]
    node = _treasury()
    wrapper = _proposal(node, BOB)
    BOB.send(node, wrapper)

    result = actor.result(node, make(node, wrapper))

    assert result is expected


MODIFICATIONS: dict[str, tuple[Actor, Callable[[TestNode], Transaction], Result]] = {
    "minimum above the number of cosigners": (
        CAROL,
        lambda node: CAROL.modification(node, add=(ERIN,), relative_change=2),
        Result.FAILURE_MULTISIG_MIN_COSIGNATORIES_OUT_OF_RANGE,
    ),
    "more than 32 cosigners": (
        CAROL,
        lambda node: CAROL.modification(node, add=tuple(Actor(f"c{n}") for n in range(33))),
        Result.FAILURE_TOO_MANY_MULTISIG_COSIGNERS,
    ),
    "itself": (
        CAROL,
        lambda node: CAROL.modification(node, add=(CAROL,)),
        Result.FAILURE_MULTISIG_ACCOUNT_CANNOT_BE_COSIGNER,
    ),
    "a multisig account": (
        CAROL,
        lambda node: CAROL.modification(node, add=(ALICE,)),
        Result.FAILURE_MULTISIG_ACCOUNT_CANNOT_BE_COSIGNER,
    ),
    "a cosigner becomes multisig": (
        BOB,
        lambda node: BOB.modification(node, add=(CAROL,)),
        Result.FAILURE_MULTISIG_ACCOUNT_CANNOT_BE_COSIGNER,
    ),
    "delete a stranger": (
        CAROL,
        lambda node: CAROL.modification(node, delete=(BOB,)),
        Result.FAILURE_MULTISIG_NOT_A_COSIGNER,
    ),
    "the same one twice": (
        CAROL,
        lambda node: CAROL.modification(node, add=(ERIN, ERIN)),
        Result.FAILURE_MULTISIG_MODIFICATION_REDUNDANT_MODIFICATIONS,
    ),
    "nothing at all": (CAROL, CAROL.modification, Result.SUCCESS),
    "add an existing one": (
        BOB,
        lambda node: BOB.wrapper(node, ALICE.modification(node, add=(DAVE,))),
        Result.FAILURE_MULTISIG_ALREADY_A_COSIGNER,
    ),
    "delete two": (
        BOB,
        lambda node: BOB.wrapper(node, ALICE.modification(node, delete=(DAVE, ERIN))),
        Result.FAILURE_MULTISIG_MODIFICATION_MULTIPLE_DELETES,
    ),
    "proposed by a stranger": (
        CAROL,
        lambda node: _proposal(node, CAROL),
        Result.FAILURE_MULTISIG_NOT_A_COSIGNER,
    ),
    "inner transaction over the balance": (
        BOB,
        lambda node: BOB.wrapper(
            node, ALICE.transfer(node, CAROL, START_MICRO, fee_micro=1_250_000)
        ),
        Result.FAILURE_INSUFFICIENT_BALANCE,
    ),
    "inner fee too low": (
        BOB,
        lambda node: BOB.wrapper(node, ALICE.transfer(node, CAROL, 1, fee_micro=0)),
        Result.FAILURE_INSUFFICIENT_FEE,
    ),
}


@pytest.mark.parametrize("name", MODIFICATIONS)
def test_who_may_be_cosignatory(name: str) -> None:
    """Rules of modifications and wrappers, where Alice is multisig."""
    actor, make, expected = MODIFICATIONS[name]
    node = _treasury()

    result = actor.result(node, make(node))

    assert result is expected


def test_a_removed_cosigner_need_not_agree() -> None:
    """Of three who all must sign, two remove the third."""
    node = new_node()
    confirm(node, ALICE, ALICE.modification(node, add=COSIGNERS))
    wrapper = BOB.wrapper(node, ALICE.modification(node, delete=(ERIN,)))
    BOB.send(node, wrapper)
    node.mine()
    alone = node.account(ALICE.address).cosignatories

    DAVE.send(node, DAVE.cosignature(node, wrapper))
    node.mine()

    assert len(alone) == 3
    assert set(node.account(ALICE.address).cosignatories) == {BOB.address, DAVE.address}
    assert not node.account(ERIN.address).is_cosignatory


def test_two_modifications_of_one_account_are_not_in_one_block() -> None:
    """The second one (79) waits for the next block."""
    node = new_node()
    CAROL.send(node, CAROL.modification(node))
    CAROL.send(node, CAROL.modification(node, fee_micro=600_000))

    node.mine()
    after_one = len(node.waiting())
    node.mine()

    assert after_one == 1
    assert node.waiting() == ()


def test_inner_transactions_and_cosignatures_count_in_a_block() -> None:
    """With m signatures a proposal takes m + 1 of the 120 places."""
    node = _treasury()
    for index in range(60):
        wrapper = _proposal(node, BOB, index)
        BOB.send(node, wrapper)
        DAVE.send(node, DAVE.cosignature(node, wrapper))

    node.mine()

    block = node.block(node.height)
    assert block is not None
    assert len(block.transactions) == 40


def test_rollback_keeps_the_cosignatures() -> None:
    """A complete proposal that was taken back is confirmed again without anybody signing."""
    node = _treasury()
    wrapper = _proposal(node, BOB)
    BOB.send(node, wrapper)
    DAVE.send(node, DAVE.cosignature(node, wrapper))
    node.mine()

    node.rollback(1)
    node.mine()

    assert node.confirmed(transaction_hash(wrapper)) is not None
    assert node.balance_micro(CAROL.address) == START_MICRO + XEM


REMOTE = Actor("remote")


def test_importance_goes_to_an_unused_account_and_back() -> None:
    """Activation and its end take 360 blocks each; the remote account may do nothing else."""
    node = new_node()
    in_use = ALICE.result(node, ALICE.importance_transfer(node, BOB, 1))
    not_active = ALICE.result(node, ALICE.importance_transfer(node, REMOTE, 2))
    confirm(node, ALICE, ALICE.importance_transfer(node, REMOTE, 1))
    in_progress = ALICE.result(node, ALICE.importance_transfer(node, REMOTE, 2))
    to_remote = BOB.result(node, BOB.transfer(node, REMOTE, 1))
    node.mine(360)
    twice = ALICE.result(node, ALICE.importance_transfer(node, Actor("other"), 1))

    confirm(node, ALICE, ALICE.importance_transfer(node, REMOTE, 2))
    node.mine(360)
    after = BOB.result(node, BOB.transfer(node, REMOTE, 1))

    assert in_use is Result.FAILURE_DESTINATION_ACCOUNT_IN_USE
    assert not_active is Result.FAILURE_IMPORTANCE_TRANSFER_IS_NOT_ACTIVE
    assert in_progress is Result.FAILURE_IMPORTANCE_TRANSFER_IN_PROGRESS
    assert to_remote is Result.FAILURE_TRANSACTION_NOT_ALLOWED_FOR_REMOTE
    assert twice is Result.FAILURE_IMPORTANCE_TRANSFER_NEEDS_TO_BE_DEACTIVATED
    assert after is Result.SUCCESS


def test_a_remote_account_is_forwarded_to_its_owner() -> None:
    """From 360 blocks after the activation until 360 after its end, by address and by key."""
    node = new_node()

    def shown() -> list[str]:
        key = REMOTE.key.public_key.hex()
        replies = [
            node.request("GET", f"/account/get/forwarded?address={REMOTE.address}"),
            node.request("GET", f"/account/get/forwarded/from-public-key?publicKey={key}"),
            node.request("GET", f"/account/get?address={REMOTE.address}"),
        ]
        return [reply["account"]["address"] for _, reply in replies]

    confirm(node, ALICE, ALICE.importance_transfer(node, REMOTE, 1))
    node.mine(359)
    early = shown()
    node.mine()
    active = shown()
    confirm(node, ALICE, ALICE.importance_transfer(node, REMOTE, 2))
    ending = shown()
    node.mine(360)
    ended = shown()

    assert early == ended == [REMOTE.address] * 3
    assert active == ending == [ALICE.address, ALICE.address, REMOTE.address]
