# ruff: noqa: S101 - a wrong answer of a chain is a failed test
"""Replacement: two transactions that share a token, of which one at most ever lands."""

from __future__ import annotations

import pytest

from sauma.chain import Batch, Fate, SignedTransaction
from sauma.errors import Refused
from sauma.testing.cases import case
from sauma.testing.world import World, events_of


class Replacing:
    """Whichever is sent first, and however often, they move once."""

    @case("replacement")
    def test_cs210_a_replacement_shares_a_token(self, world: World) -> None:
        """A replacement has another id and a consumed token of the original; both sent, one lands."""
        batch = world.moving(5)
        before = world.units("bert")
        original, replacement = _pair(world, batch, batch)
        world.chain.broadcast(original)
        world.chain.broadcast(replacement)
        check_one_lands(world, original, replacement)

        assert original.transaction_id != replacement.transaction_id
        assert set(original.consumes) & set(replacement.consumes)
        assert world.units("bert") == before + 5

    @case("replacement")
    def test_cs211_the_order_of_sending_is_all_the_same(self, world: World) -> None:
        """When the original comes after its replacement, still only one of the two lands."""
        before = world.units("bert")
        original, replacement = _pair(world, world.moving(5), world.moving(70))
        world.chain.broadcast(replacement)
        world.chain.broadcast(original)
        landed = check_one_lands(world, original, replacement)

        assert world.units("bert") == before + (5 if landed == original else 70)

    @case("replacement")
    def test_cs212_a_late_replacement_does_not_land(self, world: World) -> None:
        """A replacement sent when the original is included moves nothing."""
        before = world.units("bert")
        original, replacement = _pair(world, world.moving(5), world.moving(70))
        world.chain.broadcast(original)
        world.include([original])
        world.chain.broadcast(replacement)
        world.mine(2)

        assert world.chain.status(replacement).fate is not Fate.INCLUDED
        assert world.units("bert") == before + 5

    @case("replacement")
    def test_cs213_the_loser_is_dead_at_finality(self, world: World) -> None:
        """What lost its token is dead when the winner is final, and not before; it names the winner."""
        original, replacement = _pair(world, world.moving(5), world.moving(70))
        world.chain.broadcast(original)
        world.include([original])
        young = world.chain.status(replacement)
        is_final = world.chain.status(original).final
        world.finalise()
        dead = world.chain.status(replacement)

        assert is_final or young.fate is not Fate.DEAD
        assert dead.fate is Fate.DEAD
        assert dead.superseded_by == original.transaction_id
        assert world.chain.status(original).fate is Fate.INCLUDED

    @case("replacement")
    def test_cs214_what_is_included_is_not_replaced(self, world: World) -> None:
        """Asked to replace a transaction that is included, prepare refuses."""
        original, _ = _pair(world, world.moving(5), world.moving(6))
        world.chain.broadcast(original)
        world.include([original])

        with pytest.raises(Refused):
            world.chain.prepare([world.moving(7)], outstanding=(), replaces=original)


def check_one_lands(
    world: World, first: SignedTransaction, second: SignedTransaction
) -> SignedTransaction:
    """Send both again and again, fail unless exactly one is on the chain, and return that one."""
    for _ in range(3):
        world.mine()
        world.chain.broadcast(first)
        world.chain.broadcast(second)
    world.finalise()
    landed = [each for each in (first, second) if world.chain.status(each).fate is Fate.INCLUDED]
    events = events_of(world.read().events, (first, second))
    assert len(landed) == 1, "of two that share a token one lands"
    assert [each.transaction_id for each in events] == [landed[0].transaction_id]
    return landed[0]


def _pair(
    world: World, batch: Batch, instead: Batch
) -> tuple[SignedTransaction, SignedTransaction]:
    """Sign a batch, and another to replace it; nothing is sent."""
    (original,) = world.prepare(batch)
    (replacement,) = world.chain.prepare([instead], outstanding=(original,), replaces=original)
    return original, replacement
