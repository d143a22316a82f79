"""What a process dies of again and again is suspended by name, the others go on, and a person resumes it."""

from __future__ import annotations

import logging
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from sauma.dispatch import outbox
from sauma.dispatch.attempts import Attempts
from sauma.dispatch.suspending import DEATHS_MAX, WORK_RESUMED, WORK_SUSPENDED
from sauma.errors import InvalidInput, StoreBusy, Unavailable, UnknownName
from sauma.store import projections as p
from sauma.store import tables
from sauma.store.attempts import read_note
from sauma.store.connecting import WRITER

from .faulty import Died, Fault
from .test_exactly_once import check_as

LIVES_MAX = 3 * DEATHS_MAX


def live(town):
    """Step once; a process that dies notes nothing more, and another one opens the store."""
    try:
        return town.engine.step()
    except Died:
        town.engine.store.close()
        town.engine = town.open()
        return None


def first_transfer(town):
    """Return the batch of a transfer of which there are two at once."""
    rows = town.engine.store.query(
        sa.select(p.instructions.c.batch_id).where(p.instructions.c.wave == 1)
    )
    return min(bytes(row.batch_id) for row in rows)


def poison(town, batch_id, death=Died):
    """Let preparing a batch be the end of the process, alone or with others."""
    real = town.node.prepare

    def prepare(batches, **settings):
        if any(batch.batch_id == batch_id for batch in batches):
            raise death
        return real(batches, **settings)

    town.node.prepare = prepare
    return lambda: setattr(town.node, "prepare", real)


def deaths_in(town):
    rows = town.engine.store.query(sa.select(tables.deaths))
    return {bytes(row.item): row.times for row in rows}


def suspend_a_batch(town):
    """Die of one batch until it is suspended; return it, how often, and what ends the poison."""
    town.engine.step()
    town.chain.mine()
    batch_id = first_transfer(town)
    heal = poison(town, batch_id)
    died = 0
    for _ in range(LIVES_MAX):
        died += live(town) is None
        town.chain.mine()
        if town.engine.suspended():
            break
    return batch_id, died, heal


def test_a_batch_that_is_the_end_of_every_process(sunny, calm, caplog):
    """It alone is held, by its name, after five deaths; the rest is paid, and when it is resumed all is."""
    with caplog.at_level(logging.ERROR, logger="sauma"):
        batch_id, died, heal = suspend_a_batch(sunny)

    (suspended,) = sunny.engine.suspended()
    assert (suspended.item_id, suspended.is_transaction) == (batch_id, False)
    assert died == suspended.deaths == DEATHS_MAX
    assert any("work_suspended" in str(record.msg) for record in caplog.records)
    for _ in range(4):
        (held,) = sunny.engine.step().held
        sunny.chain.mine()
        assert held.batch_id == batch_id
        assert f"batch {batch_id.hex()} is suspended" in held.reason
    assert len({*sunny.node.broadcasts}) == 2
    sunny.reopen()
    assert sunny.engine.suspended() == (suspended,)

    heal()
    sunny.engine.resume(batch_id, reason="the adapter was mended")
    assert sunny.engine.suspended() == ()
    sunny.run()
    check_as(calm, sunny)
    kinds = [entry.kind for entry in sunny.engine.store.entries()]
    assert (kinds.count(WORK_SUSPENDED), kinds.count(WORK_RESUMED)) == (1, 1)


def test_a_transaction_that_is_the_end_of_every_process(sunny, calm):
    """It is neither sent nor asked after, though its bytes are kept; resumed, the same bytes are sent."""
    real = sunny.node.broadcast

    def broadcast(_):
        raise Died

    sunny.node.broadcast = broadcast
    died = 0
    for _ in range(LIVES_MAX):
        died += live(sunny) is None
        if sunny.engine.suspended():
            break
    (suspended,) = sunny.engine.suspended()
    progress = sunny.engine.step()
    assert suspended.is_transaction
    # the first death was in the lane, where the batch is carried by then
    assert died == DEATHS_MAX + 1
    assert (progress.sent, progress.signed) == (0, 0)
    assert "is suspended" in progress.held[0].reason

    sunny.node.broadcast = real
    sunny.engine.resume(suspended.item_id, reason="the node was replaced")
    sunny.run()
    check_as(calm, sunny)


