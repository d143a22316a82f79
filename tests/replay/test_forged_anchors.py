"""A forger at work on anchors: whatever is changed and sealed anew, the bills and the signed bytes tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from sauma.replay import replay
from sauma.rulebook import Anchoring

from .forger import Forger, mutated
from .neighbours import CODEC, Neighbours, rulebook_of


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory) -> Neighbours:
    """Two intervals, each settled, anchored and final."""
    path = tmp_path_factory.mktemp("anchored") / "store.sqlite"
    return Neighbours(path, rulebook=rulebook_of(anchor=Anchoring.INTERVAL)).live((0, 1))


def findings_of(neighbours: Neighbours, tmp_path: Path, change) -> list[str]:
    """What a replay finds in the journal with a change to the entry of its first anchor."""
    forger = Forger(neighbours.engine.store)
    change(forger, forger.of_kind("anchor_planned")[0])
    store = forger.write(tmp_path / "forged.sqlite")
    try:
        report = replay(store, codec=CODEC, chain=neighbours.chain)
    finally:
        store.close()
    return [str(one) for one in report.findings]


def test_an_honest_journal_has_two_anchors(neighbours):
    """What the forgers below start from is clean."""
    report = neighbours.replay()

    assert report.ok, report.findings
    assert len(neighbours.engine.anchors()) == 2


@pytest.mark.parametrize(
    "column",
    [
        "anchor_id",
        "chain_id",
        "period_start",
        "period_end",
        "bill_count",
        "row_count",
        "root",
        "batch_id",
        "authority",
    ],
)
def test_a_changed_anchor_is_found(neighbours, tmp_path, column):
    """Each column of an anchor follows from the bills and the key."""

    def change(_, entry):
        entry.row("anchors")[column] = mutated(entry.row("anchors")[column])

    (finding,) = findings_of(neighbours, tmp_path, change)
    assert "entry" in finding


def test_a_bill_left_out_is_found(neighbours, tmp_path):
    """An anchor covers every bill that waits for one: a bill that is left out is missed."""

    def change(_, entry):
        entry.rows["anchored_bills"].pop()

    (finding,) = findings_of(neighbours, tmp_path, change)
    assert "anchored_bills" in finding


def test_another_key_is_found(neighbours, tmp_path):
    """The key is committed to by its digest, and makes the root."""

    def change(_, entry):
        entry.row("anchor_keys")["key_digest"] = mutated(entry.row("anchor_keys")["key_digest"])

    (finding,) = findings_of(neighbours, tmp_path, change)
    assert "does not hold the key of anchor" in finding


def test_an_anchor_that_was_never_planned_is_found(neighbours, tmp_path):
    """Signed bytes that anchor what the journal does not plan belong to no batch."""

    def change(forger, entry):
        forger.entries.remove(entry)

    findings = findings_of(neighbours, tmp_path, change)
    assert "never planned" in findings[0] or "anchored roots" in findings[0]


def test_a_second_anchor_for_the_same_bills_is_found(neighbours, tmp_path):
    """Bills are anchored once: a second anchor of them has nothing to cover."""

    def change(forger, entry):
        forger.entries.insert(forger.entries.index(entry) + 1, entry)

    (finding,) = findings_of(neighbours, tmp_path, change)
    assert "no bills wait for an anchor" in finding
