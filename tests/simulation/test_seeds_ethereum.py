"""The contract and its adapter on eth-tester, under the faults of 20 seeds; 300 in `make soak`."""

import pytest
from ethereum_worlds import EthTesterWorld
from playing import play


def test_20_seeds():
    """Whatever a seed draws: nothing paid twice, nothing lost, nothing booked that is not paid."""
    play(EthTesterWorld, range(20))


@pytest.mark.soak
def test_300_seeds():
    """The same for longer than anybody waits for a test."""
    play(EthTesterWorld, range(20, 300))
