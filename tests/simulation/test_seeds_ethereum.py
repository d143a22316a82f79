"""The contract and its adapter on eth-tester, under the faults of 80 seeds; 300 in `make soak`."""

import pytest
from ethereum_worlds import EthTesterWorld
from playing import play


def test_80_seeds():
    """Whatever a seed draws: nothing paid twice, nothing lost, nothing booked that is not paid."""
    play(EthTesterWorld, range(80))


@pytest.mark.soak
def test_300_seeds():
    """The same for longer than everybody waits for."""
    play(EthTesterWorld, range(80, 300))
