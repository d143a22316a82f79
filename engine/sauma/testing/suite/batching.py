# ruff: noqa: S101 - a wrong answer of a chain is a failed test
"""Batches: several instructions under one reference, and all or nothing where that is asked."""

from __future__ import annotations

import pytest

from sauma.chain import Fate
from sauma.errors import InsufficientBalance, Refused
from sauma.testing.cases import case
from sauma.testing.suite.moving import check_moved
from sauma.testing.suite.refusing import TRIED_MAX
from sauma.testing.world import START_UNITS, World, events_of, moved

NEEDS = ("atomic_batch", "transfer")


class Batching:
    """A batch is whole."""

    @case("prepare", needs=("transfer",))
    def test_cs200_a_full_batch_moves_whole(self, world: World) -> None:
        """As many instructions as may share a reference all happen, under that reference."""
        count = min(world.capabilities.batch_instructions_max, TRIED_MAX)
        batch = world.batch(*(world.transfer("anna", "bert", 2) for _ in range(count)))
        before = world.balances()
        transactions = world.land(batch)
        events = events_of(world.read().events, transactions)

        assert {each.reference for each in events} == {batch.reference}
        check_moved(world, before, transactions, moved(anna=-2 * count, bert=2 * count))

    @case("atomic_batch", needs=NEEDS)
    def test_cs201_an_atomic_batch_is_one_transaction(self, world: World) -> None:
        """All of an atomic batch happens in one transaction."""
        batch = world.batch(
            world.transfer("anna", "bert", 30), world.transfer("anna", "cleo", 4), atomic=True
        )
        before = world.balances()
        prepared = world.prepare(batch)
        for transaction in prepared:
            world.chain.broadcast(transaction)
        world.include(prepared)

        assert len(prepared) == 1
        check_moved(world, before, prepared, moved(anna=-34, bert=30, cleo=4))

    @case("atomic_batch", needs=NEEDS)
    def test_cs202_one_refusal_refuses_the_batch(self, world: World) -> None:
        """When one instruction of an atomic batch cannot be paid, none is done."""
        before = world.snapshot()
        batch = world.batch(
            world.transfer("anna", "bert", 30),
            world.transfer("anna", "cleo", START_UNITS),
            atomic=True,
        )
        with pytest.raises(InsufficientBalance):
            world.chain.prepare([batch], outstanding=())

        world.check_nothing_moved(before, "the second instruction cannot be paid")

    @case("atomic_batch", needs=NEEDS)
    def test_cs203_spoiled_after_signing_moves_nothing(self, world: World) -> None:
        """When the units are gone between signing and inclusion, nothing of an atomic batch moves.

        If it is included nevertheless, it has failed, and status names the instruction that did it.
        """
        batch = world.batch(
            world.transfer("anna", "bert", 30),
            world.transfer("anna", "cleo", START_UNITS - 30),
            atomic=True,
        )
        spoiled = world.prepare(batch)
        world.land(world.batch(world.transfer("anna", "cleo", START_UNITS - 1)))
        for transaction in spoiled:
            world.chain.broadcast(transaction)
        world.mine(2)
        statuses = [world.chain.status(each) for each in spoiled]

        assert world.balances() == {**moved(), "anna": 1, "cleo": START_UNITS - 1}
        for status in statuses:
            assert status.fate is not Fate.INCLUDED or not status.succeeded
            if status.fate is Fate.INCLUDED:
                assert status.culprit in {each.instruction_id for each in batch.instructions}

    @case("atomic_batch", needs=NEEDS)
    def test_cs204_atomic_is_not_split(self, world: World) -> None:
        """An atomic batch with more instructions than fit is refused, never split."""
        two = (world.transfer("anna", "bert", 1), world.transfer("anna", "cleo", 1))
        world.chain.quote([world.batch(*two, atomic=True)])
        count = world.capabilities.batch_instructions_max + 1
        batch = world.batch(*(world.transfer("anna", "bert", 1) for _ in range(count)), atomic=True)
        before = world.snapshot()
        with pytest.raises(Refused):
            world.chain.prepare([batch], outstanding=())

        world.check_nothing_moved(before, "an atomic batch is not split")
