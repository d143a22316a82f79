"""Where other market engines were seen to go wrong, this one must not."""

from __future__ import annotations

import random

import pytest

from sauma.matching import mechanism
from sauma.matching.equal_shares import EqualShares
from sauma.matching.uniform_price import UniformPrice

from .books import ASK, BID, Line, book_of, fills_of, trades_of
from .test_uniform_price import greedy_optimum

BOTH = pytest.mark.parametrize("name", ["equal_shares", "uniform_price"])


@BOTH
def test_no_more_is_traded_than_is_there(name: str):
    """Bids of 6 + 4 and asks of 3 + 7 trade 10 (HAMLET's periodic double auction trades 13)."""
    of = [("a", BID, 6, 10), ("b", BID, 4, 10), ("c", ASK, 3, 5), ("d", ASK, 7, 5)]

    assert mechanism(name).clear(book_of(of)).traded_wh == 10


@BOTH
def test_equal_offers_of_one_user_both_count(name: str):
    """Asks of 3 + 5 of one user at one price meet a bid of 8 whole (lemlab trades 5)."""
    of = [("a", ASK, 3, 5), ("a", ASK, 5, 5), ("b", BID, 8, 9)]

    assert mechanism(name).clear(book_of(of)).traded_wh == 8


def test_the_price_turns_nobody_away_who_would_pay_more():
    """Bids 5 at 10 and 5 at 8, ask 5 at 2: the price is in [8, 10] (lemlab and GridTokenX say 6)."""
    of = [("a", BID, 5, 10), ("b", BID, 5, 8), ("c", ASK, 5, 2)]

    assert UniformPrice().clear(book_of(of)).price_micro == 9


def test_avoiding_trades_with_oneself_loses_no_volume():
    """user1 stands on both sides and all 10 trade, none with oneself (GridTokenX trades 5)."""
    of = [
        ("user1", BID, 5, 10),
        ("user3", BID, 5, 9),
        ("user1", ASK, 5, 1),
        ("user2", ASK, 5, 2),
    ]

    clearing = UniformPrice().clear(book_of(of))

    assert {trade[:3] for trade in trades_of(clearing)} == {
        ("user1", "user2", 5),
        ("user3", "user1", 5),
    }


def test_who_is_alone_on_both_sides_trades_with_oneself():
    """What no pairing can avoid stays, marked; the settlement moves nothing for it."""
    of = [("a", BID, 5, 10), ("a", ASK, 8, 5), ("b", BID, 2, 10)]

    clearing = UniformPrice().clear(book_of(of))

    assert {trade[:3] for trade in trades_of(clearing)} == {("a", "a", 5), ("b", "a", 2)}
    assert sum(trade.energy_wh for trade in clearing.trades() if trade.is_with_oneself) == 5


def test_volume_is_the_largest_possible_in_random_books():
    """A hundred unit-price books of a hundred offers trade all they can (GSy PAC: 0.995 of it)."""
    generator = random.Random(20)
    for _ in range(100):
        of: list[Line] = [
            (
                f"p{place}",
                BID if place % 2 else ASK,
                generator.randint(1, 5_000),
                generator.randint(1, 30) * 1_000,
            )
            for place in range(100)
        ]

        assert UniformPrice().clear(book_of(of)).traded_wh == greedy_optimum(of)[0]


def test_a_tie_at_the_crossing_trades():
    """Bids 9, 8, 5 and asks 1, 2, 5 trade all three at 5 (Huang's auction in pymarket: nothing)."""
    of = [("a", BID, 1, 9), ("b", BID, 1, 8), ("c", BID, 1, 5)]
    of += [("d", ASK, 1, 1), ("e", ASK, 1, 2), ("f", ASK, 1, 5)]

    clearing = UniformPrice().clear(book_of(of))

    assert (clearing.traded_wh, clearing.price_micro) == (3, 5)


@BOTH
def test_what_nobody_takes_stays_with_who_injected_it(name: str):
    """Two homes with 10 each and no buyer keep 10 and 10 (OpenEnergyID's keys give 15 and 5)."""
    of = [("a", ASK, 10, 5), ("b", ASK, 10, 5)]

    clearing = mechanism(name).clear(book_of(of))

    assert clearing.residual_wh.tolist() == [10, 10]


@BOTH
def test_equal_producers_sell_the_same(name: str):
    """Of a need of 160, two equal producers of 400 sell 80 each (GSy SCM: 160 and 0)."""
    of = [("a", ASK, 400, 5), ("b", BID, 160, 9), ("c", ASK, 400, 5)]

    assert fills_of(mechanism(name).clear(book_of(of)), of) == [80, 160, 80]


def test_buyers_pay_what_sellers_get():
    """At prices of their own too (ASSUME pay-as-bid: buyers pay 200, sellers get 150)."""
    of = [("a", BID, 10, 50), ("b", ASK, 5, 10), ("c", ASK, 5, 20)]

    trades = trades_of(EqualShares().clear(book_of(of)))

    assert trades == {("a", "b", 5, 10), ("a", "c", 5, 20)}
