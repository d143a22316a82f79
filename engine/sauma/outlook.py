"""What settling a described population takes of a chain, before anybody has signed up.  Pure.

Counts are upper bounds: everybody trades in every interval, and netting finds nothing that cancels out
beyond what it must.  A month has 30 days here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from sauma.errors import InvalidInput
from sauma.rulebook import Anchoring, Delivery, Netting, NettingPeriod
from sauma.units import Rounding, check_integer, divide_rounded

MONTH_DAYS: Final = 30
DAY_SECONDS: Final = 86_400
POPULATION_MAX: Final = 10**9
MILLION: Final = 10**6


@attrs.frozen(kw_only=True)
class Population:
    """Households in areas of one size; in each interval every one buys from so many neighbours."""

    households: int
    intervals_per_day: int = 24
    households_per_area: int = 100
    sellers_per_area: int = 10
    partners: int = 1
    """Of how many sellers a household buys in one interval."""

    def __attrs_post_init__(self) -> None:
        """Refuse what is no population."""
        for name, most in (
            ("households", POPULATION_MAX),
            ("intervals_per_day", DAY_SECONDS // 60),
            ("households_per_area", POPULATION_MAX),
            ("sellers_per_area", self.households_per_area),
            ("partners", self.sellers_per_area),
        ):
            value = check_integer(getattr(self, name), name)
            if not 1 <= value <= most:
                raise InvalidInput(f"{name} {value} must be between 1 and {most}")

    @property
    def areas(self) -> Iterator[tuple[int, int]]:
        """Sizes of areas, each with how many there are of it."""
        whole, rest = divmod(self.households, self.households_per_area)
        if whole:
            yield self.households_per_area, whole
        if rest:
            yield rest, 1


@attrs.frozen(kw_only=True)
class Tariff:
    """What a chain takes of transactions: how many fit, and what they cost in its smallest fee units."""

    block_transactions: int
    block_seconds: int
    account_transactions: int
    """How many transactions of one sender fit into a block's time."""
    movement_fee_units: int
    anchor_fee_units: int

    def seconds(self, transactions: int, senders: int = 0) -> int:
        """Return how long transactions take at the full chain, or through so many senders' room.

        The last block counts as far as it is full.
        """
        room = self.block_transactions
        if senders:
            room = min(room, senders * self.account_transactions)
        return divide_rounded(transactions * self.block_seconds, room, Rounding.HALF_EVEN)


@attrs.frozen(kw_only=True)
class Load:
    """What a policy takes of the chain: `transactions` each time, so many times in 30 days."""

    netting: Netting
    period: NettingPeriod
    transactions: int
    times_in_month: int
    fee_units: int
    """Of one time."""
    anchors_in_month: int = 0
    anchor_fee_units: int = 0

    @property
    def transactions_in_month(self) -> int:
        """Movements and anchors of 30 days."""
        return self.transactions * self.times_in_month + self.anchors_in_month

    @property
    def fee_units_in_month(self) -> int:
        """What 30 days cost, anchors included."""
        return self.fee_units * self.times_in_month + self.anchors_in_month * self.anchor_fee_units

    def share_ppm(self, tariff: Tariff) -> int:
        """Return the millionths of all that the chain can take; above a million it does not fit."""
        blocks = MONTH_DAYS * DAY_SECONDS // tariff.block_seconds
        room = blocks * tariff.block_transactions
        return divide_rounded(self.transactions_in_month * MILLION, room, Rounding.HALF_EVEN)


def load_of(
    population: Population,
    tariff: Tariff,
    *,
    netting: Netting,
    period: NettingPeriod,
    delivery: Delivery = Delivery.ISSUER_DIRECT,
    anchor: Anchoring = Anchoring.NONE,
) -> Load:
    """Return what a rulebook with these policies takes of a chain.

    Without netting the period only says when is settled.  By `producer_wallets` each seller is issued
    what it gives and its fees, once a settlement.
    """
    times = times_in_month(population, period)
    intervals = times_in_month(population, NettingPeriod.INTERVAL) // times
    transactions = sum(
        count * _movements(population, size, intervals, netting, delivery)
        for size, count in population.areas
    )
    anchors = (
        0 if anchor is Anchoring.NONE else times_in_month(population, NettingPeriod(anchor.value))
    )
    return Load(
        netting=netting,
        period=period,
        transactions=transactions,
        times_in_month=times,
        fee_units=transactions * tariff.movement_fee_units,
        anchors_in_month=anchors,
        anchor_fee_units=tariff.anchor_fee_units,
    )


def times_in_month(population: Population, period: NettingPeriod) -> int:
    """Return how often such a period ends in 30 days."""
    return {
        NettingPeriod.INTERVAL: MONTH_DAYS * population.intervals_per_day,
        NettingPeriod.DAY: MONTH_DAYS,
        NettingPeriod.MONTH: 1,
    }[period]


def _movements(
    population: Population, size: int, intervals: int, netting: Netting, delivery: Delivery
) -> int:
    """Return the transactions of one settlement of one area."""
    sellers = min(size, population.sellers_per_area)
    partners = min(sellers, population.partners)
    direct = delivery is Delivery.ISSUER_DIRECT
    if netting is Netting.NONE:
        movements = size * partners * intervals
    elif netting is Netting.PER_PAIR:
        movements = size * min(partners * intervals, sellers)
    elif direct:
        movements = max(0, size - 1)
    else:
        movements = size  # sellers pay in, the others are paid out
    return movements if direct else movements + 2 * sellers
