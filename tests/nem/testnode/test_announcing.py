"""Every result code that an announce can have, with what provokes it."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from sauma_nem.binary import serialise
from sauma_nem.network import MAINNET
from sauma_nem.signing import KeyPair
from sauma_nem.testnode import NodeStatus, RestError, Result, TestNode
from sauma_nem.transactions import Transaction

from .actors import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    HOUR,
    START_MICRO,
    XEM,
    Actor,
    confirm,
    new_node,
    node_with_mosaic,
    percentile_levy,
)

Make = Callable[[TestNode], Transaction]

GENERAL: dict[str, tuple[Make, Result]] = {
    "success": (lambda node: ALICE.transfer(node, BOB, XEM), Result.SUCCESS),
    "deadline at the time stamp": (
        lambda node: ALICE.transfer(node, BOB, 1, deadline_seconds=node.now_seconds()),
        Result.FAILURE_PAST_DEADLINE,
    ),
    "expired": (
        lambda node: ALICE.transfer(
            node,
            BOB,
            1,
            timestamp_seconds=node.now_seconds() - 2 * HOUR,
            deadline_seconds=node.now_seconds() - 1,
        ),
        Result.FAILURE_PAST_DEADLINE,
    ),
    "expires this second": (
        lambda node: ALICE.transfer(
            node,
            BOB,
            1,
            timestamp_seconds=node.now_seconds() - 1,
            deadline_seconds=node.now_seconds(),
        ),
        Result.SUCCESS,
    ),
    "lives a second longer than a day": (
        lambda node: ALICE.transfer(
            node, BOB, 1, deadline_seconds=node.now_seconds() + 24 * HOUR + 1
        ),
        Result.FAILURE_FUTURE_DEADLINE,
    ),
    "more than the balance and no fee left": (
        lambda node: ALICE.transfer(node, BOB, START_MICRO, fee_micro=1_250_000),
        Result.FAILURE_INSUFFICIENT_BALANCE,
    ),
    "all of the balance": (
        lambda node: ALICE.transfer(node, BOB, START_MICRO - 1_250_000, fee_micro=1_250_000),
        Result.SUCCESS,
    ),
    "all of the balance to oneself": (
        lambda node: ALICE.transfer(node, ALICE, START_MICRO, fee_micro=1_250_000),
        Result.SUCCESS,
    ),
    "a message of 1025 bytes": (
        lambda node: ALICE.transfer(node, BOB, 1, message=b"x" * 1_025, fee_micro=2 * XEM),
        Result.FAILURE_MESSAGE_TOO_LARGE,
    ),
    "ten seconds ahead": (
        lambda node: ALICE.transfer(node, BOB, 1, timestamp_seconds=node.now_seconds() + 10),
        Result.SUCCESS,
    ),
    "eleven seconds ahead": (
        lambda node: ALICE.transfer(node, BOB, 1, timestamp_seconds=node.now_seconds() + 11),
        Result.FAILURE_TIMESTAMP_TOO_FAR_IN_FUTURE,
    ),
    "a micro XEM below the minimum fee": (
        lambda node: ALICE.transfer(node, BOB, 1, fee_micro=49_999),
        Result.FAILURE_INSUFFICIENT_FEE,
    ),
    "version 3": (
        lambda node: attrs.evolve(ALICE.namespace(node, "grid"), version=2),
        Result.FAILURE_ENTITY_INVALID_VERSION,
    ),
    "more than ten mosaics": (
        lambda node: ALICE.transfer(
            node, BOB, XEM, mosaics={f"grid:m{index}": 1 for index in range(11)}, fee_micro=XEM
        ),
        Result.FAILURE_TOO_MANY_MOSAIC_TRANSFERS,
    ),
}


@pytest.mark.parametrize("name", GENERAL)
def test_general_rules(name: str) -> None:
    """Rules that hold for all transactions."""
    make, expected = GENERAL[name]
    node = new_node(fees_required=name != "more than ten mosaics")

    result = ALICE.result(node, make(node))

    assert result is expected


NAMESPACES: dict[str, tuple[Actor, Make, Result]] = {
    "parent unknown": (
        ALICE,
        lambda node: ALICE.namespace(node, "a", "nowhere"),
        Result.FAILURE_NAMESPACE_UNKNOWN,
    ),
    "child exists": (
        ALICE,
        lambda node: ALICE.namespace(node, "sub", "grid"),
        Result.FAILURE_NAMESPACE_ALREADY_EXISTS,
    ),
    "child of another's": (
        BOB,
        lambda node: BOB.namespace(node, "other", "grid"),
        Result.FAILURE_NAMESPACE_OWNER_CONFLICT,
    ),
    "wrong sink": (
        ALICE,
        lambda node: ALICE.namespace(node, "x", rental_fee_sink=BOB.address),
        Result.FAILURE_NAMESPACE_INVALID_RENTAL_FEE_SINK,
    ),
    "rent too low": (
        ALICE,
        lambda node: ALICE.namespace(node, "x", rental_fee_micro=100 * XEM - 1),
        Result.FAILURE_NAMESPACE_INVALID_RENTAL_FEE,
    ),
    "more rent than needed": (
        ALICE,
        lambda node: ALICE.namespace(node, "x", rental_fee_micro=101 * XEM),
        Result.SUCCESS,
    ),
    "renewed too early": (
        ALICE,
        lambda node: ALICE.namespace(node, "grid"),
        Result.FAILURE_NAMESPACE_PROVISION_TOO_EARLY,
    ),
    "taken too early": (
        BOB,
        lambda node: BOB.namespace(node, "grid"),
        Result.FAILURE_NAMESPACE_PROVISION_TOO_EARLY,
    ),
    "reserved root": (
        ALICE,
        lambda node: ALICE.namespace(node, "nem"),
        Result.FAILURE_NAMESPACE_NOT_CLAIMABLE,
    ),
    "reserved child": (
        ALICE,
        lambda node: ALICE.namespace(node, "edu", "grid"),
        Result.FAILURE_NAMESPACE_NOT_CLAIMABLE,
    ),
}


@pytest.mark.parametrize("name", NAMESPACES)
def test_namespace_rules(name: str) -> None:
    """Rules of namespace provision, on a chain where Alice owns grid and grid.sub."""
    actor, make, expected = NAMESPACES[name]
    node = new_node()
    confirm(node, ALICE, ALICE.namespace(node, "grid"))
    confirm(node, ALICE, ALICE.namespace(node, "sub", "grid"))

    result = actor.result(node, make(node))

    assert result is expected


MOSAICS: dict[str, tuple[Actor, Make, Result]] = {
    "definition in an unknown namespace": (
        ALICE,
        lambda node: ALICE.definition(node, "nowhere:wh"),
        Result.FAILURE_NAMESPACE_EXPIRED,
    ),
    "definition in another's namespace": (
        BOB,
        lambda node: BOB.definition(node, "grid:x"),
        Result.FAILURE_NAMESPACE_OWNER_CONFLICT,
    ),
    "the same definition again": (
        ALICE,
        lambda node: ALICE.definition(node, "grid:wh", 10_000),
        Result.FAILURE_MOSAIC_MODIFICATION_NOT_ALLOWED,
    ),
    "another description": (
        ALICE,
        lambda node: ALICE.definition(node, "grid:wh", 10_000, description="other"),
        Result.SUCCESS,
    ),
    "other properties while others hold some": (
        ALICE,
        lambda node: ALICE.definition(node, "grid:wh", 20_000),
        Result.FAILURE_MOSAIC_MODIFICATION_NOT_ALLOWED,
    ),
    "wrong creation sink": (
        ALICE,
        lambda node: ALICE.definition(node, "grid:x", creation_fee_sink=BOB.address),
        Result.FAILURE_MOSAIC_INVALID_CREATION_FEE_SINK,
    ),
    "creation fee too low": (
        ALICE,
        lambda node: ALICE.definition(node, "grid:x", creation_fee_micro=10 * XEM - 1),
        Result.FAILURE_MOSAIC_INVALID_CREATION_FEE,
    ),
    "levy in an unknown mosaic": (
        ALICE,
        lambda node: ALICE.definition(node, "grid:x", levy=percentile_levy("grid:nope", CAROL, 1)),
        Result.FAILURE_MOSAIC_UNKNOWN,
    ),
    "levy in itself, not transferable": (
        ALICE,
        lambda node: ALICE.definition(
            node, "grid:x", levy=percentile_levy("grid:x", CAROL, 1), transferable=False
        ),
        Result.FAILURE_MOSAIC_LEVY_NOT_TRANSFERABLE,
    ),
    "supply of an unknown mosaic": (
        ALICE,
        lambda node: ALICE.supply_change(node, "grid:nope", 1),
        Result.FAILURE_MOSAIC_UNKNOWN,
    ),
    "supply by another": (
        BOB,
        lambda node: BOB.supply_change(node, "grid:wh", 1),
        Result.FAILURE_MOSAIC_CREATOR_CONFLICT,
    ),
    "supply of nem:xem": (
        ALICE,
        lambda node: ALICE.supply_change(node, "nem:xem", 1),
        Result.FAILURE_MOSAIC_CREATOR_CONFLICT,
    ),
    "immutable supply": (
        ALICE,
        lambda node: ALICE.supply_change(node, "grid:fixed", 1),
        Result.FAILURE_MOSAIC_SUPPLY_IMMUTABLE,
    ),
    "more supply than there can be": (
        ALICE,
        lambda node: ALICE.supply_change(node, "grid:wh", 9 * 10**15 - 10_000 + 1),
        Result.FAILURE_MOSAIC_MAX_SUPPLY_EXCEEDED,
    ),
    "as much supply as there can be": (
        ALICE,
        lambda node: ALICE.supply_change(node, "grid:wh", 9 * 10**15 - 10_000),
        Result.SUCCESS,
    ),
    "deleting what others hold": (
        ALICE,
        lambda node: ALICE.supply_change(node, "grid:wh", -10_000),
        Result.FAILURE_MOSAIC_SUPPLY_NEGATIVE,
    ),
    "locked mosaic between others": (
        BOB,
        lambda node: BOB.transfer(node, CAROL, XEM, mosaics={"grid:lock": 1}),
        Result.FAILURE_MOSAIC_NOT_TRANSFERABLE,
    ),
    "locked mosaic back to its creator": (
        BOB,
        lambda node: BOB.transfer(node, ALICE, XEM, mosaics={"grid:lock": 1}),
        Result.SUCCESS,
    ),
    "half a bag": (
        ALICE,
        lambda node: ALICE.transfer(node, BOB, XEM // 2, mosaics={"grid:wh": 2}),
        Result.FAILURE_MOSAIC_DIVISIBILITY_VIOLATED,
    ),
    "more units than held": (
        BOB,
        lambda node: BOB.transfer(node, CAROL, XEM, mosaics={"grid:wh": 101}),
        Result.FAILURE_INSUFFICIENT_BALANCE,
    ),
    "all units held, twice over": (
        BOB,
        lambda node: BOB.transfer(node, CAROL, 2 * XEM, mosaics={"grid:wh": 51}),
        Result.FAILURE_INSUFFICIENT_BALANCE,
    ),
}


@pytest.fixture(scope="module")
def mosaic_node() -> TestNode:
    """Alice defined grid:wh, grid:fixed and grid:lock; Bob holds 100 of the first and last."""
    node: TestNode = node_with_mosaic()
    confirm(node, ALICE, ALICE.definition(node, "grid:fixed", supply_mutable=False))
    confirm(node, ALICE, ALICE.definition(node, "grid:lock", transferable=False))
    confirm(
        node,
        ALICE,
        ALICE.transfer(node, BOB, XEM, mosaics={"grid:wh": 100, "grid:lock": 100}, fee_micro=XEM),
    )
    return node


@pytest.mark.parametrize("name", MOSAICS)
def test_mosaic_rules(name: str, mosaic_node: TestNode) -> None:
    """Rules of definitions, supply changes and transfers of mosaics."""
    actor, make, expected = MOSAICS[name]

    result = actor.result(mosaic_node, make(mosaic_node))

    mosaic_node.advance(2 * HOUR)  # what was accepted expires, and leaves the others alone
    assert result is expected


def test_what_the_server_cannot_hold_is_an_http_error() -> None:
    """A recipient of another network is 404, an unknown mosaic 400, both without a result."""
    node = new_node()
    elsewhere = ALICE.key.address(MAINNET)

    with pytest.raises(RestError) as recipient:
        ALICE.send(node, ALICE.transfer(node, elsewhere, 1))
    with pytest.raises(RestError) as mosaic:
        ALICE.send(node, ALICE.transfer(node, BOB, XEM, mosaics={"no:where": 1}))

    assert recipient.value.status == 404
    assert mosaic.value.status == 400
    assert mosaic.value.message == "unable to find fee information for 'no:where'"


def test_what_made_validation_throw_is_neutral_afterwards() -> None:
    """The hash is remembered before validation, so the same bytes then get NEUTRAL."""
    node = new_node()
    request = ALICE.signed(ALICE.transfer(node, BOB, XEM, mosaics={"no:where": 1}))
    with pytest.raises(RestError):
        node.announce(request.data, request.signature)

    again = node.announce(request.data, request.signature)

    assert again.result is Result.NEUTRAL


def test_wrong_network() -> None:
    """A transaction without addresses of another network's version byte gets 20."""
    node = new_node()
    change = ALICE.supply_change(node, "grid:wh", 1, network_byte=MAINNET.byte)

    result = ALICE.result(node, change)

    assert result is Result.FAILURE_WRONG_NETWORK


