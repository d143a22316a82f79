"""The faults that concern a sender, one by one, on every adapter on which they can occur.

Whatever the fault, `finish` demands the end of an undisturbed run: nothing paid twice, nothing lost,
nothing booked that is not paid, the same balances and bills.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from sauma.chain import Word
from sauma.dispatch.outbox import LEASE_S
from sauma.errors import BadAnswer, Disagreement, SaumaError, StoreDamaged, StoreError
from sauma.testing.simulation import DiskFault, Fault
from sauma.testing.simulation.disk import in_thread
from sauma.testing.simulation.moments import (
    AFTER_ANSWER,
    AFTER_BROADCAST,
    BEFORE_BROADCAST,
    BEFORE_COMMIT,
    passing_through,
)

FINALITY_BLOCKS = 4
COMMITS_OF_A_STEP = 6


def bad_disk(stage, fault, commits):
    """Have the first process step with a disk that fails at a commit; return what it raised."""
    engine, moments = stage.one.engine, stage.one.line.moments
    moments.will_break(commits, fault)
    with passing_through(moments), pytest.raises(StoreError) as raised:
        in_thread(engine.step)
    assert moments.disk_has_failed
    return raised.value


@pytest.mark.parametrize("commit", range(1, COMMITS_OF_A_STEP + 1))
def test_01_02_a_death_before_a_commit(stage, commit):
    """Before it is committed nothing exists, and nothing of it was sent: it is made anew."""
    stage.one.line.moments.will_die(commit, at=BEFORE_COMMIT)
    stage.step()

    stage.finish()


def test_03_a_death_between_commit_and_broadcast(stage):
    """What was signed and not sent leaves with the next life, byte for byte."""
    stage.one.line.moments.will_die(1, at=BEFORE_BROADCAST)
    stage.step()
    assert stage.one.deaths == 1
    assert stage.one.line.sent == []

    stage.finish()


@pytest.mark.parametrize("fault", [Fault.REQUEST_LOST, Fault.ANSWER_LOST])
def test_04_a_death_during_the_call(stage, fault):
    """Whether the request arrived nobody knows: the same bytes are sent again."""
    stage.one.line.next_faults.append(fault)
    stage.one.line.moments.will_die(1, at=AFTER_BROADCAST)
    stage.step()
    assert stage.one.deaths == 1

    stage.finish()


def test_05_a_death_after_the_node_took_it(stage):
    """What the node has and nobody noted is sent again, and stands there once."""
    stage.one.line.moments.will_die(1, at=AFTER_BROADCAST)
    stage.step()
    assert stage.one.deaths == 1

    stage.finish()


@pytest.mark.parametrize("answer", [1, 3])
def test_06_a_death_between_reading_and_noting(stage, answer):
    """What was seen and not committed is seen again: the cursor did not pass it."""
    stage.round()
    stage.one.line.moments.will_die(answer, at=AFTER_ANSWER)
    stage.step()

    stage.finish()


@pytest.mark.parametrize("commit", [1, 2])
def test_07_a_death_between_finality_and_the_books(stage, commit):
    """The final block and the bills that follow from it: both are found again."""
    stage.round()
    stage.step()
    stage.world.mine(FINALITY_BLOCKS)
    stage.one.line.moments.will_die(commit, at=BEFORE_COMMIT)
    stage.step()

    stage.finish()


def test_08_a_process_that_dies_at_the_same_place_again_and_again(stage):
    """Five deaths at the same commit leave nothing behind that a sixth life would stumble over."""
    for _ in range(5):
        stage.one.line.moments.will_die(3, at=BEFORE_COMMIT)
        stage.step()

    stage.finish()


def test_09_two_processes_on_one_store(stage):
    """Two that take turns at every step pay what one would."""
    for _ in range(4):
        stage.two.step()
        stage.round()

    stage.two.end()
    stage.finish()


@pytest.mark.parametrize("question", [4, 7])
def test_10_a_stale_process_wakes(stage, question):
    """Its lease ran out while it waited for the node, another one did the work: it commits nothing."""
    questions = []

    def while_it_waits(deliver, ask=stage.one.line.ask):
        questions.append(deliver)
        if len(questions) == question:
            stage.clock.advance(seconds=LEASE_S + 1)
            stage.two.step()
        return ask(deliver)

    if hasattr(stage.world, "asked_by"):
        asked_by = stage.world.asked_by

        def overtaken(line):
            if line is stage.one.line:
                while_it_waits(lambda: None, lambda deliver: deliver())
            asked_by(line)

        stage.world.asked_by = overtaken
    else:
        stage.one.line.ask = while_it_waits
    stage.step()
    stage.two.end()

    stage.finish()


@pytest.mark.parametrize("commit", [1, 3, 4])
def test_11_the_disk_is_full(stage, commit):
    """A commit without room fails by name, nothing of it is sent; with room again the same engine goes on."""
    error = bad_disk(stage, DiskFault.FULL, commit)
    assert "full" in str(error)

    stage.finish()


@pytest.mark.parametrize("commit", [1, 3, 4])
def test_12_the_disk_could_not_write(stage, commit):
    """After a failed fsync nothing is written any more until the store is opened anew."""
    engine = stage.one.engine
    bad_disk(stage, DiskFault.BROKEN, commit)

    with pytest.raises(StoreError, match="the disk failed before"), engine.store.transaction():
        pytest.fail("a store whose disk failed gives a transaction")
    stage.one.end()
    stage.finish()


@pytest.mark.parametrize("bit", [0, 400])
def test_13_a_bit_of_stored_bytes_is_flipped(stage, bit):
    """Bytes that are not those that were committed are refused before they are sent."""
    stage.one.line.always = Fault.REQUEST_LOST
    stage.step()
    stage.world.mine()
    sent = len(stage.one.line.sent)
    with closing(sqlite3.connect(stage.path)) as raw:
        ((key, content),) = raw.execute(
            "SELECT key, content FROM vault WHERE kind = 'raw' LIMIT 1"
        ).fetchall()
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        raw.execute("UPDATE vault SET content = ? WHERE key = ?", (bytes(damaged), key))
        raw.commit()
        with pytest.raises(StoreDamaged):
            stage.one.engine.step()
        assert len(stage.one.line.sent) == sent
        raw.execute("UPDATE vault SET content = ? WHERE key = ?", (content, key))
        raw.commit()

    stage.one.line.always = None
    stage.finish()


@pytest.mark.parametrize("includes", [True, False])
def test_15_41_the_store_is_an_old_copy(stage, includes):
    """A copy from before the payments finds them on the chain, or waiting, and pays nothing twice."""
    stage.step()
    if includes:
        stage.world.mine()
        stage.step()
    stage.one.end()
    stage.was_restored = True
    stage.path.write_bytes(stage.rehearsal.store)
    stage.world.pass_time(7)

    stage.finish()


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
    (first, *_) = _committed(stage)
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


def _committed(stage):
    """Return the first transactions that were sent, as the store has them."""
    from sauma.dispatch.restoring import committed_transactions
    from sauma.store import projections as p

    states = (p.STATE_COMMITTED, p.STATE_INCLUDED)
    with stage.one.engine.store.reading() as connection:
        return committed_transactions(connection, stage.one.engine.venue, states)
