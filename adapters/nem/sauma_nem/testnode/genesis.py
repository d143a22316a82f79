"""The first block of a test network."""

from __future__ import annotations

import attrs

from sauma_nem.binary import serialise, serialise_block
from sauma_nem.signing import KeyPair
from sauma_nem.transactions import Block, Transfer

from .chain import GENESIS_HASH
from .settings import NodeSettings

GENESIS_KIND = -1


def genesis_block(settings: NodeSettings) -> Block:
    """A signed nemesis block that gives every account its starting balance; no randomness."""
    key = KeyPair(settings.nemesis_private_key)
    time_seconds = settings.genesis_time_seconds
    transfers = []
    for address, balance_micro in settings.balances_micro().items():
        transfer = Transfer(
            network_byte=settings.network.byte,
            version=1,
            timestamp_seconds=time_seconds,
            signer=key.public_key,
            fee_micro=0,
            deadline_seconds=time_seconds,
            recipient=address,
            amount_micro=balance_micro,
        )
        transfers.append(attrs.evolve(transfer, signature=key.sign(serialise(transfer))))
    block = Block(
        network_byte=settings.network.byte,
        version=1,
        kind=GENESIS_KIND,
        timestamp_seconds=time_seconds,
        signer=key.public_key,
        signature=None,
        previous_hash=GENESIS_HASH,
        height=1,
        transactions=tuple(transfers),
    )
    return attrs.evolve(block, signature=key.sign(serialise_block(block)))
