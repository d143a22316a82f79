"""Cumulative rounding: sums stay right whatever the terms."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from sauma.units import Rounding, divide_rounded
from sauma_metering import round_cumulatively

energies = st.lists(st.fractions(min_value=0, max_value=10**9, max_denominator=10**6), max_size=120)


@given(energies)
def test_every_running_total_is_the_rounded_exact_one(energies_wh: list[Fraction]) -> None:
    """The first i results add up to the exact sum of the first i energies, rounded half to even."""
    rounded = round_cumulatively(energies_wh)

    exact, total = Fraction(0), 0
    for energy_wh, rounded_wh in zip(energies_wh, rounded, strict=True):
        exact += energy_wh
        total += rounded_wh
        assert total == divide_rounded(exact.numerator, exact.denominator, Rounding.HALF_EVEN)


@given(energies)
def test_no_result_is_negative_or_a_whole_wh_off(energies_wh: list[Fraction]) -> None:
    """Each result is at least 0 and at most 1 Wh from its exact value."""
    for energy_wh, rounded_wh in zip(energies_wh, round_cumulatively(energies_wh), strict=True):
        assert rounded_wh >= 0
        assert abs(rounded_wh - energy_wh) <= 1


@given(st.lists(st.integers(min_value=0, max_value=10**12), max_size=120))
def test_whole_wh_stay_as_they_are(energies_wh: list[int]) -> None:
    """Nothing is moved between intervals that needs no rounding."""
    assert round_cumulatively(map(Fraction, energies_wh)) == energies_wh


def test_quarters_of_a_wh_by_hand() -> None:
    """159 W, 142 W and 130 W over a quarter-hour are 39.75, 35.5 and 32.5 Wh: 107.75 in all."""
    rounded = round_cumulatively(Fraction(watts, 4) for watts in (159, 142, 130))

    assert rounded == [40, 35, 33]
