"""What clearing a book gives: trades, price and residual, as columns, checked when built."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from sauma.errors import Disagreement
from sauma.identifiers import ID_BYTES, content_id
from sauma.intervals import Interval
from sauma.matching.book import Book, Int64Column
from sauma.offers import Side


@attrs.frozen(kw_only=True)
class Trade:
    """One trade as a value, for the edge; hot paths read the columns of `Clearing`."""

    trade_id: bytes
    area: str
    interval: Interval
    buyer: str
    seller: str
    bid_id: bytes
    ask_id: bytes
    energy_wh: int
    price_micro: int

    @property
    def is_with_oneself(self) -> bool:
        """Whether buyer and seller are one: such a trade moves neither money nor energy."""
        return self.buyer == self.seller


@attrs.frozen(kw_only=True, eq=False)
class Clearing:
    """Who trades how much with whom, at what price.

    Columns: `trade_*` have one row a trade, in the order of (bid row, ask row), each pair once;
    `filled_wh` and `residual_wh` have one row an offer, as the book has.  `price_micro` is the one
    price of a uniform mechanism, None where each trade has its own or nothing traded.

    Building one calls `check_conservation`: a clearing that loses or makes energy, fills an offer
    beyond its energy or trades outside a limit raises `Disagreement` and does not exist.
    """

    book: Book
    mechanism: str
    version: int
    trade_bid_row: Int64Column
    trade_ask_row: Int64Column
    trade_energy_wh: Int64Column
    trade_price_micro: Int64Column
    filled_wh: Int64Column
    price_micro: int | None = None

    def __attrs_post_init__(self) -> None:
        """Check, then freeze the columns."""
        self.check_conservation()
        for column in (
            self.trade_bid_row,
            self.trade_ask_row,
            self.trade_energy_wh,
            self.trade_price_micro,
            self.filled_wh,
        ):
            column.flags.writeable = False

    def __len__(self) -> int:
        """The number of trades."""
        return len(self.trade_energy_wh)

    @cached_property
    def residual_wh(self) -> Int64Column:
        """What each offer did not trade: the supplier of last resort takes or gives it."""
        return self.book.energy_wh - self.filled_wh

    @property
    def traded_wh(self) -> int:
        """All energy that changed hands, each Wh once; trades with oneself are in it."""
        return int(self.trade_energy_wh.sum())

    @cached_property
    def trade_buyer(self) -> NDArray[np.int32]:
        """Who buys in each trade: indices into `book.participants`."""
        return self.book.participant[self.trade_bid_row]

    @cached_property
    def trade_seller(self) -> NDArray[np.int32]:
        """Who sells in each trade: indices into `book.participants`."""
        return self.book.participant[self.trade_ask_row]

    @cached_property
    def is_with_oneself(self) -> NDArray[np.bool_]:
        """Which trades have one participant on both sides: they move neither money nor energy."""
        return np.equal(self.trade_buyer, self.trade_seller)

    @cached_property
    def clearing_id(self) -> bytes:
        """The id: mechanism, version and every offer of the book."""
        return content_id("clearing", self.mechanism, self.version, self.book.book_id)

    @cached_property
    def trade_ids(self) -> NDArray[np.uint8]:
        """Ids of the trades, uint8 (m, 32): SHA-256 of `sauma:trade:`, clearing, bid, ask id."""
        ids = self.book.offer_ids
        parties = np.concatenate((ids[self.trade_bid_row], ids[self.trade_ask_row]), axis=1)
        head = hashlib.sha256(b"sauma:trade:" + self.clearing_id)
        digests = bytearray()
        data = parties.tobytes()
        for first in range(0, len(data), 2 * ID_BYTES):
            one = head.copy()
            one.update(data[first : first + 2 * ID_BYTES])
            digests += one.digest()
        return np.frombuffer(bytes(digests), dtype=np.uint8).reshape(-1, ID_BYTES)

    def trades(self) -> Iterator[Trade]:
        """Give the trades as values, in the order of the columns."""
        book = self.book
        for index, (bid_row, ask_row, energy_wh, price_micro) in enumerate(
            zip(
                self.trade_bid_row.tolist(),
                self.trade_ask_row.tolist(),
                self.trade_energy_wh.tolist(),
                self.trade_price_micro.tolist(),
                strict=True,
            )
        ):
            yield Trade(
                trade_id=self.trade_ids[index].tobytes(),
                area=book.area,
                interval=book.interval,
                buyer=book.participants[book.participant[bid_row]],
                seller=book.participants[book.participant[ask_row]],
                bid_id=book.offer_id(bid_row),
                ask_id=book.offer_id(ask_row),
                energy_wh=energy_wh,
                price_micro=price_micro,
            )

    def check_conservation(self) -> None:
        """Raise `Disagreement` unless bought = sold and each offer = its trades + its residual.

        Also refused: a fill beyond the offer, a trade of no energy, a price above the bid or below
        the ask, and a trade at another price than the one price.
        """
        book, energy_wh = self.book, self.trade_energy_wh
        bid_row, ask_row = self.trade_bid_row, self.trade_ask_row
        if len(self.filled_wh) != len(book):
            raise Disagreement(
                f"{self.mechanism} gives {len(self.filled_wh)} fills for {len(book)} offers: "
                "the mechanism is wrong, do not settle"
            )
        for rows in (bid_row, ask_row):
            self._refuse((rows < 0) | (rows >= len(book)), "is of an offer that is not in the book")
        self._refuse(book.side[bid_row] != Side.BID, "buys with an ask")
        self._refuse(book.side[ask_row] != Side.ASK, "sells with a bid")
        self._refuse(energy_wh <= 0, "is of no energy")
        self._refuse(energy_wh > book.energy_wh[bid_row], "is of more energy than was bid")
        price_micro = self.trade_price_micro
        self._refuse(price_micro > book.limit_micro[bid_row], "costs more than the bid allows")
        self._refuse(price_micro < book.limit_micro[ask_row], "pays less than the ask allows")
        if self.price_micro is not None:
            self._refuse(price_micro != self.price_micro, "is not at the one price")
        pair = bid_row * max(len(book), 1) + ask_row
        self._refuse(np.diff(pair, prepend=-1) <= 0, "is out of order or comes twice")
        traded_wh = np.zeros(len(book), dtype=np.int64)
        np.add.at(traded_wh, bid_row, energy_wh)
        np.add.at(traded_wh, ask_row, energy_wh)
        wrong = (traded_wh != self.filled_wh) | (traded_wh > book.energy_wh)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise Disagreement(
                f"{self.mechanism} fills offer {book.offer_id(row).hex()} of "
                f"{book.energy_wh[row]} Wh with {self.filled_wh[row]} Wh, its trades add up to "
                f"{traded_wh[row]} Wh: the mechanism is wrong, do not settle"
            )

    def _refuse(self, wrong: NDArray[Any], why: str) -> None:
        if wrong.any():
            index = int(np.flatnonzero(wrong)[0])
            raise Disagreement(
                f"trade {index} of {self.mechanism} in {self.book.area} at {self.book.interval} "
                f"{why}: the mechanism is wrong, do not settle"
            )


class Mechanism(Protocol):
    """A pure function from book to clearing: no clock, no randomness, no memory.

    A version that was used never changes what it gives for a book: a change is another version.
    """

    @property
    def name(self) -> str:
        """The name that a rulebook uses."""

    @property
    def version(self) -> int:
        """The version, from 1."""

    def clear(self, book: Book) -> Clearing:
        """Match the book; an empty book or one without a crossing clears without trades."""
