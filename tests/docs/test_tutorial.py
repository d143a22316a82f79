"""The tutorial's commands run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_tutorials_commands_settle_bill_and_replay(tmp_path: Path):
    """Whoever copies the commands of the tutorial, one after the other, gets what it says."""
    commands = re.findall(
        r"```sh\n(.*?)```", (ROOT / "docs" / "tutorial.md").read_text(), re.DOTALL
    )
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(Path(sys.executable).parent)

    shown = [
        subprocess.run(
            ["/bin/sh", "-e", "-c", command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for command in commands
    ]

    assert len(shown) == 3
    assert "chain, journal and bills agree to the Wh and the cent: 14.062 kWh" in shown[0]
    assert "leppa" in shown[1]
    assert "nothing differs" in shown[2]
