# ruff: noqa: S101 - a wrong answer of a chain is a failed test
"""The life of a transaction: unseen, pending, included, final; or dead, when that is proved."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest

from sauma.chain import ExpiryUnit, Fate, Finality, SignedTransaction
from sauma.testing.cases import case
from sauma.testing.harness import Ability
from sauma.testing.world import World, events_of


class Following:
    """Status says what can be proved, and no more."""

    @case("status")
    def test_cs150_a_life_in_order(self, world: World) -> None:
        """A transaction is unseen, then pending in the pool, then included in a block of the chain."""
        (transaction, *_) = world.prepare(world.moving(5))
        unseen = world.chain.status(transaction)
        world.chain.broadcast(transaction)
        pending = world.chain.status(transaction)
        world.include([transaction])
        included = world.chain.status(transaction)
        (event,) = events_of(world.read().events, [transaction])

        assert (unseen.fate, unseen.final, unseen.block) == (Fate.UNSEEN, False, None)
        assert (pending.fate, pending.final, pending.block) == (Fate.PENDING, False, None)
        assert (included.fate, included.succeeded) == (Fate.INCLUDED, True)
        assert included.block == event.block
        assert event.block.height > transaction.prepared_at

    @case("status")
    def test_cs151_unsent_is_not_dead(self, world: World) -> None:
        """What can still land is never called dead, however many final blocks lack it; then it lands."""
        before = world.units("bert")
        prepared = world.prepare(world.moving(5))
        for _ in range(3):
            world.finalise()
            world.mine()
            fates = {world.chain.status(each).fate for each in prepared}

            assert fates == {Fate.UNSEEN}
        for transaction in prepared:
            world.chain.broadcast(transaction)
        world.include(prepared)
        assert world.units("bert") == before + 5

    @case("status", abilities=(Ability.ROLL_BACK,))
    def test_cs152_rolled_back_is_not_included(self, world: World) -> None:
        """A transaction whose block was undone is neither included nor dead, moves nothing, and can
        land again, once.
        """
        before = world.units("bert")
        (transaction,) = world.land(world.moving(5))
        world.undo(transaction)
        status = world.chain.status(transaction)
        undone = world.units("bert")
        world.chain.broadcast(transaction)
        world.include([transaction])

        assert status.fate in (Fate.UNSEEN, Fate.PENDING)
        assert not status.final
        assert undone == before
        assert world.units("bert") == before + 5

    @case("finality")
    def test_cs153_final_at_the_declared_depth(self, world: World) -> None:
        """Included is final from the declared number of confirmations on, and not one block earlier.

        Status, head and events say the same.  Where a tag decides, only the head counts.
        """
        (transaction,) = world.land(world.moving(5))
        block = world.chain.status(transaction).block
        assert block is not None
        for _ in range(2 * world.capabilities.finality_blocks + 2):
            head = world.chain.head()
            status = world.chain.status(transaction)
            page = world.read().pages[-1]
            confirmations = head.newest.height - block.height + 1
            is_deep = confirmations >= world.capabilities.finality_blocks

            assert status.final == (block.height <= head.final_height)
            assert page.final_height <= head.final_height
            assert world.capabilities.finality is Finality.TAG or status.final == is_deep
            if status.final:
                return
            world.mine()
        raise AssertionError("not final after twice the declared number of blocks")

    @case("finality")
    def test_cs154_heights_only_rise(self, world: World) -> None:
        """Each block raises the newest height; the final height never falls, and is never above it."""
        heads = [world.chain.head()]
        for _ in range(world.capabilities.finality_blocks + 2):
            world.mine()
            heads.append(world.chain.head())

        for before, after in pairwise(heads):
            assert after.newest.height > before.newest.height
            assert after.newest.time > before.newest.time
            assert before.final_height <= after.final_height <= after.newest.height
        assert heads[-1].final_height > heads[0].final_height

    @case("finality", abilities=(Ability.ROLL_BACK,))
    def test_cs155_final_height_survives_a_rollback(self, world: World) -> None:
        """When all is undone that can be, the final height and what is final stay."""
        (transaction,) = world.land(world.moving(5))
        world.finalise()
        head = world.chain.head()
        if head.newest.height > head.final_height:
            world.harness.roll_back(head.newest.height - head.final_height)
        world.mine(head.newest.height - head.final_height + 1)

        assert world.chain.head().final_height >= head.final_height
        assert world.chain.status(transaction).final

    @case("expiry", abilities=(Ability.PASS_TIME,))
    def test_cs156_dead_only_when_final(self, world: World) -> None:
        """A transaction is dead when a final block is past its validity, not while that block is young.

        What is dead never lands, and its batch can be signed again.
        """
        batch = world.moving(5)
        before = world.units("bert")
        prepared = world.prepare(batch)
        _let_expire(world, prepared)
        young = {world.chain.status(each).fate for each in prepared}
        world.finalise()
        world.mine()
        statuses = [world.chain.status(each) for each in prepared]
        for transaction in prepared:
            world.chain.broadcast(transaction)
        world.mine(2)
        after_death = world.units("bert")
        world.land(batch)

        assert world.capabilities.finality is Finality.INSTANT or Fate.DEAD not in young
        assert {each.fate for each in statuses} == {Fate.DEAD}
        assert all(each.reason for each in statuses), "the proof is told"
        assert {world.chain.status(each).fate for each in prepared} == {Fate.DEAD}
        assert after_death == before
        assert world.units("bert") == before + 5

    @case("expiry", abilities=(Ability.PASS_TIME,))
    def test_cs157_expiry_does_not_touch_what_landed(self, world: World) -> None:
        """A transaction that landed stays included, long after it ceased to be valid."""
        transactions = world.land(world.moving(5))
        _let_expire(world, transactions)
        world.finalise()

        statuses = [world.chain.status(each) for each in transactions]
        assert {(each.fate, each.final) for each in statuses} == {(Fate.INCLUDED, True)}


def _let_expire(world: World, transactions: Sequence[SignedTransaction]) -> None:
    """Make one block that is past the validity of all transactions."""
    ends = [each.valid_until for each in transactions if each.valid_until is not None]
    if len(ends) < len(transactions):
        pytest.skip("not run: transactions of this chain may land for ever")
    newest = world.chain.head().newest
    if world.capabilities.expiry_unit is ExpiryUnit.UNIX_SECONDS:
        world.harness.pass_time(max(1, max(ends) - int(newest.time.timestamp()) + 1))
        world.mine()
    else:
        world.mine(max(1, max(ends) - newest.height + 1))
