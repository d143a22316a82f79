"""The README says what is true: its program runs, its folders are there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAM = re.search(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_program_of_the_readme_settles_and_bills(tmp_path: Path):
    """What the README shows runs as it stands, in twenty-five lines, and ends with final bills."""
    assert PROGRAM is not None
    assert len(PROGRAM[1].splitlines()) <= 25

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM[1]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout == "anna -8 FINAL\nben 7 FINAL\n"


def test_the_program_of_the_readme_passes_the_type_checker(tmp_path: Path):
    """An integrator who copies the program gets no complaint from mypy --strict."""
    assert PROGRAM is not None
    program = tmp_path / "embed.py"
    program.write_text(PROGRAM[1].replace("engine.clear_due(), engine.settle_due()", ""))

    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", "", str(program)],
        cwd=ROOT,
        env={"MYPYPATH": "engine:adapters/shared:adapters/nem:apps", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_every_path_that_the_readme_names_is_there():
    """Files and folders of the README exist."""
    named = set(re.findall(r"\]\(([\w./-]+)\)", README))
    named |= set(re.findall(r"examples/[\w./-]*\w", README))

    missing = sorted(name for name in named if not (ROOT / name).exists())

    assert missing == []
