"""Equal shares: the seed's rule, hand-computed."""

from __future__ import annotations

import pytest

from sauma.errors import InvalidInput
from sauma.intervals import Interval
from sauma.matching import Book, Clearing, equal_shares
from sauma.matching.equal_shares import EqualShares
from sauma.offers import Offer

from .books import AREA, ASK, BID, Line, book_of, fills_of, trades_of


def clear(of: list[Line]) -> Clearing:
    return EqualShares().clear(book_of(of))


def test_fifteen_kwh_over_two_buyers():
    """15,000 Wh at 0.10 per kWh for two who each need 9,000 Wh: 7,500 Wh each at 0.10."""
    of = [
        ("test1", ASK, 15_000, 100_000),
        ("test3", BID, 9_000, 100_000),
        ("test5", BID, 9_000, 100_000),
    ]

    clearing = clear(of)

    assert trades_of(clearing) == {
        ("test3", "test1", 7_500, 100_000),
        ("test5", "test1", 7_500, 100_000),
    }


def test_three_sellers_at_three_prices():
    """Each level goes evenly to those whose limit reaches it, at its own price.

    60,000: anna's 4,500 over dora, emil, fred: 1,500 each; they still need 3,500, 2,500 and 500.
    80,000: fred's 70,000 does not reach it; bert's 3,000 over dora and emil: 1,500 each; still 2,000
    and 1,000.  110,000: only dora's 120,000 reaches it; she takes 2,000 of cleo's 5,000.
    Sold 4,500 + 3,000 + 2,000 = 9,500 = bought 5,000 + 3,000 + 1,500.
    """
    of = [
        ("anna", ASK, 4_500, 60_000),
        ("bert", ASK, 3_000, 80_000),
        ("cleo", ASK, 5_000, 110_000),
        ("dora", BID, 5_000, 120_000),
        ("emil", BID, 4_000, 90_000),
        ("fred", BID, 2_000, 70_000),
    ]

    clearing = clear(of)

    assert trades_of(clearing) == {
        ("dora", "anna", 1_500, 60_000),
        ("emil", "anna", 1_500, 60_000),
        ("fred", "anna", 1_500, 60_000),
        ("dora", "bert", 1_500, 80_000),
        ("emil", "bert", 1_500, 80_000),
        ("dora", "cleo", 2_000, 110_000),
    }
    assert fills_of(clearing, of) == [4_500, 3_000, 2_000, 5_000, 3_000, 1_500]


def test_who_needs_less_than_the_even_share_leaves_the_rest_to_the_others():
    """9 over needs of 1, 4 and 10: the first is full with 1, and 8 over two is 4 each."""
    of = [("s", ASK, 9, 50), ("a", BID, 1, 50), ("b", BID, 4, 50), ("c", BID, 10, 50)]

    assert fills_of(clear(of), of) == [9, 1, 4, 4]


def test_sellers_of_one_level_are_used_pro_rata():
    """Buyers who need 300 of a level of 400 + 200 take 200 and 100."""
    of = [("s", ASK, 400, 50), ("t", ASK, 200, 50), ("a", BID, 300, 60)]

    assert fills_of(clear(of), of) == [200, 100, 300]


def test_shares_are_per_participant():
    """Two bids of one participant get one share: 10 over a (two bids of 10) and b is 5 and 5."""
    of = [("s", ASK, 10, 50), ("a", BID, 10, 50), ("a", BID, 10, 50), ("b", BID, 10, 50)]

    fills = fills_of(clear(of), of)

    assert fills[1] + fills[2] == fills[3] == 5


def test_the_highest_bid_of_a_participant_is_filled_first():
    """What the participant values most is served first, whatever order the bids came in."""
    of = [("s", ASK, 10, 50), ("a", BID, 8, 60), ("a", BID, 7, 90)]

    assert fills_of(clear(of), of) == [10, 3, 7]


def test_a_filled_bid_leaves_the_next_levels_to_others():
    """Who is full after a level takes no part in the next.

    10: 4 over a and b is 2 each, a is full.  20: 6 all to b, who needed 10 in all.
    """
    of = [("s", ASK, 4, 10), ("t", ASK, 6, 20), ("a", BID, 2, 30), ("b", BID, 10, 30)]

    assert fills_of(clear(of), of) == [4, 6, 2, 8]


def test_odd_wh_favour_nobody_for_ever():
    """Over a day the odd Wh of two equal buyers go to both of them."""
    winners = set()
    for start_unix in range(1_782_000_000, 1_782_086_400, 900):
        interval = Interval.from_start_unix(start_unix)
        offers = [
            Offer(
                side=side,
                area=AREA,
                interval=interval,
                participant=participant,
                key="same",
                energy_wh=energy_wh,
                limit_micro=50,
            )
            for participant, side, energy_wh in (("s", ASK, 1), ("a", BID, 1), ("b", BID, 1))
        ]
        clearing = EqualShares().clear(Book.from_offers(AREA, interval, offers))
        winners |= {trade.buyer for trade in clearing.trades()}

    assert winners == {"a", "b"}


def test_a_book_of_too_many_trades_is_refused(monkeypatch):
    """Every level trades with every buyer: beyond the limit the caller is told what to do."""
    monkeypatch.setattr(equal_shares, "TRADES_MAX", 3)
    of = [("s", ASK, 4, 10), ("t", ASK, 4, 20), ("a", BID, 9, 30), ("b", BID, 9, 30)]

    with pytest.raises(InvalidInput, match="split the area"):
        clear(of)
