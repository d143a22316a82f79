"""Every result code of NIS: one that provokes it over HTTP, or why no announce is answered with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest

from sauma_nem.network import MAINNET
from sauma_nem.signing import AnnounceRequest, KeyPair, sign
from sauma_nem.testnode import NodeServer, Result, TestNode
from sauma_nem.transactions import MosaicId, MosaicLevy, Transaction

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
    percentile_levy,
)
from .http_client import ANNOUNCE, Client

DAY_SECONDS = 86_400
YEAR_BLOCKS, MONTH_BLOCKS = 365, 30
FUND, LENDER, REMOTE = Actor("fund"), Actor("lender"), Actor("remote")
STRANGERS = tuple(Actor(f"stranger {number}") for number in range(33))
Make = Callable[[TestNode], tuple[Actor, Transaction]]


def town() -> TestNode:
    """Alice has a namespace and mosaics, the fund three cosigners, the lender an active remote."""
    accounts = {each.address: START_MICRO for each in (ALICE, BOB, CAROL, FUND, LENDER)}
    node = new_node(accounts=accounts)
    confirm(node, ALICE, ALICE.namespace(node, "grid"))
    confirm(node, ALICE, ALICE.namespace(node, "sub", "grid"))
    confirm(node, ALICE, ALICE.definition(node, "grid:wh", 10_000))
    confirm(node, ALICE, ALICE.definition(node, "grid:fixed", supply_mutable=False))
    confirm(node, ALICE, ALICE.definition(node, "grid:lock", transferable=False))
    held = {"grid:wh": 100, "grid:lock": 100}
    confirm(node, ALICE, ALICE.transfer(node, BOB, XEM, mosaics=held, fee_micro=XEM))
    confirm(node, FUND, FUND.modification(node, add=(BOB, CAROL, DAVE), relative_change=2))
    confirm(node, LENDER, LENDER.importance_transfer(node, REMOTE, 1))
    node.mine(360)
    return node


def lapsed() -> TestNode:
    """A block a day: `grid` was renewed, `old` lapsed, `levied` lapsed and is Bob's now."""
    node = new_node(block_target_seconds=DAY_SECONDS)

    def lasting() -> dict[str, int]:
        return {"deadline_seconds": node.now_seconds() + DAY_SECONDS}

    for name in ("grid", "old", "levied"):
        confirm(node, ALICE, ALICE.namespace(node, name, **lasting()))
    confirm(node, ALICE, ALICE.definition(node, "levied:coin", **lasting()))
    levy: MosaicLevy = percentile_levy("levied:coin", CAROL, 1)
    confirm(node, ALICE, ALICE.definition(node, "grid:taxed", levy=levy, **lasting()))
    confirm(node, ALICE, ALICE.definition(node, "old:coin", **lasting()))
    node.mine(YEAR_BLOCKS - 10)
    confirm(node, ALICE, ALICE.namespace(node, "grid", **lasting()))
    node.mine(MONTH_BLOCKS + 20)
    confirm(node, BOB, BOB.namespace(node, "levied", **lasting()))
    return node


def crowded() -> TestNode:
    """120 transactions of Alice wait."""
    node = new_node()
    for amount in range(120):
        ALICE.send(node, ALICE.transfer(node, CAROL, amount))
    return node


NODES: Mapping[str, Callable[[], TestNode]] = {"town": town, "lapsed": lapsed, "crowded": crowded}


def _wrapped(signer: Actor, make_inner: Callable[[TestNode], Transaction]) -> Make:
    return lambda node: (signer, signer.wrapper(node, make_inner(node)))


def _fund_changes(**changes: object) -> Make:
    """The fund's cosigners are changed, proposed by Bob."""
    return _wrapped(BOB, lambda node: FUND.modification(node, **changes))


def _in_progress(node: TestNode) -> tuple[Actor, Transaction]:
    BOB.send(node, BOB.importance_transfer(node, Actor("harvester of bob"), 1))
    return BOB, BOB.importance_transfer(node, Actor("another of bob"), 1)


def _eleven_mosaics(node: TestNode) -> tuple[Actor, Transaction]:
    for index in range(11):
        ALICE.send(node, ALICE.definition(node, f"grid:m{index}"))
    mosaics = {f"grid:m{index}": 1 for index in range(11)}
    return ALICE, ALICE.transfer(node, BOB, XEM, mosaics=mosaics, fee_micro=XEM)


