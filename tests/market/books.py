"""Books for the tests, written as short lines, and the strategies that make them up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from hypothesis import strategies as st

from sauma.intervals import Interval
from sauma.matching import Book, Clearing
from sauma.offers import Offer, Side

from . import reference

AREA = "harju"
INTERVAL = Interval.from_start_unix(1_782_036_900)
BID, ASK = Side.BID, Side.ASK

Line: TypeAlias = "tuple[str, Side, int, int]"
"""Participant, side, energy in Wh, limit in micro-units per kWh."""


def offers_of(lines: Iterable[Line], prefix: str = "k") -> list[Offer]:
    """Turn lines into offers; the key is the place in the list."""
    return [
        Offer(
            side=side,
            area=AREA,
            interval=INTERVAL,
            participant=participant,
            key=f"{prefix}{place}",
            energy_wh=energy_wh,
            limit_micro=limit_micro,
        )
        for place, (participant, side, energy_wh, limit_micro) in enumerate(lines)
    ]


def book_of(lines: Iterable[Line], prefix: str = "k") -> Book:
    """Turn lines into a book."""
    return Book.from_offers(AREA, INTERVAL, offers_of(lines, prefix))


def fills_of(clearing: Clearing, lines: Iterable[Line], prefix: str = "k") -> list[int]:
    """Return what each line traded, in the order of the lines."""
    book = clearing.book
    by_id = {book.offer_id(row): int(clearing.filled_wh[row]) for row in range(len(book))}
    return [by_id[offer.offer_id] for offer in offers_of(lines, prefix)]


def orders_of(book: Book) -> list[reference.Order]:
    """Give a book to the reference."""
    return [
        reference.Order(
            book.offer_id(row),
            bool(book.side[row] == BID),
            book.participants[book.participant[row]],
            int(book.energy_wh[row]),
            int(book.limit_micro[row]),
        )
        for row in range(len(book))
    ]


def trades_of(clearing: Clearing) -> set[tuple[str, str, int, int]]:
    """Return buyer, seller, energy and price of each trade."""
    return {
        (trade.buyer, trade.seller, trade.energy_wh, trade.price_micro)
        for trade in clearing.trades()
    }


def _lines(energy_wh_max: int, names: str) -> st.SearchStrategy[list[Line]]:
    line = st.tuples(
        st.sampled_from(names),
        st.sampled_from(Side),
        st.integers(1, energy_wh_max),
        st.integers(-3, 6).map(lambda step: step * 20_000),
    )
    return st.lists(line, max_size=14)


lines = st.one_of(
    _lines(12, "abcdefghijklmnop"),
    _lines(9_000, "abcdef"),
    _lines(40, "abc"),
    _lines(10**9, "abcdefgh"),
)
"""Books with many ties, with few owners who stand on both sides, and with products beyond 64 bits."""
