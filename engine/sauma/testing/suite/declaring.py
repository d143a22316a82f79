# ruff: noqa: S101 - a wrong answer of a chain is a failed test
"""What a chain says of itself."""

from __future__ import annotations

from sauma.chain import Chain, Codec, FeeModel, Finality
from sauma.testing.cases import case
from sauma.testing.matrix import CAPABILITIES
from sauma.testing.world import World


class Declaring:
    """A chain declares something, and nothing that cannot be."""

    @case("declaration")
    def test_cs001_moves_something(self, world: World) -> None:
        """A chain declares at least one of issue, transfer and net, and does it.

        Who declares nothing passes nothing.
        """
        declared = [getattr(world.capabilities, name) for name in ("issue", "transfer", "net")]
        before = world.units("bert")

        world.land(world.moving(7))

        assert any(declared), "one of issue, transfer and net is declared"
        assert world.units("bert") == before + 7

    @case("declaration")
    def test_cs002_limits_are_possible(self, world: World) -> None:
        """Every limit is one that a chain can have, and belongs to what else is declared."""
        capabilities = world.capabilities

        assert capabilities.batch_instructions_max >= 1
        assert capabilities.outstanding_max >= 1
        assert capabilities.units_max >= 1
        assert capabilities.finality_blocks >= 1
        assert (capabilities.finality is Finality.INSTANT) == (capabilities.finality_blocks == 1)
        assert capabilities.block_seconds >= 0
        assert capabilities.history_blocks is None or capabilities.history_blocks >= 1
        assert capabilities.activation_units >= 0
        assert (capabilities.fee_model is FeeModel.NONE) == (capabilities.fee_asset is None), (
            "a chain with fees names what they are paid in, and a chain without does not"
        )
        assert capabilities.activation_units == 0 or capabilities.fee_asset is not None

    @case("declaration")
    def test_cs003_constants_stay(self, world: World) -> None:
        """Chain id and capabilities are constants, and accounts and assets bear the chain's id."""
        before = world.chain.chain_id, world.capabilities
        world.land(world.moving(1))
        fee_asset = world.capabilities.fee_asset
        assets = [world.asset] if fee_asset is None else [world.asset, fee_asset]

        assert (world.chain.chain_id, world.chain.capabilities) == before
        assert {each.chain_id for each in assets} == {world.chain.chain_id}
        assert {each.chain_id for each in world.accounts.values()} == {world.chain.chain_id}

    @case("declaration")
    def test_cs004_has_the_port(self, world: World) -> None:
        """A chain has the two constants and seven calls, a codec its one; each support is a `Support`."""
        supports = [getattr(world.capabilities, name) for name in CAPABILITIES]

        assert isinstance(world.chain, Chain)
        assert isinstance(world.codec, Codec)
        assert [type(each).__name__ for each in supports] == ["Support"] * len(supports)
