"""Anchors: a root over the bills of a period goes to the chain, is followed, and is sent again when lost."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from sauma.billing import BillStatus
from sauma.chain import Support
from sauma.errors import InvalidInput, Refused, StoreDamaged, UnknownName, Unsupported
from sauma.memory import MemoryChain, MemoryCodec
from sauma.proving import find_bill, prove_bill
from sauma.replay import replay
from sauma.rulebook import Anchoring, Netting, NettingPeriod, Rulebook
from sauma.store import vault
from sauma.venue import check_venue

from .town import quarter, seed_rulebook

DAILY = seed_rulebook(
    netting=Netting.MULTILATERAL, netting_period=NettingPeriod.DAY, anchor=Anchoring.DAY
)
TWO_AREAS = {"bert": "kortteli-2", "dora": "kortteli-2"}


def settled(make_town, rulebook=DAILY, **settings):
    """A town whose sunny quarters are settled, billed, anchored and final."""
    town = make_town(rulebook=rulebook, **settings)
    for number in range(3):
        town.sunny(number)
    town.plan()
    town.run()
    return town


def replayed(town):
    """What a replay of the town's journal against its chain finds."""
    return replay(town.engine.store, codec=MemoryCodec(), chain=town.chain)


def test_one_anchor_covers_every_bill_of_the_day(make_town):
    """The bills of all areas are under one root, which is on the chain and final when all is finished."""
    town = settled(make_town, areas=TWO_AREAS)
    (anchor,) = town.engine.anchors()
    bills = [one.bill.bill_id for one in town.engine.statements()]

    assert anchor.bill_count == len(bills) == 4
    assert anchor.status is BillStatus.FINAL
    assert (anchor.period_start, anchor.period_end) == DAILY.settlement_period(quarter())
    assert all(town.engine.prove(one).root == anchor.root for one in bills)
    assert replayed(town).ok
    assert town.rebuilt_equals_live()


def test_without_a_policy_nothing_is_anchored(make_town):
    """`anchor = none` plans no anchor, and a proof is refused by name."""
    town = settled(make_town, seed_rulebook())
    (first, *_) = town.engine.statements()

    assert town.engine.anchors() == ()
    with pytest.raises(Refused, match="unanchored: its rulebook anchors nothing"):
        town.engine.prove(first.bill.bill_id)


@pytest.mark.parametrize("anchor", [Anchoring.INTERVAL, Anchoring.DAY, Anchoring.MONTH])
def test_anchors_come_when_their_period_is_over(make_town, anchor):
    """Three quarters give three anchors by interval, one by day, and none before the month is over."""
    town = settled(make_town, seed_rulebook(anchor=anchor))
    before = len(town.engine.anchors())
    town.clock.advance(seconds=int(timedelta(days=31).total_seconds()))

    assert town.engine.finished is (anchor is not Anchoring.MONTH)
    town.run()

    assert before == {Anchoring.INTERVAL: 3, Anchoring.DAY: 1, Anchoring.MONTH: 0}[anchor]
    assert len(town.engine.anchors()) == max(before, 1)
    assert sum(one.bill_count for one in town.engine.anchors()) == len(town.engine.statements())
    assert replayed(town).ok


def test_what_is_billed_late_gets_an_anchor_of_its_own(make_town):
    """An area that was held up is not forgotten, and did not hold up the others."""
    town = make_town(rulebook=DAILY, areas=TWO_AREAS)
    town.meter(anna=(0, 2_000), cleo=(1_000, 0))
    town.plan()
    town.run()
    town.meter(bert=(0, 2_000), dora=(1_000, 0))
    town.plan()
    town.run()

    first, late = town.engine.anchors()
    assert (first.period_start, first.period_end) == (late.period_start, late.period_end)
    assert first.anchor_id != late.anchor_id
    assert replayed(town).ok


def test_an_anchor_that_is_rolled_back_is_sent_again(make_town):
    """After a reorganisation the bills are unanchored, and the same bytes go out again."""
    town = make_town(rulebook=DAILY)
    town.sunny()
    town.plan()
    while not (anchors := town.engine.anchors()) or anchors[0].block is None:
        town.engine.step()
        town.chain.mine()
    first = anchors[0].block
    undone = town.chain.head().newest.height - first.height + 1
    town.chain.rollback(undone)
    town.chain.drop(first.transaction_id)
    town.chain.mine(undone + 1)
    town.engine.step()

    (lost,) = town.engine.anchors()
    assert lost.status is BillStatus.OPEN
    with pytest.raises(Refused, match="in no block yet"):
        town.engine.prove(town.engine.statements()[0].bill.bill_id)
    town.run()
    (found,) = town.engine.anchors()
    assert found.status is BillStatus.FINAL
    assert found.block.transaction_id == first.transaction_id
    assert found.block.height > first.height
    assert replayed(town).ok


