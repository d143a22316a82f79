"""Lanes: one sender at a time, and a stale one is fenced off."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from sauma.errors import InvalidInput, StoreBusy
from sauma.identifiers import AccountId, ChainId

NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
CHAIN = ChainId("memory:test")
SENDER = AccountId("memory:test:issuer")


def later(seconds):
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def append_behind_fence(store, lane, number):
    """Append an entry in a transaction that checks the lane last."""
    with store.transaction() as transaction:
        store.append_notes(transaction, number)
        transaction.check_fence(lane)


def test_a_lane_has_one_holder_while_its_lease_runs(store):
    """Another holder is refused until the lease ends; other senders have lanes of their own."""
    lane = store.acquire_lane(CHAIN, SENDER, "first", NOON, 30)

    with pytest.raises(StoreBusy, match="first sends for memory:test:issuer on memory:test until"):
        store.acquire_lane(CHAIN, SENDER, "second", later(29), 30)
    other = store.acquire_lane(CHAIN, AccountId("memory:test:other"), "second", NOON, 30)

    assert lane.lease_until == later(30)
    assert (lane.fence, other.fence) == (1, 1)


def test_a_stale_holder_is_fenced_off(store):
    """Who slept through the end of the lease can neither write, renew nor release what another has."""
    stale = store.acquire_lane(CHAIN, SENDER, "first", NOON, 30)
    fresh = store.acquire_lane(CHAIN, SENDER, "second", later(30), 30)

    with pytest.raises(StoreBusy, match=r"held by second \(2\), no more by first \(1\)"):
        append_behind_fence(store, stale, 1)
    with pytest.raises(StoreBusy):
        store.renew_lane(stale, later(31), 30)
    store.release_lane(stale)
    append_behind_fence(store, fresh, 2)

    assert [entry.table("notes").values("number") for entry in store.entries()] == [[2]]


def test_a_late_holder_that_nobody_replaced_may_go_on(store):
    """An ended lease alone takes nothing away: the fence is what counts."""
    lane = store.acquire_lane(CHAIN, SENDER, "first", NOON, 30)

    renewed = store.renew_lane(lane, later(100), 30)

    assert renewed.fence == lane.fence
    assert renewed.lease_until == later(130)
    with store.transaction() as transaction:
        transaction.check_fence(lane)


def test_fencing_numbers_only_grow(store):
    """Release, restart of the same holder and takeover each give a number never given before."""
    fences = []
    for holder in ("first", "first", "second", "first"):
        lane = store.acquire_lane(CHAIN, SENDER, holder, NOON, 30)
        fences.append(lane.fence)
        if holder == "second" or len(fences) == 2:
            store.release_lane(lane)

    assert fences == [1, 2, 3, 4]
    with store.transaction() as transaction, pytest.raises(StoreBusy, match="second"):
        transaction.check_fence(attrs.evolve(lane, holder="second", fence=3))


def test_a_released_lane_is_nobodys(store):
    """After release the old number no longer passes the fence."""
    lane = store.acquire_lane(CHAIN, SENDER, "first", NOON, 30)

    store.release_lane(lane)

    with store.transaction() as transaction, pytest.raises(StoreBusy, match="held by nobody"):
        transaction.check_fence(lane)


def test_a_lease_needs_a_holder_and_a_length(store):
    """A nameless holder and a lease of no length are refused."""
    with pytest.raises(InvalidInput, match="holder of a lane needs a name"):
        store.acquire_lane(CHAIN, SENDER, "", NOON, 30)
    with pytest.raises(InvalidInput, match="lease of 0 seconds"):
        store.acquire_lane(CHAIN, SENDER, "first", NOON, 0)
