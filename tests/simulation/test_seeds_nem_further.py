"""NEM under the faults of the other 170 seeds: a file of their own, so that two workers share them."""

from playing import play
from worlds import NemWorld, PatientNemWorld


def test_120_seeds():
    """Whatever a seed draws: nothing paid twice, nothing lost, nothing booked that is not paid."""
    play(NemWorld, range(130, 250))


def test_50_seeds_with_long_deadlines():
    """The same with deadlines of a day, where nothing heals by expiring."""
    play(PatientNemWorld, range(250, 300))
