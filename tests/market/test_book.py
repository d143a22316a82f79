"""The book: canonical, checked, frozen."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from sauma.errors import Conflict, InvalidInput
from sauma.intervals import Interval
from sauma.matching import Book, book

from .books import AREA, ASK, BID, INTERVAL, Line, book_of, offers_of

LINES: list[Line] = [("b", BID, 5, 10), ("a", ASK, 4, 8), ("c", BID, 3, 9), ("a", BID, 2, 9)]


def columns(**changes):
    facts = {
        "side": [0, 1],
        "participant": [1, 0],
        "energy_wh": [5, 4],
        "limit_micro": [10, 8],
        "offer_ids": np.arange(64, dtype=np.uint8).reshape(2, 32),
    }
    return facts | changes


def test_rows_are_in_the_order_of_their_ids():
    """The order of input leaves no trace."""
    forward = book_of(LINES)
    backward = Book.from_offers(AREA, INTERVAL, reversed(offers_of(LINES)))

    ids = [forward.offer_id(row) for row in range(len(forward))]
    assert ids == sorted(ids)
    assert forward.participants == ("a", "b", "c")
    assert forward.book_id == backward.book_id
    assert np.array_equal(forward.energy_wh, backward.energy_wh)


def test_ids_that_share_their_first_words_are_sorted_by_the_rest():
    """All 32 bytes count."""
    ids = np.zeros((3, 32), dtype=np.uint8)
    ids[:, 31] = [3, 1, 2]

    sorted_book = Book.from_columns(
        AREA,
        INTERVAL,
        ["a"],
        side=[0, 0, 0],
        participant=[0, 0, 0],
        energy_wh=[30, 10, 20],
        limit_micro=[1, 1, 1],
        offer_ids=ids,
    )

    assert sorted_book.energy_wh.tolist() == [10, 20, 30]


def test_columns_and_offers_give_the_same_book():
    """Numbers of participants are the caller's; the book has its own, unused names left out."""
    offers = offers_of(LINES)
    names = ["c", "unused", "b", "a"]

    from_columns = Book.from_columns(
        AREA,
        INTERVAL,
        names,
        side=[offer.side for offer in offers],
        participant=[names.index(offer.participant) for offer in offers],
        energy_wh=[offer.energy_wh for offer in offers],
        limit_micro=[offer.limit_micro for offer in offers],
        offer_ids=np.frombuffer(b"".join(offer.offer_id for offer in offers), dtype=np.uint8),
    )

    assert from_columns.book_id == book_of(LINES).book_id


def test_the_same_offer_twice_counts_once():
    """Same id, same contents: a no-op, in values and in columns."""
    offers = offers_of(LINES)
    ids = np.zeros((2, 32), dtype=np.uint8)
    same = columns(side=[0, 0], participant=[1, 1], energy_wh=[5, 5], limit_micro=[8, 8])

    assert len(Book.from_offers(AREA, INTERVAL, offers + offers[:2])) == len(offers)
    assert len(Book.from_columns(AREA, INTERVAL, ["a", "b"], **(same | {"offer_ids": ids}))) == 1


def test_one_key_with_two_contents_is_a_conflict():
    """The first contents stand; the message names the remedy."""
    offer = offers_of(LINES)[0]
    other = attrs.evolve(offer, energy_wh=6)

    with pytest.raises(Conflict, match="another key"):
        Book.from_offers(AREA, INTERVAL, [offer, other])
    with pytest.raises(Conflict, match="another key"):
        Book.from_columns(
            AREA, INTERVAL, ["a", "b"], **columns(offer_ids=np.zeros((2, 32), dtype=np.uint8))
        )


def test_another_area_or_interval_is_refused():
    """One book, one area, one interval."""
    offers = offers_of(LINES)

    with pytest.raises(InvalidInput, match="own book"):
        Book.from_offers("elsewhere", INTERVAL, offers)
    with pytest.raises(InvalidInput, match="own book"):
        Book.from_offers(AREA, Interval(start=INTERVAL.end), offers)


@pytest.mark.parametrize(
    "changes",
    [
        {"side": [0, 2]},
        {"participant": [0, 2]},
        {"energy_wh": [0, 4]},
        {"energy_wh": [5.0, 4.0]},
        {"energy_wh": [True, True]},
        {"energy_wh": [[5, 4]]},
        {"energy_wh": [5, 10**9 + 1]},
        {"energy_wh": [5, 2**63]},
        {"limit_micro": [10, -(10**9) - 1]},
        {"energy_wh": [5]},
        {"offer_ids": np.zeros((3, 32), dtype=np.uint8)},
        {"offer_ids": np.zeros(63, dtype=np.uint8)},
        {"offer_ids": [[1] * 32, [256] * 32]},
    ],
)
def test_columns_that_cannot_be_are_refused(changes):
    """Whole numbers within bounds, one row an offer, 32 bytes an id."""
    with pytest.raises(InvalidInput):
        Book.from_columns(AREA, INTERVAL, ["a", "b"], **columns(**changes))


def test_one_name_with_two_numbers_is_refused():
    """Otherwise a participant would count as two."""
    with pytest.raises(InvalidInput, match="twice"):
        Book.from_columns(AREA, INTERVAL, ["a", "a"], **columns())


def test_energies_that_add_up_beyond_64_bits_are_refused(monkeypatch):
    """Every cumulative sum must fit its column."""
    monkeypatch.setattr(book, "BOOK_ENERGY_WH_MAX", 10**9 + 5)
    two = columns(side=[0, 0], energy_wh=[10**9, 6])

    with pytest.raises(InvalidInput, match="split the area"):
        Book.from_columns(AREA, INTERVAL, ["a", "b"], **two)


def test_columns_are_frozen_and_copied():
    """A book cannot be changed, neither directly nor through what it was built from."""
    energy_wh = np.array([5, 4])
    built = Book.from_columns(AREA, INTERVAL, ["a", "b"], **columns(energy_wh=energy_wh))

    energy_wh[:] = 7

    assert sorted(built.energy_wh.tolist()) == [4, 5]
    with pytest.raises(ValueError, match="read-only"):
        built.energy_wh[0] = 9
    with pytest.raises(ValueError, match="read-only"):
        built.offer_ids[0, 0] = 9


def test_any_change_of_contents_changes_the_book_id():
    """Energy, limit, side and owner are all in the hash."""
    ids = {book_of(LINES).book_id}
    for changed in (("b", BID, 6, 10), ("b", BID, 5, 11), ("b", ASK, 5, 10), ("d", BID, 5, 10)):
        ids.add(book_of([changed, *LINES[1:]]).book_id)

    assert len(ids) == 5
