"""Who owes what to whom: the split of a payment, trades, residuals, and the checks that watch over them."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.errors import Disagreement
from sauma.identifiers import content_id
from sauma.intervals import Interval
from sauma.matching import Trade
from sauma.rulebook import Rulebook, Supplier
from sauma.settlement import (
    GRID,
    OPERATOR,
    Good,
    Purpose,
    Residual,
    check_obligations,
    residual_obligations,
    split_payment,
    trade_obligations,
)
from sauma.units import ENERGY_WH_MAX, PRICE_MICRO_MAX

SUPPLIER = Supplier(name="supplier", sells_at_micro=160_000, buys_at_micro=40_000)
RULEBOOK = Rulebook(name="seed", version=1, supplier=SUPPLIER)
NOON = Interval(start=datetime(2026, 6, 21, 12, tzinfo=UTC))
CAUSE = content_id("interval", "test")


def trade(
    buyer: str = "bert", seller: str = "anna", energy_wh: int = 7_500, price_micro: int = 100_000
) -> Trade:
    return Trade(
        trade_id=content_id("trade", buyer, seller, energy_wh, price_micro),
        area="kortteli-1",
        interval=NOON,
        buyer=buyer,
        seller=seller,
        bid_id=content_id("bid", buyer),
        ask_id=content_id("ask", seller),
        energy_wh=energy_wh,
        price_micro=price_micro,
    )


trades = st.builds(
    trade,
    buyer=st.sampled_from(["anna", "bert", "cleo"]),
    seller=st.sampled_from(["anna", "bert", "cleo"]),
    energy_wh=st.integers(1, ENERGY_WH_MAX),
    price_micro=st.integers(-PRICE_MICRO_MAX, PRICE_MICRO_MAX),
)


def test_the_seed_by_hand():
    """7.5 kWh at 0.1 €/kWh: 0.75 €, of which 0.60 to the producer, 0.1125 to the grid, 0.0375 operator."""
    owed = trade_obligations(trade(), RULEBOOK)

    assert [(one.purpose, one.debtor, one.creditor, one.units) for one in owed] == [
        (Purpose.ENERGY, "anna", "bert", 7_500),
        (Purpose.PRODUCER_SHARE, "bert", "anna", 600_000_000),
        (Purpose.GRID_SHARE, "bert", GRID, 112_500_000),
        (Purpose.OPERATOR_SHARE, "bert", OPERATOR, 37_500_000),
    ]
    assert [one.good for one in owed] == [Good.ENERGY, Good.MONEY, Good.MONEY, Good.MONEY]


@given(st.integers(-(10**18), 10**18))
def test_shares_add_up(payment_nano):
    """To the nano-unit, and each within one of its basis points; a negative payment too."""
    shares = split_payment(payment_nano, RULEBOOK)

    assert sum(shares) == payment_nano
    for share, bps in zip(shares, (8_000, 1_500, 500), strict=True):
        assert abs(share * 10_000 - payment_nano * bps) < 10_000


@given(st.lists(trades, max_size=8))
def test_every_trade_is_owed_once_and_whole(several):
    """Energy and payment of all trades between two people are owed, no more and no less."""
    owed = [one for each in several for one in trade_obligations(each, RULEBOOK)]

    check_obligations(several, owed)
    assert all(one.debtor != one.creditor for one in owed)


def test_a_trade_with_oneself_owes_nothing():
    """Nobody pays the grid for energy that never left the house."""
    assert trade_obligations(trade("anna", "anna"), RULEBOOK) == []


def test_a_free_kilowatt_hour_owes_only_energy():
    """At price 0 there is no money to split."""
    owed = trade_obligations(trade(price_micro=0), RULEBOOK)

    assert [one.purpose for one in owed] == [Purpose.ENERGY]


def test_what_the_market_left_is_between_two():
    """The supplier sells at its price and buys at its other one; nobody takes a share."""
    owed = residual_obligations(
        Residual(participant="bert", bought_wh=1_500, sold_wh=250), CAUSE, RULEBOOK
    )

    assert [(one.purpose, one.debtor, one.creditor, one.units) for one in owed] == [
        (Purpose.SUPPLIER_SALE, "bert", "supplier", 240_000_000),
        (Purpose.SUPPLIER_PURCHASE, "supplier", "bert", 10_000_000),
    ]


@pytest.mark.parametrize("position", range(4))
@pytest.mark.parametrize("by", [1, -1])
def test_one_unit_too_much_or_too_little_is_seen(position, by):
    """The check stops a split or delivery that makes or loses a single unit."""
    owed = trade_obligations(trade(), RULEBOOK)
    owed[position] = attrs.evolve(owed[position], units=owed[position].units + by)

    with pytest.raises(Disagreement):
        check_obligations([trade()], owed)


def test_ids_are_of_facts():
    """The same trade makes the same obligations on every machine, each with an id of its own."""
    first, again = (trade_obligations(trade(), RULEBOOK) for _ in range(2))

    assert first == again
    assert len({one.obligation_id for one in first}) == 4
