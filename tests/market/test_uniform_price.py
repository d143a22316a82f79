"""The call auction: hand-computed books, and what makes a price competitive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.matching import Clearing
from sauma.matching.uniform_price import UniformPrice

from .books import ASK, BID, Line, book_of, fills_of, lines, trades_of


def clear(of: list[Line]) -> Clearing:
    return UniformPrice().clear(book_of(of))


SELLERS: list[Line] = [
    ("anna", ASK, 4_000, 60_000),
    ("bert", ASK, 3_000, 80_000),
    ("cleo", ASK, 5_000, 110_000),
]


def test_three_sellers_when_both_sides_end_together():
    """The price is the middle of what keeps everybody's decision right.

    Demand: dora 5,000 at 120,000; with emil 7,000 at 90,000; with fred 9,000 at 70,000.
    Supply: anna 4,000 at 60,000; with bert 7,000 at 80,000; with cleo 12,000 at 110,000.
    Volume: at 60,000-70,000 min(9,000, 4,000) = 4,000; at 80,000-90,000 min(7,000, 7,000) = 7,000;
    at 110,000-120,000 min(5,000, 12,000) = 5,000.  So 7,000: dora, emil; anna, bert.
    Price: last in 90,000 and 80,000; first out fred's 70,000 and cleo's 110,000;
    [max(80,000, 70,000), min(90,000, 110,000)] = [80,000, 90,000], middle 85,000.
    """
    of = [
        *SELLERS,
        ("dora", BID, 5_000, 120_000),
        ("emil", BID, 2_000, 90_000),
        ("fred", BID, 2_000, 70_000),
    ]

    clearing = clear(of)

    assert clearing.price_micro == 85_000
    assert fills_of(clearing, of) == [4_000, 3_000, 0, 5_000, 2_000, 0]
    assert {trade[3] for trade in trades_of(clearing)} == {85_000}


def test_three_sellers_when_a_bid_is_cut():
    """An offer that is filled in part sets the price: it stands on both sides of the cut.

    Demand: dora 5,000 at 120,000; with emil 9,000 at 90,000.  Supply as before: 7,000 at 80,000.
    Volume 7,000, of which emil gets 7,000 - 5,000 = 2,000 of 4,000.  Emil's last Wh in and first Wh
    out are both at 90,000: [max(80,000, 90,000), min(90,000, 110,000)] = 90,000.
    """
    of = [*SELLERS, ("dora", BID, 5_000, 120_000), ("emil", BID, 4_000, 90_000)]

    clearing = clear(of)

    assert clearing.price_micro == 90_000
    assert fills_of(clearing, of) == [4_000, 3_000, 0, 5_000, 2_000]


def test_the_marginal_level_is_shared_pro_rata():
    """2,000 Wh left for bids of 3,000 and 1,000 at one price are 1,500 and 500.

    With 2,001 Wh the exact shares are 1,500.75 and 500.25: the larger remainder gets the odd Wh.
    """
    of = [
        ("anna", ASK, 7_000, 60_000),
        ("dora", BID, 5_000, 120_000),
        ("emil", BID, 3_000, 90_000),
        ("gina", BID, 1_000, 90_000),
    ]
    more = [("anna", ASK, 7_001, 60_000), *of[1:]]

    assert fills_of(clear(of), of) == [7_000, 5_000, 1_500, 500]
    assert fills_of(clear(more), more) == [7_001, 5_000, 1_501, 500]


@pytest.mark.parametrize(
    ("bid_micro", "ask_micro", "price_micro"), [(-5, -10, -8), (-2, -3, -3), (2, 1, 1), (1, 0, 0)]
)
def test_midpoints_are_rounded_down(bid_micro: int, ask_micro: int, price_micro: int):
    """A bid of -5 and an ask of -10 meet at -8, the floor of -7.5; never towards zero or even."""
    clearing = clear([("a", BID, 1, bid_micro), ("b", ASK, 1, ask_micro)])

    assert clearing.price_micro == price_micro


def test_products_beyond_64_bits_are_exact():
    """Energies of a GWh are shared as exactly as those of a Wh.

    15e9 over twenty times 1e9 and 1: exactly 7.5e8 - 0.0375 each and 0.75 (less a trifle).  The floors
    leave 20 Wh, and the twenty large bids have the largest remainders, 0.9625.  1e9 x 15e9 does not fit
    64 bits.
    """
    bids = [(f"a{number}", BID, 10**9, 7) for number in range(20)]
    asks = [(f"d{number}", ASK, 10**9, 7) for number in range(15)]
    of = [*bids, ("c", BID, 1, 7), *asks]

    fills = fills_of(clear(of), of)

    assert fills == [75 * 10**7] * 20 + [0] + [10**9] * 15


@given(of=lines)
def test_no_refused_offer_is_strictly_better_than_the_price(of: list[Line]):
    """Whoever bids above the price buys all, whoever asks below sells all."""
    clearing = clear(of)
    book = clearing.book

    for row in range(len(book)):
        if clearing.price_micro is None or not clearing.residual_wh[row]:
            continue
        limit_micro = int(book.limit_micro[row])
        if book.side[row] == BID:
            assert limit_micro <= clearing.price_micro
        else:
            assert limit_micro >= clearing.price_micro


@given(of=lines)
def test_volume_and_welfare_are_the_most_there_can_be(of: list[Line]):
    """Matching the best bid with the best ask, Wh by Wh, while it pays, does not do better."""
    clearing = clear(of)
    book = clearing.book

    volume_wh, welfare = greedy_optimum(of)
    filled = clearing.filled_wh.tolist()
    signed = [1 if side == BID else -1 for side in book.side]
    achieved = sum(
        sign * energy_wh * limit_micro
        for sign, energy_wh, limit_micro in zip(
            signed, filled, book.limit_micro.tolist(), strict=True
        )
    )
    assert clearing.traded_wh == volume_wh
    assert achieved == welfare


@given(of=lines.filter(lambda of: any(line[1] is BID for line in of)), data=st.data())
def test_raising_a_bid_never_lowers_its_fill(of: list[Line], data: st.DataObject):
    """Who offers more gets no less."""
    bids = [place for place, line in enumerate(of) if line[1] is BID]
    place = data.draw(st.sampled_from(bids))
    who, side, energy_wh, limit_micro = of[place]
    raised = [*of]
    raised[place] = (who, side, energy_wh, limit_micro + data.draw(st.integers(1, 90_000)))

    assert fills_of(clear(raised), raised)[place] >= fills_of(clear(of), of)[place]


def greedy_optimum(of: list[Line]) -> tuple[int, int]:
    """Return the largest volume and welfare: best with best while the bid reaches the ask."""
    bids = sorted([[line[3], line[2]] for line in of if line[1] is BID], reverse=True)
    asks = sorted([line[3], line[2]] for line in of if line[1] is ASK)
    volume_wh = welfare = 0
    while bids and asks and bids[0][0] >= asks[0][0]:
        energy_wh = min(bids[0][1], asks[0][1])
        volume_wh += energy_wh
        welfare += energy_wh * (bids[0][0] - asks[0][0])
        for queue in (bids, asks):
            queue[0][1] -= energy_wh
            if not queue[0][1]:
                queue.pop(0)
    return volume_wh, welfare
