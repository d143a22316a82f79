"""What transactions take of a NEM network, without asking a node: for plans of what is not there yet."""

from __future__ import annotations

from sauma.chain import REFERENCE_BYTES
from sauma.outlook import Tariff

from .fees import MosaicFeeInformation, transfer_fee_micro
from .instructions import ROOT_BYTES
from .network import (
    BLOCK_TARGET_SECONDS,
    BLOCK_TRANSACTIONS_MAX,
    MICRO_PER_XEM,
)
from .settings import POOL_LIMIT, SUPPLY_UNITS
from .transactions import Message, MosaicId, MosaicQuantity


def nem_tariff(
    *,
    supply_units: int = SUPPLY_UNITS,
    pool_limit: int = POOL_LIMIT,
    block_transactions: int = BLOCK_TRANSACTIONS_MAX,
    block_seconds: int = BLOCK_TARGET_SECONDS,
    energy_units: int = 1,
) -> Tariff:
    """Return fees in micro XEM and room for movements that carry a reference, by the network's rules.

    `energy_units` is a typical movement: with less than the largest supply the fee grows with it.  A
    private network may have larger blocks that come faster.
    """
    information = MosaicFeeInformation(supply_whole=supply_units, divisibility=0)

    def fee_micro(message_bytes: int, *mosaics: MosaicQuantity) -> int:
        return transfer_fee_micro(
            Message(payload=bytes(message_bytes)),
            MICRO_PER_XEM if mosaics else 0,
            mosaics,
            lambda _: information,
        )

    energy = MosaicId(namespace="grid", name="wh")
    moved = MosaicQuantity(mosaic_id=energy, quantity_units=energy_units)
    return Tariff(
        block_transactions=block_transactions,
        block_seconds=block_seconds,
        account_transactions=pool_limit,
        movement_fee_units=fee_micro(REFERENCE_BYTES, moved),
        anchor_fee_units=fee_micro(REFERENCE_BYTES + ROOT_BYTES),
    )
