"""What others than the engine do on the chain of a world, by the world's own adapter."""

from __future__ import annotations

import attrs
from ethereum_worlds import _EthereumWorld
from stage import Stage

from sauma.chain import Batch, BatchKind, SignedTransaction, Transfer
from sauma.identifiers import content_id
from sauma.testing.simulation import Line
from sauma_ethereum.caip import address_on
from sauma_ethereum.ledger import call
from sauma_ethereum.transactions import FeeTransaction


def move(stage: Stage, giver: str, taker: str, units: int) -> bytes:
    """Have energy moved past the engine, included; return the reference that the chain has now."""
    venue = stage.world.venue(Line())
    account = stage.world.account
    on_ethereum = isinstance(stage.world, _EthereumWorld)
    batch = Batch(
        batch_id=content_id("mischief", giver, taker, units),
        kind=BatchKind.SETTLEMENT,
        instructions=(
            Transfer(
                instruction_id=content_id("mischievous-transfer", giver, taker, units),
                authority=account("@clearing" if on_ethereum else giver),
                evidence=b"",
                sender=account(giver),
                recipient=account(taker),
                asset=venue.energy_asset,
                units=units,
            ),
        ),
        atomic=False,
    )
    signed: SignedTransaction
    (signed,) = venue.chain.prepare([batch], outstanding=())
    venue.chain.broadcast(signed)
    stage.world.mine()
    return batch.reference


def energy_of(stage: Stage, name: str) -> int:
    """Return what somebody has."""
    venue = stage.world.venue(Line())
    return venue.chain.balance(stage.world.account(name), venue.energy_asset).units


def set_paused(world: _EthereumWorld, paused: bool) -> None:
    """Have the owner of the contract stop all settling in its area, or let it go on; included."""
    local, settings, owner = world.local, world.ground.settings, world.local._rich
    unsigned = FeeTransaction(
        chain_number=settings.chain_number,
        nonce=local.node.nonces(address_on(owner.account, settings.chain))[1],
        priority_fee_wei=10**9,
        fee_wei_max=10**10,
        gas_max=100_000,
        to=settings.ledger_address,
        value_wei=0,
        data=call("setPaused(uint32,bool)", settings.area, paused),
    )
    local.node.send_raw(attrs.evolve(unsigned, signature=owner.sign(unsigned.payload())).raw())
    world.mine()
