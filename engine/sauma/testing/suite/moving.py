# ruff: noqa: S101 - a wrong answer of a chain is a failed test
"""Issue, transfer, net, retire and anchor: what was asked is what the effects say and what happens."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sauma.chain import BatchKind, Instruction, SignedTransaction
from sauma.errors import InsufficientBalance, InvalidInput, Refused
from sauma.testing.cases import case
from sauma.testing.world import START_UNITS, World, differences, events_of, moved

ROOT = bytes(range(32))


class Moving:
    """Effects, events and balances say the same, to the unit."""

    @case("issue")
    def test_cs010_issued_units_arrive(self, world: World) -> None:
        """Issued units are with the recipient, and with nobody else."""
        check_moves(world, [world.issue("bert", 41)], moved(bert=41))

    @case("issue")
    def test_cs011_issued_on_behalf(self, world: World) -> None:
        """Units issued on behalf of a producer go to the recipient alone."""
        check_moves(world, [world.issue("bert", 9, on_behalf_of="cleo")], moved(bert=9))

    @case("transfer")
    def test_cs020_transferred_units_arrive(self, world: World) -> None:
        """What leaves the sender arrives with the recipient, every unit."""
        check_moves(world, [world.transfer("anna", "bert", 37)], moved(anna=-37, bert=37))

    @case("transfer")
    def test_cs021_a_whole_balance_moves(self, world: World) -> None:
        """All that an account has can be moved, and nothing is left."""
        everything = world.transfer("anna", "cleo", START_UNITS)

        check_moves(world, [everything], moved(anna=-START_UNITS, cleo=START_UNITS))
        assert world.units("anna") == 0

    @case("transfer")
    def test_cs022_an_unused_account_receives(self, world: World) -> None:
        """An account without a signer, never used before, receives."""
        check_moves(world, [world.transfer("anna", "stranger", 5)], moved(anna=-5, stranger=5))

    @case("transfer")
    def test_cs023_a_transfer_to_oneself_makes_nothing(self, world: World) -> None:
        """A transfer to oneself is refused, or leaves everybody as they were."""
        before = world.balances()
        batch = world.batch(world.transfer("anna", "anna", 5))
        try:
            prepared = world.prepare(batch)
        except (InvalidInput, Refused):
            prepared = ()
        for transaction in prepared:
            world.chain.broadcast(transaction)
        world.include(prepared)

        assert world.balances() == before

    @case("net")
    def test_cs030_netted_legs_move(self, world: World) -> None:
        """Every leg of a net moves exactly its units."""
        check_moves(
            world, [world.net(anna=-30, bert=10, cleo=20)], moved(anna=-30, bert=10, cleo=20)
        )

    @case("net")
    def test_cs031_legs_must_sum_to_zero(self, world: World) -> None:
        """A net that makes or loses a unit is refused with `InvalidInput`, and nothing moves."""
        balanced = world.batch(world.net(anna=-1, bert=1))
        world.chain.quote([balanced])
        for bert in (9, 11):
            before = world.snapshot()
            with pytest.raises(InvalidInput):
                world.chain.prepare([world.batch(world.net(anna=-10, bert=bert))], outstanding=())

            world.check_nothing_moved(before, "the legs do not sum to zero")

    @case("net")
    def test_cs032_a_leg_that_cannot_pay_stops_the_net(self, world: World) -> None:
        """When one payer of a net lacks units, none of its legs moves."""
        before = world.snapshot()
        with pytest.raises(InsufficientBalance):
            world.chain.prepare([world.batch(world.net(anna=-5, bert=-1, cleo=6))], outstanding=())

        world.check_nothing_moved(before, "Bert has nothing")

    @case("retire")
    def test_cs040_retired_units_are_gone(self, world: World) -> None:
        """Retired units leave the account and arrive nowhere."""
        check_moves(world, [world.retire("anna", 13)], moved(anna=-13))

    @case("retire")
    def test_cs041_retired_units_cannot_be_spent(self, world: World) -> None:
        """Who retired everything has nothing to retire again."""
        world.land(world.batch(world.retire("anna", START_UNITS)))
        before = world.snapshot()
        with pytest.raises(InsufficientBalance):
            world.chain.prepare([world.batch(world.retire("anna", 1))], outstanding=())

        world.check_nothing_moved(before, "Anna has retired everything")

    @case("anchor")
    def test_cs050_an_anchor_moves_nothing(self, world: World) -> None:
        """An anchor and its root are on the chain under its reference, and no units move."""
        batch = world.batch(world.anchor(ROOT), kind=BatchKind.ANCHOR)
        before = world.balances()
        transactions = world.land(batch)
        events = events_of(world.read().events, transactions)

        assert world.balances() == before
        assert {each.reference for each in events} == {batch.reference}
        assert world.deltas_of(transactions) == moved()
        assert [
            root for each in transactions for root in world.codec.decode(each.raw).anchored_roots
        ] == [ROOT]

    @case("anchor")
    def test_cs051_a_root_has_32_bytes(self, world: World) -> None:
        """A root of another length is refused with `InvalidInput`."""
        world.chain.quote([world.batch(world.anchor(ROOT), kind=BatchKind.ANCHOR)])
        for root in (b"", ROOT[:31], ROOT + b"\x00"):
            batch = world.batch(world.anchor(root), kind=BatchKind.ANCHOR)
            with pytest.raises(InvalidInput):
                world.chain.prepare([batch], outstanding=())

    @case("conservation")
    def test_cs060_nothing_is_made_or_lost(self, world: World) -> None:
        """After all kinds of movement, balances are what the events sum to, for every account.

        What is in circulation is what was issued and not retired.
        """
        capabilities = world.capabilities
        asked: list[tuple[Instruction, int]] = [(world.movement(50), 0)]
        if capabilities.issue:
            asked.append((world.issue("cleo", 20), 20))
        if capabilities.retire:
            asked.append((world.retire("anna", 30), -30))
        if capabilities.transfer:
            asked.append((world.transfer("anna", "bert", 3), 0))
        if capabilities.net:
            asked.append((world.net(anna=-4, cleo=4), 0))
        before = sum(world.balances().values())
        for instruction, _ in asked:
            world.land(world.batch(instruction))
        issued = 0 if capabilities.transfer or capabilities.net else 50
        reading = world.read()

        assert world.balances() == world.named(reading.folded(world.asset))
        assert sum(world.balances().values()) == before + issued + sum(each for _, each in asked)
        assert reading.folded(world.asset)[world.harness.issuer] == 0, (
            "the account that issues is outside circulation and has no effect of its own"
        )


def check_moves(world: World, instructions: Sequence[Instruction], wanted: dict[str, int]) -> None:
    """Fail unless a batch's effects, its events and the balances all say what is wanted."""
    before = world.balances()
    transactions = world.land(world.batch(*instructions))

    check_moved(world, before, transactions, wanted)


def check_moved(
    world: World,
    before: dict[str, int],
    transactions: Sequence[SignedTransaction],
    wanted: dict[str, int],
) -> None:
    """Fail unless signed effects, events, balances and all events together agree."""
    reading = world.read()
    events = events_of(reading.events, transactions)
    effects = [effect for signed in transactions for effect in signed.effects]
    assert world.deltas_of(transactions) == wanted, "the signed effects are what was asked"
    assert sorted(each.transaction_id for each in events) == sorted(
        each.transaction_id for each in transactions
    ), "each transaction is one event"
    assert sorted(effect for each in events for effect in each.effects) == sorted(effects), (
        "the events' effects are the signed ones"
    )
    assert differences(before, world.balances()) == wanted, "balances change by what was asked"
    assert world.named(reading.folded(world.asset)) == world.balances(), (
        "balances are the sum of all events"
    )
