"""From a folder to the proof of a bill, and to a verdict: 0 it holds, 1 it is wrong, 2 it cannot be told."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from sauma_cli.__main__ import run

from .conftest import PARTICIPANTS, PRICES, READINGS, RULEBOOK, Files

ANCHORED = 'anchor = "day"\nnetting = "multilateral"\nnetting_period = "day"\n' + RULEBOOK


def settle_anchored(place: Path, chain: str) -> Path:
    """Settle the seed's scenario, netted through the clearing account, its bills anchored by day."""
    given = Files(folder=place / "files")
    given.folder.mkdir()
    given.write(participants=PARTICIPANTS, readings=READINGS, prices=PRICES, rulebook=ANCHORED)
    with redirect_stdout(StringIO()) as shown:
        options = ["--folder", str(place / "day"), "--chain", chain]
        assert run(["settle", *given.options, *options]) == 0
    assert "anchor     1 root over 3 bills: 1 final" in shown.getvalue()
    return place / "day"


@pytest.fixture(scope="module")
def anchored(tmp_path_factory) -> Path:
    """A folder that is settled and anchored on NEM, not to be changed."""
    return settle_anchored(tmp_path_factory.mktemp("nem"), "nem")


@pytest.fixture(scope="module")
def anchored_on_ethereum(tmp_path_factory) -> Path:
    """The same on a contract."""
    return settle_anchored(tmp_path_factory.mktemp("ethereum"), "ethereum")


def proof_of(sauma_run, folder: Path, target: Path, participant: str = "test3") -> Path:
    """Have a participant's only bill proven."""
    shown = sauma_run("bills", "--folder", folder, "--participant", participant)
    bill = next(
        line.split()[1]
        for line in shown.out.splitlines()
        if line.split()[:1] == ["bill"] and len(line.split()) == 2
    )
    proven = sauma_run("prove", bill, "--folder", folder, "--to", target, "--json")
    assert proven.code == 0, proven.err
    assert proven.document["path_bytes"] < 1024
    return target


@pytest.mark.parametrize("place", ["anchored", "anchored_on_ethereum"])
def test_a_bill_is_proven_and_verified(request, sauma_run, place, tmp_path) -> None:
    """The proof holds offline and against the chain, and names who signed the anchor."""
    anchored = request.getfixturevalue(place)
    proof = proof_of(sauma_run, anchored, tmp_path / "proof.json")
    offline = sauma_run("verify", proof)
    online = sauma_run("verify", proof, "--folder", anchored, "--json")

    assert offline.code == 0
    assert "✓ the bill of test3 in street" in offline.out
    assert "name a node with --node" in offline.out
    assert online.code == 0
    assert online.document["block_checked"] is True
    assert (online.document["owed_cents"], online.document["trades"]) == (75, 1)
    assert sauma_run("verify", proof, "--signer", online.document["signer"]).code == 0
    assert sauma_run("replay", anchored).code == 0


def test_a_changed_proof_is_wrong_and_says_where(sauma_run, anchored, tmp_path) -> None:
    """Exit code 1 with the first wrong thing, offline for what the bytes say, online for the block."""
    proof = proof_of(sauma_run, anchored, tmp_path / "proof.json")
    document = json.loads(proof.read_text())
    document["rows"][1]["facts"]["amount_nano"] -= 1
    proof.write_text(json.dumps(document))
    offline = sauma_run("verify", proof)
    document["rows"][1]["facts"]["amount_nano"] += 1
    document["anchor"]["block_time"] += 1
    proof.write_text(json.dumps(document))
    online = sauma_run("verify", proof, "--folder", anchored, "--json")

    assert (offline.code, online.code) == (1, 1)
    assert "wrong: rows[1]" in offline.out
    assert online.document["verdict"] == "wrong"
    assert online.document["finding"].startswith("block_time: ")
    other = json.loads(proof.read_text())["chain"]["chain_id"] + ":" + "A" * 40
    assert sauma_run("verify", proof, "--signer", other).code == 1


def test_what_cannot_be_told_is_neither_right_nor_wrong(sauma_run, anchored, tmp_path) -> None:
    """Exit code 2: no file, no proof, another version, no chain to ask, a node that is silent."""
    proof = proof_of(sauma_run, anchored, tmp_path / "proof.json")
    (tmp_path / "text").write_text("no proof")
    (tmp_path / "later").write_text(proof.read_text().replace('"version": 1', '"version": 9', 1))
    silent = ["--node", "http://127.0.0.1:9", "--timeout", "0.2"]
    outcomes = [
        sauma_run("verify", tmp_path / "nowhere"),
        sauma_run("verify", tmp_path / "text"),
        sauma_run("verify", tmp_path / "later"),
        sauma_run("verify", proof, *silent),
        sauma_run("verify", proof, "--folder", tmp_path),
        sauma_run("verify", proof, "--folder", anchored, *silent),
        sauma_run("verify", proof, "--signer", "nobody"),
    ]

    assert [one.code for one in outcomes] == [2] * len(outcomes)
    assert all("unverifiable" in one.out for one in outcomes)


def test_a_bill_that_is_not_anchored(sauma_run, settled_in_memory, tmp_path) -> None:
    """Exit code 1 and the reason; an id that is none is wrong input."""
    (bill, *_) = sauma_run("bills", "--folder", settled_in_memory, "--json").document["bills"]
    refused = sauma_run("prove", bill["bill_id"], "--folder", settled_in_memory)

    assert refused.code == 1
    assert "unanchored" in refused.err
    assert sauma_run("prove", "anna", "--folder", settled_in_memory).code == 2
    assert sauma_run("prove", "0" * 16, "--folder", settled_in_memory).code == 2
    assert sauma_run("prove", "0" * 16, "--folder", tmp_path).code == 2


def test_where_a_proof_cannot_be_written(sauma_run, anchored, tmp_path) -> None:
    """A folder and a place that is not there are refused with the name."""
    (bill, *_) = sauma_run("bills", "--folder", anchored, "--json").document["bills"]

    assert sauma_run("prove", bill["bill_id"], "--folder", anchored, "--to", tmp_path).code == 2
    missing = sauma_run(
        "prove", bill["bill_id"], "--folder", anchored, "--to", tmp_path / "no" / "where"
    )
    assert missing.code == 1
    assert "cannot write" in missing.err
