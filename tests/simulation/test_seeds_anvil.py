"""The contract and its adapter on anvil, under 50 schedules."""

import pytest
from ethereum_worlds import AnvilWorld
from playing import play


@pytest.mark.soak
def test_50_schedules():
    """Whatever a schedule draws: nothing paid twice, nothing lost, nothing booked that is not paid."""
    play(AnvilWorld, range(50))


@pytest.mark.soak
def test_2_000_schedules():
    """The same for longer than anybody waits for a test."""
    play(AnvilWorld, range(50, 2_000))
