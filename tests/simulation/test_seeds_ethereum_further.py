"""The contract on eth-tester under the other 150 seeds: a file of their own, for another worker."""

from ethereum_worlds import EthTesterWorld
from playing import play


def test_150_seeds():
    """Whatever a seed draws: nothing paid twice, nothing lost, nothing booked that is not paid."""
    play(EthTesterWorld, range(150, 300))


def test_a_root_may_be_stated_again():
    """After an old copy of the store is restored, a root may stand on the chain twice: it moves nothing."""
    play(EthTesterWorld, [857])
