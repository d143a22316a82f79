"""Whatever happens to parted and joined nodes: they agree, and no money is made or lost."""

from __future__ import annotations

from contextlib import closing

from hypothesis import given, settings
from hypothesis import strategies as st

from sauma_nem.binary import transaction_hash
from sauma_nem.testnode import Result, TestNetwork, TestNode

from .actors import ACTORS, ALICE, BOB, CAROL, START_MICRO

ACCOUNTS = {actor.address: START_MICRO for actor in (ALICE, BOB, CAROL)}
NODES = 3

Step = tuple[str, int, int, int]

steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("send"),
            st.integers(0, NODES - 1),
            st.integers(0, 3),
            st.integers(0, START_MICRO // 2),
        ),
        st.tuples(st.just("mine"), st.integers(0, NODES - 1), st.integers(1, 3), st.just(0)),
        st.tuples(st.just("undo"), st.integers(0, NODES - 1), st.integers(1, 3), st.just(0)),
        st.tuples(st.just("part"), st.integers(0, NODES - 1), st.just(0), st.just(0)),
        st.tuples(st.just("join"), st.just(0), st.just(0), st.just(0)),
    ),
    max_size=20,
)


def _step(network: TestNetwork, step: Step, taken: set[bytes]) -> None:
    kind, number, count, amount = step
    node = network.nodes[number]
    if kind == "mine":
        node.mine(count)
    elif kind == "undo" and node.chain.rollback_limit():
        node.rollback(min(count, node.chain.rollback_limit()))
    elif kind == "part":
        network.part([number], [each for each in range(NODES) if each != number])
    elif kind == "join":
        network.join()
    elif kind == "send":
        sender, recipient = ACTORS[count], ACTORS[(count + 1) % len(ACTORS)]
        transfer = sender.transfer(
            node,
            recipient,
            amount,
            fee_micro=1_250_000,
            deadline_seconds=node.now_seconds() + 86_400,
        )
        if sender.result(node, transfer) is Result.SUCCESS:
            taken.add(transaction_hash(transfer))


def _money(node: TestNode) -> int:
    accounts = list(node.chain.ledger.accounts())
    assert all(each.balance_micro >= 0 for each in accounts)
    return sum(each.balance_micro for each in accounts)


@settings(max_examples=40, deadline=None)
@given(steps)
def test_joined_nodes_agree_and_money_is_conserved(sequence: list[Step]) -> None:
    """At any time each node's chain adds up; joined, and a block later, all have one chain and pool."""
    with closing(TestNetwork.create(NODES, ACCOUNTS)) as network:
        for step in sequence:
            _step(network, step, set())
            assert {_money(node) for node in network.nodes} == {3 * START_MICRO}
        network.join()
        network.mine(3)

        assert len({node.chain.tip.block_hash for node in network.nodes}) == 1
        assert [node.waiting() for node in network.nodes] == [()] * NODES


@settings(max_examples=40, deadline=None)
@given(steps)
def test_what_a_node_took_is_never_lost(sequence: list[Step]) -> None:
    """Where everybody can pay, whatever any node took is confirmed in the end, once."""
    with closing(TestNetwork.create(NODES, ACCOUNTS)) as network:
        taken: set[bytes] = set()
        for kind, number, count, amount in sequence:
            sender = count % len(ACCOUNTS) if kind == "send" else count
            _step(network, (kind, number, sender, amount % 1_000), taken)
        network.join()
        network.mine(3)

        for node in network.nodes:
            assert {each for each in taken if node.confirmed(each) is None} == set()
