"""The wheel stands by itself: installed into an empty environment it runs the README's program."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from .test_readme import PROGRAM, ROOT


def test_the_wheel_runs_the_readme_in_an_empty_environment(tmp_path: Path):
    """Nothing of this checkout is needed: the wheel with its `nem` extra is enough."""
    assert PROGRAM is not None
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, cwd=ROOT)
    (wheel,) = tmp_path.glob("sauma-*.whl")
    venv.create(tmp_path / "empty")
    python = tmp_path / "empty" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python)
    run(*pip, "install", "--quiet", "--no-compile", f"{wheel}[nem]", cwd=tmp_path)

    done = run(python, "-c", PROGRAM[1], cwd=tmp_path)

    assert done == "anna -8 FINAL\nben 7 FINAL\n"


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command to its end and return what it printed; show everything when it fails."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
