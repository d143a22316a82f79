"""A signer for others to ask: the reference of the protocol in `remote`, for tests and small sites.

It speaks plain HTTP on this machine only.  Put a proxy with TLS before it for anybody elsewhere, and
give it rules: whoever has the token can have anything signed that the rules let pass.
"""

from __future__ import annotations

import hmac
import json
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

from sauma.chain import Signer
from sauma.errors import SaumaError
from sauma.identifiers import AccountId
from sauma.logs import get_logger

from .network import ANNOUNCE_BYTES_MAX

BODY_BYTES_MAX: Final = 2 * ANNOUNCE_BYTES_MAX + 1_024

Rule: TypeAlias = Callable[[AccountId, bytes], str | None]
"""Says why a payload is not signed for an account, or None where it is."""

log = get_logger(__name__)


class _Refusal(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class SigningServer:
    """Serves signers over loopback HTTP; use as a context manager."""

    def __init__(
        self,
        signers: Mapping[AccountId, Signer],
        *,
        token: str | None = None,
        rule: Rule | None = None,
        port: int = 0,
    ) -> None:
        """Sign for these accounts, for whoever has the token, what the rule lets pass."""
        self._signers = {str(account): signer for account, signer in signers.items()}
        self._token, self._rule = token, rule
        handler = type("Handler", (_Handler,), {"owner": self})
        self._http = _HttpServer(("127.0.0.1", port), handler)
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.05,), name="signing server", daemon=True
        )

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        """Start serving."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop serving."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, path: str, body: bytes | None, authorization: str) -> tuple[int, Any]:
        """Return status and document for a request."""
        try:
            if self._token is not None and not hmac.compare_digest(
                authorization.encode(), f"Bearer {self._token}".encode()
            ):
                raise _Refusal(401, "the token is missing or another one")
            if path == "/accounts" and body is None:
                return 200, {"accounts": self._accounts()}
            if path == "/sign" and body is not None:
                return 200, {"signature": self._sign(body).hex()}
            raise _Refusal(404, "ask GET /accounts or POST /sign")
        except _Refusal as refusal:
            log.warning("signing_refused", status=refusal.status, reason=refusal.why)
            return refusal.status, {"error": refusal.why}

    def _accounts(self) -> list[dict[str, str]]:
        return [
            {"account": account, "public_key": signer.public_key.hex()}
            for account, signer in sorted(self._signers.items())
        ]

    def _sign(self, body: bytes) -> bytes:
        try:
            document = json.loads(body)
            account, payload = document["account"], bytes.fromhex(document["payload"])
        except (ValueError, KeyError, TypeError):
            raise _Refusal(400, 'send {"account": …, "payload": hex digits}') from None
        if not payload or len(payload) > ANNOUNCE_BYTES_MAX:
            raise _Refusal(400, f"a payload has 1 to {ANNOUNCE_BYTES_MAX} bytes")
        signer = self._signers.get(account) if isinstance(account, str) else None
        if signer is None:
            raise _Refusal(404, "there is no signer of this account")
        why = None if self._rule is None else self._rule(signer.account, payload)
        if why is not None:
            raise _Refusal(403, why)
        try:
            return signer.sign(payload)
        except SaumaError as error:
            raise _Refusal(403, str(error)) from error


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Log what would be printed: mostly somebody did not wait for the answer."""
        log.warning("connection_failed", error=repr(sys.exception()))


class _Handler(BaseHTTPRequestHandler):
    owner: SigningServer
    timeout = 10

    def do_GET(self) -> None:
        """Answer a question."""
        self._reply(None)

    def do_POST(self) -> None:
        """Answer a request to sign."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > BODY_BYTES_MAX:
            self._send(400, {"error": f"a body has up to {BODY_BYTES_MAX} bytes"})
            self.close_connection = True
            return
        self._reply(self.rfile.read(int(length)))

    def _reply(self, body: bytes | None) -> None:
        self._send(*self.owner.answer(self.path, body, self.headers.get("Authorization", "")))

    def _send(self, status: int, document: Any) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what happened is logged by name."""
