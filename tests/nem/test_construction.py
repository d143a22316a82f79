"""Refusing before signing what a server could not hold or would read otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from sauma_nem.construction import refuse_unconstructible
from sauma_nem.network import MAINNET, TESTNET
from sauma_nem.transactions import (
    Cosignature,
    Message,
    MosaicId,
    MosaicQuantity,
    Multisig,
    MultisigModification,
    Transaction,
    Transfer,
)
from sauma_nem.unreadable import AddressChecksum, AddressNetwork, ForbiddenValue, Unreadable

ADDRESS = "TAOD4QYZA5RQYM64MFZ4MBCKQBWVZEETCQE3HB3A"
COMMON = {
    "network_byte": 0x98,
    "timestamp_seconds": 0,
    "signer": bytes(range(32)),
    "fee_micro": 50_000,
    "deadline_seconds": 3_600,
}


def transfer(**changes: Any) -> Transfer:
    return Transfer(
        **COMMON | {"version": 2, "recipient": ADDRESS, "amount_micro": 1_000_000} | changes
    )


def mosaic(namespace: str, name: str) -> MosaicQuantity:
    return MosaicQuantity(mosaic_id=MosaicId(namespace=namespace, name=name), quantity_units=1)


@pytest.mark.parametrize(
    "transaction",
    [
        transfer(),
        transfer(version=1, message=Message(payload=bytes(1_024))),
        transfer(signature=bytes(64), mosaics=[mosaic("grid", "wh"), mosaic("nem", "xem")]),
        Multisig(
            **COMMON,
            version=1,
            inner=transfer(),
            cosignatures=(
                Cosignature(
                    **COMMON | {"signer": bytes(32)},
                    version=1,
                    inner_hash=bytes(32),
                    multisig_address=ADDRESS,
                ),
            ),
        ),
    ],
    ids=["transfer", "with message", "with mosaics", "multisig"],
)
def test_what_the_server_reads_the_same_passes(transaction: Transaction) -> None:
    """A transaction that the server holds as it was meant is not refused."""
    refuse_unconstructible(transaction, TESTNET)


@pytest.mark.parametrize(
    ("transaction", "error", "reason"),
    [
        (transfer(recipient="TB" + ADDRESS[2:]), AddressChecksum, "mistyped"),
        (
            transfer(recipient="NAOD4QYZA5RQYM64MFZ4MBCKQBWVZEETCTJQXIIL"),
            AddressNetwork,
            "not of the testnet",
        ),
        (transfer(network_byte=MAINNET.byte), ForbiddenValue, "network byte"),
        (transfer(mosaics=[mosaic("Grid", "wh")]), ForbiddenValue, "'Grid'"),
        (transfer(mosaics=[mosaic("grid", "w" * 33)]), ForbiddenValue, "pattern"),
        (transfer(fee_micro=-1), ForbiddenValue, "negative"),
        (transfer(version=1, mosaics=[mosaic("grid", "wh")]), ForbiddenValue, "would read"),
        (
            transfer(mosaics=[mosaic(f"{'a' * 16}.{'b' * 64}.{'c' * 64}", "wh")]),
            ForbiddenValue,
            "would read",
        ),
        (
            MultisigModification(**COMMON, version=1, modifications=(), relative_change=1),
            ForbiddenValue,
            "cannot be empty",
        ),
        (transfer(message=Message(payload=bytes(2_048))), ForbiddenValue, "shorten message"),
        (transfer(version=1 << 24), ForbiddenValue, "would read"),
    ],
)
def test_what_the_server_cannot_hold_is_refused(
    transaction: Transaction, error: type[Unreadable], reason: str
) -> None:
    """A refusal names the fault before anything is signed or sent."""
    with pytest.raises(error, match=reason):
        refuse_unconstructible(transaction, TESTNET)