PROVOKED: Mapping[Result, tuple[str, Make]] = {
    Result.SUCCESS: ("town", lambda node: (CAROL, CAROL.transfer(node, BOB, 1))),
    Result.FAILURE_PAST_DEADLINE: (
        "town",
        lambda node: (BOB, BOB.transfer(node, CAROL, 1, deadline_seconds=node.now_seconds())),
    ),
    Result.FAILURE_FUTURE_DEADLINE: (
        "town",
        lambda node: (
            BOB,
            BOB.transfer(node, CAROL, 1, deadline_seconds=node.now_seconds() + 24 * HOUR + 1),
        ),
    ),
    Result.FAILURE_INSUFFICIENT_BALANCE: (
        "town",
        lambda node: (DAVE, DAVE.transfer(node, BOB, 1)),
    ),
    Result.FAILURE_MESSAGE_TOO_LARGE: (
        "town",
        lambda node: (BOB, BOB.transfer(node, CAROL, 1, message=bytes(1_025), fee_micro=2 * XEM)),
    ),
    Result.FAILURE_TIMESTAMP_TOO_FAR_IN_FUTURE: (
        "town",
        lambda node: (BOB, BOB.transfer(node, CAROL, 1, timestamp_seconds=node.now_seconds() + 11)),
    ),
    Result.FAILURE_INSUFFICIENT_FEE: (
        "town",
        lambda node: (BOB, BOB.transfer(node, CAROL, 1, fee_micro=49_999)),
    ),
    Result.FAILURE_TRANSACTION_CACHE_TOO_FULL: (
        "crowded",
        lambda node: (ALICE, ALICE.transfer(node, BOB, 1)),
    ),
    Result.FAILURE_WRONG_NETWORK: (
        "town",
        lambda node: (
            ALICE,
            ALICE.supply_change(node, "grid:wh", 1, network_byte=MAINNET.byte),
        ),
    ),
    Result.FAILURE_ENTITY_INVALID_VERSION: (
        "town",
        lambda node: (ALICE, ALICE.namespace(node, "x", version=2)),
    ),
    Result.FAILURE_DESTINATION_ACCOUNT_IN_USE: (
        "town",
        lambda node: (BOB, BOB.importance_transfer(node, CAROL, 1)),
    ),
    Result.FAILURE_IMPORTANCE_TRANSFER_IN_PROGRESS: ("town", _in_progress),
    Result.FAILURE_IMPORTANCE_TRANSFER_NEEDS_TO_BE_DEACTIVATED: (
        "town",
        lambda node: (LENDER, LENDER.importance_transfer(node, Actor("unused"), 1)),
    ),
    Result.FAILURE_IMPORTANCE_TRANSFER_IS_NOT_ACTIVE: (
        "town",
        lambda node: (BOB, BOB.importance_transfer(node, Actor("unused"), 2)),
    ),
    Result.FAILURE_TRANSACTION_NOT_ALLOWED_FOR_REMOTE: (
        "town",
        lambda node: (BOB, BOB.transfer(node, REMOTE, 1)),
    ),
    Result.FAILURE_MULTISIG_NOT_A_COSIGNER: (
        "town",
        _wrapped(ALICE, lambda node: FUND.transfer(node, BOB, 1)),
    ),
    Result.FAILURE_MULTISIG_NO_MATCHING_MULTISIG: (
        "town",
        lambda node: (
            CAROL,
            CAROL.cosignature(node, BOB.wrapper(node, FUND.transfer(node, BOB, 2))),
        ),
    ),
    Result.FAILURE_TRANSACTION_NOT_ALLOWED_FOR_MULTISIG: (
        "town",
        lambda node: (FUND, FUND.transfer(node, BOB, 1)),
    ),
    Result.FAILURE_MULTISIG_ALREADY_A_COSIGNER: ("town", _fund_changes(add=(CAROL,))),
    Result.FAILURE_MULTISIG_MODIFICATION_MULTIPLE_DELETES: (
        "town",
        _fund_changes(delete=(CAROL, DAVE), relative_change=-1),
    ),
    Result.FAILURE_MULTISIG_MODIFICATION_REDUNDANT_MODIFICATIONS: (
        "town",
        _fund_changes(add=(STRANGERS[0], STRANGERS[0])),
    ),
    Result.FAILURE_TOO_MANY_MULTISIG_COSIGNERS: (
        "town",
        lambda node: (ALICE, ALICE.modification(node, add=STRANGERS)),
    ),
    Result.FAILURE_MULTISIG_ACCOUNT_CANNOT_BE_COSIGNER: (
        "town",
        lambda node: (ALICE, ALICE.modification(node, add=(FUND,))),
    ),
    Result.FAILURE_MULTISIG_MIN_COSIGNATORIES_OUT_OF_RANGE: (
        "town",
        _fund_changes(relative_change=2),
    ),
    Result.FAILURE_NAMESPACE_UNKNOWN: (
        "town",
        lambda node: (ALICE, ALICE.namespace(node, "a", "nowhere")),
    ),
    Result.FAILURE_NAMESPACE_ALREADY_EXISTS: (
        "town",
        lambda node: (ALICE, ALICE.namespace(node, "sub", "grid")),
    ),
    Result.FAILURE_NAMESPACE_EXPIRED: (
        "lapsed",
        lambda node: (ALICE, ALICE.transfer(node, BOB, XEM, mosaics={"old:coin": 1})),
    ),
    Result.FAILURE_NAMESPACE_OWNER_CONFLICT: (
        "town",
        lambda node: (BOB, BOB.namespace(node, "other", "grid")),
    ),
    Result.FAILURE_NAMESPACE_INVALID_RENTAL_FEE_SINK: (
        "town",
        lambda node: (ALICE, ALICE.namespace(node, "x", rental_fee_sink=BOB.address)),
    ),
    Result.FAILURE_NAMESPACE_INVALID_RENTAL_FEE: (
        "town",
        lambda node: (ALICE, ALICE.namespace(node, "x", rental_fee_micro=100 * XEM - 1)),
    ),
    Result.FAILURE_NAMESPACE_PROVISION_TOO_EARLY: (
        "town",
        lambda node: (ALICE, ALICE.namespace(node, "grid")),
    ),
    Result.FAILURE_NAMESPACE_NOT_CLAIMABLE: (
        "town",
        lambda node: (ALICE, ALICE.namespace(node, "edu", "grid")),
    ),
    Result.FAILURE_MOSAIC_UNKNOWN: (
        "town",
        lambda node: (ALICE, ALICE.supply_change(node, "grid:nope", 1)),
    ),
    Result.FAILURE_MOSAIC_MODIFICATION_NOT_ALLOWED: (
        "town",
        lambda node: (ALICE, ALICE.definition(node, "grid:wh", 20_000)),
    ),
    Result.FAILURE_MOSAIC_CREATOR_CONFLICT: (
        "town",
        lambda node: (BOB, BOB.supply_change(node, "grid:wh", 1)),
    ),
    Result.FAILURE_MOSAIC_SUPPLY_IMMUTABLE: (
        "town",
        lambda node: (ALICE, ALICE.supply_change(node, "grid:fixed", 1)),
    ),
    Result.FAILURE_MOSAIC_MAX_SUPPLY_EXCEEDED: (
        "town",
        lambda node: (ALICE, ALICE.supply_change(node, "grid:wh", 9 * 10**15 - 9_999)),
    ),
    Result.FAILURE_MOSAIC_SUPPLY_NEGATIVE: (
        "town",
        lambda node: (ALICE, ALICE.supply_change(node, "grid:wh", -10_000)),
    ),
    Result.FAILURE_MOSAIC_NOT_TRANSFERABLE: (
        "town",
        lambda node: (BOB, BOB.transfer(node, CAROL, XEM, mosaics={"grid:lock": 1})),
    ),
    Result.FAILURE_MOSAIC_DIVISIBILITY_VIOLATED: (
        "town",
        lambda node: (BOB, BOB.transfer(node, CAROL, XEM // 2, mosaics={"grid:wh": 2})),
    ),
    Result.FAILURE_MOSAIC_INVALID_CREATION_FEE_SINK: (
        "town",
        lambda node: (ALICE, ALICE.definition(node, "grid:x", creation_fee_sink=BOB.address)),
    ),
    Result.FAILURE_MOSAIC_INVALID_CREATION_FEE: (
        "town",
        lambda node: (ALICE, ALICE.definition(node, "grid:x", creation_fee_micro=10 * XEM - 1)),
    ),
    Result.FAILURE_TOO_MANY_MOSAIC_TRANSFERS: ("town", _eleven_mosaics),
    Result.FAILURE_MOSAIC_LEVY_NOT_TRANSFERABLE: (
        "town",
        lambda node: (
            ALICE,
            ALICE.definition(node, "grid:x", levy=percentile_levy("grid:lock", CAROL, 1)),
        ),
    ),
    Result.FAILURE_MOSAIC_LEVY_UNKNOWN: (
        "lapsed",
        lambda node: (ALICE, ALICE.transfer(node, BOB, XEM, mosaics={"grid:taxed": 1})),
    ),
}
"""A node and a transaction for each code that the transaction itself provokes."""

PROVOKED_OTHERWISE = {
    Result.NEUTRAL: "test_neutral_is_what_is_known_already",
    Result.FAILURE_SIGNATURE_NOT_VERIFIABLE: "test_a_signature_of_somebody_else",
    Result.FAILURE_NEMESIS_ACCOUNT_TRANSACTION_AFTER_NEMESIS_BLOCK: "test_the_nemesis_account",
}
"""Codes that need more than a transaction, and the test below that provokes them."""

_CHAIN = "said of blocks and chains that peers send each other"
NEVER_ANNOUNCED: Mapping[int, str] = {
    2: "no rule gives it",
    7: "a hash that is known already is NEUTRAL in 0.6.102",
    9: "the past is limited by the deadline alone",
    **dict.fromkeys((11, 12, 13, 14, 15, 16, 21), _CHAIN),
    41: "every fork lies behind height 1",
    42: "every fork lies behind height 1",
    72: "incomplete proposals wait; the rule is one of blocks",
    76: "no rule gives it",
    79: "a rule of blocks: the second modification waits for the next one",
    **dict.fromkeys((101, 102, 103, 104, 105, 106), _CHAIN),
    125: "a name that is too long or malformed does not come through parsing: HTTP 400",
    149: "a rule of blocks: the later one waits for the next block",
}
"""Codes of NIS 0.6.102 that no announce is answered with, and why."""


@pytest.fixture(scope="module")
def served() -> Iterator[Mapping[str, tuple[TestNode, Client]]]:
    """Each of the nodes, with a connection."""
    with ExitStack() as stack:
        found = {}
        for name, make in NODES.items():
            node = make()
            client = Client(stack.enter_context(NodeServer(node)))
            stack.callback(client.close)
            found[name] = (node, client)
        yield found


@pytest.mark.parametrize("result", PROVOKED, ids=lambda result: result.name)
def test_a_transaction_provokes_it(
    served: Mapping[str, tuple[TestNode, Client]], result: Result
) -> None:
    """Announced over HTTP it is answered 200 with this code, its name and our own hash."""
    name, make = PROVOKED[result]
    node, client = served[name]
    actor, transaction = make(node)

    status, reply = client.post(ANNOUNCE, actor.signed(transaction).to_json())
    if name == "town":
        node.advance(2 * HOUR)  # what was taken expires, and leaves the others alone

    assert status == 200, reply
    assert (reply["code"], reply["message"], reply["type"]) == (int(result), result.name, 1)


def test_neutral_is_what_is_known_already(served: Mapping[str, tuple[TestNode, Client]]) -> None:
    """0 for the same bytes a second time."""
    node, client = served["town"]
    request = CAROL.signed(CAROL.transfer(node, BOB, 77))

    answers = [client.announce(request) for _ in range(2)]

    assert answers == [(200, "SUCCESS"), (200, "NEUTRAL")]


def test_a_signature_of_somebody_else(served: Mapping[str, tuple[TestNode, Client]]) -> None:
    """8 where another key signed."""
    node, client = served["town"]
    data = ALICE.signed(ALICE.transfer(node, BOB, 1)).data

    answer = client.announce(AnnounceRequest(data=data, signature=BOB.key.sign(data)))

    assert answer == (200, "FAILURE_SIGNATURE_NOT_VERIFIABLE")


def test_the_nemesis_account(served: Mapping[str, tuple[TestNode, Client]]) -> None:
    """18 for whoever signed the first block."""
    node, client = served["town"]
    nemesis = KeyPair(node.settings.nemesis_private_key)
    transfer = ALICE.transfer(node, BOB, 0, signer=nemesis.public_key)

    answer = client.announce(sign(transfer, nemesis))

    assert answer == (200, "FAILURE_NEMESIS_ACCOUNT_TRANSACTION_AFTER_NEMESIS_BLOCK")


def test_every_code_is_provoked_or_named() -> None:
    """The three tables are all codes of NIS 0.6.102, each in one of them."""
    general = {*range(23), 41, 42}
    importance_and_multisig = {*range(62, 67), *range(71, 83)}
    blocks_and_assets = {*range(101, 107), *range(121, 130), *range(141, 155)}
    tables = [set(map(int, PROVOKED)), set(map(int, PROVOKED_OTHERWISE)), set(NEVER_ANNOUNCED)]

    assert set.union(*tables) == general | importance_and_multisig | blocks_and_assets
    assert sum(map(len, tables)) == len(set.union(*tables))
    assert all(name in globals() for name in PROVOKED_OTHERWISE.values())


def test_the_levy_is_gone_for_good(served: Mapping[str, tuple[TestNode, Client]]) -> None:
    """Why 154: the mosaic of the levy was of an owner whose namespace somebody else has now."""
    node, client = served["lapsed"]
    levied = MosaicId.parse("levied:coin")

    assert node.chain.ledger.mosaic(levied) is None
    assert client.get(f"/mosaic/supply?mosaicId={levied}")[0] == 404
