"""Wallets: an account on the chain that is made for somebody, or one that they prove to be theirs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from sauma.errors import InvalidInput
from sauma.identifiers import AccountId

if TYPE_CHECKING:
    from sauma_nem.chain import NemChain
    from sauma_nem.settings import NemSettings
    from sauma_nem.wallet import KeyFile, NemSigner


class Wallets(Protocol):
    """What the portal asks of the chain's keys; no private key passes through it."""

    def make(self, participant: str) -> AccountId:
        """Return an account that the operator keeps for a participant; the same call, the same one."""
        ...

    def prove(self, text: str, *, public_key: str, signature: str) -> AccountId:
        """Return whose account signed the text; raises `InvalidInput` when the signature is not right."""
        ...


class NemWallets:
    """Accounts on NEM: `make_signer` makes or finds the key that is kept for a participant."""

    def __init__(
        self,
        chain: NemChain,
        settings: NemSettings,
        make_signer: Callable[[str], NemSigner],
    ) -> None:
        """Make keys with a callable; the chain signs with each from then on."""
        self._chain = chain
        self._settings = settings
        self._make_signer = make_signer
        self._lock = threading.Lock()

    @classmethod
    def in_file(
        cls,
        chain: NemChain,
        settings: NemSettings,
        keys: KeyFile,
        randomness: Callable[[int], bytes],
    ) -> NemWallets:
        """Keep keys in a key file, which is on the disk before an account is used."""

        def make_signer(participant: str) -> NemSigner:
            if participant in keys.names:
                return keys.signer(participant)
            return keys.generate(participant, randomness)

        return cls(chain, settings, make_signer)

    def make(self, participant: str) -> AccountId:
        """Return the account that is kept for a participant."""
        with self._lock:
            signer = self._make_signer(participant)
            self._chain.add_signer(signer)
        return signer.account

    def prove(self, text: str, *, public_key: str, signature: str) -> AccountId:
        """Return whose account signed the text (Ed25519 with Keccak over its UTF-8 bytes)."""
        from sauma_nem.caip import account_of
        from sauma_nem.signing import verify

        try:
            key, signed = bytes.fromhex(public_key.strip()), bytes.fromhex(signature.strip())
        except ValueError as error:
            raise InvalidInput(
                "public key and signature are written in hexadecimal digits"
            ) from error
        if not verify(key, text.encode(), signed):
            raise InvalidInput(
                "the signature does not fit the text and the public key: sign it anew"
            )
        return account_of(key, self._settings.nem_network)
