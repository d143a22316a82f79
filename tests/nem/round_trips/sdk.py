"""The same transactions as the SDK builds them."""

from __future__ import annotations

from typing import Any

from symbolchain.CryptoTypes import PublicKey
from symbolchain.facade.NemFacade import NemFacade
from symbolchain.nem.Network import Address

from sauma_nem.transactions import (
    MosaicId,
    MosaicQuantity,
    Transaction,
    Transfer,
)

FACADE = NemFacade("testnet")


def sdk(transaction: Transaction, autosort: bool = False, **descriptor: Any) -> Any:
    return FACADE.transaction_factory.create(
        {
            "signer_public_key": PublicKey(transaction.signer),
            "fee": transaction.fee_micro,
            "timestamp": transaction.timestamp_seconds,
            "deadline": transaction.deadline_seconds,
            **descriptor,
        },
        autosort=autosort,
    )


def sdk_mosaic_id(mosaic_id: MosaicId) -> dict[str, Any]:
    return {"namespace_id": {"name": mosaic_id.namespace}, "name": mosaic_id.name}


def sdk_transfer(transfer: Transfer, attached: tuple[MosaicQuantity, ...], **changes: Any) -> Any:
    message = transfer.message
    descriptor: dict[str, Any] = {
        "type": f"transfer_transaction_v{transfer.version}",
        "recipient_address": Address(transfer.recipient),
        "amount": transfer.amount_micro,
    }
    if message is not None:
        kind = "plain" if message.kind == 1 else "encrypted"
        descriptor["message"] = {"message_type": kind, "message": message.payload}
    if transfer.version == 2:
        descriptor["mosaics"] = [
            {
                "mosaic": {
                    "mosaic_id": sdk_mosaic_id(item.mosaic_id),
                    "amount": item.quantity_units,
                }
            }
            for item in attached
        ]
    return sdk(transfer, autosort=True, **descriptor | changes)
