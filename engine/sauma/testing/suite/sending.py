# ruff: noqa: S101 - a wrong answer of a chain is a failed test
"""Broadcasting: as often as one likes, and what is outstanding is respected."""

from __future__ import annotations

import pytest

from sauma.chain import BatchKind, Fate, Word
from sauma.errors import InsufficientBalance, OutcomeUnknown, Refused, Unavailable
from sauma.testing.cases import case
from sauma.testing.harness import Ability
from sauma.testing.world import START_UNITS, World, events_of, moved


class Sending:
    """The same bytes move once; different bytes do not get into each other's way."""

    @case("broadcast")
    def test_cs140_broadcast_twice_moves_once(self, world: World) -> None:
        """The same bytes given to a node three times, before and between blocks, move once."""
        before = world.units("bert")
        prepared = world.prepare(world.moving(5))
        words = [world.chain.broadcast(each).word for each in prepared]
        for transaction in (*prepared, *prepared):
            world.chain.broadcast(transaction)
        world.include(prepared)
        world.mine(2)

        assert set(words) == {Word.ACCEPTED}
        assert world.units("bert") == before + 5
        assert len(events_of(world.read().events, prepared)) == len(prepared)

    @case("broadcast")
    def test_cs141_what_is_included_moves_no_more(self, world: World) -> None:
        """Broadcasting what is included, or final, changes nothing, whatever the node says."""
        before = world.units("bert")
        transactions = world.land(world.moving(5))
        for _ in range(2):
            for transaction in transactions:
                world.chain.broadcast(transaction)
            world.finalise()

        assert world.units("bert") == before + 5
        assert {world.chain.status(each).final for each in transactions} == {True}

    @case("broadcast", abilities=(Ability.LOSE_REQUESTS,))
    def test_cs142_a_lost_request_can_be_repeated(self, world: World) -> None:
        """When no node was reached, broadcast raises; the same bytes sent later move once."""
        before = world.units("bert")
        prepared = world.prepare(world.moving(5))
        with world.harness.losing_requests():
            for transaction in prepared:
                with pytest.raises((Unavailable, OutcomeUnknown)):
                    world.chain.broadcast(transaction)
        world.mine()
        fates = {world.chain.status(each).fate for each in prepared}
        for transaction in prepared:
            world.chain.broadcast(transaction)
        world.include(prepared)

        assert fates == {Fate.UNSEEN}
        assert world.units("bert") == before + 5

    @case("broadcast", abilities=(Ability.LOSE_ANSWERS,))
    def test_cs143_a_lost_answer_says_nothing(self, world: World) -> None:
        """When the answer is lost, broadcast raises `OutcomeUnknown`; sent again, it moves once."""
        before = world.units("bert")
        prepared = world.prepare(world.moving(5))
        with world.harness.losing_answers():
            for transaction in prepared:
                with pytest.raises(OutcomeUnknown):
                    world.chain.broadcast(transaction)
        fates = {world.chain.status(each).fate for each in prepared}
        for transaction in prepared:
            world.chain.broadcast(transaction)
        world.include(prepared)

        assert fates == {Fate.PENDING}
        assert world.units("bert") == before + 5

    @case("broadcast")
    def test_cs144_the_reference_is_on_the_chain(self, world: World) -> None:
        """Each batch's event carries its reference, with the batch's kind in it."""
        batches = [world.moving(1), world.batch(world.movement(2), kind=BatchKind.SESSION)]
        transactions = [world.land(each) for each in batches]
        events = world.read().events

        for batch, sent in zip(batches, transactions, strict=True):
            found = events_of(events, sent)
            assert [each.reference for each in found] == [batch.reference] * len(sent)
            assert [
                each.transaction_id for each in events if each.reference == batch.reference
            ] == [each.transaction_id for each in found]

    @case("outstanding", needs=("transfer",))
    def test_cs145_nothing_is_spent_twice(self, world: World) -> None:
        """What outstanding transactions take is not there to be spent again."""
        most = world.batch(world.transfer("anna", "bert", START_UNITS - 10))
        rest = world.batch(world.transfer("anna", "cleo", 10))
        again = world.batch(world.transfer("anna", "cleo", 11))
        outstanding = world.send(most)

        with pytest.raises(InsufficientBalance):
            world.chain.prepare([again], outstanding=outstanding)
        both = (*outstanding, *world.send(rest, outstanding=outstanding))
        world.include(both)
        assert world.balances() == {**moved(), "bert": START_UNITS - 10, "cleo": 10}

    @case("outstanding", needs=("transfer",))
    def test_cs146_what_is_coming_is_not_counted(self, world: World) -> None:
        """What an outstanding transaction brings may come too late, so it cannot be spent yet."""
        outstanding = world.send(world.batch(world.transfer("anna", "bert", 10)))
        onward = world.batch(world.transfer("bert", "cleo", 10))

        with pytest.raises(InsufficientBalance):
            world.chain.prepare([onward], outstanding=outstanding)
        world.include(outstanding)
        world.include(world.send(onward, outstanding=outstanding))
        assert world.units("cleo") == 10

    @case("outstanding")
    def test_cs147_outstanding_ones_do_not_clash(self, world: World) -> None:
        """What is prepared beside outstanding transactions shares no token with them; all land."""
        before = world.units("bert")
        first = world.prepare(world.moving(1), world.moving(20))
        second = world.prepare(world.moving(300), outstanding=first)
        everything = (*first, *second)
        for transaction in reversed(everything):
            world.chain.broadcast(transaction)
        for transaction in everything:
            world.chain.broadcast(transaction)
        tokens = [token for each in everything for token in each.consumes]
        world.include(everything)

        assert len(set(tokens)) == len(tokens)
        assert world.units("bert") == before + 321

    @case("outstanding")
    def test_cs148_a_batch_is_not_signed_beside_itself(self, world: World) -> None:
        """A batch that an outstanding transaction carries is refused; it needs `replaces`."""
        batch = world.moving(5)
        before = world.units("bert")
        outstanding = world.send(batch)
        with pytest.raises(Refused):
            world.chain.prepare([batch], outstanding=outstanding)
        world.include(outstanding)
        with pytest.raises(Refused):
            world.chain.prepare([batch], outstanding=outstanding)
        world.mine()

        assert world.units("bert") == before + 5

    @case("idempotency", needs=())
    def test_cs160_a_batch_lands_once(self, world: World) -> None:
        """The chain itself refuses a second transaction for a batch, though nobody told it of the first.

        Where the chain does not declare this, the second is refused because the first is handed in.
        """
        batch = world.moving(5)
        first = world.prepare(batch)
        if world.capabilities.idempotency:
            world.mine()
            second = world.prepare(world.moving(20), batch)
        else:
            with pytest.raises(Refused):
                world.chain.prepare([batch], outstanding=first)
            second = ()
        for transaction in (*first, *second, *first, *second):
            world.chain.broadcast(transaction)
            world.mine()
        world.finalise()
        landed = [
            each
            for each in world.read().events
            if each.reference == batch.reference and each.succeeded
        ]

        assert len(landed) == len(first)
