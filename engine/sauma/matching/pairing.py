"""Who trades with whom, once it is known how much each offer trades at one price."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sauma.matching.book import Book, Int64Column

Pairs: TypeAlias = tuple[Int64Column, Int64Column, Int64Column]
"""Columns of trades: bid row, ask row, energy in Wh; by bid row, then ask row, each pair once."""


def pair_fills(
    book: Book,
    bid_rows: Int64Column,
    bought_wh: Int64Column,
    ask_rows: Int64Column,
    sold_wh: Int64Column,
) -> Pairs:
    """Pair what is bought with what is sold: at most one trade fewer than there are offers.

    The cumulative fills of each side, in row order, cut the traded energy into pieces; the pieces of
    both sides together are the trades.  Both sides must add up to the same.  A trade of a participant
    with itself is exchanged with another trade wherever that is possible (`_without_oneself`).
    """
    bid_rows, bought_wh = bid_rows[bought_wh > 0], bought_wh[bought_wh > 0]
    ask_rows, sold_wh = ask_rows[sold_wh > 0], sold_wh[sold_wh > 0]
    cuts_wh = np.concatenate((np.cumsum(bought_wh), np.cumsum(sold_wh)))
    # Two ascending runs, which the stable sort merges.  Of a bid and an ask that end together the
    # second has an empty piece.
    order = np.argsort(cuts_wh, kind="stable")
    is_bid = order < len(bid_rows)
    piece_wh = np.diff(cuts_wh[order], prepend=0)
    ends = np.flatnonzero(piece_wh)
    bids_before: Int64Column = np.cumsum(is_bid) - is_bid
    asks_before = np.arange(len(order)) - bids_before
    pairs = (bid_rows[bids_before[ends]], ask_rows[asks_before[ends]], piece_wh[ends])
    with_oneself = book.participant[pairs[0]] == book.participant[pairs[1]]
    return _without_oneself(book, pairs, with_oneself) if with_oneself.any() else pairs


def _without_oneself(book: Book, pairs: Pairs, with_oneself: NDArray[np.bool_]) -> Pairs:
    """Exchange partners so that as little as possible is traded by participants with themselves.

    Two trades (b, a) and (c, d) of the same energy and price may become (b, d) and (c, a).  First the
    trades with oneself of different participants are exchanged with each other; what stays belongs to
    one participant and is exchanged with trades that it has no part in.  What stays even then is that
    participant's purchases and sales beyond all that is traded, and no pairing could avoid it.
    """
    owner = book.participant.tolist()
    done: list[tuple[int, int, int]] = []
    stuck: list[tuple[int, int, int]] = []
    trades = list(zip(*(column.tolist() for column in pairs), with_oneself.tolist(), strict=True))
    others = [trade[:3] for trade in trades if not trade[3]]
    for bid, ask, energy_wh, alone in trades:
        while alone and energy_wh and stuck and owner[stuck[-1][0]] != owner[bid]:
            energy_wh = _exchange(stuck, bid, ask, energy_wh, others)
        if alone and energy_wh:
            stuck.append((bid, ask, energy_wh))
    for bid, ask, energy_wh in others:
        while energy_wh and stuck and owner[stuck[-1][0]] not in (owner[bid], owner[ask]):
            energy_wh = _exchange(stuck, bid, ask, energy_wh, done)
        if energy_wh:
            done.append((bid, ask, energy_wh))
    return _summed(done + stuck)


def _exchange(
    stuck: list[tuple[int, int, int]],
    bid: int,
    ask: int,
    energy_wh: int,
    result: list[tuple[int, int, int]],
) -> int:
    """Exchange partners with the last stuck trade; return what is left of the given one."""
    stuck_bid, stuck_ask, stuck_wh = stuck.pop()
    exchanged_wh = min(energy_wh, stuck_wh)
    result.append((bid, stuck_ask, exchanged_wh))
    result.append((stuck_bid, ask, exchanged_wh))
    if stuck_wh > exchanged_wh:
        stuck.append((stuck_bid, stuck_ask, stuck_wh - exchanged_wh))
    return energy_wh - exchanged_wh


def _summed(trades: list[tuple[int, int, int]]) -> Pairs:
    """Add up trades of the same pair and sort by bid row, then ask row."""
    total_wh: dict[tuple[int, int], int] = {}
    for bid, ask, energy_wh in trades:
        total_wh[(bid, ask)] = total_wh.get((bid, ask), 0) + energy_wh
    pairs = sorted(total_wh)
    return (
        np.array([bid for bid, _ in pairs], dtype=np.int64),
        np.array([ask for _, ask in pairs], dtype=np.int64),
        np.array([total_wh[pair] for pair in pairs], dtype=np.int64),
    )
