"""Whatever is announced, mined and taken back: nothing is created and nothing is lost."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sauma_nem.testnode import TestNode

from .actors import ACTORS, ALICE, START_MICRO, XEM, confirm, new_node, node_with_mosaic

SUPPLY = 10_000
LOWEST_HEIGHT = 8
"""Below it a rollback of five blocks would reach the definition of the mosaic."""

Step = tuple[str, int, int, int]

steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("xem"),
            st.integers(0, 3),
            st.integers(0, 3),
            st.integers(0, START_MICRO // 3),
        ),
        st.tuples(st.just("mosaic"), st.integers(0, 3), st.integers(0, 3), st.integers(0, SUPPLY)),
        st.tuples(st.just("mine"), st.integers(1, 3), st.just(0), st.just(0)),
        st.tuples(st.just("rollback"), st.integers(1, 5), st.just(0), st.just(0)),
        st.tuples(st.just("fork"), st.integers(1, 3), st.just(0), st.just(0)),
        st.tuples(st.just("advance"), st.integers(1, 4_000), st.just(0), st.just(0)),
    ),
    max_size=25,
)


def _step(node: TestNode, step: Step) -> None:
    kind, first, second, amount = step
    if kind == "mine":
        node.mine(first)
    elif kind == "rollback":
        node.rollback(min(first, node.chain.rollback_limit()))
    elif kind == "fork":
        node.fork(min(first, node.chain.rollback_limit()))
    elif kind == "advance":
        node.advance(first)
    else:
        sender, recipient = ACTORS[first], ACTORS[second]
        mosaics = {"grid:wh": amount} if kind == "mosaic" else {}
        micro = XEM if mosaics else amount
        sender.send(
            node,
            sender.transfer(node, recipient, micro, mosaics=mosaics, fee_micro=1_250_000),
        )


def _run(node: TestNode, sequence: list[Step]) -> None:
    """All steps; what was set up before them is never taken back."""
    for step in sequence:
        if step[0] not in ("rollback", "fork") or node.height > LOWEST_HEIGHT:
            _step(node, step)


def _check(node: TestNode) -> None:
    ledger = node.chain.ledger
    accounts = list(ledger.accounts())
    held = sum(units for each in accounts for units in each.mosaics.values())
    entry = ledger.mosaic(next(iter(node.chain.history.definitions())).definition.mosaic_id)
    assert sum(each.balance_micro for each in accounts) == 3 * START_MICRO
    assert all(each.balance_micro >= 0 for each in accounts)
    assert all(units >= 0 for each in accounts for units in each.mosaics.values())
    assert entry is not None
    assert held == entry.supply_units == SUPPLY


@settings(max_examples=200, deadline=None)
@given(steps)
def test_nothing_is_created_and_nothing_lost(sequence: list[Step]) -> None:
    """XEM and mosaics are conserved and never negative over any history."""
    node: TestNode = node_with_mosaic(supply_whole=SUPPLY)
    node.mine(4)
    for step in sequence:
        _run(node, [step])

        _check(node)


@settings(max_examples=100, deadline=None)
@given(steps)
def test_a_chain_is_the_fold_of_its_blocks(sequence: list[Step]) -> None:
    """A fresh node that receives the blocks has the same ledger, whatever was undone before."""
    node: TestNode = node_with_mosaic(supply_whole=SUPPLY)
    node.mine(4)
    _run(node, sequence)

    other = TestNode(node.settings)
    other.set_time(node.now_seconds())
    for confirmed in node.chain.blocks()[1:]:
        other.receive_block(confirmed.block)

    assert {each.address: each for each in other.chain.ledger.accounts()} == {
        each.address: each for each in node.chain.ledger.accounts()
    }
    assert other.balance_micro(ALICE.address) == node.balance_micro(ALICE.address)


@settings(max_examples=60, deadline=None)
@given(sequence=steps, split=st.integers(0, 25))
def test_a_restart_changes_nothing(sequence: list[Step], split: int) -> None:
    """A node that was closed and opened in between ends exactly as one that was not."""
    straight = new_node()
    _prepare(straight)
    _run(straight, sequence)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chain"
        with new_node(path=path) as first:
            _prepare(first)
            _run(first, sequence[:split])
        with TestNode(path=path) as second:
            _run(second, sequence[split:])

    assert second.chain.tip.block_hash == straight.chain.tip.block_hash
    assert second.chain.next_transaction_id == straight.chain.next_transaction_id
    assert second.waiting() == straight.waiting()
    assert second.now_ms() == straight.now_ms()


def _prepare(node: TestNode) -> None:
    confirm(node, ALICE, ALICE.namespace(node, "grid"))
    confirm(node, ALICE, ALICE.definition(node, "grid:wh", SUPPLY))
    node.mine(4)
