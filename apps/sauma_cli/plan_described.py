"""The table of a described population: what each policy would take of a NEM network."""

from __future__ import annotations

from typing import Any, Final

import attrs

from sauma.errors import InvalidInput
from sauma.outlook import Load, Population, Tariff, load_of
from sauma.rulebook import Anchoring, Delivery, Netting, NettingPeriod
from sauma.units import format_scaled
from sauma_cli.rendering import hours, plain_table
from sauma_cli.screen import Screen
from sauma_nem.network import MICRO_PER_XEM
from sauma_nem.tariff import nem_tariff

POLICIES: Final = (
    (Netting.NONE, NettingPeriod.INTERVAL),
    *(
        (netting, period)
        for netting in (Netting.PER_PAIR, Netting.MULTILATERAL)
        for period in NettingPeriod
    ),
)
_NETTING_WORDS: Final = {
    Netting.NONE: "unnetted",
    Netting.PER_PAIR: "per pair",
    Netting.MULTILATERAL: "multilateral",
}


def show_described(
    population: Population, delivery: Delivery, senders: int, screen: Screen
) -> None:
    """Show what every policy takes, netted ones with an anchor a netting period."""
    if senders < 1:
        raise InvalidInput(f"senders {senders} must be 1 or more")
    tariff = nem_tariff()
    loads = [_load(population, tariff, netting, period, delivery) for netting, period in POLICIES]
    screen.show(
        f"[bold]{population.households:,}[/] households in areas of {population.households_per_area}, "
        f"{population.intervals_per_day} intervals a day, by {delivery.value}, on NEM: "
        f"{tariff.block_transactions} transactions a block, one a minute"
    )
    by_senders = f"by {senders}"
    numbers = ("transactions", "blocks", "hours", by_senders, "XEM", "chain")
    table = plain_table("policy", *numbers, right=numbers)
    for load in loads:
        facts = _facts(load, tariff, senders)
        table.add_row(
            policy_words(load.netting, load.period),
            f"{facts['transactions']:,}",
            f"{facts['blocks']:,}",
            hours(facts["seconds"]),
            hours(facts["seconds_of_senders"]),
            _xem(facts["fee_micro_xem"]),
            f"{facts['share_of_chain_ppm'] / 10_000:,.1f} %",
        )
    screen.show(table)
    screen.show(
        "each of one settlement, with its anchor where it is netted; hours at the full chain, and "
        f"{by_senders} sending account{'' if senders == 1 else 's'} with "
        f"{tariff.account_transactions} in a node's pool",
        "chain: the part of all transactions of a month that the network can take; above 100 % it does "
        "not fit",
    )
    screen.finish(
        {
            "population": attrs.asdict(population),
            "delivery": delivery.value,
            "chain": "nem",
            "senders": senders,
            "tariff": attrs.asdict(tariff),
            "policies": [_facts(load, tariff, senders) for load in loads],
        }
    )


def policy_words(netting: Netting, period: NettingPeriod) -> str:
    """Return what people call a policy."""
    return f"{_NETTING_WORDS[netting]} {period.value}"


def _load(
    population: Population,
    tariff: Tariff,
    netting: Netting,
    period: NettingPeriod,
    delivery: Delivery,
) -> Load:
    anchor = Anchoring.NONE if netting is Netting.NONE else Anchoring(period.value)
    return load_of(
        population, tariff, netting=netting, period=period, delivery=delivery, anchor=anchor
    )


def _facts(load: Load, tariff: Tariff, senders: int) -> dict[str, Any]:
    anchors = load.anchors_in_month // load.times_in_month
    transactions = load.transactions + anchors
    return {
        "netting": load.netting.value,
        "period": load.period.value,
        "anchors": anchors,
        "transactions": transactions,
        "blocks": -(-transactions // tariff.block_transactions),
        "seconds": tariff.seconds(transactions),
        "seconds_of_senders": tariff.seconds(transactions, senders),
        "fee_micro_xem": load.fee_units + anchors * load.anchor_fee_units,
        "times_in_month": load.times_in_month,
        "transactions_in_month": load.transactions_in_month,
        "share_of_chain_ppm": load.share_ppm(tariff),
        "fee_micro_xem_in_month": load.fee_units_in_month,
    }


def _xem(micro: int) -> str:
    whole, rest = divmod(micro, MICRO_PER_XEM)
    return f"{whole:,}" + format_scaled(rest, 6, 2)[1:]
