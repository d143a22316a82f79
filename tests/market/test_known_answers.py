"""Published and recomputed books with their answers, each with its source in the data file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sauma.matching.equal_shares import EqualShares
from sauma.matching.uniform_price import UniformPrice

from .books import ASK, BID, Line, book_of, fills_of

MICRO, WH = 100_000, 1_000
CASES = {
    case["id"]: case
    for case in json.loads(
        (Path(__file__).parent / "data" / "known_answers.json").read_text(encoding="utf-8")
    )["cases"]
}
AUCTIONS = [name for name, case in CASES.items() if "bids" in case]
VOLUME_NAMES = ("quantity", "max_volume", "max_quantity_without_self_trade")
OWN_PRICE_IS_OURS = ("interval-", "gtx-midpoint", "gridlabd-small-midpoint", "mittweida-derived")
"""Cases whose price is the middle of the competitive interval; the others have rules of their own."""


def lines_of(case: dict) -> list[Line]:
    """Turn prices and quantities into micro-units and Wh; owners are numbered where none is named."""
    found: list[Line] = []
    for side, orders in ((BID, case["bids"]), (ASK, case["offers"])):
        for place, (price, quantity, *owner) in enumerate(orders):
            name = owner[0] if owner else f"{side.name.lower()}-{place}"
            found.append((name, side, round(quantity * WH), round(price * MICRO)))
    return found


def expected_volume(case: dict) -> float:
    expect = case["expect"].get("mcafee", case["expect"])
    return next(expect[name] for name in VOLUME_NAMES if name in expect)


@pytest.mark.parametrize("name", AUCTIONS)
def test_volume(name: str):
    """Whatever the price rule, the largest volume is the same for everybody."""
    clearing = UniformPrice().clear(book_of(lines_of(CASES[name])))

    assert clearing.traded_wh == round(expected_volume(CASES[name]) * WH)


@pytest.mark.parametrize("name", [name for name in AUCTIONS if name.startswith(OWN_PRICE_IS_OURS)])
def test_price(name: str):
    """The price is the middle of the competitive interval."""
    expect = CASES[name]["expect"]
    expect = expect.get("mcafee", expect)
    price = expect.get("price", (expect.get("price_low", 0) + expect.get("price_high", 0)) / 2)

    clearing = UniformPrice().clear(book_of(lines_of(CASES[name])))

    assert clearing.price_micro == round(price * MICRO)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("equal-share")])
def test_equal_shares(name: str):
    """Equal shares, capped at what each needs."""
    case = CASES[name]
    of: list[Line] = [("seller", ASK, case["supply"] * WH, MICRO)]
    of += [(f"buyer-{place}", BID, need * WH, MICRO) for place, need in enumerate(case["need"])]

    fills = fills_of(EqualShares().clear(book_of(of)), of)

    assert fills[1:] == [round(share * WH) for share in case["expect"]["alloc"]]


def test_fifteen_kwh_over_two_buyers():
    """15 kWh over two equal buyers."""
    case = CASES["seed-15kwh"]
    of: list[Line] = [("seller", ASK, case["supply_wh"], MICRO)]
    of += [(name, BID, case["supply_wh"], MICRO) for name in ("one", "other")]

    fills = fills_of(EqualShares().clear(book_of(of)), of)

    assert fills[1:] == case["expect"]["split_wh"]
