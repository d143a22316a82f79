"""A settlement that is killed at any moment and run again ends as if nothing had happened."""

import json
import random
import subprocess
import time

import pytest

KILLS = 2


def facts(document: dict) -> list[dict]:
    """Bills without their versions: a version tells how often one looked."""
    return [
        {name: value for name, value in bill.items() if name != "version"}
        for bill in document["bills"]
    ]


@pytest.mark.parametrize("chain", ["nem", "memory", "ethereum"])
def test_killed_and_run_again(sauma_run, sauma_started, files, tmp_path, chain: str) -> None:
    """After every SIGKILL the same command goes on; the bills are those of an undisturbed run."""
    options = ("settle", *files.options, "--chain", chain, "--json")
    begun = time.monotonic()
    out, _ = sauma_started(*options, "--folder", tmp_path / "calm").communicate()
    seconds = time.monotonic() - begun
    calm = json.loads(out)
    chooser = random.Random(chain)

    for _ in range(KILLS):
        process = sauma_started(*options, "--folder", tmp_path / "stormy")
        try:
            process.wait(timeout=chooser.uniform(0.4, 0.95) * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
    stormy = sauma_run(*options, "--folder", tmp_path / "stormy")

    assert stormy.code == 0
    assert facts(stormy.document) == facts(calm)
    assert stormy.document["agreement"] == calm["agreement"]
    assert sauma_run("replay", tmp_path / "stormy").code == 0


@pytest.mark.parametrize("remains", ["store.sqlite", "keys/operator.json.making"])
def test_killed_at_the_very_beginning(sauma_run, files, tmp_path, remains: str) -> None:
    """A file that was begun and not written is no obstacle."""
    (tmp_path / "day" / remains).parent.mkdir(parents=True)
    (tmp_path / "day" / remains).touch()

    shown = sauma_run("settle", *files.options, "--folder", tmp_path / "day", "--json")

    assert shown.code == 0
    assert [bill["owed_cents"] for bill in shown.document["bills"]] == [-120, 75, 75]
