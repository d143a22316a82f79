"""Energy and money as they are shown: exact, in the decimals that people expect."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma_cli.rendering import cents, count, kwh, nano, price, short


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (kwh(7_500), "7.500"),
        (kwh(0), "0.000"),
        (kwh(1), "0.001"),
        (kwh(-14_062), "-14.062"),
        (cents(75), "0.75"),
        (cents(-120), "-1.20"),
        (cents(5), "0.05"),
        (price(100_000), "0.10"),
        (price(123_456), "0.123456"),
        (nano(225_000_000), "0.225"),
        (nano(1_500_000_000), "1.50"),
        (nano(1), "0.000000001"),
        (short(bytes.fromhex("4df72f51" + "00" * 26 + "ed8e")), "4df72f51…ed8e"),
        (count(1, "interval"), "1 interval"),
        (count(0, "interval"), "0 intervals"),
    ],
)
def test_shown(shown: str, expected: str) -> None:
    """kWh have three decimals, cents two, prices and exact money as many as they need."""
    assert shown == expected


@given(st.integers(-(10**15), 10**15))
def test_nothing_is_rounded(amount: int) -> None:
    """What is shown can be read back to the unit."""
    for show, scale in ((kwh, 3), (cents, 2), (price, 6), (nano, 9)):
        whole, _, fraction = show(abs(amount)).partition(".")
        assert int(whole) * 10**scale + int(fraction.ljust(scale, "0")) == abs(amount)
        assert show(-abs(amount)).startswith("-") == (amount != 0)
