"""Faults 25, 32, 35, 36, 39: too little, a nonce is taken, a call fails, amounts differ, unreadable events.

Whatever the fault, `finish` demands the end of an undisturbed run: nothing paid twice, nothing lost,
nothing booked that is not paid, the same balances and bills.
"""

from __future__ import annotations

import logging

import attrs
import pytest
import sqlalchemy as sa
from mischief import energy_of, move, set_paused

from sauma.errors import Disagreement, InvalidInput
from sauma.store import projections as p
from sauma.store import queries
from sauma.testing.simulation import Line
from sauma.testing.simulation.world import PARTICIPANTS


def test_25_somebody_has_too_little(stage, caplog):
    """What it would take from them is held and told, and not tried blindly; with enough again it is paid."""
    stage.step()
    stage.world.mine()
    units = energy_of(stage, "anna")
    beside = {move(stage, "anna", "dora", units)}
    with caplog.at_level(logging.WARNING, logger="sauma"):
        for _ in range(2):
            stage.round()
            sent = set(stage.sent_ids())
    progress = stage.one.engine.step()
    assert progress.held
    assert all(str(stage.world.account("anna")) in one.reason for one in progress.held)
    assert any(record.getMessage() == "batch_held" for record in caplog.records)
    assert set(stage.sent_ids()) == sent
    beside.add(move(stage, "dora", "anna", units))

    stage.finish(beside=beside)


def test_32_a_sibling_takes_the_nonce(stage):
    """Undone and forgotten, and its nonce taken by another: proved dead at finality, and paid once."""
    stage.round()
    stage.step()
    stage.world.mine()
    issuer = stage.world.account("@issuer")
    ours = next(one for one in stage.committed() if one.sender != issuer)
    stage.world.roll_back(1)
    stage.world.evict(stage.sent_ids())
    beside = sibling_of(stage, ours)
    stage.world.mine()

    stage.finish(beside=beside)
    states = {
        bytes(row.transaction_id): row.state
        for row in stage.one.engine.store.query(sa.select(p.transactions))
    }
    assert states[ours.transaction_id] == p.STATE_DEAD


def sibling_of(stage, ours):
    """Send something else with the nonce of a transaction; return the references that it bears."""
    chain = stage.world.venue(Line()).chain
    if hasattr(chain, "prepare_cancellation"):
        nonce = stage.one.engine.venue.codec.read(ours.raw).nonce
        chain.broadcast(chain.prepare_cancellation(ours.sender, nonce))
        return set()
    giver = next(name for name in PARTICIPANTS if stage.world.account(name) == ours.sender)
    return {move(stage, giver, "dora", 1), move(stage, "dora", giver, 1)}


def test_35_a_transaction_is_included_and_fails(stage):
    """It paid nothing and used up its nonce: when that is final, the same is signed anew."""
    stage.step()
    stage.world.evict(stage.sent_ids())
    set_paused(stage.world, True)
    stage.step()
    stage.world.mine()
    stage.step()
    failed = stage.one.engine.store.query(
        sa.select(p.transactions).where(p.transactions.c.succeeded.is_(False))
    )
    assert failed
    assert not stage.one.engine.moved
    set_paused(stage.world, False)

    stage.finish()


def test_36_the_chain_tells_another_amount(stage):
    """Another amount than was signed is a disagreement: nothing is billed by it, and nothing more is sent."""
    chain = stage.one.engine.venue.chain
    events = chain.events

    def false_events(since):
        page = events(since)
        return attrs.evolve(page, events=tuple(map(_one_more, page.events)))

    chain.events = false_events
    told = [_disagreement(stage) for _ in range(8)]
    sent = len(stage.one.line.sent)
    assert any(told)
    assert "was to move" in _disagreement(stage)
    assert "the chain says" in _disagreement(stage)

    assert len(stage.one.line.sent) == sent
    assert not stage.one.engine.moved


def test_39_an_event_makes_its_reader_fail(stage):
    """The cursor stays before it and nothing of it is written; read as it should be, it counts once."""
    stage.step()
    stage.world.mine()
    chain = stage.one.engine.venue.chain
    events = chain.events
    read_to, head = _read_to(stage), stage.one.engine.store.head_hash()

    chain.events = lambda since: _unreadable(events(since))
    for _ in range(3):
        with pytest.raises(InvalidInput, match="fee_units"):
            stage.one.engine.step()
    chain.events = events

    assert _read_to(stage) == read_to
    assert stage.one.engine.store.head_hash() == head
    stage.finish()


def _read_to(stage):
    """Return how far the store says that the chain was read."""
    with stage.one.engine.store.reading() as connection:
        return queries.chain_state(connection, stage.one.engine.venue.chain_id)


def _unreadable(page):
    """Return a page whose events name fees that no column holds."""
    assert page.events
    return attrs.evolve(
        page, events=tuple(attrs.evolve(event, fee_units=1 << 255) for event in page.events)
    )


def _disagreement(stage):
    """Return what a step disagrees about, and let a block come."""
    try:
        stage.one.engine.step()
    except Disagreement as error:
        return str(error)
    finally:
        stage.world.mine()
    return ""


def _one_more(event):
    """Return an event whose effects are one unit larger, whichever way they go."""
    return attrs.evolve(
        event,
        effects=tuple(
            attrs.evolve(each, delta_units=each.delta_units + (1 if each.delta_units > 0 else -1))
            for each in event.effects
        ),
    )
