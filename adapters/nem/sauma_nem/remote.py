"""Signers elsewhere: keys that never come to the machine that settles.

The protocol is two requests, JSON over HTTP, with a bearer token where one is set:

::

    GET  /accounts                                  {"accounts": [{"account": "nem:testnet:T…",
                                                                   "public_key": "<64 hex digits>"}]}
    POST /sign {"account": "nem:testnet:T…",
                "payload": "<hex digits>"}          {"signature": "<128 hex digits>"}

A refusal is 401 (no or another token), 403 (the signer's own rules), 404 (no such account) or 400, with
{"error": "<why>"}.  Signing has no effect but the answer, and the same payload gives the same signature:
whoever got no answer asks again.  What is signed is a whole transaction, so a signer can read it with
`NemCodec`'s parser and have rules of its own.
"""

from __future__ import annotations

import json
from typing import Any, Final

from sauma.errors import BadAnswer, ChainError, InvalidInput, NoSigner
from sauma.identifiers import AccountId
from sauma_nodes import Connections, Reply
from sauma_nodes.connections import server_name, shortened

from .network import PUBLIC_KEY_BYTES, SIGNATURE_BYTES
from .signing import verify

ATTEMPTS_MAX: Final = 3
"""How often an unanswered question is asked; the same payload gives the same signature."""
TIMEOUT_S: Final = 10.0

_SUCCESS: Final = 200


class SignerUnavailable(NoSigner):
    """The remote signer does not answer: nothing was signed, the same call may be repeated."""


class RemoteSigner:
    """Signs for one account by asking a signer over HTTP."""

    def __init__(
        self,
        url: str,
        account: AccountId,
        *,
        token: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Ask the signer at `url` for the account's public key; raises `NoSigner` if it has none.

        `url` should be HTTPS, or this machine.  The token is sent with each request and never shown.
        """
        name = server_name(url)
        if name is None:
            raise InvalidInput(f"signer address {url!r} must look like https://host:port")
        self.account = account
        self._url, self._name = url.rstrip("/"), f"signer {name}"
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._connections = Connections(
            self._name,
            connect_timeout_s=timeout_s,
            read_timeout_s=timeout_s,
            answer_seconds_max=timeout_s,
            answer_bytes_max=1 << 20,
        )
        self.public_key = self._public_key()

    def sign(self, payload: bytes) -> bytes:
        """Return the signature; raises `NoSigner` for a refusal, `SignerUnavailable` for silence."""
        body = json.dumps({"account": str(self.account), "payload": payload.hex()})
        signature = self._octets(self._ask("/sign", body), "signature", SIGNATURE_BYTES)
        if not verify(self.public_key, payload, signature):
            raise NoSigner(
                f"{self._name} gave a signature for {self.account} that does not hold: check its key"
            )
        return signature

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def __repr__(self) -> str:
        """Show account and server only."""
        return f"RemoteSigner({self.account}, {self._name})"

    def _public_key(self) -> bytes:
        found = self._ask("/accounts", None).get("accounts")
        rows = found if isinstance(found, list) else []
        for row in rows:
            if isinstance(row, dict) and row.get("account") == str(self.account):
                return self._octets(row, "public_key", PUBLIC_KEY_BYTES)
        raise NoSigner(
            f"{self._name} does not sign for {self.account}: name an account that it has"
        )

    def _ask(self, path: str, body: str | None) -> dict[str, Any]:
        failure: ChainError | None = None
        for _ in range(ATTEMPTS_MAX):
            try:
                reply = self._connections.ask(self._url + path, body=body, headers=self._headers)
            except ChainError as error:
                failure = error
                continue
            return self._document(reply)
        raise SignerUnavailable(
            f"{self._name} did not answer {ATTEMPTS_MAX} times: nothing was signed for "
            f"{self.account}; repeat the call when it answers"
        ) from failure

    def _document(self, reply: Reply) -> dict[str, Any]:
        document = reply.document()
        if not isinstance(document, dict):
            raise BadAnswer(
                f"{self._name} answers with HTTP {reply.status} and no JSON object: check the address"
            )
        if reply.status != _SUCCESS:
            why = shortened(str(document.get("error", "")))
            raise NoSigner(
                f"{self._name} refuses to sign for {self.account}: HTTP {reply.status} {why!r}"
            )
        return document

    def _octets(self, row: dict[str, Any], name: str, length: int) -> bytes:
        try:
            octets = bytes.fromhex(row[name])
        except (KeyError, TypeError, ValueError):
            octets = b""
        if len(octets) != length:
            raise BadAnswer(
                f"{self._name} answers without a {name} of {length} bytes: check the address"
            )
        return octets
