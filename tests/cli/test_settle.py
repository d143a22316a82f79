"""From files to bills: on both chains, with both rulebooks, again, elsewhere, and in two at once."""

import json
import shutil
from pathlib import Path

import pytest

from sauma.store import check_folder

ROOT = Path(__file__).parents[2]
RULEBOOKS = ("rulebook.toml", "rulebook-uniform.toml")
CHAINS_OWN = ("chain_", "bill_id")
"""What of a bill is the chain's own: its settlement is for one chain."""
TOTALS = json.loads((ROOT / "examples" / "neighbourhood" / "totals.json").read_text())


def facts(bills: list[dict]) -> list[tuple]:
    """What of bills must not depend on how often and where they were computed."""
    return sorted(
        (
            bill["participant"],
            bill["period_start"],
            bill["status"],
            bill["owed_cents"],
            bill["owed_nano"],
            bill["chain_received_wh"],
            bill["chain_sent_wh"],
            tuple(tuple(line.values()) for line in bill["lines"]),
        )
        for bill in bills
    )


@pytest.mark.parametrize("chain", ["memory", "nem", "ethereum"])
def test_the_seed(sauma_run, files, tmp_path, chain: str) -> None:
    """7,500 Wh each for test3 and test5, 0.75 EUR each; 1.20 EUR for test1."""
    folder = tmp_path / "day"

    found = sauma_run("settle", *files.options, "--chain", chain, "--folder", folder, "--json")

    assert (found.code, found.err) == (0, "")
    assert [(b["participant"], b["owed_cents"], b["status"]) for b in found.document["bills"]] == [
        ("test1", -120, "final"),
        ("test3", 75, "final"),
        ("test5", 75, "final"),
    ]
    assert found.document["agreement"]["delivered_wh"] == 15_000
    assert found.document["agreement"]["paid_nano"] == 1_500_000_000
    assert check_folder(folder) == ()


@pytest.mark.parametrize("rulebook", RULEBOOKS)
@pytest.mark.parametrize("chain", ["memory", "nem", "ethereum"])
def test_the_neighbourhood(sauma_run, neighbourhood, chain: str, rulebook: str) -> None:
    """A real day comes to final bills: every metered Wh is on a bill, and replay finds nothing."""
    settled = neighbourhood(chain, rulebook)

    replayed = sauma_run("replay", settled.folder, "--json")

    bills = settled.document["bills"]
    assert {bill["status"] for bill in bills} == {"final"}
    taken = {"bought": "imported_wh", "supplier_sale": "imported_wh"}
    given = {"sold": "exported_wh", "supplier_purchase": "exported_wh"}
    for bill in bills:
        home = TOTALS["homes"][bill["participant"]]
        own_use_wh = home["imported_wh"] - sum(
            line["energy_wh"] for line in bill["lines"] if line["kind"] in taken
        )
        assert (
            0
            <= own_use_wh
            == home["exported_wh"]
            - sum(line["energy_wh"] for line in bill["lines"] if line["kind"] in given)
        )
    agreed = settled.document["agreement"]
    assert agreed["traded_wh"] == sum(bill["bought_wh"] for bill in bills) > 14_000
    assert agreed["delivered_wh"] == agreed["net_wh"]
    shares = (agreed["producers_nano"], agreed["grid_nano"], agreed["operator_nano"])
    assert sum(shares) == agreed["paid_nano"]
    assert replayed.code == 0
    assert replayed.document["findings"] == []
    assert replayed.document["blocks_compared"] == settled.document["height"]


@pytest.mark.parametrize("rulebook", RULEBOOKS)
def test_the_same_day_on_every_chain(neighbourhood, rulebook: str) -> None:
    """Whichever chain it settles on, a day has the same trades and bills, line by line, to the unit.

    What passed through a wallet on the way is the chain's affair; what remains in it is not.  A bill's
    id is that of its settlement, which is for one chain.
    """
    days = {chain: neighbourhood(chain, rulebook) for chain in ("memory", "nem", "ethereum")}

    bills = {chain: day.document["bills"] for chain, day in days.items()}
    told = {chain: day.document["agreement"] for chain, day in days.items()}
    lines = {
        chain: [
            {name: bill[name] for name in bill if not name.startswith(CHAINS_OWN)} for bill in each
        ]
        for chain, each in bills.items()
    }
    kept = {
        chain: [bill["chain_received_wh"] - bill["chain_sent_wh"] for bill in each]
        for chain, each in bills.items()
    }
    assert lines["ethereum"] == lines["nem"] == lines["memory"]
    assert kept["ethereum"] == kept["nem"] == kept["memory"]
    for name in ("traded_wh", "billed_wh", "net_wh", "delivered_wh", "paid_nano"):
        assert told["ethereum"][name] == told["nem"][name] == told["memory"][name]


