"""Honest journals replay without a finding, whatever the neighbourhood went through."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from sauma.errors import InvalidInput
from sauma.memory import MemoryChain
from sauma.offers import Side
from sauma.rulebook import Delivery, Netting, Supplier
from sauma.store import projections as p

from .neighbours import (
    FLOWS,
    Neighbours,
    day_rulebook,
    every_rulebook,
    rulebook_of,
)


def _name(rulebook) -> str:
    return f"{rulebook.mechanism}-{rulebook.delivery.value}-{rulebook.netting.value}"


@pytest.mark.parametrize("rulebook", every_rulebook(), ids=_name)
def test_every_rulebook_replays_clean(tmp_path, rulebook):
    """Mechanism, delivery and netting make no difference: everything is recomputed and agrees."""
    neighbours = Neighbours(tmp_path / "store.sqlite", rulebook=rulebook).live()

    report = neighbours.replay()

    assert report.findings == ()
    assert report.notes == ()
    assert report.chain_compared
    assert report.head_hash == neighbours.engine.store.head_hash()
    assert report.tables_recomputed >= 4 + 4 + 2
    assert report.transactions_decoded == report.chain_events_compared > 0


def test_a_netted_day_replays_clean(tmp_path):
    """A settlement of many intervals is planned and billed again from all of them."""
    neighbours = Neighbours(tmp_path / "store.sqlite", rulebook=day_rulebook())
    for number in range(6):
        neighbours.read(number)
    neighbours.close(96)
    neighbours.finish()

    report = neighbours.replay()

    assert report.findings == ()
    assert report.tables_recomputed == 6 * 4 + 4 + 2 * 3


def test_an_unfinished_journal_replays_clean_at_every_round(tmp_path):
    """What is planned, signed, included or provisional contradicts nothing, in any of these states."""
    neighbours = Neighbours(tmp_path / "store.sqlite")
    neighbours.read(0)
    neighbours.close()
    reports = []
    for _ in range(9):
        neighbours.engine.step()
        if not neighbours.engine.finished:
            reports.append(neighbours.replay(offline=True))
        neighbours.chain.mine()

    assert [report.findings for report in reports] == [()] * len(reports)
    assert neighbours.engine.finished


def test_a_rollback_in_between_replays_clean(tmp_path):
    """What the chain took back is retracted, also when it comes again in other blocks."""
    neighbours = Neighbours(tmp_path / "store.sqlite")
    neighbours.read(0)
    neighbours.close()
    for _ in range(3):
        neighbours.engine.step()
        neighbours.chain.mine()
    neighbours.engine.step()
    neighbours.chain.rollback(2)
    neighbours.engine.step()
    middle = neighbours.replay()
    neighbours.finish()

    report = neighbours.replay()

    assert middle.findings == ()
    assert report.findings == ()


def test_blocks_undone_after_the_journal_ends_are_noted(tmp_path):
    """A reorganisation that the journal did not read yet accuses nobody: the rest is compared."""
    neighbours = Neighbours(tmp_path / "store.sqlite")
    neighbours.read(0)
    neighbours.close()
    for _ in range(3):
        neighbours.engine.step()
        neighbours.chain.mine()
    neighbours.engine.step()
    neighbours.chain.rollback(2)
    neighbours.chain.mine(3)

    report = neighbours.replay()

    assert report.findings == ()
    assert "the chain has it no more" in report.notes[0].explanation
    assert report.blocks_compared == 2


def test_buried_transactions_replay_clean(tmp_path):
    """A transaction that outlived its validity is dead, and its batch may be signed again."""
    chain = MemoryChain("main", validity_s=60)
    neighbours = Neighbours(tmp_path / "store.sqlite", chain=chain)
    neighbours.read(0)
    neighbours.close()
    neighbours.engine.step()
    chain.advance(600)
    chain.mine(8)
    neighbours.finish()

    report = neighbours.replay()

    assert len(neighbours.engine.store.query(sa.select(p.burials))) == 1
    assert report.findings == ()


def test_held_batches_and_late_accounts_replay_clean(tmp_path):
    """Who has no account holds up nobody else; what the account did before it was bound is outside."""
    chain = MemoryChain("main")
    neighbours = Neighbours(tmp_path / "store.sqlite", chain=chain, without_account=("cedar",))
    neighbours.read(0)
    neighbours.close()
    for _ in range(4):
        neighbours.engine.step()
        chain.mine()
    held = neighbours.replay()
    neighbours.engine.bind("cedar", chain.account("cedar"))
    neighbours.finish()
    neighbours.live((1,))

    report = neighbours.replay()

    assert held.findings == ()
    assert report.findings == ()


def test_corrections_offers_and_two_rulebooks_replay_clean(tmp_path):
    """Each interval follows the newest readings and the rulebook that was in force."""
    neighbours = Neighbours(tmp_path / "store.sqlite", rulebook=rulebook_of())
    neighbours.read(0)
    neighbours.read(0, version=2, more_wh=50)
    neighbours.post(0, "alder", Side.ASK, 500, 70_000)
    neighbours.close()
    neighbours.engine.publish(
        rulebook_of(
            version=2,
            netting=Netting.PER_PAIR,
            delivery=Delivery.ISSUER_DIRECT,
            mechanism="uniform_price",
            supplier=Supplier(name="supplier", sells_at_micro=170_000, buys_at_micro=30_000),
        )
    )
    neighbours.finish()
    neighbours.live((1,))

    report = neighbours.replay()

    assert report.findings == ()


def test_an_empty_journal_replays_clean(tmp_path):
    """A neighbourhood in which nothing happened has nothing to contradict."""
    neighbours = Neighbours(tmp_path / "store.sqlite")

    report = neighbours.replay()

    assert report.findings == ()
    assert report.blocks_compared == 0


def test_a_chain_that_moved_on_alone_replays_clean(tmp_path):
    """Blocks after the journal's last one, and what strangers do in them, are nobody's fault."""
    neighbours = Neighbours(tmp_path / "store.sqlite").live()
    neighbours.chain.mine(20)

    assert neighbours.replay().findings == ()


def test_the_same_folder_gives_the_same_report_to_the_byte(tmp_path):
    """Two auditors can compare their reports by a hash; machines can read them."""
    neighbours = Neighbours(tmp_path / "store.sqlite").live()

    first, second = neighbours.replay(), neighbours.replay()

    assert first.to_bytes() == second.to_bytes()
    facts = json.loads(first.to_bytes())
    assert facts["ok"] is True
    assert facts["findings"] == []
    assert facts["head_hash"] == neighbours.engine.store.head_hash().hex()
    assert facts["chain_compared"] is True


def test_two_worlds_with_the_same_facts_have_the_same_head(tmp_path):
    """Nothing but what was given decides the journal: the head hash stands for all of it."""
    heads = [
        Neighbours(tmp_path / f"{name}.sqlite").live().replay().head_hash for name in ("a", "b")
    ]

    assert heads[0] == heads[1]


def test_times_that_run_backwards_are_noted(tmp_path):
    """Clocks are set back; the order of the journal is its sequence, so this is no finding."""
    neighbours = Neighbours(tmp_path / "store.sqlite").live()
    neighbours.clock.advance(seconds=-60)
    neighbours.engine.register("dogwood")

    report = neighbours.replay()

    assert report.findings == ()
    assert report.notes[0].explanation == "is 60 s older than the entry before it"


def test_readings_after_clearing_are_refused_and_leave_no_trace(tmp_path):
    """What the engine refuses is not in the journal, so replay has nothing to say."""
    neighbours = Neighbours(tmp_path / "store.sqlite").live()
    with pytest.raises(InvalidInput):
        neighbours.read(0, version=2, flows=FLOWS, more_wh=1)

    assert neighbours.replay().findings == ()
