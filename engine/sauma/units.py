"""Energy, price and money as integers, the one rounding function, and exact splits.

Energy is integer Wh.  A price is integer micro-units of a currency per kWh, which is the same number
of nano-units per Wh (1 µ€/kWh = 1e-6 € / 1e3 Wh = 1e-9 €/Wh).  Money is integer nano-units, so energy
times price is money, exactly and without a division.  What does divide goes through
`divide_rounded` or `split_proportionally`, and nowhere else.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from typing import Final, NewType

import attrs

from sauma.errors import InvalidInput

EnergyWh = NewType("EnergyWh", int)
PriceMicro = NewType("PriceMicro", int)
MoneyNano = NewType("MoneyNano", int)

INT64_MAX: Final = 2**63 - 1
NANO_PER_UNIT: Final = 1_000_000_000
NANO_PER_CENT: Final = 10_000_000
MICRO_PER_UNIT: Final = 1_000_000
WH_PER_KWH: Final = 1_000
BASIS_POINTS: Final = 10_000

ENERGY_WH_MAX: Final = 10**9
"""The largest energy of one value, 1 GWh: what flows in a quarter-hour at 4 GW."""
PRICE_MICRO_MAX: Final = 1_000_000_000
"""The largest price either side of zero, 1,000 currency units per kWh.

`ENERGY_WH_MAX` × `PRICE_MICRO_MAX` is 10**18, so what one value of energy costs fits 64 bits.
"""


class Rounding(enum.Enum):
    """How a division that leaves a rest is rounded."""

    FLOOR = "floor"
    HALF_EVEN = "half_even"


def divide_rounded(numerator: int, denominator: int, rounding: Rounding) -> int:
    """Divide two integers; the only place where sauma rounds.

    `FLOOR` goes towards minus infinity (also below zero), `HALF_EVEN` to the nearest, ties to the even
    neighbour.  Raises `InvalidInput` when the denominator is not positive.
    """
    if denominator <= 0:
        raise InvalidInput(f"cannot divide by {denominator}: give a positive denominator")
    quotient, rest = divmod(numerator, denominator)
    if rounding is Rounding.FLOOR:
        return quotient
    doubled = 2 * rest
    if doubled > denominator or (doubled == denominator and quotient % 2 == 1):
        return quotient + 1
    return quotient


def split_proportionally(total: int, weights: Sequence[int]) -> list[int]:
    """Share `total` in proportion to `weights` so that the parts add up to it exactly.

    Largest remainder (Hamilton): everybody gets the floor of the exact share, and the units that are
    left go one each to the largest remainders; equal remainders go by position.  Callers that must not
    depend on the order of input sort by a key first.  Shares are within one unit of exact, and a
    non-negative total below the sum of the weights never gives anybody more than the weight.

    Raises `InvalidInput` for a negative weight, or when all weights are zero and the total is not.
    """
    if total < 0:
        return [-part for part in split_proportionally(-total, weights)]
    weight_sum = sum(weights)
    if weights and min(weights) < 0:
        raise InvalidInput(f"weights must not be negative: {list(weights)!r}")
    if weight_sum == 0:
        if total:
            raise InvalidInput(f"cannot split {total}: all weights are zero")
        return [0] * len(weights)
    parts = [0] * len(weights)
    remainders = [0] * len(weights)
    for index, weight in enumerate(weights):
        parts[index], remainders[index] = divmod(total * weight, weight_sum)
    left = total - sum(parts)
    if not left:
        return parts
    by_remainder = sorted(range(len(weights)), key=lambda index: (-remainders[index], index))
    for index in by_remainder[:left]:
        parts[index] += 1
    return parts


def check_integer(value: object, name: str) -> int:
    """Return `value` if it is a true int that fits a 64-bit column, else raise `InvalidInput`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput(
            f"{name} must be an integer, got {value!r} of type {type(value).__name__}: "
            "give whole Wh, micro-units per kWh or nano-units"
        )
    if not -INT64_MAX <= value <= INT64_MAX:
        raise InvalidInput(f"{name} {value} does not fit 64 bits: split it")
    return value


