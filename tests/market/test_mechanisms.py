"""What both mechanisms promise for every book."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.matching import Book, Clearing, mechanism

from . import reference
from .books import AREA, ASK, BID, INTERVAL, Line, book_of, fills_of, lines, offers_of, orders_of

BOTH = pytest.mark.parametrize("name", ["equal_shares", "uniform_price"])
REFERENCES = {
    "equal_shares": reference.equal_shares,
    "uniform_price": reference.uniform_price,
}


def clear(name: str, of: list[Line]) -> Clearing:
    return mechanism(name).clear(book_of(of))


@BOTH
@given(of=lines)
def test_agrees_with_the_reference(name: str, of: list[Line]):
    """To the Wh and the micro-unit, a clearing is what the slow, independent version says."""
    clearing = clear(name, of)
    book = clearing.book

    expected = REFERENCES[name](book.interval.start_unix, orders_of(book))
    filled = {book.offer_id(row): int(clearing.filled_wh[row]) for row in range(len(book))}
    assert filled == expected.fills
    assert clearing.price_micro == expected.price


@BOTH
@given(of=lines)
def test_conserves_energy_on_each_side(name: str, of: list[Line]):
    """Bought = sold = traded; each side = traded + residual; nobody is overfilled."""
    clearing = clear(name, of)

    book = clearing.book
    for rows in (book.bid_rows, book.ask_rows):
        assert int(clearing.filled_wh[rows].sum()) == clearing.traded_wh
        offered_wh = int(book.energy_wh[rows].sum())
        assert offered_wh == clearing.traded_wh + int(clearing.residual_wh[rows].sum())
    assert (clearing.residual_wh >= 0).all()
    assert (clearing.filled_wh >= 0).all()


@BOTH
@given(of=lines)
def test_nobody_pays_above_the_bid_or_gets_below_the_ask(name: str, of: list[Line]):
    """Every trade is within the limits of both its offers, negative prices included."""
    clearing = clear(name, of)

    limit_micro = clearing.book.limit_micro
    assert (clearing.trade_price_micro <= limit_micro[clearing.trade_bid_row]).all()
    assert (clearing.trade_price_micro >= limit_micro[clearing.trade_ask_row]).all()


@BOTH
@given(of=lines, seed=st.integers(0, 2**32))
def test_the_order_of_input_does_not_matter(name: str, of: list[Line], seed: int):
    """Shuffled offers give the same columns, the same ids, the same everything."""
    offers = offers_of(of)
    shuffled = random.Random(seed).sample(offers, len(offers))

    first = mechanism(name).clear(Book.from_offers(AREA, INTERVAL, offers))
    second = mechanism(name).clear(Book.from_offers(AREA, INTERVAL, shuffled))

    assert first.clearing_id == second.clearing_id
    assert list(first.trades()) == list(second.trades())
    assert np.array_equal(first.filled_wh, second.filled_wh)


@BOTH
@given(of=lines)
def test_no_pairing_could_leave_less_to_trades_with_oneself(name: str, of: list[Line]):
    """At a price, a participant trades with itself only what it trades beyond all that is traded.

    Among Q Wh traded at one price, of which somebody buys B and sells S, B + S - Q is the least that
    must stay with that somebody.
    """
    clearing = clear(name, of)

    for price_micro in np.unique(clearing.trade_price_micro):
        at = clearing.trade_price_micro == price_micro
        energy_wh = clearing.trade_energy_wh[at]
        buyer, seller = clearing.trade_buyer[at], clearing.trade_seller[at]
        traded_wh = int(energy_wh.sum())
        excess_wh = max(
            int(energy_wh[buyer == one].sum() + energy_wh[seller == one].sum()) - traded_wh
            for one in np.union1d(buyer, seller)
        )
        with_oneself_wh = int(energy_wh[clearing.is_with_oneself[at]].sum())
        assert with_oneself_wh == max(0, excess_wh)


@given(of=lines, factor=st.integers(1, 5))
def test_scaling_energy_scales_the_volume(of: list[Line], factor: int):
    """In the call auction all energies times k trade k times the volume at the same price."""
    of = [(who, side, min(energy_wh, 10**8), price) for who, side, energy_wh, price in of]
    scaled = [(who, side, factor * energy_wh, price) for who, side, energy_wh, price in of]

    once, often = clear("uniform_price", of), clear("uniform_price", scaled)

    assert often.traded_wh == factor * once.traded_wh
    assert often.price_micro == once.price_micro


@BOTH
def test_an_empty_book_and_a_book_without_a_crossing_clear_without_trades(name: str):
    """No trades, no price, everything residual: that is an answer, not an error."""
    for of in ([], [("a", BID, 5, 10)], [("a", ASK, 5, 10)], [("a", BID, 5, 9), ("b", ASK, 5, 10)]):
        clearing = clear(name, of)

        assert len(clearing) == 0
        assert clearing.price_micro is None
        assert clearing.residual_wh.tolist() == clearing.book.energy_wh.tolist()


@BOTH
def test_ids_of_trades_are_hashes_of_facts(name: str):
    """The same book gives the same ids; another version of an offer gives others; none comes twice."""
    of = [("a", BID, 5, 10), ("b", BID, 5, 10), ("c", ASK, 5, 10), ("d", ASK, 4, 10)]

    first, again = clear(name, of), clear(name, of)
    other = clear(name, [*of[:3], ("d", ASK, 3, 10)])

    ids = [trade.trade_id for trade in first.trades()]
    assert ids == [trade.trade_id for trade in again.trades()]
    assert len(set(ids)) == len(ids) == len(first)
    assert not set(ids) & {trade.trade_id for trade in other.trades()}


@given(of=lines.filter(bool), data=st.data())
def test_splitting_an_offer_gains_and_loses_at_most_one_wh(of: list[Line], data: st.DataObject):
    """In the call auction two offers of one owner at one price trade what one would, ±1 Wh."""
    place = data.draw(st.integers(0, len(of) - 1))
    who, side, energy_wh, limit_micro = of[place]
    part_wh = data.draw(st.integers(0, energy_wh - 1))
    parts = [(who, side, energy_wh - part_wh, limit_micro)]
    if part_wh:
        parts.append((who, side, part_wh, limit_micro))
    split = [*of[:place], *of[place + 1 :], *parts]

    whole = clear("uniform_price", of)
    apart = clear("uniform_price", split)

    assert apart.price_micro == whole.price_micro
    assert apart.traded_wh == whole.traded_wh
    before_wh = fills_of(whole, of)[place]
    assert abs(sum(fills_of(apart, split)[len(of) - 1 :]) - before_wh) <= 1


@given(of=lines.filter(bool), data=st.data())
def test_splitting_a_bid_gives_no_second_share(of: list[Line], data: st.DataObject):
    """In equal shares a participant with two bids gets one share, ±1 Wh for each price level."""
    of = [(f"p{place}", *line[1:]) for place, line in enumerate(of)]
    place = data.draw(st.integers(0, len(of) - 1))
    who, side, energy_wh, limit_micro = of[place]
    part_wh = data.draw(st.integers(0, energy_wh - 1))
    parts = [(who, side, energy_wh - part_wh, limit_micro)]
    if part_wh:
        parts.append((who, side, part_wh, limit_micro))
    split = [*of[:place], *of[place + 1 :], *parts]

    before_wh = fills_of(clear("equal_shares", of), of)[place]
    after_wh = sum(fills_of(clear("equal_shares", split), split)[len(of) - 1 :])

    levels = len({line[3] for line in of if line[1] is ASK})
    assert abs(after_wh - before_wh) <= max(1, levels)


@given(of=lines)
def test_other_names_change_nothing_but_ties(of: list[Line]):
    """In the call auction new names and keys leave price and volume, and move at most 1 Wh each."""
    renamed = [(f"other-{line[0]}", *line[1:]) for line in of]

    first = clear("uniform_price", of)
    second = mechanism("uniform_price").clear(book_of(renamed, "other"))

    assert second.price_micro == first.price_micro
    assert second.traded_wh == first.traded_wh
    differences = np.subtract(fills_of(first, of), fills_of(second, renamed, "other"))
    assert np.abs(differences).max(initial=0) <= 1
