"""Faults 26 to 34: transactions are forgotten, nodes lag, blocks are undone.

Whatever the fault, `finish` demands the end of an undisturbed run: nothing paid twice, nothing lost,
nothing booked that is not paid, the same balances and bills.
"""

from __future__ import annotations

import pytest

from sauma.errors import BadAnswer, Disagreement, SaumaError

FINALITY_BLOCKS = 4


def test_26_the_node_forgets_what_waits(stage):
    """What a full pool dropped is sent again."""
    stage.step()
    stage.world.evict(stage.sent_ids())

    stage.finish()


def test_27_a_deadline_passes_while_the_node_lags(stage):
    """Included, and the node does not show it: no new bytes before a final block later than the deadline."""
    stage.world.remember_state()
    stage.one.line.lags = True
    stage.step()
    sent = set(stage.sent_ids())
    stage.world.mine()
    stage.world.pass_time(2 * stage.world.validity_seconds)
    stage.clock.advance(seconds=2 * stage.world.validity_seconds)
    stage.world.mine(2)
    for _ in range(3):
        stage.step()
        assert set(stage.sent_ids()) == sent
    stage.one.line.lags = False

    stage.finish()


def test_28_the_node_does_not_show_what_is_confirmed(stage):
    """An empty answer is no information."""
    stage.step()
    stage.world.remember_state()
    stage.world.mine(2)
    stage.one.line.lags = True
    for _ in range(3):
        stage.step()
    stage.one.line.lags = False

    stage.finish()


def test_29_nodes_answer_from_different_heads(stage):
    """A balancer sends every other question to an old node: nothing is believed that does not fit."""
    for number in range(6):
        if number % 2 == 0:
            stage.world.remember_state()
        stage.one.line.lags = number % 2 == 1
        stage.round()
    stage.one.line.lags = False

    stage.finish()


@pytest.mark.parametrize("depth", [1, FINALITY_BLOCKS - 1])
def test_31_undone_blocks_give_back_what_they_had(stage, depth):
    """What was undone and waits again lands again; what was provisional is open until then."""
    stage.round()
    stage.world.mine(depth - 1) if depth > 1 else None
    stage.step()
    stage.world.roll_back(depth)
    stage.step()
    assert not stage.one.engine.moved

    stage.finish()


@pytest.mark.parametrize("depth", [1, FINALITY_BLOCKS - 1])
def test_33_undone_blocks_are_forgotten(stage, depth):
    """What was undone and forgotten is sent again, and lands at another height."""
    stage.round()
    stage.world.mine(depth - 1) if depth > 1 else None
    stage.step()
    stage.world.roll_back(depth)
    stage.world.evict(stage.sent_ids())
    stage.world.mine(depth)
    stage.step()
    assert not stage.one.engine.moved

    stage.finish()


def test_30_34_a_final_block_is_undone(stage):
    """What cannot be has happened, or the node follows another chain: said by name, and nothing is sent."""
    while not stage.one.engine.moved:
        stage.round()
    stage.world.mine(FINALITY_BLOCKS)
    stage.step()
    sent = len(stage.one.line.sent)
    _undo_for_good(stage.world, FINALITY_BLOCKS + 2)
    stage.world.mine(FINALITY_BLOCKS + 4)

    with pytest.raises((Disagreement, BadAnswer)):
        stage.one.engine.step()
    with pytest.raises(SaumaError):
        stage.one.engine.step()
    assert len(stage.one.line.sent) == sent


def _undo_for_good(world, blocks):
    chain = getattr(world, "chain", None)
    if chain is not None:
        chain.rollback(blocks, force=True)
    else:
        world.roll_back(blocks)
