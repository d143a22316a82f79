"""The contract and its adapter on eth-tester, under the faults of 300 seeds."""

from ethereum_worlds import EthTesterWorld
from playing import play


def test_300_seeds():
    """Whatever a seed draws: nothing paid twice, nothing lost, nothing booked that is not paid."""
    play(EthTesterWorld, range(300))
