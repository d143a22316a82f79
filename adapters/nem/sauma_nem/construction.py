"""What the server's constructors refuse before any validator sees a transaction."""

from __future__ import annotations

import attrs

from .binary import serialise
from .network import ANNOUNCE_BYTES_MAX, Network
from .parsing import parse
from .transactions import Multisig, Transaction
from .unreadable import ForbiddenValue


def refuse_unconstructible(transaction: Transaction, network: Network) -> None:
    """Raise what a server of this network raises when it reads the transaction.

    Unreadable, with the server's HTTP status and message: bad names, quantities, creators and
    addresses, a wrong network byte. ForbiddenValue also where the server would read something else
    than was meant (a text beyond its limit, a member that the version does not have), because the
    signature would not hold for that.
    """
    data = serialise(transaction)
    if len(data) > ANNOUNCE_BYTES_MAX:
        raise ForbiddenValue(
            f"{len(data)} bytes are more than the {ANNOUNCE_BYTES_MAX} that the server reads; "
            "shorten message or description, or attach fewer mosaics"
        )
    if transaction.network_byte != network.byte:
        raise ForbiddenValue(
            f"the network byte {transaction.network_byte:#x} is not that of the {network.name}; "
            f"use {network.byte:#x}"
        )
    understood = parse(data, signature=transaction.signature, network=network)
    if isinstance(transaction, Multisig) and transaction.cosignatures:
        transaction = attrs.evolve(transaction, cosignatures=())  # no part of the announced bytes
    if understood != transaction:
        raise ForbiddenValue(
            f"the server would read {transaction!r} as {understood!r}; shorten what was cut and "
            "leave out what the version does not have"
        )