def test_a_death_resumed_too_early_is_counted_anew(sunny):
    """Whoever resumes what is still fatal has it back after as many deaths."""
    batch_id, _, _ = suspend_a_batch(sunny)
    sunny.engine.resume(batch_id, reason="it may be gone")
    died = 0
    for _ in range(LIVES_MAX):
        died += live(sunny) is None
        if sunny.engine.suspended():
            break

    assert died == DEATHS_MAX


def test_those_beside_it_are_suspected_no_more(sunny):
    """What was tried together with it goes alone, goes well, and its deaths are forgotten."""
    suspend_a_batch(sunny)

    assert deaths_in(sunny) == {}


def test_an_error_without_a_name_is_a_death_too(sunny):
    """A process that ends by an error that nobody foresaw died of what it tried."""
    sunny.engine.step()
    sunny.chain.mine()
    batch_id = first_transfer(sunny)
    poison(sunny, batch_id, ZeroDivisionError)
    for _ in range(LIVES_MAX):
        with pytest.raises(ZeroDivisionError):
            sunny.engine.step()
        sunny.reopen()
        if deaths_in(sunny).get(batch_id) == DEATHS_MAX - 1:
            break
    sunny.engine.step()

    assert [one.item_id for one in sunny.engine.suspended()] == [batch_id]


@pytest.mark.parametrize("end", [Unavailable, KeyboardInterrupt])
def test_what_has_a_name_is_no_death(sunny, calm, end):
    """A node that is down, and somebody at the keyboard, are nobody's fault."""
    batch_id = bytes(sunny.engine.store.query(sa.select(p.instructions.c.batch_id))[0].batch_id)
    heal = poison(sunny, batch_id, end)
    for _ in range(DEATHS_MAX + 1):
        try:
            sunny.engine.step()
        except KeyboardInterrupt:
            sunny.reopen()
        assert deaths_in(sunny) == {}
    heal()

    sunny.run()
    check_as(calm, sunny)
    assert sunny.engine.suspended() == ()


def overtaken(town, other, end):
    """Let the lease end whenever this process waits for its node, and another come to some end in the lane.

    Returns what ends that.
    """
    real = town.node.prepare

    def others(*_, **__):
        raise end

    def prepare(batches, **settings):
        town.node.prepare = others
        town.clock.advance(seconds=outbox.LEASE_S + 1)
        try:
            other.step()
        except Died:
            other.store.close()
        finally:
            town.node.prepare = prepare
        return real(batches, **settings)

    town.node.prepare = prepare
    return lambda: setattr(town.node, "prepare", real)


def test_who_is_overtaken_did_not_die(sunny, calm):
    """Whoever takes a lane over cannot know whether who had it lives; who wakes says so."""
    other = sunny.open(holder="other")
    wake_in_time = overtaken(sunny, other, Unavailable("the node is slow"))
    for _ in range(DEATHS_MAX + 1):
        (held,) = sunny.engine.step().held
        assert "acquire it again" in held.reason
        assert deaths_in(sunny) == {}
    wake_in_time()

    sunny.run()
    check_as(calm, sunny)
    assert sunny.engine.suspended() == ()
    other.close()


def test_who_overtakes_and_dies_is_counted(sunny):
    """Who wakes takes back what was counted of itself, not the death of who came after it."""
    wake_in_time = overtaken(sunny, sunny.open(holder="other"), Died)
    (held,) = sunny.engine.step().held
    wake_in_time()
    real, seen = sunny.node.prepare, []

    def prepare(batches, **settings):
        seen.append(deaths_in(sunny))
        return real(batches, **settings)

    sunny.node.prepare = prepare
    sunny.clock.advance(seconds=outbox.LEASE_S + 1)
    sunny.engine.step()

    assert seen == [{held.batch_id: 1}]
    assert deaths_in(sunny) == {}


def test_an_ordinary_round_writes_nothing_for_it(sunny):
    """Following the same transactions block after block costs one commit: what the chain showed."""
    sunny.node.always = Fault.FORGET
    for _ in range(2):
        sunny.engine.step()
        sunny.chain.mine()
    commits = []

    def note(connection):
        commits.append(connection.get_execution_options().get(WRITER, False))

    sa.event.listen(sa.Engine, "commit", note)
    try:
        progress = sunny.engine.step()
    finally:
        sa.event.remove(sa.Engine, "commit", note)

    assert progress.sent == 1
    assert commits.count(True) == 1