def test_the_nemesis_account_is_dead() -> None:
    """Whoever signed the genesis signs nothing afterwards."""
    node = new_node()
    nemesis = KeyPair(node.settings.nemesis_private_key)
    data = serialise(attrs.evolve(ALICE.transfer(node, BOB, 0), signer=nemesis.public_key))

    result = node.announce(data, nemesis.sign(data)).result

    assert result is Result.FAILURE_NEMESIS_ACCOUNT_TRANSACTION_AFTER_NEMESIS_BLOCK


def test_a_signature_of_another_key_is_not_verifiable() -> None:
    """Whoever has not the key gets 8, and poisons the hash for ten minutes."""
    node = new_node()
    request = ALICE.signed(ALICE.transfer(node, BOB, 1))

    forged = node.announce(request.data, BOB.key.sign(request.data))
    genuine = node.announce(request.data, request.signature)
    node.advance(600)
    later = node.announce(request.data, request.signature)

    assert forged.result is Result.FAILURE_SIGNATURE_NOT_VERIFIABLE
    assert genuine.result is Result.FAILURE_SIGNATURE_NOT_VERIFIABLE
    assert later.result is Result.SUCCESS


def test_the_same_bytes_are_neutral_in_the_pool_and_in_the_chain() -> None:
    """SUCCESS once, NEUTRAL ever after."""
    node = new_node()
    request = ALICE.signed(
        ALICE.transfer(node, BOB, 1, deadline_seconds=node.now_seconds() + 24 * HOUR)
    )

    results = [node.announce(request.data, request.signature).result for _ in range(2)]
    node.mine()
    node.advance(601)
    results.append(node.announce(request.data, request.signature).result)

    assert results == [Result.SUCCESS, Result.NEUTRAL, Result.NEUTRAL]
    assert node.balance_micro(BOB.address) == START_MICRO + 1


