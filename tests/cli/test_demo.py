"""The demo: the seed's numbers, told on one page, and the same on every chain."""

import re
import sys

import pytest


def test_the_seed(sauma_process, sauma_run, tmp_path) -> None:
    """In a process of its own: 7,500 Wh and 0.75 EUR each, final, and everything agrees.

    What it leaves behind is sealed, and replay finds nothing in it.
    """
    shown = sauma_process("demo", "--folder", tmp_path / "demo")
    replayed = sauma_run("replay", tmp_path / "demo", "--json").document

    assert (shown.code, shown.err) == (0, "")
    lines = shown.out.splitlines()
    assert 40 <= len(lines) <= 62
    assert max(len(line) for line in lines if str(tmp_path) not in line) <= 80
    for name in ("test3", "test5"):
        assert re.search(rf"{name} +pays +7\.500 +0\.10 +0\.75 +got 7,500 Wh +final", shown.out)
    assert re.search(r"test1 +earns +15\.000 +0\.10 +1\.20 +gave 15,000 Wh +final", shown.out)
    assert "1.20 (80 %)" in shown.out
    assert "the grid 0.225, the operator 0.075" in shown.out
    assert (
        "✓ chain, journal and bills agree to the Wh and the cent: 15.000 kWh, 1.50 EUR" in shown.out
    )
    assert "360 blocks at once" in shown.out
    assert "\x1b[" not in shown.out
    assert (replayed["ok"], replayed["sealed"]) == (True, True)
    assert (replayed["transactions_decoded"], replayed["blocks_compared"]) == (4, 365)


@pytest.mark.parametrize(("chain", "transactions"), [("nem", 4), ("memory", 2), ("ethereum", 2)])
def test_for_programs(sauma_run, tmp_path, chain: str, transactions: int) -> None:
    """With --json there is one document: bills, transactions, agreement."""
    found = sauma_run("demo", "--folder", tmp_path / "demo", "--chain", chain, "--json").document

    owed = {bill["participant"]: bill["owed_cents"] for bill in found["bills"]}
    got = {bill["participant"]: bill["chain_received_wh"] for bill in found["bills"]}
    assert owed == {"test1": -120, "test3": 75, "test5": 75}
    assert got == {"test1": 15_000, "test3": 7_500, "test5": 7_500}
    assert found["final"]
    assert found["agreement"]["producers_nano"] == 1_200_000_000
    assert len(set(found["transactions"])) == transactions
    compared = {one["chain"]: one for one in found["comparison"]}
    assert {name: one["transactions"] for name, one in compared.items()} == {
        "memory": 2,
        "nem": 4,
        "ethereum": 2,
    }
    assert compared["nem"]["fee_units"] == 400_000
    assert 100_000 < compared["ethereum"]["gas"] < 300_000
    assert (compared["memory"]["fee_unit"], compared["memory"]["gas"]) == (None, None)
    assert {name: one["final_blocks"] for name, one in compared.items()} == {
        "memory": 7,
        "nem": 362,
        "ethereum": 65,
    }
    assert compared["nem"]["promises"]["issue"] == "emulated"
    assert set(compared["ethereum"]["promises"].values()) == {"native"}


def test_one_table_at_the_end(sauma_run, tmp_path) -> None:
    """After the agreement: transactions, fees, blocks and promises, on each of three chains."""
    shown = sauma_run("demo", "--chain", "memory", "--folder", tmp_path / "demo").out

    _, table = shown.split("agree to the Wh and the cent")
    assert re.search(r"memory +NEM +Ethereum", table)
    assert re.search(r"transactions +2 +4 +2", table)
    assert re.search(r"fee +none +0\.40 XEM +0\.000\d+ ETH", table)
    assert re.search(r"gas +none +none +\d{3},\d{3}", table)
    assert re.search(r"included after +2 blocks +2 blocks +2 blocks", table)
    assert re.search(r"final after +7 blocks, 7 min +362 blocks, 6 h +65 blocks, 13 min", table)
    assert re.search(r"bring energy in +chain enforces +operator keeps +chain enforces", table)
    assert re.search(r"nothing twice +chain enforces +not offered +chain enforces", table)
    assert "sauma replay" in table


@pytest.mark.parametrize(
    ("package", "said"),
    [
        (
            "coincurve",
            "Ethereum was not run: coincurve is not installed: pip install 'sauma[ethereum]'",
        ),
        ("symbolchain", "NEM was not run: symbolchain is not installed: pip install 'sauma[nem]'"),
    ],
)
def test_a_chain_that_is_not_installed(sauma_run, tmp_path, monkeypatch, package, said) -> None:
    """A chain whose packages are not there is not run, by name, and the demo goes on."""
    monkeypatch.setitem(sys.modules, package, None)

    shown = sauma_run("demo", "--chain", "memory", "--folder", tmp_path / "demo")

    assert shown.code == 0
    assert said in shown.out
    assert "the same settlement on 2 chains" in shown.out


def test_a_temporary_folder(sauma_run, tmp_path, monkeypatch) -> None:
    """Without --folder a temporary one is made, and named."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    shown = sauma_run("demo", "--chain", "memory")

    (folder,) = tmp_path.glob("sauma-demo-*")
    assert str(folder) in shown.out
    assert (folder / "store.sqlite").is_file()


def test_real_time(sauma_run, tmp_path) -> None:
    """In real time the bills end provisional, and `settle` takes them to final later."""
    folder = tmp_path / "demo"

    shown = sauma_run("demo", "--real-time", "--block-seconds", 0.1, "--folder", folder)
    later = sauma_run("settle", "--folder", folder, "--json")

    assert shown.code == 0
    assert "PROVISIONAL" in shown.out
    assert f"sauma settle --folder {folder}" in shown.out
    assert "agree to the Wh and the cent" in shown.out
    assert later.code == 0
    assert {bill["status"] for bill in later.document["bills"]} == {"final"}
    assert {bill["owed_cents"] for bill in later.document["bills"]} == {-120, 75}


def test_a_folder_that_is_in_use_is_not_taken(sauma_run, tmp_path) -> None:
    """The demo writes only into a new or empty folder."""
    (tmp_path / "mine.txt").write_text("mine")

    shown = sauma_run("demo", "--folder", tmp_path)

    assert shown.code == 2
    assert "not empty" in shown.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("chain", ["memory", "ethereum"])
def test_chains_without_a_clock(sauma_run, chain: str) -> None:
    """Blocks by the clock need a chain that has one."""
    shown = sauma_run("demo", "--chain", chain, "--real-time")

    assert shown.code == 2
    assert "--real-time" in shown.err
