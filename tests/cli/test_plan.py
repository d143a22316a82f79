"""What a plan takes, before anything is sent: of a described city, and of real files."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from sauma.store import Store
from sauma.store import projections as p


def test_a_described_city(sauma_run) -> None:
    """500,000 households by the hour: 69.4 hours unnetted at the full chain, 4,167 blocks, 50,000 XEM."""
    shown = sauma_run("plan", "--households", "500000")
    document = sauma_run(
        "plan", "--households", "500000", "--intervals-per-day", "24", "--json"
    ).document
    unnetted, *_, by_month = document["policies"]

    row = next(line.split() for line in shown.out.splitlines() if line.startswith("unnetted"))
    assert row[2:] == ["500,000", "4,167", "69.4", "83.3", "50,000.00", "6,944.4", "%"]
    assert (unnetted["transactions"], unnetted["blocks"]) == (500_000, 4_167)
    assert unnetted["seconds"] == 250_000
    assert unnetted["transactions_in_month"] == 30 * 12_000_000
    assert unnetted["fee_micro_xem"] == 50_000 * 10**6
    assert (by_month["netting"], by_month["period"]) == ("multilateral", "month")
    assert (by_month["anchors"], by_month["share_of_chain_ppm"] < 100_000) == (1, True)


def test_several_senders(sauma_run) -> None:
    """Two sending accounts fill every block: then only the chain is the limit."""
    (one, two) = (
        sauma_run("plan", "--households", "500000", "--senders", senders, "--json").document
        for senders in ("1", "2")
    )

    assert one["policies"][0]["seconds_of_senders"] == 300_000
    assert two["policies"][0]["seconds_of_senders"] == two["policies"][0]["seconds"]


@pytest.mark.parametrize("chain", ["nem", "memory"])
def test_what_is_planned_is_what_is_sent(sauma_run, files, tmp_path, chain) -> None:
    """Transactions, blocks' worth of fees: the forecast of the rulebook is what settling then signs."""
    anchored = 'anchor = "day"\nnetting_period = "day"\n' + (files.folder / "rulebook").read_text()
    files.write(rulebook=anchored)
    folder = tmp_path / "day"
    planned = sauma_run(
        "plan", *files.options, "--chain", chain, "--folder", folder, "--json"
    ).document
    left_nothing = not folder.exists()
    sauma_run("settle", *files.options, "--chain", chain, "--folder", folder)

    with Store.open(folder / "store.sqlite", read_only=True) as store, store.reading() as reading:
        fees = reading.execute(sa.select(p.transactions.c.fee_units_max)).scalars().all()
    assert left_nothing
    assert planned["rulebook"]["transactions"] == len(fees)
    assert planned["rulebook"]["fee_units"] == sum(fees)
    assert planned["rulebook"]["anchors"] == 1
    assert len(planned["policies"]) == 7
    assert planned["policies"][0]["netting"] == "none"
    assert all(isinstance(one["seconds"], int) for one in planned["policies"])


def test_what_is_settled_is_not_planned_again(sauma_run, settled_in_memory, bytes_of) -> None:
    """A folder that has nothing left to settle takes nothing, and stays as it is."""
    before = bytes_of(settled_in_memory)
    shown = sauma_run("plan", "--folder", settled_in_memory)

    assert shown.code == 0
    assert "0 transactions" in shown.out
    assert bytes_of(settled_in_memory) == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "say what to plan"),
        (["--households", "0"], "households 0 must be between 1"),
        (["--households", "9", "--senders", "0"], "senders 0 must be 1 or more"),
        (["--households", "9", "--partners", "11"], "partners 11 must be between"),
        (["--households", "9", "--readings", "r.csv"], "not both"),
        (["--readings", "r.csv"], "give all of --participants"),
    ],
)
def test_what_cannot_be_planned(sauma_run, tmp_path, arguments, says) -> None:
    """Wrong input is answered with what to give, and exit code 2."""
    shown = sauma_run("plan", *arguments, "--folder", tmp_path / "nothing")

    assert shown.code == 2
    assert says in shown.err