def test_a_failure_is_remembered_for_ten_minutes() -> None:
    """The same bytes get the same failure although its reason is gone; later they pass."""
    node = new_node()
    transfer = DAVE.transfer(node, BOB, XEM)

    first = DAVE.result(node, transfer)
    confirm(node, ALICE, ALICE.transfer(node, DAVE, 10 * XEM))
    second = DAVE.result(node, transfer)
    node.advance(600)
    third = DAVE.result(node, transfer)

    assert first is second is Result.FAILURE_INSUFFICIENT_BALANCE
    assert third is Result.SUCCESS


def test_unconfirmed_money_can_be_spent_in_the_pool() -> None:
    """The pool is judged as if everything in it were confirmed."""
    node = new_node()

    funded = ALICE.result(node, ALICE.transfer(node, DAVE, 10 * XEM))
    spent = DAVE.result(node, DAVE.transfer(node, BOB, 9 * XEM))
    node.mine(2)

    assert funded is spent is Result.SUCCESS
    assert node.balance_micro(DAVE.address) == 10 * XEM - 9 * XEM - 50_000


def test_trailing_bytes_are_ignored() -> None:
    """The server reads a transaction and not what follows it."""
    node = new_node()
    request = ALICE.signed(ALICE.transfer(node, BOB, 1))

    longer = node.announce(request.data + b"tail", request.signature)
    exact = node.announce(request.data, request.signature)

    assert longer.result is Result.SUCCESS
    assert exact.result is Result.NEUTRAL
    assert longer.entry.transaction_hash == exact.entry.transaction_hash


def test_a_node_that_loads_answers_503() -> None:
    """While it loads only the height and the status are told; unbooted a little more."""
    node = new_node()
    node.status = NodeStatus.LOADING
    loading = {path: node.request("GET", path)[0] for path in ("/chain/height", "/heartbeat")}
    node.status = NodeStatus.RUNNING
    running = {path: node.request("GET", path)[0] for path in ("/heartbeat", "/node/info")}

    assert loading == {"/chain/height": 200, "/heartbeat": 503}
    assert running == {"/heartbeat": 200, "/node/info": 503}
