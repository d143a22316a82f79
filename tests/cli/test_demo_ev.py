"""The charging demo: the same on every chain, to the Wh and the unit, and replayed from its folder."""

from __future__ import annotations

import pytest

KEPT_IN = {"memory": "chain.sqlite", "nem": "node.sqlite", "ethereum": "ethereum.jsonl"}


@pytest.mark.parametrize(
    ("chain", "enforced"), [("memory", True), ("nem", False), ("ethereum", True)]
)
def test_the_same_scenario_everywhere(sauma_run, tmp_path, chain: str, enforced: bool) -> None:
    """Held, paid by the meter, the operator's part, the rest back: the same numbers on every chain.

    What is left in the folder is replayed beside its chain when the process is gone, and without the
    chain where somebody took it away.
    """
    folder = tmp_path / "ev"
    found = sauma_run("demo", "ev", "--chain", chain, "--folder", folder, "--json").document

    assert found["enforced"] is enforced
    assert found["replayed_entries"] > 10
    assert [
        (one["payee"], one["energy_wh"], one["held_units"], one["gross_units"], one["fee_units"])
        for one in found["sessions"]
    ] == [
        ("street", 1_450, 1_000_000, 362_500, 18_125),
        ("charger", 18_400, 8_000_000, 4_600_000, 230_000),
    ]
    for one in found["sessions"]:
        assert one["refunded_units"] == one["held_units"] - one["gross_units"]
        assert (one["state"], one["status"]) == ("settled", "final")

    replayed = sauma_run("replay", folder, "--json")
    (folder / KEPT_IN[chain]).unlink()
    (folder / "MANIFEST.json").unlink()
    alone = sauma_run("replay", folder, "--json")

    assert (replayed.code, replayed.document["sealed"]) == (0, True)
    assert replayed.document["entries"] == found["replayed_entries"]
    assert replayed.document["blocks_compared"] == found["blocks_compared"] > 10
    assert alone.code == 0
    assert (alone.document["chain"], alone.document["blocks_compared"]) == (None, 0)
    unasked = alone.document["chain_unasked"]
    assert ("--node URL" if chain == "nem" else "lived in the process that settled") in unasked


def test_it_fits_a_page(sauma_run, tmp_path) -> None:
    """It is told in plain words, on a page of 80 columns, with a table of what was held and paid."""
    shown = sauma_run("demo", "ev", "--chain", "memory", "--folder", tmp_path / "ev")

    lines = [line.rstrip() for line in shown.out.splitlines()]
    assert max(len(line) for line in lines if str(tmp_path) not in line) <= 80
    assert 25 <= len(lines) <= 50
    assert "red light 5: 0.240 kWh" in shown.out
    assert "the chain enforces" in shown.out
    assert "18.400  8.000000  4.600000   0.230000  3.400000  final" in shown.out


def test_it_makes_its_own_blocks(sauma_run, tmp_path) -> None:
    """Blocks by the clock are for the other scene, and refused by name."""
    shown = sauma_run("demo", "ev", "--real-time", "--folder", tmp_path / "ev")

    assert shown.code == 2
    assert "leave --real-time out" in shown.err
