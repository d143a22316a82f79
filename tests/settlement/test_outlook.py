"""What a described population takes of a chain: the figures of the NEM network's own rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.errors import InvalidInput
from sauma.outlook import Population, load_of, times_in_month
from sauma.rulebook import Anchoring, Delivery, Netting, NettingPeriod
from sauma_nem.tariff import nem_tariff

CITY = Population(households=500_000)
FULL_POOL = nem_tariff(pool_limit=120)
NEM = nem_tariff()


def load(population=CITY, netting=Netting.NONE, period=NettingPeriod.INTERVAL, **policies):
    return load_of(population, NEM, netting=netting, period=period, **policies)


def test_an_hour_of_a_city_takes_the_full_chain_69_hours():
    """500,000 legs at 120 a block, a block a minute: 69.4 hours; a day of them is 12 million legs."""
    unnetted = load()

    assert unnetted.transactions == 500_000
    assert FULL_POOL.seconds(unnetted.transactions) == 250_000
    assert unnetted.transactions_in_month == 30 * 12_000_000
    assert unnetted.share_ppm(NEM) // 10**6 == 69, (
        "a day's legs are 70 times what the chain takes in a day"
    )


def test_a_block_takes_120_and_an_account_what_its_pool_holds():
    """One account with 120 in the pool fills the chain alone: 7,200 an hour; ours keeps to 100."""
    assert NEM.block_transactions == 120
    assert FULL_POOL.seconds(7_200, senders=1) == FULL_POOL.seconds(7_200) == 3_600
    assert NEM.seconds(6_000, senders=1) == 3_600
    assert NEM.seconds(7_200, senders=2) == 3_600, "two accounts fill a block, and no more fits"


def test_what_a_thousand_trades_cost():
    """With a reference 100 XEM, at a supply of 15,000 four times the mosaic's fee; an anchor 0.15 XEM."""
    thousand = Population(households=1_000)
    seed = nem_tariff(supply_units=15_000, energy_units=7_500)

    assert load(thousand).fee_units == 100_000_000
    assert NEM.anchor_fee_units == 150_000
    assert seed.movement_fee_units == 200_000 + 50_000, (
        "0.20 for the mosaic, 0.05 for the reference"
    )


def test_netting_by_the_month_lets_a_city_fit():
    """Net positions once a month take a tenth of the chain; by the day they would take three chains."""
    by_day = load(netting=Netting.MULTILATERAL, period=NettingPeriod.DAY)
    by_month = load(
        netting=Netting.MULTILATERAL, period=NettingPeriod.MONTH, anchor=Anchoring.MONTH
    )

    assert by_day.share_ppm(NEM) > 2_500_000
    assert by_month.share_ppm(NEM) < 100_000
    assert by_month.transactions_in_month == 495_000 + 1
    assert by_month.fee_units_in_month == 495_000 * 100_000 + 150_000


def test_wallets_of_producers_cost_an_issue_and_a_float_each():
    """By `producer_wallets` each seller is issued its energy and its fees, once a settlement."""
    direct = load(period=NettingPeriod.DAY)
    wallets = load(period=NettingPeriod.DAY, delivery=Delivery.PRODUCER_WALLETS)
    cleared = load(
        period=NettingPeriod.DAY,
        netting=Netting.MULTILATERAL,
        delivery=Delivery.PRODUCER_WALLETS,
    )

    assert wallets.transactions == direct.transactions + 2 * 50_000
    assert cleared.transactions == 500_000 + 2 * 50_000


def test_areas_of_another_size_are_counted():
    """What does not fill a whole area is one of its own; nobody trades alone."""
    population = Population(households=250, households_per_area=100, sellers_per_area=60)

    assert list(population.areas) == [(100, 2), (50, 1)]
    assert load(population).transactions == 250
    alone = Population(households=1, households_per_area=1, sellers_per_area=1)
    assert load(alone, netting=Netting.MULTILATERAL).transactions == 0


@given(
    households=st.integers(1, 3_000),
    size=st.integers(1, 200),
    data=st.data(),
    intervals=st.sampled_from([24, 96]),
    delivery=st.sampled_from(Delivery),
    period=st.sampled_from(NettingPeriod),
)
def test_netting_never_takes_more(households, size, data, intervals, delivery, period):
    """Of the same trades, per pair moves no more than none; per period no more than per interval."""
    sellers = data.draw(st.integers(1, size))
    population = Population(
        households=households,
        intervals_per_day=intervals,
        households_per_area=size,
        sellers_per_area=sellers,
        partners=data.draw(st.integers(1, sellers)),
    )
    facts = {"period": period, "delivery": delivery}
    unnetted = load(population, **facts)
    per_pair = load(population, Netting.PER_PAIR, **facts)
    by_interval = load(population, Netting.PER_PAIR, NettingPeriod.INTERVAL, delivery=delivery)

    assert per_pair.transactions <= unnetted.transactions
    assert per_pair.transactions_in_month <= by_interval.transactions_in_month
    assert times_in_month(population, NettingPeriod.INTERVAL) == 30 * intervals


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"households": 0}, "households 0"),
        ({"households": 10**10}, "households 10000000000"),
        ({"households": 5, "intervals_per_day": 0}, "intervals_per_day 0"),
        ({"households": 5, "intervals_per_day": 1_441}, "intervals_per_day 1441"),
        ({"households": 5, "households_per_area": 0}, "households_per_area 0"),
        ({"households": 5, "sellers_per_area": 101}, "sellers_per_area 101"),
        ({"households": 5, "partners": 11}, "partners 11"),
    ],
)
def test_what_is_no_population_is_refused(facts, says):
    """Each number has its bounds, and the one that is wrong is named with them."""
    with pytest.raises(InvalidInput, match=f"{says} must be between 1 and"):
        Population(**facts)
