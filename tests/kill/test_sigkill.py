"""A settlement survives SIGKILL at any moment: nothing is paid twice, nothing is lost."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

CAMPAIGN = Path(__file__).with_name("campaign.py")
MEMORY = Path("/dev/shm")  # noqa: S108


@pytest.fixture
def fast_folder(tmp_path):
    """A folder in memory where there is one: disks that others use are slow to write through."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY, prefix="sauma-kill-") as folder:
        yield Path(folder)


def campaign(folder, *options):
    """Run a campaign in a process of its own, which stays single-threaded so that it may fork."""
    process = subprocess.run(
        [sys.executable, CAMPAIGN, "--json", "--folder", folder, *options],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert process.stdout, process.stderr
    sys.stderr.write(process.stderr)
    return json.loads(process.stdout)


def test_killed_thirty_times(fast_folder):
    """Resumed after SIGKILL: the same balances, bills and trades, each batch on the chain once."""
    found = campaign(fast_folder, "--points", "15", "--moments", "15")

    assert found["kills"] >= 30
    assert found["resumed"] > 0
    assert (found["paid_twice"], found["lost"], found["wrong"]) == (0, 0, 0)


def test_a_settlement_that_sends_before_it_commits_is_found_out(fast_folder):
    """These tests can fail: what was sent before it was committed is paid twice or in no journal."""
    found = campaign(fast_folder, "--hasty", "--points", "1")

    assert found["wrong"] == 1


@pytest.mark.soak
def test_killed_a_thousand_times(fast_folder, capsys):
    """The same a thousand times, among them once at every commit and HTTP call of a settlement."""
    found = campaign(fast_folder, "--sweep", "--points", "700", "--moments", "300", "--seed", "2")
    with capsys.disabled():
        print("\n", json.dumps(found))

    assert found["kills"] >= 1_000
    assert found["points_swept"] == found["points_to_sweep"]
    assert (found["paid_twice"], found["lost"], found["wrong"]) == (0, 0, 0)
