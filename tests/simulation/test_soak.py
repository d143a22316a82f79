"""The long run: 100,000 seeds, divided over the styles of chain, and 2,000 schedules on anvil."""

import pytest
from ethereum_worlds import AnvilWorld, EthTesterWorld
from playing import play
from worlds import LastingMemoryWorld, NemWorld, PatientNemWorld

from sauma.testing.simulation import MemoryWorld

FIRST = 300
"""What is before it is played in every run of the tests."""
SEEDS = {
    MemoryWorld: 45_000,
    LastingMemoryWorld: 10_000,
    NemWorld: 30_000,
    PatientNemWorld: 5_000,
    EthTesterWorld: 10_000,
}
"""How the seeds are divided: an EVM in Python takes about twice as long as a NEM node."""
SCHEDULES = {AnvilWorld: 2_000}


def test_the_seeds_are_all_there():
    """Together they are what a long run promises."""
    assert sum(SEEDS.values()) == 100_000


@pytest.mark.soak
@pytest.mark.parametrize(
    ("world", "seeds"),
    [
        pytest.param(world, seeds, id=f"{world.__name__}-{seeds}")
        for world, seeds in {**SEEDS, **SCHEDULES}.items()
    ],
)
def test_many_seeds(world, seeds):
    """The same as for 300 seeds, for longer than anybody waits for a test."""
    play(world, range(FIRST, FIRST + seeds))
