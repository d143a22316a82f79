# ruff: noqa: S101 - a wrong answer of a chain is a failed test
"""Refusals and limits: a no comes from prepare, before anything is signed, and names its cause."""

from __future__ import annotations

from typing import Final

import attrs
import pytest

from sauma.chain import Batch, Instruction
from sauma.errors import (
    InsufficientBalance,
    InvalidInput,
    NoSigner,
    Refused,
    SaumaError,
    Unsupported,
    WrongNetwork,
)
from sauma.testing.cases import case
from sauma.testing.harness import Ability
from sauma.testing.world import START_UNITS, World

TRIED_MAX: Final = 120
"""A limit above this is not tried out to its end: set a smaller one where the test chain is built."""


class Refusing:
    """Each refusal is of its kind, and moves nothing."""

    @case("refusal", needs=("transfer",))
    def test_cs110_nobody_signs_for_a_stranger(self, world: World) -> None:
        """Without a signer for the account that must sign, `NoSigner` is raised.

        Where an owner never signs, but an operator for all, that account may not ask: `Refused`.
        """
        wanted = world.transfer("stranger", "bert", 5)
        transfer = attrs.evolve(wanted, authority=world.harness.stranger)
        world.chain.quote([world.batch(world.transfer("anna", "bert", 5))])
        world.harness.fund(world.harness.stranger, 10)
        owner_signs = wanted.authority == world.harness.stranger

        check_refusal(world, transfer, NoSigner if owner_signs else Refused)

    @case("refusal", needs=("transfer",))
    def test_cs111_nobody_overdraws(self, world: World) -> None:
        """One unit more than an account has is refused with `InsufficientBalance`."""
        check_refusal(world, world.transfer("anna", "bert", START_UNITS + 1), InsufficientBalance)
        check_refusal(world, world.transfer("cleo", "bert", 1), InsufficientBalance)

    @case("refusal", needs=("transfer",))
    def test_cs112_a_foreign_account_is_refused(self, world: World) -> None:
        """An account of another chain is refused with `WrongNetwork`, also when it is asked about."""
        foreign = world.harness.foreign_account
        transfer = attrs.evolve(world.transfer("anna", "bert", 5), recipient=foreign)

        check_refusal(world, transfer, WrongNetwork)
        with pytest.raises(WrongNetwork):
            world.chain.balance(foreign, world.asset)

    @case("refusal", needs=("transfer",))
    def test_cs113_a_foreign_asset_is_refused(self, world: World) -> None:
        """An asset of another chain is refused with `WrongNetwork`, also when it is asked about."""
        foreign = world.harness.foreign_asset
        transfer = attrs.evolve(world.transfer("anna", "bert", 5), asset=foreign)

        check_refusal(world, transfer, WrongNetwork)
        with pytest.raises(WrongNetwork):
            world.chain.balance(world.accounts["anna"], foreign)

    @case("refusal", needs=("transfer",))
    def test_cs114_units_are_above_zero(self, world: World) -> None:
        """Nothing, and less than nothing, is refused with `InvalidInput`."""
        for units in (0, -1):
            check_refusal(world, world.transfer("anna", "bert", units), InvalidInput)

    @case("refusal", needs=("transfer",))
    def test_cs115_a_movement_has_units_max(self, world: World) -> None:
        """The declared largest movement can be quoted; one unit more is refused."""
        units_max = world.capabilities.units_max
        world.chain.quote([world.batch(world.transfer("anna", "bert", units_max))])
        beyond = world.batch(world.transfer("anna", "bert", units_max + 1))

        with pytest.raises((InvalidInput, Refused)) as raised:
            world.chain.quote([beyond])
        assert not isinstance(raised.value, InsufficientBalance), "the limit itself is the reason"
        check_refusal(world, world.transfer("anna", "bert", units_max + 1), SaumaError)

    @case("refusal")
    def test_cs116_a_batch_has_instructions_max(self, world: World) -> None:
        """As many instructions as declared share a reference; one more is `Unsupported`."""
        instructions_max = world.capabilities.batch_instructions_max
        if instructions_max <= TRIED_MAX:
            world.chain.quote([_of_many(world, instructions_max)])
        too_many = _of_many(world, instructions_max + 1)
        before = world.snapshot()

        with pytest.raises(Unsupported):
            world.chain.quote([too_many])
        with pytest.raises(Unsupported):
            _prepare(world, too_many)
        world.check_nothing_moved(before, "the batch has one instruction too many")

    @case("refusal", abilities=(Ability.WATCH,))
    def test_cs117_without_signers_a_chain_only_reads(self, world: World) -> None:
        """An adapter without signers refuses to prepare with `NoSigner`, and reads all the same."""
        watcher = world.harness.watcher(10)
        anna = world.accounts["anna"]

        with pytest.raises(NoSigner):
            watcher.prepare([world.moving(5)], outstanding=())
        assert watcher.balance(anna, world.asset) == world.chain.balance(anna, world.asset)
        assert watcher.head() == world.chain.head()

    @case("outstanding")
    def test_cs118_outstanding_max_is_kept(self, world: World) -> None:
        """No more transactions of a sender are signed than may wait, counting what is outstanding.

        When there is no room, nothing is returned; when there is room again, the rest is signed.
        """
        room = world.capabilities.outstanding_max
        if room > TRIED_MAX:
            pytest.skip(f"not run: outstanding_max {room} is above {TRIED_MAX}, set a smaller one")
        batches = [world.moving(1) for _ in range(room + 2)]
        first = world.chain.prepare(batches[:1], outstanding=())
        rest = world.chain.prepare(batches[1:], outstanding=first)
        signed = [*first, *rest]
        full = world.chain.prepare(batches[len(signed) :], outstanding=signed)
        for transaction in signed:
            world.chain.broadcast(transaction)
        world.include(signed)
        later = world.chain.prepare(batches[len(signed) :], outstanding=signed)

        assert len(signed) == room
        assert full == ()
        assert [each for signed in later for each in signed.batch_ids] == [
            each.batch_id for each in batches[room:]
        ]


def check_refusal(world: World, instruction: Instruction, error: type[SaumaError]) -> None:
    """Fail unless an instruction is refused with an error, and moves nothing."""
    before = world.snapshot()
    with pytest.raises(error):
        _prepare(world, world.batch(instruction))

    world.check_nothing_moved(before, f"it was refused with {error.__name__}")


def _prepare(world: World, batch: Batch) -> object:
    return world.chain.prepare([batch], outstanding=())


def _of_many(world: World, count: int) -> Batch:
    return world.batch(*(world.movement(1) for _ in range(count)))
