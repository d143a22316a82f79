"""The simulation itself: the same seed is the same run, and what it draws does happen."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from playing import ROOT, name_of
from worlds import NemWorld

from sauma.testing.simulation import (
    Fault,
    Faults,
    MemoryWorld,
    Rehearsal,
    Simulation,
    disk_can_fail,
)
from sauma.testing.simulation.__main__ import main

DRAWN_FIRST = 4
"""A seed draws half of the faults it is asked for; this is the first that draws the only one."""


@pytest.mark.parametrize("world", [MemoryWorld, NemWorld])
def test_a_seed_is_one_run(world):
    """Played again, also in another process that orders its sets differently, it tells the same."""
    outcome = Simulation(world, 5).run()

    again = Simulation(world, 5).run()
    elsewhere = subprocess.run(
        [sys.executable, "-m", "sauma.testing.simulation", name_of(world), "--seed", "5"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "77"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    assert again == outcome
    assert elsewhere == list(outcome.trace)


def test_without_faults_nothing_happens():
    """An undisturbed run has no fault, no death, and the end of the rehearsal."""
    outcome = Simulation(MemoryWorld, 1, faults=Faults.none()).run()

    assert outcome.wrong == ()
    assert outcome.deaths == 0
    assert not +outcome.happened


def test_every_fault_happens():
    """Each fault, asked for alone, happens within a few seeds where it can happen at all."""
    rehearsal = Rehearsal.of(MemoryWorld)

    def happens(fault: Fault) -> bool:
        faults = Faults.only(fault, per_mille=400)
        runs = (
            Simulation(MemoryWorld, seed, faults=faults, rehearsal=rehearsal).run()
            for seed in range(DRAWN_FIRST, 40)
        )
        return any(outcome.happened[fault] for outcome in runs)

    impossible = set() if disk_can_fail() else {Fault.DISK_FULL, Fault.DISK_BROKEN}
    assert {fault for fault in Fault if not happens(fault)} == impossible


def test_a_failing_seed_is_told_with_its_command(capsys, monkeypatch):
    """The command line plays many seeds, or one again with what happened in it."""
    name = name_of(MemoryWorld)
    monkeypatch.setattr(
        "sauma.testing.simulation.simulation.examine", lambda *_, **__: ["paid twice: fe53"]
    )

    code = main([name, "--seeds", "0", "1"])

    told = capsys.readouterr().out
    assert code == 1
    assert "1 paid twice" in told
    assert f"again: python -m sauma.testing.simulation {name} --seed 0" in told


def test_what_the_last_death_suspends_is_resumed():
    """A death just before the calm is counted by who steps after it; a person resumes that, too."""
    outcome = Simulation(NemWorld, 12588).run()

    calm = outcome.trace.index("calm")
    assert [line for line in outcome.trace[calm:] if line.endswith("is resumed")]
    assert outcome.wrong == ()
