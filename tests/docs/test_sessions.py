"""The page on sessions: its program runs and prints what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "sessions.md"


def test_the_program_runs():
    """The program prints the three amounts that stand beside its last line."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    expected = re.search(r"# ([\d ]+)\n$", program)
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert expected is not None
    assert ran.stdout.strip() == expected[1]
