"""Rollbacks of the reference chain, and what its events tell."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sauma.chain import (
    Cursor,
    EventPage,
    Fate,
)
from sauma.errors import (
    InvalidInput,
)
from sauma.memory import MemoryChain

from .memory_batches import (
    ANNA,
    BERT,
    batch,
    funded,
    issue,
    send,
    transfer,
    units_of,
)


def test_a_rollback_returns_transactions_to_the_pool():
    """What was included waits again, and lands in a block with another hash."""
    chain = funded(10)
    (sent,) = send(chain, batch("b", transfer(3)))
    before = chain.mine()

    chain.rollback()
    assert chain.status(sent).fate is Fate.PENDING
    assert units_of(chain, ANNA, BERT) == [10, 0]
    after = chain.mine()

    assert after.height == before.height
    assert after.block_hash != before.block_hash
    assert chain.status(sent).block == after
    assert units_of(chain, ANNA, BERT) == [7, 3]


def test_what_is_final_stays():
    """A rollback ends above the final height, which never falls; force goes to genesis."""
    chain = MemoryChain(finality_blocks=3)
    chain.mine(9)

    with pytest.raises(InvalidInput, match="below 8"):
        chain.rollback(3)
    chain.rollback(2)
    assert chain.head().newest.height == chain.head().final_height == 8
    with pytest.raises(InvalidInput):
        chain.rollback()
    chain.rollback(7, force=True)
    assert chain.head().newest.height == chain.head().final_height == 1
    with pytest.raises(InvalidInput, match="below 1"):
        chain.rollback(force=True)


@pytest.mark.parametrize("call", ["mine", "rollback", "advance"])
def test_counts_below_one_are_refused(call: str):
    """Mining, undoing or waiting for nothing is a mistake."""
    with pytest.raises(InvalidInput, match="at least 1"):
        getattr(MemoryChain(), call)(0)


def read_all(chain: MemoryChain, cursor: Cursor) -> list[EventPage]:
    pages = [chain.events(cursor)]
    while pages[-1].more:
        pages.append(chain.events(pages[-1].cursor))
    return pages


def test_events_tell_every_movement_once_in_order():
    """From an empty cursor, the pages hold each transaction once, with its block and reference."""
    chain = MemoryChain(page_blocks=2, finality_blocks=2)
    keys = ["one", "two", "three"]
    for key in keys:
        send(chain, batch(key, issue(1)))
        chain.mine()

    pages = read_all(chain, Cursor())

    events = [event for page in pages for event in page.events]
    assert [event.reference for event in events] == [batch(key, issue()).reference for key in keys]
    assert [event.block.height for event in events] == [2, 3, 4]
    assert [page.scanned.height for page in pages if page.scanned] == [2, 4]
    # What was read up to block 2 shows no more than block 1 to be final, however long the chain is.
    assert [page.final_height for page in pages] == [1, 3]
    assert [page.more for page in pages] == [True, False]
    assert all(
        page.rolled_back_to is None and event.succeeded for page in pages for event in events
    )


def test_at_the_end_there_is_nothing_to_read():
    """A cursor at the newest block gives an empty page and stays."""
    chain = funded(10)
    end = read_all(chain, Cursor())[-1].cursor

    page = chain.events(end)

    assert (page.events, page.scanned, page.cursor, page.more) == ((), None, end, False)
    assert page.rolled_back_to is None


def test_a_rollback_is_retracted_first():
    """After a reorganisation the page says above which height nothing holds, then what does."""
    chain = funded(10)
    (sent,) = send(chain, batch("b", transfer(3)))
    chain.mine()
    cursor = read_all(chain, Cursor())[-1].cursor
    chain.rollback()
    chain.mine()

    page = chain.events(cursor)

    assert page.rolled_back_to == 2
    assert [event.transaction_id for event in page.events] == [sent.transaction_id]
    assert page.cursor.height == 3


def test_a_rollback_without_new_blocks_is_told_too():
    """A shorter chain retracts, although there is nothing new to read."""
    chain = funded(10)
    chain.mine(3)
    cursor = read_all(chain, Cursor())[-1].cursor
    chain.rollback(3)

    page = chain.events(cursor)

    assert (page.rolled_back_to, page.events, page.scanned) == (2, (), None)
    assert page.cursor.height == 2


def test_a_cursor_of_another_chain_is_retracted_to_the_start():
    """When no point of the cursor is known, everything is retracted and read anew."""
    other = MemoryChain(genesis_time=datetime(2020, 1, 1, tzinfo=UTC))
    cursor = read_all(other, Cursor())[-1].cursor

    page = funded(10).events(cursor)

    assert page.rolled_back_to == 0
    assert len(page.events) == 1