def test_a_lane_commits_once_for_what_it_signs_together(town, monkeypatch):
    """What is tried next is noted with what was signed before; taking and giving up the lane are two more."""
    monkeypatch.setattr(outbox, "PREPARE_BATCHES_MAX", 1)
    for quarter in range(3):
        town.sunny(quarter)
    town.plan()
    commits = []

    def note(connection):
        commits.append(connection.get_execution_options().get(WRITER, False))

    sa.event.listen(sa.Engine, "commit", note)
    try:
        progress = town.engine._dispatch.send()
    finally:
        sa.event.remove(sa.Engine, "commit", note)

    assert progress.signed == 3
    assert commits.count(True) == progress.signed + 2


def test_who_is_suspected_of_the_death_before_it_is_cleared(town, monkeypatch):
    """Who dies while sending is traced to what was to be signed next, which goes well."""
    monkeypatch.setattr(outbox, "PREPARE_BATCHES_MAX", 1)
    for quarter in range(3):
        town.sunny(quarter)
    town.plan()
    real = town.node.broadcast

    def broadcast(_):
        raise Died

    town.node.broadcast = broadcast
    assert live(town) is None
    town.node.broadcast = real
    town.engine._dispatch.send()

    assert deaths_in(town) == {}
    assert len({*town.node.broadcasts}) == 2  # the first is sent again by who follows
    town.run()
    assert town.engine.suspended() == ()


def test_what_is_not_suspended_is_not_resumed(sunny):
    """Bad input says what to do, and writes nothing."""
    batch_id, _, _ = suspend_a_batch(sunny)
    head = sunny.engine.store.head_sequence()

    with pytest.raises(UnknownName, match="is not suspended: `Engine"):
        sunny.engine.resume(bytes(32), reason="no such thing")
    for reason in ("", "x" * 257):
        with pytest.raises(InvalidInput, match="say in 1 to 256 bytes why"):
            sunny.engine.resume(batch_id, reason=reason)

    assert sunny.engine.store.head_sequence() == head


def worker_of(town):
    return Attempts(
        town.engine.store,
        town.venue.chain_id,
        "worker",
        now=town.clock.now,
        are_transactions=True,
        together_max=10,
    )


@contextmanager
def busy_store():
    """Nothing is committed: another process writes."""

    def busy(_):
        raise StoreBusy("another process writes to the store")

    sa.event.listen(sa.Engine, "commit", busy)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "commit", busy)


def note_of(town):
    with town.engine.store.reading() as connection:
        return read_note(connection, town.venue.chain_id, "worker")


def test_a_note_that_was_not_kept_is_written_again(town):
    """The store was busy when the note was to be kept: it is no note, and the next try writes it."""
    item = bytes(range(32))
    attempts = worker_of(town)

    with busy_store(), pytest.raises(StoreBusy):
        attempts.next_of([item])

    assert attempts.next_of([item]) == (item,)
    assert note_of(town) == {item}


def test_a_busy_store_is_no_death(town):
    """Whoever could not write a further note finds its own earlier one, and nobody died of that."""
    first, second = bytes(range(32)), bytes(range(1, 33))
    attempts = worker_of(town)
    attempts.next_of([first])

    for _ in range(DEATHS_MAX):
        with busy_store(), pytest.raises(StoreBusy):
            attempts.next_of([second])

    assert attempts.next_of([first, second]) == (first, second)
    assert note_of(town) == {first, second}
    assert deaths_in(town) == {}
    assert attempts.suspended == []


def test_who_lost_its_lane_leaves_the_note_of_who_has_it(town):
    """A process that wakes too late writes no note, and takes back the death that was counted of it."""
    first, second = bytes(range(32)), bytes(range(1, 33))
    store, sender = town.engine.store, town.chain.account("anna")
    attempts = [worker_of(town), worker_of(town)]
    lanes = []
    for one in attempts:
        with store.transaction() as transaction:
            now = town.clock.now()
            lanes.append(
                transaction.acquire_lane(town.venue.chain_id, sender, f"p{len(lanes)}", now, 60)
            )
            one.take_over(transaction, [first], lanes[-1])
        town.clock.advance(seconds=61)
    assert deaths_in(town) == {first: 1}

    with pytest.raises(StoreBusy, match="is held by p1"):
        attempts[0].next_of([second])
    with store.transaction() as transaction:
        attempts[0].outlive(transaction)

    assert note_of(town) == {first}
    assert deaths_in(town) == {}