def check_energy(value: object, name: str = "energy_wh") -> EnergyWh:
    """Return `value` as energy in Wh, or raise `InvalidInput` when it is not 0 to 1 GWh."""
    energy_wh = check_integer(value, name)
    if not 0 <= energy_wh <= ENERGY_WH_MAX:
        raise InvalidInput(f"{name} is {energy_wh} Wh: it must be between 0 and {ENERGY_WH_MAX}")
    return EnergyWh(energy_wh)


def check_price(value: object, name: str = "price_micro") -> PriceMicro:
    """Return `value` as a price in micro-units per kWh, or raise `InvalidInput`.

    Prices may be negative (a producer who pays to be rid of surplus), but not beyond
    `PRICE_MICRO_MAX` either way, so that what one checked energy costs always fits 64 bits.
    """
    price_micro = check_integer(value, name)
    if abs(price_micro) > PRICE_MICRO_MAX:
        raise InvalidInput(
            f"{name} is {price_micro} micro-units per kWh: "
            f"it must be within ±{PRICE_MICRO_MAX}; is it given in another unit?"
        )
    return PriceMicro(price_micro)


def cost(energy_wh: int, price_micro: int) -> MoneyNano:
    """Return what the energy costs at the price, exactly: Wh × nano-units per Wh."""
    return MoneyNano(energy_wh * price_micro)


_DECIMAL = re.compile(r"([+-]?)([0-9]+)(?:[.,]([0-9]+))?")
DECIMAL_CHARACTERS_MAX: Final = 64


def parse_decimal(text: str, scale: int, name: str) -> int:
    """Read a decimal number as an integer of 10**-scale units, exactly.

    `"0,1"` and `"0.1"` with scale 6 are both 100000.  Raises `InvalidInput` when the text is no plain
    decimal number or has more decimals than the scale holds; nothing is rounded away.
    """
    found = _DECIMAL.fullmatch(text.strip()) if len(text) <= DECIMAL_CHARACTERS_MAX else None
    if found is None:
        raise InvalidInput(f"{name} {text!r} is not a decimal number such as 0.125")
    sign, whole, fraction = found.groups(default="")
    fraction = fraction.rstrip("0")
    if len(fraction) > scale:
        raise InvalidInput(f"{name} {text!r} has more than {scale} decimals: round it first")
    scaled = int(whole + fraction.ljust(scale, "0"))
    return check_integer(-scaled if sign == "-" else scaled, name)


def format_scaled(value: int, scale: int, decimals: int | None = None) -> str:
    """Write an integer of 10**-scale units as a decimal number, exactly.

    With `decimals` given, at least so many are shown; digits that are not zero are never cut.
    """
    sign = "-" if value < 0 else ""
    whole, fraction = divmod(abs(value), 10**scale)
    digits = f"{fraction:0{scale}d}" if scale else ""
    digits = digits.rstrip("0").ljust(scale if decimals is None else min(decimals, scale), "0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


@attrs.frozen(kw_only=True)
class CentsWithCarry:
    """Money rounded to cents once, and what the rounding left to carry to the next bill."""

    cents: int
    carry_nano: int


def round_to_cents(owed_nano: int, carried_nano: int = 0) -> CentsWithCarry:
    """Round an amount, plus what earlier bills carried, half to even; carry the difference.

    `cents * NANO_PER_CENT + carry_nano == owed_nano + carried_nano`, always.
    """
    total_nano = owed_nano + carried_nano
    cents = divide_rounded(total_nano, NANO_PER_CENT, Rounding.HALF_EVEN)
    return CentsWithCarry(cents=cents, carry_nano=total_nano - cents * NANO_PER_CENT)
