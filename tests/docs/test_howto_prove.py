"""The commands and the program of the how-to on proofs run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_commands_anchor_prove_and_verify(tmp_path: Path):
    """Whoever copies the blocks one after the other gets a proof that holds, offline and on the chain."""
    text = (ROOT / "docs" / "howto-prove.md").read_text()
    commands = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(Path(sys.executable).parent)

    shown = subprocess.run(
        ["/bin/sh", "-e", "-c", commands], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert shown.returncode == 0, shown.stderr
    assert "anchor     1 root over 7 bills: 1 final" in shown.stdout
    assert shown.stdout.count("✓ the bill of leppa") == 2
    assert "asked of the chain and final" in shown.stdout
    assert printed.stdout.startswith("leppa "), printed.stderr
