"""The table of faults: complete, and in the manual as the tests have it."""

from __future__ import annotations

import re
from pathlib import Path

from faults_in_worlds import CANNOT, ELSEWHERE, NOT_IN, WORLDS, documented_table

ROOT = Path(__file__).parents[2]
OF_A_SENDER = {*range(1, 45), 46, 47, *range(49, 54)}


def test_the_manual_has_the_table():
    """What the manual says is played is played; on a difference put this into it."""
    table = documented_table()

    assert table in (ROOT / "docs/howto-simulation.md").read_text("utf-8"), table


def test_every_fault_of_a_sender_is_accounted_for():
    """Each number has a test named for it, is tested elsewhere, or cannot occur."""
    named = {
        int(number)
        for line in documented_table().splitlines()
        if (found := re.match(r"(?:\| |- )((?:\d\d )+)", line))
        for number in found[1].split()
    }

    assert OF_A_SENDER - named == set()


def test_the_table_names_what_there_is():
    """No test, world or file in it is gone."""
    assert all(
        f"| {name.removeprefix('test_').replace('_', ' ')} |" in documented_table()
        for name in NOT_IN
    )
    assert all(cannot.keys() < WORLDS.keys() for cannot in NOT_IN.values())
    assert all((ROOT / place).is_file() for place in ELSEWHERE.values())
    assert not ELSEWHERE.keys() & CANNOT.keys()
