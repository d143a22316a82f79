"""Who owes what to whom, because of which trade.

A trade of energy at a price makes four obligations: the seller owes the energy, the buyer owes the
producer's, the grid's and the operator's share of what it pays.  What the market left over is between
the participant and the supplier of last resort.  A trade with oneself owes nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final

import attrs

from sauma.errors import Disagreement
from sauma.identifiers import content_id
from sauma.matching.clearing import Trade
from sauma.rulebook import Rulebook
from sauma.units import cost, split_proportionally

GRID: Final = "@grid"
OPERATOR: Final = "@operator"
ISSUER: Final = "@issuer"
ESCROW: Final = "@escrow"
CLEARING: Final = "@clearing"
"""Parties that are no participants; `@` cannot begin a participant's name."""


def role_of(holder: str) -> str:
    """Return the role of a holder: `@issuer.2` is a further account of `@issuer`; others are themselves."""
    return holder.partition(".")[0] if holder.startswith("@") else holder


class Good(enum.IntEnum):
    """What is owed."""

    ENERGY = 1
    MONEY = 2


class Purpose(enum.IntEnum):
    """Why it is owed."""

    ENERGY = 1
    PRODUCER_SHARE = 2
    GRID_SHARE = 3
    OPERATOR_SHARE = 4
    SUPPLIER_SALE = 5
    SUPPLIER_PURCHASE = 6


@attrs.frozen(kw_only=True)
class Residual:
    """Energy that the market left: bought from the supplier, or sold to it."""

    participant: str
    bought_wh: int
    sold_wh: int


def left_to_supplier(to_buy_wh: int, to_sell_wh: int) -> tuple[int, int]:
    """Return what is bought from the supplier and sold to it, of what is left of each direction.

    A side that traded more than flowed is below zero and turns into the other: who bought more than
    was used sells the rest to the supplier, who sold more than was made buys it there.
    """
    return (
        max(to_buy_wh, 0) + max(-to_sell_wh, 0),
        max(to_sell_wh, 0) + max(-to_buy_wh, 0),
    )


@attrs.frozen(kw_only=True)
class Obligation:
    """What `debtor` owes `creditor`: Wh of energy, or nano-units of money (negative: the reverse)."""

    obligation_id: bytes
    cause_id: bytes
    purpose: Purpose
    good: Good
    debtor: str
    creditor: str
    units: int


def split_payment(payment_nano: int, rulebook: Rulebook) -> tuple[int, int, int]:
    """Divide what a buyer pays into the producer's, the grid's and the operator's share.

    The shares add up to the payment exactly; odd nano-units go by largest remainder.
    """
    producer, grid, operator = split_proportionally(
        payment_nano, (rulebook.producer_bps, rulebook.grid_bps, rulebook.operator_bps)
    )
    return producer, grid, operator


def trade_obligations(trade: Trade, rulebook: Rulebook) -> list[Obligation]:
    """Return what a trade makes its parties owe; nothing when buyer and seller are one."""
    if trade.buyer == trade.seller:
        return []
    payment_nano = cost(trade.energy_wh, trade.price_micro)
    producer_nano, grid_nano, operator_nano = split_payment(payment_nano, rulebook)
    return [
        _owe(trade.trade_id, Purpose.ENERGY, trade.seller, trade.buyer, trade.energy_wh),
        *(
            _owe(trade.trade_id, purpose, trade.buyer, creditor, units)
            for purpose, creditor, units in (
                (Purpose.PRODUCER_SHARE, trade.seller, producer_nano),
                (Purpose.GRID_SHARE, GRID, grid_nano),
                (Purpose.OPERATOR_SHARE, OPERATOR, operator_nano),
            )
            if units
        ),
    ]


def residual_obligations(
    residual: Residual, clearing_id: bytes, rulebook: Rulebook
) -> list[Obligation]:
    """Return what is owed between a participant and the supplier for what the market left."""
    supplier = rulebook.supplier
    owed: list[Obligation] = []
    if residual.bought_wh:
        bought_nano = cost(residual.bought_wh, supplier.sells_at_micro)
        owed.append(
            _owe(
                clearing_id, Purpose.SUPPLIER_SALE, residual.participant, supplier.name, bought_nano
            )
        )
    if residual.sold_wh:
        sold_nano = cost(residual.sold_wh, supplier.buys_at_micro)
        owed.append(
            _owe(
                clearing_id,
                Purpose.SUPPLIER_PURCHASE,
                supplier.name,
                residual.participant,
                sold_nano,
            )
        )
    return owed


def _owe(cause_id: bytes, purpose: Purpose, debtor: str, creditor: str, units: int) -> Obligation:
    return Obligation(
        obligation_id=content_id("obligation", cause_id, int(purpose), debtor, creditor),
        cause_id=cause_id,
        purpose=purpose,
        good=Good.ENERGY if purpose is Purpose.ENERGY else Good.MONEY,
        debtor=debtor,
        creditor=creditor,
        units=units,
    )


def check_obligations(trades: Sequence[Trade], obligations: Sequence[Obligation]) -> None:
    """Raise `Disagreement` unless every trade's energy and payment is owed in full, once."""
    between = [trade for trade in trades if trade.buyer != trade.seller]
    traded_wh = sum(trade.energy_wh for trade in between)
    owed_wh = sum(owed.units for owed in obligations if owed.good is Good.ENERGY)
    if traded_wh != owed_wh:
        raise Disagreement(f"{traded_wh} Wh were traded but {owed_wh} Wh are owed")
    paid_nano = sum(cost(trade.energy_wh, trade.price_micro) for trade in between)
    shares = (Purpose.PRODUCER_SHARE, Purpose.GRID_SHARE, Purpose.OPERATOR_SHARE)
    owed_nano = sum(owed.units for owed in obligations if owed.purpose in shares)
    if paid_nano != owed_nano:
        raise Disagreement(f"buyers pay {paid_nano} nano-units but {owed_nano} are owed")
