"""anvil is installed by several processes at once, and whoever finds it finds it whole."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sauma_ethereum import anvil
from sauma_ethereum.anvil import AnvilProcess, Missing, find_anvil, install_anvil

NPM = """#!{python}
import pathlib, sys, time
folder = pathlib.Path(sys.argv[sys.argv.index("--prefix") + 1])
path = folder / "{binary}"
path.parent.mkdir(parents=True)
with path.open("wb") as file:
    for half in (b"half", b"half"):
        file.write(half)
        file.flush()
        time.sleep(0.1)
path.chmod(0o755)
"""
"""Installs as npm does: a large file takes its time to be there."""
WHOLE = b"halfhalf"


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """An npm on the path that installs something in two halves, and no anvil elsewhere."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "npm").write_text(NPM.format(python=sys.executable, binary=anvil._place_in(Path())))
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv(anvil.VARIABLE, raising=False)
    return folder / "npm"


def test_who_installs_at_once_finds_it_whole(npm, tmp_path):
    """Three install, a fourth looks all the time: nobody ever sees half of it, and nothing is left over."""
    folder = tmp_path / "tools"
    seen, done = set(), threading.Event()

    def look():
        while not done.is_set():
            found = find_anvil(folder)
            if found is not None:
                seen.add(found.read_bytes())

    looker = threading.Thread(target=look)
    looker.start()
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: install_anvil(folder), range(3)))
    done.set()
    looker.join()

    assert {one.read_bytes() for one in found} == {WHOLE}
    assert seen <= {WHOLE}
    assert [one.name for one in folder.iterdir()] == ["node_modules"]


def test_what_npm_says_is_told_when_nothing_comes_of_it(npm, tmp_path):
    """A registry that refuses is a named error."""
    npm.write_text("#!/bin/sh\necho 'E404 no such package' >&2\nexit 1\n")

    with pytest.raises(Missing, match="could not be installed by npm: E404 no such package"):
        install_anvil(tmp_path / "tools")


def test_a_binary_that_does_not_start_is_named(tmp_path):
    """A file for another machine is no crash, and leaves nothing open."""
    binary = tmp_path / "anvil"
    binary.write_bytes(b"\x00 for another machine")
    binary.chmod(0o755)

    with pytest.raises(Missing, match="anvil does not start"):
        AnvilProcess(binary)
