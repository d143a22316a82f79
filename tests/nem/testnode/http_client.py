"""One kept connection to a node, as bare as the standard library makes it."""

from __future__ import annotations

import http.client
import json
from types import TracebackType
from typing import Any, Self

from sauma_nem.signing import AnnounceRequest
from sauma_nem.testnode import NodeServer

ANNOUNCE = "/transaction/announce"


class Client:
    """Asks and gets the status and the JSON; what breaks raises as `http.client` does."""

    def __init__(self, server: NodeServer, timeout_s: float = 10) -> None:
        self._connection = http.client.HTTPConnection(server.host, server.port, timeout=timeout_s)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        sent = body if isinstance(body, str | bytes) or body is None else json.dumps(body)
        self._connection.request(method, path, sent, {"Content-Type": "application/json"} | headers)
        reply = self._connection.getresponse()
        content = reply.read()
        assert content.endswith(b"\r\n") or not content
        return reply.status, json.loads(content) if content else None

    def get(self, path: str) -> tuple[int, Any]:
        return self.ask("GET", path)

    def post(self, path: str, body: object = None) -> tuple[int, Any]:
        return self.ask("POST", path, body)

    def announce(self, request: AnnounceRequest) -> tuple[int, Any]:
        """The HTTP status, and the result's name or the error's message."""
        status, reply = self.ask("POST", ANNOUNCE, request.to_json())
        return status, reply["message"]

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
