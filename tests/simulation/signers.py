"""Signers that fail as remote ones do: gone, too slow to answer, and never twice the same."""

from __future__ import annotations

import hashlib
from collections import Counter

import coincurve
import pytest

from sauma.chain import Signer
from sauma.errors import Unavailable
from sauma_ethereum import EthereumSigner
from sauma_ethereum.signing import CURVE_ORDER, keccak
from sauma_nem import NemSigner


def as_it_is(signer: Signer) -> Signer | None:
    """Let a signer sign as it does; nothing in its place is a signer that is gone."""
    return signer


class PlainSigner:
    """For the reference chain, which carries any signature and checks none."""

    def __init__(self, account):
        self.account = account
        self.public_key = hashlib.sha256(str(account).encode()).digest()

    def sign(self, payload: bytes) -> bytes:
        """Return the same bytes for the same payload."""
        return hashlib.sha256(self.public_key + payload).digest()


class Wrapped:
    """A signer around another one."""

    def __init__(self, inner: Signer) -> None:
        self.inner = inner
        self.account, self.public_key = inner.account, inner.public_key


LOST_ANSWERS = frozenset((1, 3, 4, 8))
"""Which answers of slow signers do not arrive."""


class SlowSigner(Wrapped):
    """Signs, and does not always answer in time."""

    asked: Counter[str]

    def __init__(self, inner: Signer, asked: Counter[str]) -> None:
        super().__init__(inner)
        self.asked = asked

    def sign(self, payload: bytes) -> bytes:
        """Return the signature, or lose it."""
        self.asked["signed"] += 1
        signature = self.inner.sign(payload)
        if self.asked["signed"] in LOST_ANSWERS:
            self.asked["lost"] += 1
            raise Unavailable("the signer did not answer in time: repeat the call")
        return signature


class RestlessSigner(Wrapped):
    """Gives a valid signature, and another one each time, as some hardware does."""

    def __init__(self, inner: Signer, given: list[bytes]) -> None:
        super().__init__(inner)
        self.given = given

    def sign(self, payload: bytes) -> bytes:
        """Return a signature that nobody has seen."""
        seed = hashlib.sha512(f"{self.account} {len(self.given)}".encode()).digest()
        if isinstance(self.inner, EthereumSigner):
            signature = _ecdsa(self.inner, payload, int.from_bytes(seed, "big") % CURVE_ORDER)
        elif isinstance(self.inner, NemSigner):
            signature = _keccak_ed25519(self.inner, payload, seed)
        else:
            signature = self.inner.sign(seed + payload)
        self.given.append(signature)
        return signature


def _ecdsa(signer: EthereumSigner, payload: bytes, k: int) -> bytes:
    """Sign with a number of the caller's instead of the one that RFC 6979 gives."""
    secret = signer._key.to_int()
    x, y = coincurve.PrivateKey.from_int(k).public_key.point()
    digest = int.from_bytes(keccak(payload), "big")
    r = x % CURVE_ORDER
    s = pow(k, -1, CURVE_ORDER) * (digest + r * secret) % CURVE_ORDER
    parity = y % 2
    if s > CURVE_ORDER // 2:
        s, parity = CURVE_ORDER - s, 1 - parity
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity])


def _keccak_ed25519(signer: NemSigner, payload: bytes, seed: bytes) -> bytes:
    """Sign with a nonce of the caller's instead of the one that key and payload give."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("symbolchain.nem.KeyPair._generate_nonce", lambda *_: seed)
        return signer.sign(payload)
