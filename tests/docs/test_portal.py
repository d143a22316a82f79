"""The page on the portal: its program runs, and the tests that the households' list names exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_program_serves_a_portal(tmp_path: Path):
    """Whoever copies it gets a portal that answers."""
    (program,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "portal.md").read_text(encoding="utf-8"), re.DOTALL
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.stdout.startswith("the portal is at http://127.0.0.1:"), done.stderr


def test_every_test_of_the_households_list_exists():
    """Twenty-five statements; what they name is in the tests, under that name."""
    page = (ROOT / "docs" / "household-list.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \|.*\| (.*) \|$", page, re.MULTILINE)
    tests = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "portal").glob("test_*.py")
    )

    assert [int(number) for number, _ in rows] == list(range(1, 26))
    for _, shown in rows:
        for name in re.findall(r"\b(test_\w+)(?!\w|\.py)", shown):
            if not (ROOT / "tests" / "portal" / f"{name}.py").is_file():
                assert f"def {name}(" in tests, name
