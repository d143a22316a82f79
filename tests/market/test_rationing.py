"""Who gets how much when there is not enough."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.matching.rationing import share_evenly, share_pro_rata, smallest, tie_keys

from . import reference
from .books import BID, book_of

amounts = st.one_of(
    st.lists(st.integers(1, 6), min_size=1, max_size=9),
    st.lists(st.integers(1, 10**12), min_size=1, max_size=9),
)


def last_first(positions):
    """Break ties against the order of positions."""
    return (1_000 - positions).astype(np.uint64)


@given(needed=amounts, data=st.data())
def test_even_shares(needed: list[int], data: st.DataObject):
    """Even shares add up, none exceeds the need, and who is not full differs by at most 1 Wh."""
    total_wh = data.draw(st.integers(0, sum(needed) + 3))

    shares = share_evenly(total_wh, np.array(needed), last_first).tolist()

    names = {str(place): need for place, need in enumerate(needed)}
    expected = reference.even_shares(total_wh, names, lambda name: -int(name))
    assert shares == [expected[name] for name in names]
    assert sum(shares) == min(total_wh, sum(needed))
    hungry = [share for share, need in zip(shares, needed, strict=True) if share < need]
    assert not hungry or max(shares) - min(hungry) <= 1


@given(offered=amounts, data=st.data())
def test_pro_rata_shares(offered: list[int], data: st.DataObject):
    """Shares add up, stay within 1 Wh of exact and never exceed what is offered."""
    total_wh = data.draw(st.integers(0, sum(offered)))

    shares = share_pro_rata(total_wh, np.array(offered), last_first).tolist()

    assert sum(shares) == total_wh
    for share, energy_wh in zip(shares, offered, strict=True):
        assert 0 <= share <= energy_wh
        assert abs(share - Fraction(energy_wh * total_wh, sum(offered))) < 1


def test_a_need_that_is_the_even_share_counts_as_met():
    """8 over needs of 2, 2 and 10: the first two are full, and 4 stay for the third."""
    assert share_evenly(8, np.array([2, 2, 10]), last_first).tolist() == [2, 2, 4]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (-1, []),
        (0, []),
        (1, [2]),
        (2, [0, 2]),
        (3, [0, 1, 2]),
        (4, [0, 1, 2, 3]),
        (9, [0, 1, 2, 3]),
    ],
)
def test_equal_keys_go_by_position(count: int, expected: list[int]):
    """Exactly as many as asked for, whatever is equal."""
    keys = np.array([5, 5, 1, 5], dtype=np.uint64)

    assert sorted(smallest(keys, count).tolist()) == expected


def test_tie_keys_are_the_reference_hash():
    """SplitMix64 over interval, salt and id: the same on every machine and in another language."""
    book = book_of([("a", BID, 1, 1), ("b", BID, 1, 1), ("c", BID, 1, 1)])

    for salt in (0, 80_000, -5):
        expected = [
            reference.tie(book.interval.start_unix, book.offer_id(row), salt) for row in range(3)
        ]
        assert tie_keys(book, book.bid_rows, salt).tolist() == expected
