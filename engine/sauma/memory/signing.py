"""Signatures of a chain without keys: they show who signed what, and anybody can make them."""

from __future__ import annotations

import hmac

import attrs

from sauma.identifiers import AccountId, content_id


@attrs.frozen(kw_only=True)
class NamedSigner:
    """A signer whose signature is a hash of its name and what it signed."""

    account: AccountId

    @property
    def public_key(self) -> bytes:
        """The account's name."""
        return self.account.text.encode()

    def sign(self, payload: bytes) -> bytes:
        """Return a hash of account and payload."""
        return content_id("named-signature", str(self.account), payload)


def verify_named(account: AccountId, payload: bytes, signature: bytes) -> bool:
    """Tell whether a signature is the one of that account over that payload."""
    return hmac.compare_digest(NamedSigner(account=account).sign(payload), signature)
