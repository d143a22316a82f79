"""Whatever the node does and wherever the process dies: everything is paid exactly once."""

from __future__ import annotations

import logging

import attrs
import pytest
import sqlalchemy as sa

from sauma.chain import ChainEvent, Effect
from sauma.dispatch import outbox
from sauma.errors import Disagreement, InsufficientBalance, StoreBusy
from sauma.identifiers import content_id
from sauma.memory import MemoryChain
from sauma.store import projections as p

from .faulty import Fault
from .town import Town


def check_as(calm: Town, town: Town) -> None:
    """Balances and bills are those of the undisturbed run, and no batch has two living payments."""
    assert town.balances() == calm.balances()
    assert town.bills() == calm.bills()
    with town.engine.store.reading() as connection:
        carried = connection.execute(
            sa.select(p.transaction_batches.c.batch_id, sa.func.count())
            .join(
                p.transactions,
                p.transactions.c.transaction_id == p.transaction_batches.c.transaction_id,
            )
            .where(p.transactions.c.state == p.STATE_FINAL)
            .group_by(p.transaction_batches.c.batch_id)
        ).all()
    assert all(count == 1 for _, count in carried)
    assert town.rebuilt_equals_live()


BROADCASTS = 3
"""The sunny quarter takes three: an issue, and a transfer of each seller."""


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("number", range(BROADCASTS))
def test_any_fault_of_any_broadcast(sunny, calm, fault, number):
    """A node that forgets, denies, refuses, loses or doubles, and a death before or after sending."""
    sunny.node.faults.extend([None] * number + [fault])

    sunny.run()

    check_as(calm, sunny)
    assert len({*sunny.node.broadcasts}) == BROADCASTS


@pytest.mark.parametrize("fault", [Fault.DENY, Fault.LOSE_ANSWER, Fault.TWICE])
def test_a_node_that_never_tells_the_truth(sunny, calm, fault):
    """A word of the node decides nothing: blocks do."""
    sunny.node.always = fault

    sunny.run()

    check_as(calm, sunny)


def test_a_node_that_refuses_for_days(sunny, calm):
    """Refused again and again, the same bytes are offered with every block, and never new ones."""
    sunny.node.always = Fault.REFUSE
    for _ in range(10):
        sunny.step()
        sunny.chain.mine()
    signed = len(sunny.node.prepared)
    sunny.node.always = None

    sunny.run()

    assert signed == 1
    assert len(sunny.node.prepared) == BROADCASTS
    check_as(calm, sunny)


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_death_while_committing(sunny, calm, at):
    """Bytes that were signed and not committed were never sent: they are made anew."""
    sunny.dies_at_salt = sunny.salts + at

    sunny.run()

    assert len(sunny.node.prepared) > BROADCASTS
    check_as(calm, sunny)


@pytest.mark.parametrize("block", range(1, 9))
def test_a_death_between_reading_and_committing(sunny, calm, block):
    """A page that was read and not committed is read again: the cursor did not move without it."""
    for _ in range(block):
        sunny.step()
        sunny.chain.mine()
    sunny.node.dies_after_events = True

    sunny.run()

    check_as(calm, sunny)


def test_what_expired_is_signed_anew_when_that_is_proved(make_town, calm):
    """A transaction nobody included dies with its validity, at finality; then, not before, come new bytes."""
    town = make_town(chain=MemoryChain("main", validity_s=300))
    town.sunny()
    town.plan()
    town.node.always = Fault.FORGET
    town.step()
    first = len(town.node.prepared)
    town.chain.advance(300)
    buried = 0
    while not buried:
        assert len(town.node.prepared) == first
        buried = town.engine.step().buried
        town.chain.mine()
    head = town.chain.head()
    town.node.always = None

    assert head.final_height > 1
    assert len(town.node.prepared) == first + 1
    town.run()
    assert town.balances() == calm.balances()


def test_what_is_not_proved_dead_is_never_replaced(make_town):
    """Refused, forgotten and expired by the newest block, but not by a final one: the same bytes, for now."""
    town = make_town(chain=MemoryChain("main", validity_s=300, finality_blocks=50))
    town.sunny()
    town.plan()
    town.node.always = Fault.REFUSE
    for _ in range(30):
        town.step()
        town.chain.mine()

    assert len(town.node.prepared) == 1


def test_another_process_has_the_lane(sunny, calm):
    """While another's lease runs the lane is held up and says by whom; when it ends, work goes on."""
    chain_id, issuer = sunny.chain.chain_id, sunny.chain.account("issuer")
    lane = sunny.engine.store.acquire_lane(chain_id, issuer, "other", sunny.clock.now(), 60)

    (held,) = sunny.engine.step().held

    assert held.authority == "@issuer"
    assert "other sends for memory:main:issuer" in held.reason
    assert not sunny.node.prepared
    sunny.clock.advance(seconds=61)
    sunny.run()
    with pytest.raises(StoreBusy, match="no more by other"):
        sunny.engine.store.renew_lane(lane, sunny.clock.now(), 60)
    check_as(calm, sunny)


def test_a_process_that_slept_is_fenced_off(sunny, calm):
    """Its lease ran out while it signed: another one signed and sent, and it commits nothing."""
    other = sunny.open(holder="other")
    real = sunny.node.prepare

    def slow(batches, **settings):
        prepared = real(batches, **settings)
        sunny.node.prepare = real
        sunny.clock.advance(seconds=outbox.LEASE_S + 1)
        assert other.step().signed == 1
        return prepared

    sunny.node.prepare = slow
    progress = sunny.engine.step()
    other.close()

    assert progress.signed == 0
    assert "the lane of" in progress.held[0].reason
    sunny.run()
    check_as(calm, sunny)


