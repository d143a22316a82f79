"""The call auction: as much energy as possible, at one price that nobody who was refused would beat.

Volume: the largest of min(D(p), S(p)) over all prices p, where D is what bids of at least p buy and S
what asks of at most p sell.  Price: let b_k and a_k be the limits of the last Wh traded, b_k+1 and
a_k+1 those of the first Wh refused; the competitive interval is
[max(a_k, b_k+1), min(b_k, a_k+1)], and the price is its midpoint, rounded down (also below zero).
At the margin, one price level of one side is rationed pro rata by largest remainder.
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np

from sauma.matching.book import Book, Int64Column
from sauma.matching.clearing import Clearing
from sauma.matching.pairing import pair_fills
from sauma.matching.rationing import share_pro_rata, tie_keys
from sauma.units import PRICE_MICRO_MAX, Rounding, divide_rounded

_ROW_BITS: Final = 32
_ROW_MASK: Final = 2**_ROW_BITS - 1


@attrs.frozen
class UniformPrice:
    """The call auction, version 1.  Truthful it is not; efficient and balanced it is.

    A participant may stand on both sides.  Its offers count like anybody's, so volume and price are
    what they would be with two owners; pairing avoids trades with oneself as far as that is possible.
    """

    name: str = attrs.field(default="uniform_price", init=False)
    version: int = attrs.field(default=1, init=False)

    def clear(self, book: Book) -> Clearing:
        """Match the book in O(n log n)."""
        bids = _Queue.best_first(book, book.bid_rows, -1)
        asks = _Queue.best_first(book, book.ask_rows, 1)
        volume_wh = _volume(bids, asks)
        filled_wh = np.zeros(len(book), dtype=np.int64)
        price_micro = None
        if volume_wh:
            price_micro = _price(bids, asks, volume_wh)
            bids.fill(book, volume_wh, filled_wh)
            asks.fill(book, volume_wh, filled_wh)
        bid_row, ask_row, energy_wh = pair_fills(
            book, book.bid_rows, filled_wh[book.bid_rows], book.ask_rows, filled_wh[book.ask_rows]
        )
        return Clearing(
            book=book,
            mechanism=self.name,
            version=self.version,
            trade_bid_row=bid_row,
            trade_ask_row=ask_row,
            trade_energy_wh=energy_wh,
            trade_price_micro=np.full(len(energy_wh), price_micro or 0, dtype=np.int64),
            filled_wh=filled_wh,
            price_micro=price_micro,
        )


@attrs.frozen
class _Queue:
    """One side of a book, best price first, with the energy up to and with each offer."""

    rows: Int64Column
    limit_micro: Int64Column
    energy_wh: Int64Column
    up_to_wh: Int64Column

    @classmethod
    def best_first(cls, book: Book, rows: Int64Column, direction: int) -> _Queue:
        """Queue the rows by ascending `direction` × limit, equal limits by row.

        Price and position are packed into one integer: sorting those is several times faster than
        sorting an index, and a price above -`PRICE_MICRO_MAX` takes 31 bits.
        """
        rank = direction * book.limit_micro[rows] + PRICE_MICRO_MAX
        packed = np.sort((rank << _ROW_BITS) | rows)
        in_order = packed & _ROW_MASK
        energy_wh = book.energy_wh[in_order]
        return cls(in_order, book.limit_micro[in_order], energy_wh, np.cumsum(energy_wh))

    def margin(self, volume_wh: int) -> tuple[int, int | None]:
        """Return the limit of the last Wh within the volume and of the first beyond, if any is."""
        last = int(np.searchsorted(self.up_to_wh, volume_wh, side="left"))
        beyond = int(np.searchsorted(self.up_to_wh, volume_wh, side="right"))
        first_refused = int(self.limit_micro[beyond]) if beyond < len(self.rows) else None
        return int(self.limit_micro[last]), first_refused

    def fill(self, book: Book, volume_wh: int, filled_wh: Int64Column) -> None:
        """Write what each offer trades into `filled_wh`: better prices whole, the last level shared."""
        last = int(np.searchsorted(self.up_to_wh, volume_wh, side="left"))
        level = np.flatnonzero(self.limit_micro == self.limit_micro[last])
        start, stop = int(level[0]), int(level[-1]) + 1
        before_wh = int(self.up_to_wh[start - 1]) if start else 0
        filled_wh[self.rows[:start]] = self.energy_wh[:start]
        rows = self.rows[start:stop]
        filled_wh[rows] = share_pro_rata(
            volume_wh - before_wh,
            self.energy_wh[start:stop],
            lambda positions: tie_keys(book, rows[positions]),
        )


def _volume(bids: _Queue, asks: _Queue) -> int:
    """Return the most energy that can be traded at one price.

    It is enough to look at the prices of bids: demand only falls at them.  Within a level the demand
    up to a bid is less than that of the whole level, so the largest minimum is not missed.
    """
    if not len(bids.rows) or not len(asks.rows):
        return 0
    reachable = np.searchsorted(asks.limit_micro, bids.limit_micro, side="right")
    supply_wh = np.concatenate((np.zeros(1, dtype=np.int64), asks.up_to_wh))[reachable]
    return int(np.minimum(bids.up_to_wh, supply_wh).max())


def _price(bids: _Queue, asks: _Queue, volume_wh: int) -> int:
    """Return the midpoint of the competitive interval, rounded down."""
    bid_micro, bid_refused_micro = bids.margin(volume_wh)
    ask_micro, ask_refused_micro = asks.margin(volume_wh)
    low_micro = ask_micro if bid_refused_micro is None else max(ask_micro, bid_refused_micro)
    high_micro = bid_micro if ask_refused_micro is None else min(bid_micro, ask_refused_micro)
    return divide_rounded(low_micro + high_micro, 2, Rounding.FLOOR)
