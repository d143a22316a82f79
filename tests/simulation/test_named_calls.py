"""Faults 16 to 24: the clock jumps, calls get lost, and what a node says is not so.

Whatever the fault, `finish` demands the end of an undisturbed run: nothing paid twice, nothing lost,
nothing booked that is not paid, the same balances and bills.
"""

from __future__ import annotations

import pytest

from sauma.chain import Word
from sauma.testing.simulation import Fault


@pytest.mark.parametrize("seconds", [-86_400, 86_400])
def test_16_the_wall_clock_jumps(stage, seconds):
    """The order is the journal's and time the chain's: a wrong clock of ours changes nothing."""
    stage.round()
    stage.clock.advance(seconds=seconds)

    stage.finish()


def test_17_the_node_cannot_be_reached(stage):
    """Without a node nothing happens, and nothing is lost by trying."""
    stage.one.line.is_down = True
    for _ in range(3):
        stage.round()
    assert stage.one.line.sent == []
    stage.one.line.is_down = False

    stage.finish()


@pytest.mark.parametrize("number", [0, 2])
def test_18_a_time_out_and_it_was_not_taken(stage, number):
    """No answer is no information: the same bytes again."""
    stage.one.line.next_faults.extend([None] * number + [Fault.REQUEST_LOST])

    stage.finish()


@pytest.mark.parametrize("number", [0, 2])
def test_19_a_time_out_and_it_was_taken(stage, number):
    """The same bytes again are known, and that is fine."""
    stage.one.line.next_faults.extend([None] * number + [Fault.ANSWER_LOST])

    stage.finish()


@pytest.mark.parametrize("number", [0, 2])
def test_20_the_node_says_yes_and_forgets(stage, number):
    """Sent again until a block shows it."""
    stage.one.line.next_faults.extend([None] * number + [Fault.FORGOTTEN])

    stage.finish()


@pytest.mark.parametrize("number", [0, 2])
def test_21_the_node_says_no_and_took_it(stage, number):
    """A refusal proves nothing: blocks decide."""
    stage.one.line.next_faults.extend([None] * number + [Fault.DENIED])

    stage.finish()


def test_22_the_node_knows_it_already(stage):
    """A second answer for the same bytes, neutral or known, is neither success nor failure."""
    stage.one.line.always = Fault.TWICE

    stage.finish()


def test_22_a_nonce_is_said_to_be_too_low(stage):
    """What has landed is refused when it is sent again, and that is no reason to sign anew."""
    stage.round()
    chain = stage.one.engine.venue.chain
    (first, *_) = stage.committed()
    answer = chain.broadcast(first)
    assert answer.word in (Word.KNOWN, Word.REJECTED)

    stage.finish()


def test_23_a_deadline_is_missed(stage):
    """What nobody included in time is signed anew when a final block proves it, and not before."""
    stage.one.line.always = Fault.FORGOTTEN
    stage.step()
    stage.world.pass_time(stage.world.validity_seconds + 1)
    stage.world.mine()
    first = set(stage.sent_ids())
    for _ in range(2):
        stage.round()
        assert set(stage.sent_ids()) == first
    stage.one.line.always = None

    stage.finish()


def test_24_the_node_refuses_for_a_while(stage):
    """A full pool, or a price it does not like: the same bytes are offered with every block."""
    stage.one.line.always = Fault.REFUSED
    for _ in range(4):
        stage.round()
    assert len(stage.sent_ids()) == len(set(stage.one.line.sent))
    stage.one.line.always = None

    stage.finish()
