"""Transactions of others on the street: of the same accounts, but none that the chain prepared."""

from __future__ import annotations

from typing import Any

from sauma_nem.binary import serialise
from sauma_nem.network import TESTNET
from sauma_nem.signing import KeyPair
from sauma_nem.transactions import Modification, MultisigModification, Transaction, Transfer

from .street import BUYER, PRODUCER, STRANGER, XEM_MICRO, Street, key_of


def announce_foreign(street: Street, transaction: Transaction, label: str) -> None:
    """Announce somebody's transaction."""
    data = serialise(transaction)
    answer = street.node.announce(data, KeyPair(key_of(label)).sign(data))
    assert answer.result.name == "SUCCESS"


def foreign(street: Street, label: str, **changes: Any) -> Transfer:
    """A transfer of somebody's making."""
    now = street.node.now_seconds()
    members = {
        "network_byte": TESTNET.byte,
        "version": 2,
        "timestamp_seconds": now,
        "signer": KeyPair(key_of(label)).public_key,
        "fee_micro": 2_000_000,
        "deadline_seconds": now + 3_600,
        "recipient": BUYER.account.address,
        "amount_micro": XEM_MICRO,
    }
    return Transfer(**{**members, **changes})


def share_the_producer(street: Street) -> None:
    """Make the producer's account one that a stranger signs for."""
    now = street.node.now_seconds()
    modification = MultisigModification(
        network_byte=TESTNET.byte,
        version=2,
        timestamp_seconds=now,
        signer=PRODUCER.public_key,
        fee_micro=500_000,
        deadline_seconds=now + 3_600,
        modifications=(Modification(kind=1, cosignatory=STRANGER.public_key),),
        relative_change=1,
    )
    announce_foreign(street, modification, "producer")
    street.node.mine()
