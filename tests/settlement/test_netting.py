"""Netting: fewer movements, the same end position of everybody."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.errors import Disagreement
from sauma.settlement import net_multilaterally, net_pairs, net_positions
from sauma.settlement.netting import check_positions

NAMES = tuple("abcdefgh")
debts = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(1, 10**9)).filter(
        lambda debt: debt[0] != debt[1]
    ),
    max_size=30,
)


def nonzero(several) -> dict[str, int]:
    return {name: wh for name, wh in net_positions(several).items() if wh}


@pytest.mark.parametrize("net", [net_pairs, net_multilaterally])
@given(several=debts)
def test_everybody_ends_where_they_would_have(net, several):
    """Positions are kept to the Wh, nobody owes nothing, and nobody owes himself."""
    netted = net(several)

    assert nonzero(netted) == nonzero(several)
    assert all(wh > 0 and debtor != creditor for debtor, creditor, wh in netted)


@given(debts)
def test_a_pair_has_one_debt_in_one_direction(several):
    """What two owe each other is one movement, or none when it is even."""
    pairs = [frozenset(debt[:2]) for debt in net_pairs(several)]

    assert len(pairs) == len(set(pairs))


@given(debts)
def test_multilateral_netting_leaves_less_than_there_are_parties(several):
    """At most parties − 1 movements, and nobody both gives and receives."""
    netted = net_multilaterally(several)

    assert len(netted) <= max(len(nonzero(several)) - 1, 0)
    assert not {debt[0] for debt in netted} & {debt[1] for debt in netted}


@pytest.mark.parametrize("net", [net_pairs, net_multilaterally])
@given(several=debts, seed=st.integers(0, 10))
def test_the_order_of_debts_does_not_matter(net, several, seed):
    """The same debts net to the same movements, in the same order."""
    shuffled = random.Random(seed).sample(several, len(several))

    assert net(shuffled) == net(several)


def test_three_by_hand():
    """a gives b 5 and c 2, b gives c 5, c gives a 1: a gives 6 in all, c receives them."""
    several = [("a", "b", 5), ("a", "c", 2), ("b", "c", 5), ("c", "a", 1)]

    assert net_pairs(several) == [("a", "b", 5), ("a", "c", 1), ("b", "c", 5)]
    assert net_multilaterally(several) == [("a", "c", 6)]


def test_a_ring_nets_to_nothing():
    """Who gives as much as it receives moves nothing."""
    assert net_multilaterally([("a", "b", 5), ("b", "c", 5), ("c", "a", 5)]) == []


def test_a_changed_position_is_seen():
    """The check names who would end elsewhere and by how much."""
    with pytest.raises(Disagreement, match="'a': -1, 'b': 1"):
        check_positions([("a", "b", 5)], [("a", "b", 4)])
