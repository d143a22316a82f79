"""Who trades with whom at one price."""

from __future__ import annotations

import numpy as np

from sauma.matching import Book
from sauma.matching.pairing import pair_fills

from .books import AREA, ASK, BID, INTERVAL


def paired(bids: list[tuple[str, int]], asks: list[tuple[str, int]]) -> list[tuple[str, str, int]]:
    """Pair the whole of these bids and asks, in this order; return buyer, seller, energy."""
    everybody = bids + asks
    names = sorted({name for name, _ in everybody})
    ids = np.zeros((len(everybody), 32), dtype=np.uint8)
    ids[:, 0] = np.arange(len(everybody))
    book = Book.from_columns(
        AREA,
        INTERVAL,
        names,
        side=[BID] * len(bids) + [ASK] * len(asks),
        participant=[names.index(name) for name, _ in everybody],
        energy_wh=[energy_wh for _, energy_wh in everybody],
        limit_micro=[1] * len(everybody),
        offer_ids=ids,
    )
    bid_row, ask_row, energy_wh = pair_fills(
        book,
        book.bid_rows,
        book.energy_wh[book.bid_rows],
        book.ask_rows,
        book.energy_wh[book.ask_rows],
    )
    owner = [names[number] for number in book.participant.tolist()]
    return [
        (owner[bid], owner[ask], traded_wh)
        for bid, ask, traded_wh in zip(
            bid_row.tolist(), ask_row.tolist(), energy_wh.tolist(), strict=True
        )
    ]


def test_cumulative_fills_are_merged():
    """Bids 5, 3 and asks 4, 4 cut [0, 8] at 4, 5, 8: trades of 4, 1 and 3, one fewer than offers."""
    assert paired([("a", 5), ("b", 3)], [("c", 4), ("d", 4)]) == [
        ("a", "c", 4),
        ("a", "d", 1),
        ("b", "d", 3),
    ]


def test_trades_with_oneself_are_exchanged_with_each_other():
    """Two who each meet themselves swap partners."""
    assert paired([("a", 5), ("b", 5)], [("a", 5), ("b", 5)]) == [("a", "b", 5), ("b", "a", 5)]


def test_a_trade_with_oneself_is_exchanged_with_one_of_others():
    """a meets a, b meets c: now a buys of c and b of a."""
    assert paired([("a", 5), ("b", 5)], [("a", 5), ("c", 5)]) == [("a", "c", 5), ("b", "a", 5)]


def test_exchanged_trades_can_be_exchanged_again():
    """p has half of everything: it must trade with each of the others, who met themselves too."""
    trades = paired([("a", 1), ("b", 1), ("p", 2)], [("a", 1), ("b", 1), ("p", 2)])

    assert all(buyer != seller for buyer, seller, _ in trades)
    assert sum(energy_wh for _, _, energy_wh in trades) == 4


def test_what_no_exchange_can_avoid_stays():
    """p buys 6 and sells 6 of 8: 4 must stay with p, whatever the pairing."""
    trades = paired([("a", 2), ("p", 6)], [("p", 6), ("b", 2)])

    assert sum(energy_wh for buyer, seller, energy_wh in trades if buyer == seller) == 4
