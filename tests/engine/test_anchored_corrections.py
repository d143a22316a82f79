"""Adjusting bills go under a root on the chain, and each can be proved by itself."""

from __future__ import annotations

import attrs
import pytest

from sauma.anchoring import BillProof, check_proof, check_proof_on_chain
from sauma.billing import BillStatus
from sauma.errors import Disagreement, InvalidInput
from sauma.memory import MemoryCodec
from sauma.replay import replay
from sauma.rulebook import Anchoring

from .town import Town, reading, seed_rulebook, work_folder

CODEC = MemoryCodec()
DAY_S = 86_400


@pytest.fixture(scope="module")
def town():
    """A day is final and anchored; Cleo's and Anna's readings were corrected, which is anchored too."""
    with work_folder() as folder:
        town = Town(folder, rulebook=seed_rulebook(anchor=Anchoring.DAY))
        town.sunny()
        town.plan()
        town.run()
        late = [reading("cleo", 2_001, 0, version=2), reading("anna", 200, 3_100, version=2)]
        town.engine.accept(late, late=True)
        town.clock.advance(seconds=DAY_S)
        town.engine.correct_due()
        town.clock.advance(seconds=DAY_S)
        town.run()
        yield town
        town.engine.close()


@pytest.fixture(scope="module")
def proof(town) -> BillProof:
    """The proof of Cleo's adjusting bill."""
    (one,) = town.engine.adjustments("cleo")
    return town.engine.prove(one.bill.bill_id)


def test_a_correction_is_anchored_in_the_period_in_which_it_was_made(town):
    """Its adjusting bills have a root of that day; the day that it corrects keeps its own."""
    first, second = town.engine.anchors()
    (made,) = {one.made_at for one in town.engine.adjustments()}

    assert second.period_start <= made < second.period_end
    assert first.period_end < second.period_start
    assert (first.bill_count, second.bill_count) == (4, 2)
    assert first.status is second.status is BillStatus.FINAL
    report = replay(town.engine.store, codec=CODEC, chain=town.chain)
    assert report.ok, report.findings


def test_an_adjusting_bill_is_proved_with_its_readings(town, proof):
    """Offline and on the chain, with the readings that are the reason, and nothing of Anna's."""
    (one,) = town.engine.adjustments("cleo")

    proven = check_proof_on_chain(BillProof.from_json(proof.to_json()), CODEC, town.chain)

    assert (proven.bill_id, proven.participant) == (one.bill.bill_id, "cleo")
    assert (proven.is_adjustment, proven.lines, proven.readings) == (True, 1, 1)
    assert proven.owed_cents == one.bill.owed_cents
    assert '"version": 2' in proof.to_json()
    assert "anna" not in proof.to_json()


@pytest.mark.parametrize("number", [0, 1, 2])
def test_no_fact_of_the_proof_can_be_changed(proof, number):
    """Every value of the bill, of a line and of a reading is held by a hash, a sum or an id."""
    row = proof.rows[number]
    for name, value in row.facts.items():
        if name == "row":
            continue
        changed = value + 1 if isinstance(value, int) else f"{value}x"
        facts = {**row.facts, name: changed}
        rows = [*proof.rows]
        rows[number] = attrs.evolve(row, facts=facts)

        with pytest.raises(Disagreement):
            check_proof(attrs.evolve(proof, rows=tuple(rows)), CODEC)


def test_sums_are_checked_even_if_all_hashes_fit(proof):
    """Who seals a proof anew must still make readings, lines and amounts say the same."""
    from sauma.anchoring.adjusted_checking import check_adjustment_sums

    bill, line, why = (dict(row.facts) for row in proof.rows)
    check_adjustment_sums(bill, [line], [why])

    for changed, word in (
        ((bill, {**line, "kind": "bought"}, why), "supplier alone"),
        ((bill, {**line, "amount_nano": 1}, why), "amount_nano"),
        ((bill, line, {**why, "imported_wh": 9}), "the lines settle"),
        (({**bill, "new_nano": 1}, line, why), "new_nano"),
        (({**bill, "owed_cents": 1}, line, why), "owed_cents"),
    ):
        with pytest.raises(Disagreement, match=word):
            check_adjustment_sums(changed[0], [changed[1]], [changed[2]])


def test_the_version_says_which_kind_of_bill(proof):
    """A proof of an adjusting bill that says version 1 is refused by name."""
    with pytest.raises(InvalidInput, match="is of adjusting bills"):
        BillProof.from_json(proof.to_json().replace('"version": 2', '"version": 1'))
