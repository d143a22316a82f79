"""Energy, price and money as integers: rounding, splits, reading and writing decimals."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.errors import InvalidInput
from sauma.units import (
    ENERGY_WH_MAX,
    INT64_MAX,
    NANO_PER_CENT,
    PRICE_MICRO_MAX,
    Rounding,
    check_energy,
    check_integer,
    check_price,
    cost,
    divide_rounded,
    format_scaled,
    parse_decimal,
    round_to_cents,
    split_proportionally,
)

amounts = st.integers(-(10**18), 10**18)
weights = st.lists(st.integers(0, 10**12), min_size=1, max_size=12).filter(any)


@given(amounts, st.integers(1, 10**12))
def test_floor_goes_towards_minus_infinity(numerator, denominator):
    """Rounded down is at most the quotient and less than one below it, also below zero."""
    rounded = divide_rounded(numerator, denominator, Rounding.FLOOR)

    assert 0 <= Fraction(numerator, denominator) - rounded < 1


@given(amounts, st.integers(1, 10**12))
def test_half_even_is_nearest(numerator, denominator):
    """Rounded half to even is at most half away, and even when exactly half away."""
    rounded = divide_rounded(numerator, denominator, Rounding.HALF_EVEN)

    away = abs(Fraction(numerator, denominator) - rounded)
    assert away <= Fraction(1, 2)
    assert away < Fraction(1, 2) or rounded % 2 == 0


@given(amounts, st.integers(1, 10**12))
def test_half_even_has_no_side(numerator, denominator):
    """A debt rounds as the claim it mirrors: nobody gains by the sign."""
    there = divide_rounded(numerator, denominator, Rounding.HALF_EVEN)
    back = divide_rounded(-numerator, denominator, Rounding.HALF_EVEN)

    assert there == -back


@pytest.mark.parametrize(
    ("numerator", "expected"), [(5, 0), (15, 2), (25, 2), (-5, 0), (-15, -2), (-25, -2), (6, 1)]
)
def test_ties_go_to_even(numerator, expected):
    """Halves of ten, by hand."""
    assert divide_rounded(numerator, 10, Rounding.HALF_EVEN) == expected


@pytest.mark.parametrize("denominator", [0, -1])
def test_a_denominator_is_positive(denominator):
    """Dividing by nothing or less is refused."""
    with pytest.raises(InvalidInput, match="positive denominator"):
        divide_rounded(1, denominator, Rounding.FLOOR)


@given(amounts, weights)
def test_a_split_adds_up_and_is_fair(total, shares):
    """Parts add up exactly, each is within one unit of its exact share, and a weight of 0 gets 0."""
    parts = split_proportionally(total, shares)

    assert sum(parts) == total
    for part, weight in zip(parts, shares, strict=True):
        assert abs(part - Fraction(total * weight, sum(shares))) < 1
        assert weight or not part


@given(weights, st.data())
def test_a_split_of_less_than_is_wanted_gives_nobody_more(shares, data):
    """What is rationed never exceeds what somebody wanted."""
    total = data.draw(st.integers(0, sum(shares)))

    assert all(
        0 <= part <= weight
        for part, weight in zip(split_proportionally(total, shares), shares, strict=True)
    )


@given(amounts, weights)
def test_a_negative_split_mirrors_the_positive_one(total, shares):
    """Giving back is taking, turned round."""
    assert split_proportionally(-total, shares) == [-p for p in split_proportionally(total, shares)]


def test_equal_remainders_go_by_position():
    """Two odd units over three equal claims go to the first two."""
    assert split_proportionally(11, [1, 1, 1]) == [4, 4, 3]


def test_nothing_can_be_split_over_nobody():
    """Zero over zeros is zeros; anything else over zeros is refused."""
    assert split_proportionally(0, [0, 0]) == [0, 0]

    with pytest.raises(InvalidInput, match="all weights are zero"):
        split_proportionally(1, [0, 0])
    with pytest.raises(InvalidInput, match="negative"):
        split_proportionally(1, [2, -1])


@given(st.integers(-INT64_MAX, INT64_MAX), st.integers(0, 12))
def test_what_is_written_reads_back(value, scale):
    """Writing and reading a scaled integer is the identity, with a point or a comma."""
    text = format_scaled(value, scale)

    assert parse_decimal(text, scale, "price") == value
    assert parse_decimal(text.replace(".", ","), scale, "price") == value


@pytest.mark.parametrize(
    ("value", "scale", "decimals", "text"),
    [
        (100_000, 6, None, "0.100000"),
        (100_000, 6, 2, "0.10"),
        (123_456, 6, 2, "0.123456"),
        (-1, 9, 0, "-0.000000001"),
        (7_500, 3, 0, "7.5"),
        (7_000, 3, 0, "7"),
        (7, 0, 2, "7"),
    ],
)
def test_digits_that_matter_are_never_cut(value, scale, decimals, text):
    """At least so many decimals are shown, and all that are not zero."""
    assert format_scaled(value, scale, decimals) == text


@pytest.mark.parametrize(
    "text",
    [
        "", " ", ".", "1.", ".5", "1e3", "0x1", "1_000", "1 000", "--1", "nan", "inf", "1.2.3",
        "1,000.5", "0.1234567", "٣", "0.1000000000000000000000000000000000001", "9" * 20, "1" * 65,
    ],
)  # fmt: skip
def test_what_is_no_plain_decimal_is_refused(text):
    """Nothing is guessed and nothing is rounded away, however far behind the point it stands."""
    with pytest.raises(InvalidInput, match="price"):
        parse_decimal(text, 6, "price")


@pytest.mark.parametrize("value", [True, 1.0, "1", None, 2**63, -(2**63)])
def test_an_integer_is_a_true_int_of_64_bits(value):
    """Truth values, floats and texts are no numbers of ours; more than 64 bits fit no column."""
    with pytest.raises(InvalidInput, match="energy_wh"):
        check_integer(value, "energy_wh")


@pytest.mark.parametrize("value", [-1, ENERGY_WH_MAX + 1])
def test_energy_is_never_negative_and_bounded(value):
    """Both directions are counted by themselves, from 0 up to what no wire carries."""
    with pytest.raises(InvalidInput, match=f"imported_wh is {value} Wh"):
        check_energy(value, "imported_wh")


@pytest.mark.parametrize("value", [PRICE_MICRO_MAX + 1, -PRICE_MICRO_MAX - 1])
def test_a_price_is_bounded_both_ways(value):
    """A price in another unit is caught by its size."""
    with pytest.raises(InvalidInput, match="another unit"):
        check_price(value)


@given(st.integers(0, ENERGY_WH_MAX), st.integers(-PRICE_MICRO_MAX, PRICE_MICRO_MAX))
def test_what_a_checked_energy_costs_fits_64_bits(energy_wh, price_micro):
    """Any allowed energy at any allowed price is money that a column holds."""
    assert abs(cost(check_energy(energy_wh), check_price(price_micro))) <= INT64_MAX
    assert abs(cost(ENERGY_WH_MAX, PRICE_MICRO_MAX)) <= INT64_MAX


def test_the_units_fit_together():
    """7.5 kWh at 0.1 €/kWh cost 0.75 €, without a division."""
    assert cost(7_500, parse_decimal("0.1", 6, "price")) == 75 * NANO_PER_CENT


@given(st.lists(st.integers(-(10**12), 10**12), max_size=30))
def test_no_nano_unit_is_lost_over_many_bills(owed):
    """Cents billed and the carry left add up to everything owed, and the carry is at most half a cent."""
    cents = carry_nano = 0
    for owed_nano in owed:
        bill = round_to_cents(owed_nano, carry_nano)
        cents, carry_nano = cents + bill.cents, bill.carry_nano

    assert cents * NANO_PER_CENT + carry_nano == sum(owed)
    assert 2 * abs(carry_nano) <= NANO_PER_CENT
