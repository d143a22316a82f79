"""Cumulative rounding: many small amounts become whole Wh, and their sum stays right."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from sauma.units import Rounding, divide_rounded


def round_cumulatively(energies_wh: Iterable[Fraction]) -> list[int]:
    """Round energies to whole Wh so that every running total is the rounded exact running total.

    With c(i) the exact sum of the first i energies, the i-th result is round(c(i)) - round(c(i-1)),
    rounded half to even.  So the total is off by at most half a Wh, whatever the number of terms;
    each result is less than 1 Wh from its exact value, and none is negative when no energy is.
    """
    rounded: list[int] = []
    exact_sum = Fraction(0)
    before_wh = 0
    for energy_wh in energies_wh:
        exact_sum += energy_wh
        after_wh = divide_rounded(exact_sum.numerator, exact_sum.denominator, Rounding.HALF_EVEN)
        rounded.append(after_wh - before_wh)
        before_wh = after_wh
    return rounded
