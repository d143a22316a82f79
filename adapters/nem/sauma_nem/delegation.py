"""Signing for an account that signs nothing itself: what a cosigner of a multisig account does.

A multisig account's transfer travels inside a wrapper that one of its cosigners signs.  The account
pays for both, and for each further cosignature.  Where one cosigner is enough, as when a producer lets
the operator move what it sold, the transfer lands by itself; else it waits in the pool for the others.
"""

from __future__ import annotations

import attrs

from sauma.chain import Signer
from sauma.errors import InvalidInput, NoSigner
from sauma.identifiers import AccountId

from .binary import serialise
from .caip import account_of, address_on
from .fees import minimum_fee_micro
from .network import Network
from .signing import verify
from .transactions import Multisig, Transaction


class Delegate:
    """A cosigner that signs for a multisig account; give it to a chain as that account's signer."""

    __slots__ = ("account", "cosigner", "public_key")

    account: AccountId
    """The multisig account."""
    public_key: bytes
    """The multisig account's own key, under which others know it."""
    cosigner: Signer
    """Who signs: one of the account's cosigners."""

    def __init__(self, account: AccountId, public_key: bytes, cosigner: Signer) -> None:
        """Sign for `account`; an account shows its public key as soon as it signed anything."""
        if cosigner.account == account:
            raise InvalidInput(
                f"{account} cannot be its own cosigner: give the signer of another account"
            )
        self.account, self.public_key, self.cosigner = account, public_key, cosigner

    def sign(self, payload: bytes) -> bytes:
        """Return the cosigner's signature of a wrapper."""
        return self.cosigner.sign(payload)

    def __repr__(self) -> str:
        """Show the two accounts."""
        return f"Delegate({self.account}, by {self.cosigner.account})"


def check_signer(account: AccountId, signer: Signer, network: Network) -> None:
    """Raise `InvalidInput` or `WrongNetwork` unless a signer is what it is given for."""
    address_on(account, network)
    if signer.account != account:
        address_on(signer.account, network)
        raise InvalidInput(f"the signer given for {account} signs for {signer.account}: correct it")
    own = account_of(signer.public_key, network)
    if own != account:
        raise InvalidInput(
            f"the signer of {account} has the key of {own}: give the account's own key"
        )
    if isinstance(signer, Delegate):
        check_signer(signer.cosigner.account, signer.cosigner, network)


def wrapped(transaction: Transaction, signer: Signer) -> Transaction:
    """Return a transaction as its signer signs it: in a wrapper, if that is a `Delegate`."""
    if not isinstance(signer, Delegate):
        return transaction
    unpriced = Multisig(
        network_byte=transaction.network_byte,
        version=1,
        timestamp_seconds=transaction.timestamp_seconds,
        signer=signer.cosigner.public_key,
        fee_micro=0,
        deadline_seconds=transaction.deadline_seconds,
        inner=transaction,
    )
    return attrs.evolve(unpriced, fee_micro=minimum_fee_micro(unpriced, lambda _: None))


def signed_by(transaction: Transaction, signer: Signer) -> Transaction:
    """Return a transaction (a wrapper, for a `Delegate`) with its signature.

    Raises `NoSigner` when the signature does not hold.
    """
    signature = signature_by(signer, transaction.signer, serialise(transaction))
    return attrs.evolve(transaction, signature=signature)


def signature_by(signer: Signer, public_key: bytes, data: bytes) -> bytes:
    """Return a signer's signature of a transaction's bytes; raises `NoSigner` when it does not hold."""
    signature = signer.sign(data)
    if not verify(public_key, data, signature):
        raise NoSigner(
            f"the signer of {signer.account} gave a signature that does not hold: check its key"
        )
    return signature
