"""Tools that attack the contracts, each where it disturbs no other: npm's as pinned, Python's apart.

Slither and halmos need other versions of libraries than the project, so each has an environment of its
own, made from a list in `tools/` that names every package's version, and made anew when that list
changes.  What they compile is kept in `.forge/`, and compiled again only when a source changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from compile import CONTRACTS, NODE_MODULES

TOOL_SECONDS_MAX: Final = 1_500
"""How long a tool may run before it is given up: a multiple of what it takes on two busy cores."""


class SecurityError(Exception):
    """A test failed, or something was found that nobody explained."""


def put_forge_on_path() -> None:
    """Prefer the pinned Foundry; it is packaged for this kind of machine or must be there already."""
    for folder in sorted(NODE_MODULES.glob("@foundry-rs/forge-*/bin")):
        os.environ["PATH"] = str(folder) + os.pathsep + os.environ["PATH"]
    if shutil.which("forge") is None:
        raise SecurityError("forge is not packaged for this machine: install Foundry")


def installed(command: str) -> Path:
    """Return the path of a tool, after making its environment unless that is as its list says."""
    wanted = CONTRACTS / "tools" / f"{command}.txt"
    environment = CONTRACTS / f".{command}"
    path, stamp = environment / "bin" / command, environment / "installed.sha256"
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    if path.exists() and stamp.exists() and stamp.read_text() == digest:
        return path
    tell(f"{command}: making its environment (once)")
    venv.create(environment, with_pip=True, clear=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--no-deps"]
    done = subprocess.run(
        [*pip, "--requirement", str(wanted)], check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise SecurityError(f"{wanted.name} could not be installed:\n{done.stderr}")
    stamp.write_text(digest)
    return path


def run(
    command: list[str], *, profile: str = "default", capture: bool = False, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a tool in the contracts' folder with a profile of `foundry.toml`, and give it up in time."""
    environment = {**os.environ, "FOUNDRY_PROFILE": profile, **more}
    try:
        return subprocess.run(
            command,
            cwd=CONTRACTS,
            env=environment,
            check=False,
            capture_output=capture,
            text=True,
            timeout=TOOL_SECONDS_MAX,
        )
    except subprocess.TimeoutExpired:
        raise SecurityError(
            f"{Path(command[0]).name} has not ended after {TOOL_SECONDS_MAX} s: run it when the machine "
            "has less to do"
        ) from None


@contextmanager
def stage(number: int, stages: int, what: str) -> Iterator[None]:
    """Say what is done now, and how long it took."""
    begun = time.monotonic()
    tell(f"[{number}/{stages}] {what} …")
    yield
    tell(f"[{number}/{stages}] {what}: done in {time.monotonic() - begun:.0f} s")


def tell(line: str) -> None:
    """Show a line at once, also where the output goes to a file."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
