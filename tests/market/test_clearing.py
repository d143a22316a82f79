"""A clearing that does not conserve cannot be built; mechanisms are found by name."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import numpy as np
import pytest

from sauma.errors import Disagreement, InvalidInput, UnknownName
from sauma.matching import Clearing, mechanism, mechanism_names, registry

from .books import ASK, BID, book_of

BOOK = book_of([("a", BID, 5, 10), ("b", ASK, 5, 8), ("c", ASK, 5, 8)])
BID_ROW = int(BOOK.bid_rows[0])
ASK_ROW, OTHER_ASK_ROW = (int(row) for row in BOOK.ask_rows)


def build(**changes) -> Clearing:
    """Build a right clearing (a buys 5 Wh of b at 9), changed."""
    facts = {
        "trade_bid_row": [BID_ROW],
        "trade_ask_row": [ASK_ROW],
        "trade_energy_wh": [5],
        "trade_price_micro": [9],
        "filled_wh": fills((BID_ROW, 5), (ASK_ROW, 5)),
    } | changes
    price_micro = facts.pop("price_micro", 9)
    columns = {name: np.array(column, dtype=np.int64) for name, column in facts.items()}
    return Clearing(book=BOOK, mechanism="faulty", version=1, price_micro=price_micro, **columns)


def fills(*of: tuple[int, int]) -> list[int]:
    filled = [0, 0, 0]
    for row, energy_wh in of:
        filled[row] = energy_wh
    return filled


def test_a_right_clearing_is_built():
    """The residual is what the trades leave."""
    clearing = build()

    assert clearing.residual_wh[OTHER_ASK_ROW] == 5
    assert clearing.traded_wh == 5


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"filled_wh": fills((BID_ROW, 5), (ASK_ROW, 4))}, "fills offer"),
        ({"filled_wh": fills((BID_ROW, 5))}, "fills offer"),
        ({"filled_wh": fills((BID_ROW, 5), (OTHER_ASK_ROW, 5))}, "fills offer"),
        ({"filled_wh": [5, 5]}, "2 fills for 3 offers"),
        ({"trade_energy_wh": [6], "filled_wh": fills((BID_ROW, 6), (ASK_ROW, 6))}, "than was bid"),
        ({"trade_energy_wh": [0], "filled_wh": fills()}, "no energy"),
        ({"trade_energy_wh": [-5], "filled_wh": fills((BID_ROW, -5))}, "no energy"),
        ({"trade_price_micro": [11], "price_micro": 11}, "more than the bid allows"),
        ({"trade_price_micro": [7], "price_micro": 7}, "less than the ask allows"),
        ({"price_micro": 8}, "one price"),
        ({"trade_bid_row": [OTHER_ASK_ROW]}, "buys with an ask"),
        ({"trade_ask_row": [BID_ROW]}, "sells with a bid"),
        ({"trade_bid_row": [3]}, "not in the book"),
        ({"trade_ask_row": [-1]}, "not in the book"),
    ],
)
def test_a_clearing_that_does_not_conserve_cannot_be_built(changes, why):
    """A faulty mechanism is stopped before anything is owed."""
    with pytest.raises(Disagreement, match=why):
        build(**changes)


def test_a_pair_that_comes_twice_is_refused():
    """Its trades would share an id."""
    with pytest.raises(Disagreement, match="twice"):
        build(
            trade_bid_row=[BID_ROW, BID_ROW],
            trade_ask_row=[ASK_ROW, ASK_ROW],
            trade_energy_wh=[2, 3],
            trade_price_micro=[9, 9],
        )


def test_the_columns_of_a_clearing_are_frozen():
    """What was checked stays as it was checked."""
    with pytest.raises(ValueError, match="read-only"):
        build().trade_energy_wh[0] = 4


def test_built_in_mechanisms_are_found_by_name():
    """A rulebook names a mechanism; its version is its own."""
    for name in ("equal_shares", "uniform_price"):
        assert name in mechanism_names()
        assert mechanism(name).name == name
        assert mechanism(name).version == 1


def test_an_unknown_mechanism_is_refused_with_those_there_are():
    """The message lists what can be had."""
    with pytest.raises(UnknownName, match="equal_shares, uniform_price"):
        mechanism("first_come")


class FirstCome:
    """A mechanism of another package."""

    name = "first_come"
    version = 1


def test_other_packages_register_mechanisms(monkeypatch):
    """An entry point is enough; a built-in name cannot be taken over, a false name is refused."""
    points = {
        name: EntryPoint(name, f"{FirstCome.__module__}:FirstCome", registry.ENTRY_POINT_GROUP)
        for name in ("first_come", "uniform_price", "another")
    }
    monkeypatch.setattr(EntryPoint, "load", lambda point: FirstCome)
    monkeypatch.setattr(
        registry,
        "entry_points",
        lambda group, name=None: [points[name]] if name else list(points.values()),
    )

    assert isinstance(mechanism("first_come"), FirstCome)
    assert "first_come" in mechanism_names()
    assert not isinstance(mechanism("uniform_price"), FirstCome)
    with pytest.raises(InvalidInput, match="calls itself 'first_come'"):
        mechanism("another")
