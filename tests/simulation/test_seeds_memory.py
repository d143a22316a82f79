"""The reference chain under the faults of 300 seeds."""

from playing import play
from worlds import LastingMemoryWorld

from sauma.testing.simulation import MemoryWorld


def test_250_seeds():
    """Whatever a seed draws: nothing paid twice, nothing lost, nothing booked that is not paid."""
    play(MemoryWorld, range(250))


def test_50_seeds_without_expiry():
    """The same where a transaction may land for ever, and its nonce holds up those behind it."""
    play(LastingMemoryWorld, range(250, 300))
