"""The commands of the page on slow chains run, and its table is what they show."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_table_is_what_the_command_shows():
    """Every number of the page comes from the command beside it."""
    text = (ROOT / "docs" / "slow-chain.md").read_text()
    described, real = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    (table,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    sauma = f"{Path(sys.executable).parent}/sauma"

    shown = [
        subprocess.run(
            ["/bin/sh", "-e", "-c", command.replace("sauma plan", f"{sauma} plan", 1)],
            cwd=ROOT,
            env=os.environ | {"COLUMNS": "100", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for command in (described, real)
    ]

    assert "\n".join(line.rstrip() for line in shown[0].splitlines()).startswith(table.rstrip())
    assert "per pair day" in shown[1]
    assert "◂ now" in shown[1]
