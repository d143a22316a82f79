"""The node answers as a real NIS 0.6.102 did, exchange by exchange."""

from __future__ import annotations

from functools import cache

import pytest

from sauma_nem.binary import block_hash

from .recordings import (
    LAST_COMPLETE_HEIGHT,
    Exchange,
    accounts,
    blocks,
    exchanges,
    recorded_node,
    replayed,
    same,
)

BODY_EXCLUDED = {
    "x1 /status": "the real node had no peer it could reach (7); this one needs none (6)",
    "x1 /node/info": "version and platform are the node's own",
    "x1 /node/extended-info": "version, platform and times are the node's own",
    "x1 /node/peer-list/all": "the real node was configured with a peer that was never there",
    "x1 /node/peer-list/active": "the real node was configured with a peer that was never there",
    "x1 /chain/score": "made of difficulties, which this node does not follow",
    "x1 /time-sync/network-time": "the time is the node's own",
    "x1 /node/active-peers/max-chain-height": "the real node asked its unreachable peer",
    "x1 /account/unlocked/info": "this node has room for one harvester only",
    "x8 /account/get TCFUSVRDLY3NC36FIJFERZJRCNYLLNTWNQ3IWTF5 10000500000": (
        "the real node showed the key of an account that had signed one block later"
    ),
    "x11 /account/get": "blocks 61 to 81 are not all recorded",
    "x11 /account/harvests": "blocks 61 to 81 are not all recorded",
    "x11 /account/transfers/outgoing": "blocks 61 to 81 are not all recorded",
    "x11 /transaction/get": "blocks 61 to 81 are not all recorded",
}
"""Exchanges whose body is not compared, and why."""


def _is_excluded(exchange: Exchange) -> bool:
    if exchange.status != 200:
        return False
    route = f"{exchange.session} {exchange.path}"
    account = exchange.reply.get("account", {})
    return (
        route in BODY_EXCLUDED
        or f"{route} {exchange.params.get('address')} {account.get('balance')}" in BODY_EXCLUDED
    )


def _label(index: int) -> str:
    exchange = exchanges()[index]
    return f"{index}-{exchange.session}-{exchange.name}"


@cache
def _every() -> range:
    return range(len(exchanges()))


@pytest.mark.parametrize("index", _every(), ids=_label)
def test_status_and_result_code_are_the_recorded_ones(index: int) -> None:
    """HTTP status and result code equal those of the real node."""
    answer = replayed()[index]

    assert answer.status == answer.exchange.status, answer.reply
    if answer.exchange.is_announce and answer.status == 200:
        assert answer.reply == answer.exchange.reply


@pytest.mark.parametrize("index", _every(), ids=_label)
def test_bodies_are_the_recorded_ones(index: int) -> None:
    """The whole JSON equals that of the real node, unless it is listed above why not."""
    answer = replayed()[index]
    if answer.exchange.is_truncated or _is_excluded(answer.exchange):
        return

    assert same(answer.exchange, answer.reply), answer.reply


def test_recorded_blocks_have_their_recorded_hashes() -> None:
    """Block hashes are computed as the real node computes them."""
    hashes = [(block.height, block_hash(block).hex()) for block, _ in blocks()]

    assert hashes == [(block.height, recorded) for block, recorded in blocks()]


def test_recorded_blocks_are_valid_here() -> None:
    """Every transaction that a real node put into a block passes, and XEM is conserved."""
    node = recorded_node()
    total_micro = sum(account["nemesisBalance"] for account in accounts().values())

    for block, _ in blocks()[1:LAST_COMPLETE_HEIGHT]:
        node.set_time(block.timestamp_seconds)
        node.receive_block(block)

    assert node.height == LAST_COMPLETE_HEIGHT
    assert node.chain.tip.block_hash.hex() == blocks()[LAST_COMPLETE_HEIGHT - 1][1]
    assert sum(each.balance_micro for each in node.chain.ledger.accounts()) == total_micro
