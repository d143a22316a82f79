"""Equal shares: asks clear from the cheapest up, each price level shared evenly among its buyers.

A price level is all asks of one price.  Its buyers are the participants that have a bid whose limit
reaches the price and that is not filled yet; each gets the same, but no more than its bids still need
(water filling).  The price is the ask.  When the buyers need less than the level offers, its sellers
sell pro rata by largest remainder.  Odd Wh go by a hash of interval, price level and offer id.
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np
from numpy.typing import NDArray

from sauma.errors import InvalidInput
from sauma.matching.book import Book, Int64Column
from sauma.matching.clearing import Clearing
from sauma.matching.pairing import Pairs, pair_fills
from sauma.matching.rationing import share_evenly, share_pro_rata, tie_keys

TRADES_MAX: Final = 10_000_000
"""The most trades of one book.  Every level trades with every buyer, so many prices make many."""


@attrs.frozen
class EqualShares:
    """Equal shares, version 1.

    Shares are per participant, not per bid: splitting a bid into two gives its owner no second share.
    Within a participant's share the bid with the highest limit is filled first, because it is for
    what the participant values most.  A participant that buys at a level at which it also sells
    trades with others as far as that is possible, with itself for the rest.
    """

    name: str = attrs.field(default="equal_shares", init=False)
    version: int = attrs.field(default=1, init=False)

    def clear(self, book: Book) -> Clearing:
        """Match the book in O(levels × buyers)."""
        filled_wh = np.zeros(len(book), dtype=np.int64)
        pieces: list[Pairs] = []
        prices: list[Int64Column] = []
        trade_count = 0
        buyers = _Buyers.of(book)
        for price_micro, ask_rows in _levels(book):
            buyers = buyers.reached_by(price_micro)
            if not len(buyers.rows):
                break
            bought_wh = buyers.share(book, int(book.energy_wh[ask_rows].sum()), price_micro)
            sold_wh = _sold(book, ask_rows, int(bought_wh.sum()), price_micro)
            filled_wh[buyers.rows] += bought_wh
            filled_wh[ask_rows] += sold_wh
            by_row = np.argsort(buyers.rows)
            pairs = pair_fills(book, buyers.rows[by_row], bought_wh[by_row], ask_rows, sold_wh)
            pieces.append(pairs)
            prices.append(np.full(len(pairs[0]), price_micro, dtype=np.int64))
            buyers = buyers.after(bought_wh)
            trade_count += len(pairs[0])
            _check_count(book, trade_count)
        return _clearing(self, book, pieces, prices, filled_wh)


@attrs.frozen
class _Buyers:
    """The bids that can still buy, grouped by participant, each group by falling limit."""

    rows: Int64Column
    participant: NDArray[np.int32]
    limit_micro: Int64Column
    needed_wh: Int64Column

    @classmethod
    def of(cls, book: Book) -> _Buyers:
        rows = book.bid_rows
        participant, limit_micro = book.participant[rows], book.limit_micro[rows]
        order = np.lexsort((tie_keys(book, rows), -limit_micro, participant))
        rows = rows[order]
        return cls(rows, participant[order], limit_micro[order], book.energy_wh[rows])

    def _where(self, keep: NDArray[np.bool_], needed_wh: Int64Column) -> _Buyers:
        if keep.all():
            return attrs.evolve(self, needed_wh=needed_wh)
        return _Buyers(
            self.rows[keep], self.participant[keep], self.limit_micro[keep], needed_wh[keep]
        )

    def reached_by(self, price_micro: int) -> _Buyers:
        """Drop the bids below a price: prices only rise, so they never come back."""
        return self._where(self.limit_micro >= price_micro, self.needed_wh)

    def after(self, bought_wh: Int64Column) -> _Buyers:
        """Take off what was bought and drop the bids that are filled."""
        needed_wh = self.needed_wh - bought_wh
        return self._where(needed_wh > 0, needed_wh)

    def share(self, book: Book, offered_wh: int, price_micro: int) -> Int64Column:
        """Return what each bid buys of a level: even shares a participant, highest limit first."""
        is_first = np.ones(len(self.rows), dtype=np.bool_)
        is_first[1:] = self.participant[1:] != self.participant[:-1]
        starts = np.flatnonzero(is_first)
        shares = share_evenly(
            offered_wh,
            np.add.reduceat(self.needed_wh, starts),
            lambda positions: tie_keys(book, self.rows[starts[positions]], price_micro),
        )
        if is_first.all():
            return shares
        group = np.cumsum(is_first) - 1
        before_wh = np.cumsum(self.needed_wh) - self.needed_wh
        before_in_group_wh = before_wh - before_wh[starts][group]
        left_wh: Int64Column = np.maximum(shares[group] - before_in_group_wh, 0)
        bought_wh: Int64Column = np.minimum(left_wh, self.needed_wh)
        return bought_wh


def _levels(book: Book) -> list[tuple[int, Int64Column]]:
    """Return the price levels of the asks, cheapest first, each with its rows in row order."""
    rows = book.ask_rows
    if not len(rows):
        return []
    rows = rows[np.argsort(book.limit_micro[rows], kind="stable")]
    limit_micro = book.limit_micro[rows]
    starts = np.flatnonzero(np.diff(limit_micro)) + 1
    firsts = [0, *starts.tolist()]
    return list(zip(limit_micro[firsts].tolist(), np.split(rows, starts), strict=True))


def _sold(book: Book, ask_rows: Int64Column, total_wh: int, price_micro: int) -> Int64Column:
    return share_pro_rata(
        total_wh,
        book.energy_wh[ask_rows],
        lambda positions: tie_keys(book, ask_rows[positions], price_micro),
    )


def _check_count(book: Book, trade_count: int) -> None:
    if trade_count > TRADES_MAX:
        raise InvalidInput(
            f"the book of {book.area} at {book.interval} makes more than {TRADES_MAX} trades: "
            "split the area, round the asking prices, or use uniform_price"
        )


def _clearing(
    mechanism: EqualShares,
    book: Book,
    pieces: list[Pairs],
    prices: list[Int64Column],
    filled_wh: Int64Column,
) -> Clearing:
    none = np.zeros(0, dtype=np.int64)
    bid_row = np.concatenate([none, *(piece[0] for piece in pieces)])
    ask_row = np.concatenate([none, *(piece[1] for piece in pieces)])
    order = np.argsort(bid_row * len(book) + ask_row, kind="stable")
    return Clearing(
        book=book,
        mechanism=mechanism.name,
        version=mechanism.version,
        trade_bid_row=bid_row[order],
        trade_ask_row=ask_row[order],
        trade_energy_wh=np.concatenate([none, *(piece[2] for piece in pieces)])[order],
        trade_price_micro=np.concatenate([none, *prices])[order],
        filled_wh=filled_wh,
    )
