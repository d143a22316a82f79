"""The simulation is tested too: without any one guard of dispatch it finds something wrong."""

from __future__ import annotations

import logging

import mutants
import pytest
from ethereum_worlds import EthTesterWorld
from worlds import LastingMemoryWorld, NemWorld, PatientNemWorld

from sauma.testing.simulation import Fault, Faults, Rehearsal, Simulation

SEEDS_MAX = 300
CAUGHT = {
    (mutants.final_in_the_newest_block, NemWorld): 2,
    (mutants.final_in_the_newest_block, EthTesterWorld): 0,
    (mutants.sent_only_once, PatientNemWorld): 0,
    (mutants.sent_only_once, LastingMemoryWorld): 4,
    (mutants.sent_only_once, EthTesterWorld): 1,
    (mutants.refused_is_failed, NemWorld): 148,
    (mutants.cursor_begins_at_the_head, NemWorld): 0,
    (mutants.cursor_begins_at_the_head, EthTesterWorld): 0,
    (mutants.sent_before_it_is_committed, NemWorld): 35,
    (mutants.sent_before_it_is_committed, EthTesterWorld): 23,
    (mutants.signed_anew_at_the_deadline, NemWorld): 37,
    (mutants.retractions_are_ignored, NemWorld): 7,
    (mutants.retractions_are_ignored, EthTesterWorld): 4,
    (mutants.nobody_holds_a_lane, NemWorld): 61,
    (mutants.nonce_taken_before_its_bytes, LastingMemoryWorld): 1,
    (mutants.nonce_taken_before_its_bytes, EthTesterWorld): 12,
    (mutants.suspended_after_one_death, NemWorld): 1,
}
"""Each mutant in a world where it does harm, with the seed from which it was caught soonest.

Where the chain itself refuses a second payment of a batch (memory, Ethereum) what would be paid twice
on NEM is refused there: refused_is_failed, signed_anew_at_the_deadline and nobody_holds_a_lane do no
harm on those.  NEM has no nonces.
"""

FAULTS = {
    mutants.refused_is_failed: Faults.only(
        Fault.DENIED,
        Fault.FORGOTTEN,
        Fault.EVICTED,
        Fault.DIED,
        Fault.LAGGING,
        per_mille=300,
    ),
    mutants.nobody_holds_a_lane: Faults.only(Fault.OVERTAKEN, per_mille=100),
}
"""Where a mutant is played with chosen faults, because among all of them its own comes too seldom."""


@pytest.mark.parametrize(
    ("mutate", "world", "first"),
    [
        pytest.param(mutate, world, first, id=f"{mutate.__name__}-{world.__name__}")
        for (mutate, world), first in CAUGHT.items()
    ],
)
def test_a_missing_guard_is_noticed(mutate, world, first):
    """Within 300 seeds, beginning with the one that noticed it before."""
    logging.getLogger("sauma").setLevel(logging.CRITICAL)
    rehearsal = Rehearsal.of(world)
    for number in range(SEEDS_MAX):
        seed = (first + number) % SEEDS_MAX
        with pytest.MonkeyPatch.context() as patch:
            mutate(patch)
            outcome = Simulation(world, seed, faults=FAULTS.get(mutate), rehearsal=rehearsal).run()
        if outcome.wrong:
            print(f"{mutate.__name__}: caught by seed {seed}, {outcome.wrong[0][:60]}")
            return
    pytest.fail(f"{mutate.__name__} was not noticed within {SEEDS_MAX} seeds")
