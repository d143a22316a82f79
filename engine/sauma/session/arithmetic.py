"""What is due: two divisions, both floors, the same on every chain.

P12: the payer never pays more than the cap, and the parts always add up to the gross amount.  What a
floor leaves is never created: it stays with the payer (gross) and with the payee (fee).
"""

from __future__ import annotations

import attrs

from sauma.session.terms import SessionTerms
from sauma.units import BASIS_POINTS, Rounding, divide_rounded


@attrs.frozen(kw_only=True)
class Shares:
    """How a gross amount is shared: `payee_units + operator_units` is the gross amount."""

    payee_units: int
    operator_units: int


def delivered_wh(terms: SessionTerms, register_start_wh: int, register_wh: int) -> int:
    """Return the energy that counts: what the register advanced, at most `energy_wh_max`."""
    return min(register_wh - register_start_wh, terms.energy_wh_max)


def gross_units(
    terms: SessionTerms, held_units: int, register_start_wh: int, register_wh: int
) -> int:
    """Return what energy costs: fixed fee and floor(Wh × price), at most what is held.

    P8, P12: never above the cap, never falling while the register rises.
    """
    energy_wh = delivered_wh(terms, register_start_wh, register_wh)
    priced = divide_rounded(energy_wh * terms.price, 10**terms.price_decimals, Rounding.FLOOR)
    return min(held_units, terms.fixed_fee_units + priced)


def share(terms: SessionTerms, gross: int) -> Shares:
    """Share a gross amount: the operator's floor(gross × fee_bps / 10,000), the rest to the payee."""
    fee = divide_rounded(gross * terms.fee_bps, BASIS_POINTS, Rounding.FLOOR)
    return Shares(payee_units=gross - fee, operator_units=fee)


def share_difference(terms: SessionTerms, paid: int, gross: int) -> Shares:
    """Share what is still to pay of a gross amount of which a part was paid and shared before.

    Both shares are those of the whole amount less those of the part, so that paying in two steps is
    paying in one; neither is below zero, since a fee is at most all.
    """
    before, after = share(terms, paid), share(terms, gross)
    return Shares(
        payee_units=after.payee_units - before.payee_units,
        operator_units=after.operator_units - before.operator_units,
    )
