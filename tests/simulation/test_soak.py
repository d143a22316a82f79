"""The long run: 100,000 seeds, divided over the styles of chain, and 2,000 schedules on anvil.

It comes in slices, so that several processes share it and one that is stopped has lost one slice::

    nice python -m pytest tests/simulation/test_soak.py -m soak -n 2 --dist worksteal

Each slice tells its figures when it ends, and the last lines are those of all of them.
"""

import pytest
from ethereum_worlds import AnvilWorld, EthTesterWorld
from playing import FIGURES, figures_of, play
from worlds import LastingMemoryWorld, NemWorld, PatientNemWorld

from sauma.testing.simulation import MemoryWorld

FIRST = 300
"""What is before it is played in every run of the tests."""
SEEDS = {
    MemoryWorld: 47_000,
    LastingMemoryWorld: 10_000,
    NemWorld: 27_000,
    PatientNemWorld: 6_000,
    EthTesterWorld: 10_000,
}
"""How the seeds are divided: a seed on NEM takes as long as one and a half on the reference chain, and one
on eth-tester, whose EVM is in Python, as three; the contract has the schedules on anvil besides."""
SCHEDULES = {AnvilWorld: 2_000}
SLICE = 500
"""How many seeds are played in one go: some minutes."""


def slices():
    """Give every slice of every world, in turns, so that a run that is stopped has played of each."""
    parts = {
        world: [range(first, first + SLICE) for first in range(FIRST, FIRST + seeds, SLICE)]
        for world, seeds in {**SEEDS, **SCHEDULES}.items()
    }
    for turn in range(max(map(len, parts.values()))):
        yield from ((world, part[turn]) for world, part in parts.items() if turn < len(part))


def test_the_seeds_are_all_there():
    """Together they are what a long run promises, each once."""
    played = {}
    for world, seeds in slices():
        played.setdefault(world, []).extend(seeds)

    assert sum(len(played[world]) for world in SEEDS) == 100_000
    assert all(seeds == [*range(FIRST, FIRST + len(seeds))] for seeds in played.values())
    assert len(played[AnvilWorld]) == SCHEDULES[AnvilWorld]


@pytest.mark.soak
@pytest.mark.parametrize(
    ("world", "seeds"),
    [pytest.param(world, seeds, id=f"{world.__name__}-{seeds.start}") for world, seeds in slices()],
)
def test_many_seeds(world, seeds, record_property):
    """The same as for 300 seeds, for longer than anybody waits for a test."""
    campaign = play(world, seeds)
    record_property(FIGURES, figures_of(campaign))