def test_what_another_process_signed_meanwhile_is_not_signed_again(sunny, calm, monkeypatch):
    """Between looking and having the lane, another process did the work: nothing is left to do."""
    other = sunny.open(holder="other")
    real = outbox.Dispatch._lane

    def late(*arguments):
        monkeypatch.undo()
        assert other.step().signed == 1
        return real(*arguments)

    monkeypatch.setattr(outbox.Dispatch, "_lane", late)
    progress = sunny.engine.step()
    other.close()

    assert (progress.signed, progress.held) == (0, ())
    sunny.run()
    check_as(calm, sunny)


def test_two_processes_take_turns(sunny, calm):
    """Two engines on one store step alternately: nothing is paid twice."""
    other = sunny.open(holder="other")
    for _ in range(12):
        sunny.engine.step()
        other.step()
        sunny.chain.mine()
    other.close()

    sunny.run()
    check_as(calm, sunny)


def test_a_copy_without_its_last_entries_pays_nothing_twice(sunny, calm):
    """A store restored from before the payments finds them on the chain, by their references."""
    sunny.engine.close()
    old = (sunny.folder / "store.sqlite").read_bytes()
    sunny.engine = sunny.open()
    for _ in range(4):
        sunny.step()
        sunny.chain.mine()
    sunny.engine.close()
    for left in sunny.folder.glob("store.sqlite-*"):
        left.unlink()
    (sunny.folder / "store.sqlite").write_bytes(old)
    sunny.engine = sunny.open()

    sunny.run()

    assert len({*sunny.node.broadcasts}) == BROADCASTS
    assert sunny.balances() == calm.balances()
    assert sunny.bills() == calm.bills()


def test_a_stranger_who_copies_a_reference_changes_nothing(sunny, calm):
    """Anybody can write our reference into a transaction; only ours count."""
    mallory = sunny.chain.account("mallory")
    gift = Effect(account=mallory, asset=sunny.venue.energy_asset, delta_units=1)
    page = sunny.node.events
    copied: list[ChainEvent] = []

    def with_copies(since):
        found = page(since)
        copies = [
            attrs.evolve(
                event,
                transaction_id=content_id("copy", event.transaction_id),
                fee_payer=mallory,
                effects=(gift,),
            )
            for event in found.events
        ]
        copied.extend(copies)
        return attrs.evolve(found, events=(*copies, *found.events))

    sunny.node.events = with_copies
    sunny.run()

    assert len(copied) == BROADCASTS
    check_as(calm, sunny)


def test_a_payment_that_is_on_the_chain_twice_is_told(sunny):
    """A chain that carries a batch in two of our transactions is a disagreement, and nothing more is sent."""
    page = sunny.node.events

    def doubled(since):
        found = page(since)
        again = [
            attrs.evolve(one, transaction_id=content_id("again", one.transaction_id))
            for one in found.events
        ]
        return attrs.evolve(found, events=(*found.events, *again))

    sunny.node.events = doubled
    sunny.step()
    sunny.chain.mine()
    signed = len(sunny.node.prepared)

    with pytest.raises(Disagreement, match="on the chain twice"):
        sunny.engine.step()
    assert len(sunny.node.prepared) == signed


@pytest.mark.parametrize("field", ["recipient", "units"])
def test_an_adapter_that_signs_something_else_is_stopped(sunny, field):
    """Bytes that move another amount, or to somebody else, than was asked never leave the house."""
    real = sunny.node.prepare

    def crooked(batches, **settings):
        change = {"recipient": sunny.chain.account("mallory"), "units": 1}[field]
        bent = [
            attrs.evolve(
                batch,
                instructions=tuple(
                    attrs.evolve(one, **{field: change}) for one in batch.instructions
                ),
            )
            for batch in batches
        ]
        return real(bent, **settings)

    sunny.node.prepare = crooked
    head = sunny.engine.store.head_sequence()

    with pytest.raises(Disagreement, match="the adapter is at fault"):
        sunny.engine.step()

    assert not sunny.node.broadcasts
    kinds = {entry.kind for entry in sunny.engine.store.entries(head)}
    assert outbox.TRANSACTIONS_SIGNED not in kinds


def test_one_refused_batch_does_not_hold_up_its_lane(make_town):
    """An adapter that refuses a whole prefix because of one batch in it: the others still leave."""
    town = make_town(chain=MemoryChain("main", batch_instructions_max=1))
    town.sunny()
    town.plan()
    real = town.node.prepare
    bad: set[bytes] = set()

    def fussy(batches, **settings):
        if not bad:
            bad.add(batches[-1].batch_id)
        for batch in batches:
            if batch.batch_id in bad:
                raise InsufficientBalance("no money for this one: supply it")
        return real(batches, **settings)

    town.node.prepare = fussy
    progress = town.engine.step()

    assert progress.signed == 1
    assert [one.batch_id for one in progress.held] == sorted(bad)
    town.node.prepare = real
    town.run()


def test_logging_is_left_to_the_host(sunny, caplog, capsys):
    """Events go to the standard library's loggers with keys; nothing is printed, no raw byte is logged."""
    caplog.set_level(logging.INFO, logger="sauma")
    sunny.run()

    sent = [record for record in caplog.records if record.getMessage() == "transaction_sent"]
    assert len(sent) == BROADCASTS
    assert sent[0].word == "accepted"
    assert capsys.readouterr() == ("", "")
    raws = {raw.hex() for raw in sunny.node.broadcasts}
    assert not any(raw in str(vars(record)) for record in caplog.records for raw in raws)
