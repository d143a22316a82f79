"""Faults 1 to 10: the process dies, again and again, twice on one store, or wakes too late.

Whatever the fault, `finish` demands the end of an undisturbed run: nothing paid twice, nothing lost,
nothing booked that is not paid, the same balances and bills.
"""

from __future__ import annotations

import logging

import pytest
import sqlalchemy as sa

from sauma.dispatch import Dispatch
from sauma.dispatch.outbox import LEASE_S
from sauma.dispatch.suspending import DEATHS_MAX
from sauma.store import projections as p
from sauma.testing.simulation import Fault
from sauma.testing.simulation.moments import (
    AFTER_ANSWER,
    AFTER_BROADCAST,
    BEFORE_BROADCAST,
    BEFORE_COMMIT,
)

FINALITY_BLOCKS = 4
COMMITS_OF_A_STEP = 6


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


def test_08_deaths_at_one_commit(stage):
    """Five deaths at the same commit leave nothing behind that a sixth life would stumble over."""
    for _ in range(5):
        stage.one.line.moments.will_die(3, at=BEFORE_COMMIT)
        stage.step()

    stage.finish()


def test_08_a_crash_loop(stage, monkeypatch, caplog):
    """A batch at which every process dies is suspended by name, and only it; resumed, it is paid too."""
    row, *_ = stage.one.engine.store.query(
        sa.select(p.instructions.c.batch_id).where(p.instructions.c.wave == 0)
    )
    fatal = bytes(row.batch_id)
    real = Dispatch._prepare

    def prepare(dispatch, batches, outstanding):
        if any(batch.batch_id == fatal for batch in batches):
            stage.one.line.moments.will_die(1)
            stage.one.line.moments.passing("at the row")
        return real(dispatch, batches, outstanding)

    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR, logger="sauma"):
        patch.setattr(Dispatch, "_prepare", prepare)
        for _ in range(4 * DEATHS_MAX):
            stage.round()
        (suspended,) = stage.one.engine.suspended()
        (held,) = stage.one.engine.step().held
    assert suspended.item_id == held.batch_id == fatal
    assert DEATHS_MAX <= stage.one.deaths <= DEATHS_MAX + 1
    assert "is suspended" in held.reason
    assert any(record.getMessage() == "work_suspended" for record in caplog.records)
    assert stage.sent_ids()

    stage.one.engine.resume(fatal, reason="the adapter was mended")
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
