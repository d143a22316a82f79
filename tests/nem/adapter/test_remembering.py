"""What follows from the newest block is asked for once a block, and never believed for longer."""

from __future__ import annotations

import pytest

from sauma.errors import InsufficientBalance, Unavailable, WrongNetwork
from sauma_nem.network import MAINNET
from sauma_nem.testnode import Reply

from .street import Street, batch_of, issue, transfer

OF_A_BLOCK = {"/account/get", "/account/mosaic/owned", "/mosaic/supply", "/namespace"}


def asked_by(street: Street, action) -> list[str]:
    """What a node is asked for meanwhile."""
    street.faults.asked.clear()
    action()
    return [*street.faults.asked]


def prepare(street: Street, label: str, units: int = 5):
    return street.chain.prepare([batch_of(issue(units), label=label)], outstanding=())


def test_a_second_lot_at_one_block_asks_only_for_what_changes_without_blocks(street):
    """The newest block, before and after, the clock, the pool and the node's state; nothing else."""
    first = asked_by(street, lambda: prepare(street, "1"))
    second = asked_by(street, lambda: prepare(street, "2"))

    assert {*first} >= OF_A_BLOCK
    assert sorted(second) == [
        "/account/unconfirmedTransactions",
        "/chain/last-block",
        "/chain/last-block",
        "/status",
        "/time-sync/network-time",
    ]


def test_a_new_block_is_asked_about_anew(street):
    """What came with it can be spent at once."""
    with pytest.raises(InsufficientBalance):
        street.chain.prepare([batch_of(transfer(5), label="too early")], outstanding=())
    street.issued(5)
    asked = asked_by(
        street,
        lambda: street.chain.prepare([batch_of(transfer(5), label="1")], outstanding=()),
    )

    assert {*asked} >= OF_A_BLOCK


def test_a_block_that_comes_meanwhile_makes_it_ask_again(street):
    """What was answered at another block is not mixed with what holds now."""
    street.send(batch_of(issue(5), label="issued"))

    def one_block_more(request, answer):
        if request.path == "/account/unconfirmedTransactions":
            street.faults.now = None
            street.node.mine()
        return answer(request)

    street.faults.now = one_block_more
    asked = asked_by(
        street,
        lambda: street.chain.prepare([batch_of(transfer(5), label="1")], outstanding=()),
    )

    assert asked.count("/account/get") == 2


@pytest.mark.parametrize(
    ("path", "reply", "error"),
    [
        (
            "/node/info",
            {"metaData": {"networkId": MAINNET.id_signed, "version": "0.6.100"}},
            WrongNetwork,
        ),
        ("/status", {"code": 3, "type": 4, "message": "status"}, Unavailable),
    ],
)
def test_a_node_is_looked_at_again_with_each_block(street, path, reply, error):
    """One that follows another network by now, or was started anew, signs nothing more."""
    prepare(street, "1")
    street.node.mine()

    def changed(request, answer):
        if request.path != path:
            return answer(request)
        return Reply(body={**answer(request).body, **reply})

    street.faults.now = changed
    with pytest.raises(error):
        prepare(street, "2")


def test_a_node_that_loses_the_others_signs_nothing_more(street):
    """Its newest block stays what it was just because of that, so that its state is no block's."""
    prepare(street, "1")

    def alone(request, answer):
        if request.path != "/status":
            return answer(request)
        return Reply(body={"code": 3, "type": 4, "message": "status"})

    street.faults.now = alone
    with pytest.raises(Unavailable, match="not synchronised"):
        prepare(street, "2")