def test_an_anchor_that_can_never_land_is_signed_anew(make_town):
    """Bytes that are proved dead are buried, and the same root goes out in others."""
    town = make_town(rulebook=DAILY, chain=MemoryChain("main", validity_s=600))
    town.sunny()
    town.plan()
    forgotten: set[bytes] = set()
    while not (progress := town.engine.step()).buried:
        for raw in town.node.broadcasts:
            decoded = MemoryCodec().decode(raw)
            if decoded.anchored_roots:
                forgotten.add(decoded.transaction_id)
                town.chain.drop(decoded.transaction_id)
        town.chain.mine()
    town.run()

    (anchor,) = town.engine.anchors()
    assert progress.buried == len(forgotten) == 1
    assert anchor.status is BillStatus.FINAL
    assert anchor.block.transaction_id not in forgotten
    assert replayed(town).ok


def test_a_change_of_rulebook_anchors_only_what_the_new_one_settled(make_town):
    """Bills by a rulebook that anchors nothing stay so, also when the next one anchors."""
    town = settled(make_town, seed_rulebook())
    town.engine.publish(seed_rulebook(version=2, anchor=Anchoring.DAY))
    town.sunny(7)
    town.plan()
    town.run()

    (anchor,) = town.engine.anchors()
    assert anchor.bill_count == 4
    assert len(town.engine.statements()) == 16
    assert replayed(town).ok


def test_a_rulebook_without_an_anchor_keeps_the_hash_it_had():
    """What came later is no part of an older rulebook: its hash is the one that journals have."""
    rulebook = seed_rulebook()

    assert rulebook.rulebook_hash.hex() == (
        "041df1ceef386fb195ff095d7b7d9dc1f661c200ec50c28949d7961ff5e7fe37"
    )
    assert Rulebook.from_facts(rulebook.to_facts()) == rulebook
    assert Rulebook.from_facts(DAILY.to_facts()) == DAILY
    assert DAILY.rulebook_hash != attrs.evolve(DAILY, anchor=Anchoring.NONE).rulebook_hash


@pytest.mark.parametrize(
    ("netting_period", "anchor"),
    [("day", "interval"), ("month", "day"), ("month", "interval")],
)
def test_bills_that_are_not_made_cannot_be_anchored(netting_period, anchor):
    """An anchor period shorter than the netting period is refused, with both named."""
    with pytest.raises(InvalidInput, match=f"anchor '{anchor}' is shorter than netting_period"):
        seed_rulebook(netting_period=NettingPeriod(netting_period), anchor=Anchoring(anchor))


def test_a_chain_that_cannot_anchor_is_refused(town):
    """The rulebook is checked against what the chain declares before anything is written."""
    capabilities = attrs.evolve(town.chain.capabilities, anchor=Support.ABSENT)
    chain = _Declaring(town.chain, capabilities)

    with pytest.raises(Unsupported, match=r"needs \['anchor'\]"):
        check_venue(DAILY, attrs.evolve(town.venue, chain=chain))


class _Declaring:
    """A chain that declares other capabilities."""

    def __init__(self, chain, capabilities):
        self.chain_id = chain.chain_id
        self.capabilities = capabilities


def test_a_bill_is_found_by_the_beginning_of_its_id(make_town):
    """Eight digits are enough where they belong to one bill; others are refused with the remedy."""
    town = settled(make_town)
    bill_id = town.engine.statements()[0].bill.bill_id
    with town.engine.store.reading() as connection:
        assert find_bill(connection, bill_id.hex()[:8]) == bill_id
        assert find_bill(connection, bill_id.hex().upper()) == bill_id
        for name in ("", "anna", bill_id.hex()[:7], bill_id.hex() + "0"):
            with pytest.raises(InvalidInput, match="is no bill id"):
                find_bill(connection, name)
        with pytest.raises(UnknownName, match="0 bills"):
            find_bill(connection, "0" * 64)
        with pytest.raises(UnknownName, match="there is no bill"):
            prove_bill(connection, bytes(32))


def test_an_erased_key_ends_the_proofs_and_is_a_finding(make_town):
    """Whoever erases an anchor's key erases what can be proved, and a replay says so."""
    town = settled(make_town)
    bill_id = town.engine.statements()[0].bill.bill_id
    (anchor,) = town.engine.anchors()
    with town.engine.store.transaction() as transaction:
        assert vault.erase_item(transaction.connection, "anchor", anchor.anchor_id.hex())

    with pytest.raises(StoreDamaged, match="does not hold the key of anchor"):
        town.engine.prove(bill_id)
    assert "the vault does not hold the key" in str(replayed(town).findings[0])


def test_bills_that_wait_for_their_anchor_are_noted(make_town):
    """A replay notes what is not anchored yet, and finds no fault with it."""
    town = settled(make_town, seed_rulebook(anchor=Anchoring.MONTH))
    report = replayed(town)

    assert report.ok
    assert any("not anchored yet" in str(note) for note in report.notes)
