"""Keccak-256 and secp256k1: addresses, signatures that are the same each time, and who signed.

Signatures follow RFC 6979, so the same payload gives the same bytes, and have a low s (EIP-2), so
nobody can make a second one of the first.
"""

from __future__ import annotations

from typing import Final

import coincurve
from eth_hash.auto import keccak

from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, ChainId

from .caip import account_of

PRIVATE_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 65
"""r (32), s (32), and the parity of R's y (1)."""
CURVE_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

__all__ = [
    "CURVE_ORDER",
    "PRIVATE_KEY_BYTES",
    "SIGNATURE_BYTES",
    "EthereumSigner",
    "address_of",
    "is_canonical",
    "keccak",
    "recover",
]


def address_of(public_key: bytes) -> bytes:
    """Return the 20-byte address of an uncompressed public key (64 bytes, or 65 beginning with 4)."""
    key = public_key[1:] if len(public_key) == 65 and public_key[0] == 4 else public_key
    if len(key) != 64:
        raise InvalidInput(f"public key {public_key.hex()} must be uncompressed, with 64 bytes")
    return keccak(key)[12:]


def is_canonical(signature: bytes) -> bool:
    """Tell whether r and s are in range, s low, and the last byte a parity."""
    if len(signature) != SIGNATURE_BYTES:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    return 0 < r < CURVE_ORDER and 0 < s <= CURVE_ORDER // 2 and signature[64] in (0, 1)


def recover(payload: bytes, signature: bytes) -> bytes | None:
    """Return the address whose key signed a payload; None when the signature cannot hold."""
    if not is_canonical(signature):
        return None
    try:
        key = coincurve.PublicKey.from_signature_and_message(
            signature, keccak(payload), hasher=None
        )
    except ValueError:
        return None
    return address_of(key.format(compressed=False))


class EthereumSigner:
    """Signs for one account with a key that it never shows."""

    __slots__ = ("_key", "account")

    account: AccountId

    def __init__(self, private_key: bytes, chain_id: ChainId) -> None:
        """Sign with 32 bytes for their account on a chain such as `eip155:1`."""
        if not isinstance(private_key, bytes) or len(private_key) != PRIVATE_KEY_BYTES:
            raise InvalidInput(f"a private key has {PRIVATE_KEY_BYTES} bytes")
        try:
            self._key = coincurve.PrivateKey(private_key)
        except ValueError:
            raise InvalidInput("a private key is no number of the curve: draw another") from None
        self.account = account_of(address_of(self.public_key), chain_id)

    @property
    def public_key(self) -> bytes:
        """The uncompressed key that others verify with, 64 bytes."""
        return self._key.public_key.format(compressed=False)[1:]

    def sign(self, payload: bytes) -> bytes:
        """Return r, s and parity over the payload's Keccak-256; the same payload, the same bytes."""
        return self._key.sign_recoverable(keccak(payload), hasher=None)

    def __repr__(self) -> str:
        """Show the account only."""
        return f"EthereumSigner({self.account})"
