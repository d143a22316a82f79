"""The contract and its adapter on eth-tester under 300 seeds, of which the first 150 are here."""

from ethereum_worlds import EthTesterWorld
from playing import play


def test_150_seeds():
    """Whatever a seed draws: nothing paid twice, nothing lost, nothing booked that is not paid."""
    play(EthTesterWorld, range(150))
