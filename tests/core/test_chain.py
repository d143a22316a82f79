"""The port's own values: references, batches and the block locator."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.chain import (
    CURSOR_POINTS_MAX,
    REFERENCE_BYTES,
    Anchor,
    Batch,
    BatchKind,
    Cursor,
    Point,
    Support,
    batch_reference,
    is_reference,
)
from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, content_id

DEEPEST = 360
"""The rollback that NEM nodes accept at most."""
BEGINNING = Cursor()
pages = st.lists(st.integers(1, 120), min_size=1, max_size=60)


def point(height: int) -> Point:
    return Point(height=height, block_hash=content_id("block", height))


def read_pages(sizes: list[int], cursor: Cursor = BEGINNING) -> Cursor:
    for size in sizes:
        cursor = cursor.advanced([point(cursor.height + 1 + step) for step in range(size)])
    return cursor


def rescanned(cursor: Cursor, depth: int) -> int:
    """How many blocks are read again after a rollback of so many."""
    left = cursor.rolled_back_to(cursor.height - depth)
    return cursor.height - left.height


@given(pages)
def test_an_ancestor_is_never_far(sizes):
    """After a rollback of any depth up to the deepest, at most twice as much is read again."""
    cursor = read_pages(sizes)

    for depth in range(1, min(cursor.height, DEEPEST) + 1):
        assert rescanned(cursor, depth) <= 2 * depth


def test_block_by_block_is_as_good_as_in_pages():
    """However the blocks came, the locator stays small and near: a long run, one block at a time."""
    cursor = Cursor()
    for height in range(1, 3_000):
        cursor = cursor.advanced([point(height)])
        assert len(cursor.points) <= CURSOR_POINTS_MAX

    assert all(rescanned(cursor, depth) <= 2 * depth for depth in range(1, DEEPEST + 1))


@given(pages, st.lists(st.tuples(st.integers(0, DEEPEST), st.integers(1, 50)), max_size=8))
def test_a_locator_survives_reorganisations(sizes, forks):
    """Rolling back and reading on leaves a locator that is still in order, small and near enough."""
    cursor = read_pages(sizes)
    for depth, size in forks:
        cursor = read_pages([size], cursor.rolled_back_to(cursor.height - depth))
        heights = [one.height for one in cursor.points]

        assert heights == sorted(set(heights), reverse=True)
        assert len(heights) <= CURSOR_POINTS_MAX


@given(pages)
def test_the_newest_blocks_are_all_kept(sizes):
    """Shallow reorganisations, the usual ones, read nothing twice."""
    cursor = read_pages(sizes)

    newest = [one.height for one in cursor.points[:10]]
    assert newest == list(range(cursor.height, max(cursor.height - 10, 0), -1))


@given(pages)
def test_a_locator_reads_back(sizes):
    """What is written into the store is the locator that is read from it."""
    cursor = read_pages(sizes)

    assert Cursor.from_text(cursor.to_text()) == cursor
    assert Cursor.from_text(Cursor().to_text()) == Cursor()


@pytest.mark.parametrize("text", ["x", "1:zz", "a:00", ":00"])
def test_another_text_is_no_locator(text):
    """A damaged cursor is refused by name, and not taken for the beginning."""
    with pytest.raises(InvalidInput, match="no cursor"):
        Cursor.from_text(text)


def test_rolling_back_beyond_everything_begins_anew():
    """Without a common block the reader stands before the first one."""
    assert read_pages([5]).rolled_back_to(0) == Cursor()
    assert Cursor().advanced([]) == Cursor()


def test_a_reference_is_ours_and_says_what_for():
    """Magic, version, kind and 24 bytes of the batch id: 30 bytes, never another's message."""
    reference = batch_reference(content_id("batch", "a"), BatchKind.ANCHOR)

    assert len(reference) == REFERENCE_BYTES
    assert reference[:6] == b"\xfeSAU\x01\x02"
    assert is_reference(reference)
    assert not is_reference(reference[:-1])
    assert not is_reference(b"\x00" + reference[1:])


def test_a_batch_is_whole():
    """A batch has an id of 32 bytes and at least one instruction."""
    account = AccountId("memory:main:a")
    anchor = Anchor(instruction_id=bytes(32), authority=account, evidence=b"", root=bytes(32))

    with pytest.raises(InvalidInput, match="32 bytes"):
        Batch(batch_id=b"a", kind=BatchKind.ANCHOR, instructions=(anchor,))
    with pytest.raises(InvalidInput, match="no instructions"):
        Batch(batch_id=bytes(32), kind=BatchKind.ANCHOR, instructions=())


def test_what_is_absent_is_false():
    """A capability can be asked for in an if."""
    assert [bool(one) for one in Support] == [True, True, False]
