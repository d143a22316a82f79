"""VAT and electricity tax as dated tables: what was in force on the day of supply decides.

Every rate has the day from which it counts and where it is written.  A rate that ended stays here:
an old bill is computed with it again.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from typing import Final

import attrs

from sauma.errors import InvalidInput
from sauma.units import BASIS_POINTS, Rounding, divide_rounded


@attrs.frozen(kw_only=True)
class Rate:
    """A rate from a day on."""

    since: date
    basis_points: int
    source: str


VAT_ELECTRICITY_FI: Final = (
    Rate(since=date(2013, 1, 1), basis_points=2400, source="Value Added Tax Act (1501/1993) § 84"),
    Rate(
        since=date(2022, 12, 1),
        basis_points=1000,
        source="temporary Act 996/2022: electricity from December 2022 to April 2023",
    ),
    Rate(since=date(2023, 5, 1), basis_points=2400, source="Value Added Tax Act (1501/1993) § 84"),
    Rate(
        since=date(2024, 9, 1),
        basis_points=2550,
        source="Value Added Tax Act § 84, from 2024-09-01",
    ),
)
"""Value added tax on electricity in Finland."""

VAT_TABLES: Final = {"Europe/Helsinki": VAT_ELECTRICITY_FI}
"""By the time zone of the market, which says where it is."""


@attrs.frozen(kw_only=True)
class TaxNote:
    """A tax that is not on our bill, and on whose it is."""

    since: date
    micro_per_kwh: int
    source: str


ELECTRICITY_TAX_FI: Final = (
    TaxNote(
        since=date(2015, 1, 1),
        micro_per_kwh=22_530,
        source="Excise duty on electricity (1260/1996), class I with the security-of-supply fee",
    ),
)
"""Electricity tax without VAT; the grid company charges it for what comes from its grid."""


def vat_rate(day: date, table: tuple[Rate, ...] = VAT_ELECTRICITY_FI) -> Rate:
    """Return the rate on a day; raises `InvalidInput` for a day before the table begins."""
    index = bisect_right([rate.since for rate in table], day)
    if index == 0:
        raise InvalidInput(f"no VAT rate is known for {day}: the table begins {table[0].since}")
    return table[index - 1]


def contained_vat(gross_nano: int, basis_points: int) -> int:
    """Return the tax within an amount that contains it, in nano-units, half to even."""
    return divide_rounded(
        gross_nano * basis_points, BASIS_POINTS + basis_points, Rounding.HALF_EVEN
    )


def price_without_vat(price_micro: int, taxed_bps: int, basis_points: int) -> int:
    """Return a price less the tax in the part of it that is taxed; micro-units, half to even.

    `taxed_bps` of the price go to those who charge VAT.  A household that sells its surplus and is not
    in the VAT register charges none on its own part.
    """
    numerator = price_micro * taxed_bps * basis_points
    return price_micro - divide_rounded(
        numerator, BASIS_POINTS * (BASIS_POINTS + basis_points), Rounding.HALF_EVEN
    )
