"""Keys and signatures (Ed25519 with Keccak), and what is sent to a node to announce."""

from __future__ import annotations

import binascii
import itertools
import json
from functools import lru_cache
from hashlib import sha256
from typing import Final

import attrs
from symbolchain.CryptoTypes import PrivateKey, PublicKey
from symbolchain.CryptoTypes import Signature as SdkSignature
from symbolchain.nem.KeyPair import KeyPair as SdkKeyPair
from symbolchain.nem.KeyPair import Verifier

from .binary import serialise
from .network import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, Network, address_of
from .transactions import Transaction
from .unreadable import ForbiddenValue, forbidden, missing

VERIFIED_MAX = 8_192
"""How many answers about signatures are remembered."""
CHECKED_EVERY: Final = 128
"""Of so many signatures that a key makes here, the first is verified like a stranger's."""
_PRIVATE_KEY_BYTES = 32


class _Made:
    """Remembers the newest signatures that keys of this process made, each over exactly which bytes."""

    def __init__(self, newest_max: int) -> None:
        """Remember at least so many, and at most twice as many."""
        self._newest_max = newest_max
        self._newer: set[bytes] = set()
        self._older: set[bytes] = set()

    def add(self, public_key: bytes, data: bytes, signature: bytes) -> None:
        """Remember one; threads may come between, then something older is forgotten early."""
        if len(self._newer) >= self._newest_max:
            self._newer, self._older = set(), self._newer
        self._newer.add(sha256(public_key + signature + data).digest())

    def has(self, public_key: bytes, data: bytes, signature: bytes) -> bool:
        """Tell whether this very signature was made here."""
        if len(public_key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
            return False
        digest = sha256(public_key + signature + data).digest()
        return digest in self._newer or digest in self._older


_made = _Made(VERIFIED_MAX)


class KeyPair:
    """A private key that signs. It is never shown: `repr` gives the public key only."""

    __slots__ = ("_count", "_pair", "public_key")

    public_key: bytes

    def __init__(self, private_key: bytes) -> None:
        """Raises ForbiddenValue unless the key has 32 bytes (in the order of NEM wallets' hex)."""
        if len(private_key) != _PRIVATE_KEY_BYTES:
            raise ForbiddenValue(
                f"a private key has {_PRIVATE_KEY_BYTES} bytes, not {len(private_key)}; give the "
                "wallet's 64 hex digits"
            )
        self._pair = SdkKeyPair(PrivateKey(private_key))
        self.public_key = self._pair.public_key.bytes
        self._count = itertools.count()

    @classmethod
    def from_hex(cls, private_key_hex: str) -> KeyPair:
        """From the 64 hex digits as NEM wallets write them; the errors do not show them."""
        try:
            private_key = bytes.fromhex(private_key_hex)
        except ValueError:
            # without the cause: its message may quote the key
            raise ForbiddenValue("a private key is written in 64 hex digits; correct it") from None
        return cls(private_key)

    def __repr__(self) -> str:
        return f"KeyPair(public_key={self.public_key.hex()})"

    def __reduce__(self) -> str:
        """Refuse: a pickled key would be a key at rest."""
        raise TypeError("a key pair is not pickled; hand over the signer instead")

    def address(self, network: Network) -> str:
        """The account's address on a network."""
        return address_of(self.public_key, network.byte)

    def sign(self, data: bytes) -> bytes:
        """64 bytes, the same for the same data; `verify` knows them again, but for one in many."""
        signature: bytes = self._pair.sign(data).bytes
        if next(self._count) % CHECKED_EVERY:
            _made.add(self.public_key, data, signature)
        return signature


def verify(public_key: bytes, data: bytes, signature: bytes) -> bool:
    """Whether the signature is this key's over the data.

    A signature whose S is 0 or not below the group order is none, whatever it verifies to.  Of one
    that a `KeyPair` of this process made over the same bytes that is known, as long as it is among the
    newest; of a key's first and then of every 128th it is not, so that key, library and machine are
    proved again and again.  Everything else is reckoned, by far the dearest here, and remembered.
    """
    return _made.has(public_key, data, signature) or _reckoned(public_key, data, signature)


@lru_cache(maxsize=VERIFIED_MAX)
def _reckoned(public_key: bytes, data: bytes, signature: bytes) -> bool:
    if len(public_key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    if not any(public_key):  # the SDK raises for the zero key
        return False
    return bool(Verifier(PublicKey(public_key)).verify(data, SdkSignature(signature)))


@attrs.frozen(kw_only=True)
class AnnounceRequest:
    """What a node is sent: the non-verifiable bytes and their signature."""

    data: bytes
    signature: bytes

    def to_json(self) -> str:
        """The body of POST /transaction/announce; the same request gives the same text."""
        return f'{{"data":"{self.data.hex()}","signature":"{self.signature.hex()}"}}'

    @classmethod
    def from_json(cls, text: str | bytes) -> AnnounceRequest:
        """From such a body, as tolerant of hex as the server: either case, odd lengths.

        Raises Unreadable with the server's status and message.
        """
        try:
            document = json.loads(text)
        except ValueError as error:
            raise _not_an_object(text) from error
        if not isinstance(document, dict):
            raise _not_an_object(text)
        return cls(data=_hex(document, "data"), signature=_hex(document, "signature"))


def sign(transaction: Transaction, key_pair: KeyPair) -> AnnounceRequest:
    """Serialise and sign; raises ForbiddenValue if the key is not the signer's."""
    if key_pair.public_key != transaction.signer:
        raise ForbiddenValue(
            f"the transaction's signer is {transaction.signer.hex()}, the key is of "
            f"{key_pair.public_key.hex()}; sign with the signer's key"
        )
    data = serialise(transaction)
    return AnnounceRequest(data=data, signature=key_pair.sign(data))


def _not_an_object(text: str | bytes) -> ForbiddenValue:
    return forbidden("JSON Object was expected", f"{text[:80]!r} is none")


def _hex(document: dict[str, object], label: str) -> bytes:
    text = document.get(label)
    if text is None:
        raise missing(label)
    if not isinstance(text, str):
        raise ForbiddenValue(
            f"`{label}` is {text!r}; give hex digits in a string",
            server_message=f"property {label} has an incompatible value",
        )
    padded = text if len(text) % 2 == 0 else "0" + text
    try:
        return binascii.unhexlify(padded)
    except ValueError as error:
        digits = "0123456789abcdefABCDEF"
        at = next((index for index, digit in enumerate(padded) if digit not in digits), 0)
        raise forbidden(
            "org.apache.commons.codec.DecoderException: Illegal hexadecimal character "
            f"{padded[at]} at index {at}",
            f"write `{label}` in hex digits",
        ) from error
