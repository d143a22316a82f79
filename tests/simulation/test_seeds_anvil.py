"""The contract and its adapter on anvil, under 50 schedules."""

from ethereum_worlds import AnvilWorld
from playing import play


def test_50_schedules():
    """Whatever a schedule draws: nothing paid twice, nothing lost, nothing booked that is not paid."""
    play(AnvilWorld, range(50))