def test_for_people(sauma_run, files, tmp_path) -> None:
    """People get the steps, a table of bills, who gets what, and the line that all agree."""
    shown = sauma_run("settle", *files.options, "--chain", "memory", "--folder", tmp_path / "day")

    assert "3 participants, 3 prices, 3 readings (3 new)" in shown.out
    assert "1 interval by equal_shares" in shown.out
    assert (
        "of 1.50 EUR paid the producers get 1.20, the grid 0.225, the operator 0.075" in shown.out
    )
    assert "✓ chain, journal and bills agree to the Wh and the cent: 15.000 kWh" in shown.out
    assert "…" not in shown.out


@pytest.mark.parametrize("chain", ["memory", "nem"])
def test_the_same_command_again(sauma_process, files, tmp_path, chain: str) -> None:
    """In processes of their own: the second run finds all done and shows the same bills."""
    options = ("settle", *files.options, "--chain", chain, "--folder", tmp_path / "day", "--json")

    first, second = sauma_process(*options), sauma_process(*options)

    assert (first.code, second.code) == (0, 0)
    assert second.document == first.document


def test_more_of_the_same(sauma_run, files, tmp_path) -> None:
    """A second day's readings join the first's; what was settled stays as it was."""
    options = (
        "settle",
        *files.options,
        "--chain",
        "memory",
        "--folder",
        tmp_path / "day",
        "--json",
    )
    first = sauma_run(*options).document["bills"]
    readings = (files.folder / "readings").read_text()
    more = [line.replace("T10:", "T11:") for line in readings.splitlines()[1:]]

    files.write(readings=readings + "\n".join(more))
    both = sauma_run(*options).document["bills"]

    assert len(both) == 2 * len(first)
    assert facts([b for b in both if "T10:" in b["period_start"]]) == facts(first)


def test_a_folder_can_be_moved(sauma_run, files, tmp_path) -> None:
    """No file says where the folder is: moved, it can be replayed and gone on with."""
    sauma_run("settle", *files.options, "--folder", tmp_path / "here", "--until", "included")
    shutil.move(tmp_path / "here", tmp_path / "there")

    went_on = sauma_run("settle", "--folder", tmp_path / "there", "--json")

    assert went_on.code == 0
    assert {bill["status"] for bill in went_on.document["bills"]} == {"final"}
    assert sauma_run("replay", tmp_path / "there").code == 0


def test_intervals_that_are_not_over(sauma_run, files, tmp_path) -> None:
    """A reading of an interval that is not over yet is kept, and cleared when it is."""
    files.write(readings=(files.folder / "readings").read_text().replace("2026-", "2226-"))

    found = sauma_run(
        "settle", *files.options, "--chain", "memory", "--folder", tmp_path / "day", "--json"
    )

    assert found.code == 0
    assert found.document["bills"] == []


def test_who_cannot_send_holds_up_nobody_else(sauma_run, files, tmp_path) -> None:
    """A producer whose key is elsewhere is held, by name and with the reason; the others go on."""
    added = sauma_run("participant", "add", "roof", "--folder", tmp_path / "other", "--json")
    elsewhere = added.document["account"]
    roof = "643000000000000047"
    files.write(
        participants=(files.folder / "participants").read_text()
        + f"roof,{roof},lane,{elsewhere}\nshed,643000000000000054,lane,\n",
        readings=(files.folder / "readings").read_text()
        + f"{roof},2026-06-21T10:00:00Z,0,900\n643000000000000054,2026-06-21T10:00:00Z,800,0\n",
        prices=(files.folder / "prices").read_text()
        + "roof,lane,sell,0.05,2026-06-01T00:00:00Z\nshed,lane,buy,0.05,2026-06-01T00:00:00Z\n",
    )

    settled = sauma_run("settle", *files.options, "--folder", tmp_path / "day", "--json")

    assert settled.code == 1
    assert {held["authority"] for held in settled.document["held"]} == {"roof"}
    assert "sign" in settled.document["held"][0]["reason"]
    status = {bill["participant"]: bill["status"] for bill in settled.document["bills"]}
    assert status == {
        "test1": "final",
        "test3": "final",
        "test5": "final",
        "roof": "open",
        "shed": "open",
    }
