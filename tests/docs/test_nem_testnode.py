"""The programs of the page about the NIS1 test node run as they stand, one after the other."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

from sauma_nem.testnode.faults import FAULTS
from sauma_nem.testnode.rest.routing import CONTROL_ROUTES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "nem-testnode.md"


def test_the_programs_do_what_they_say(tmp_path: Path) -> None:
    """Whoever copies them gets what their assertions say."""
    programs = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {"folder": tmp_path}

    for program in programs:
        exec(compile(program, str(PAGE), "exec"), names)  # noqa: S102 - the manual's own

    assert len(programs) == 6


def test_the_command_runs(tmp_path: Path) -> None:
    """The command starts a node, and ends when it is told to."""
    (command,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (tmp_path / "fund.json").write_text("{}")

    with subprocess.Popen(
        ["/bin/sh", "-e", "-c", f"exec {command}"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)

    assert "http://127.0.0.1:" in said
    assert process.returncode == 0
    assert (tmp_path / "chain.sqlite").is_file()


def test_everything_is_told() -> None:
    """Every fault and every control route stands on the page."""
    page = PAGE.read_text(encoding="utf-8")

    assert [kind.__name__ for kind in FAULTS.values() if f"`{kind.__name__}(" not in page] == []
    assert [path for path in CONTROL_ROUTES if path not in page] == []
