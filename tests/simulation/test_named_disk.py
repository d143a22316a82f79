"""Faults 11 to 15 and 41: the disk is full or broken, bytes change, the store is an old copy.

Whatever the fault, `finish` demands the end of an undisturbed run: nothing paid twice, nothing lost,
nothing booked that is not paid, the same balances and bills.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from sauma.errors import StoreDamaged, StoreError
from sauma.testing.simulation import DiskFault, Fault
from sauma.testing.simulation.disk import in_thread
from sauma.testing.simulation.moments import passing_through


def bad_disk(stage, fault, commits):
    """Have the first process step with a disk that fails at a commit; return what it raised."""
    engine, moments = stage.one.engine, stage.one.line.moments
    moments.will_break(commits, fault)
    with passing_through(moments), pytest.raises(StoreError) as raised:
        in_thread(engine.step)
    assert moments.disk_has_failed
    return raised.value


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
