"""HTTP to one NIS1 node: a JSON object asked for, a JSON object answered, or an error that says
whether anything can have happened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import attrs

from sauma.errors import BadAnswer, InvalidInput, Unavailable
from sauma_nodes.connections import Connections, Reply, outcome_unknown, server_name, shortened

_TOO_MANY_REQUESTS: Final = 429
_NOT_READY: Final = 503
_REQUEST_TIMED_OUT: Final = 408
_SERVER_ERROR: Final = 500
_SUCCESS: Final = 200

JsonObject = dict[str, Any]


@attrs.frozen(kw_only=True)
class ErrorReply:
    """A node's HTTP error: its status, and what NIS says about it."""

    status: int
    message: str


class HttpTransport:
    """Connections that are kept open, one set for each thread.

    Nothing is tried a second time: what to repeat is the caller's to decide.
    """

    def __init__(self, url: str, **options: Any) -> None:
        """Speak to the node at `url`, such as `http://127.0.0.1:7890`.

        `options` are those of `sauma_nodes.Connections`: time-outs, limits, `new_session`.
        """
        if server_name(url) is None:
            raise InvalidInput(f"node address {url!r} must look like http://host:7890")
        self.url = url.rstrip("/")
        self._connections = Connections(f"node {self.url}", **options)

    def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        self._connections.close()

    def ask(
        self, path: str, *, params: Mapping[str, str] | None = None, body: JsonObject | None = None
    ) -> JsonObject | ErrorReply:
        """Ask for something that changes nothing; a body makes it a POST.

        Raises `Unavailable` when there was no answer (nothing has happened, repeat it) and
        `BadAnswer` when the answer is no JSON object or comes from something that is no node.
        """
        encoded = None if body is None else json.dumps(body)
        reply = self._connections.ask(self.url + path, params=params, body=encoded)
        return self._read(path, reply)

    def send(self, path: str, body: str) -> JsonObject | ErrorReply:
        """Send something that may have an effect, once.

        Raises `Unavailable` when no connection came about, so that nothing was sent, and
        `OutcomeUnknown` when the request left and no understandable answer came back.
        """
        reply = self._connections.send(self.url + path, body=body)
        try:
            found = self._read(path, reply)
        except BadAnswer as error:
            raise outcome_unknown(str(error)) from error
        if isinstance(found, ErrorReply) and (
            found.status >= _SERVER_ERROR or found.status == _REQUEST_TIMED_OUT
        ):
            raise outcome_unknown(
                f"node {self.url} failed at {path} with {found.status} {found.message!r}"
            )
        return found

    def _read(self, path: str, reply: Reply) -> JsonObject | ErrorReply:
        document = reply.document()
        if reply.status == _SUCCESS:
            if isinstance(document, dict):
                return document
            raise BadAnswer(
                f"node {self.url} answers {path} with {reply.content[:60]!r} instead of a JSON "
                "object: check that the address is a NIS1 node's"
            )
        message = _message(document, reply.content)
        if reply.status in (_TOO_MANY_REQUESTS, _NOT_READY):
            raise Unavailable(
                f"node {self.url} is not ready for {path}: {reply.status} {message!r}; repeat the "
                "call later"
            )
        return ErrorReply(status=reply.status, message=message)


def _message(document: object, content: bytes) -> str:
    if isinstance(document, dict):
        return shortened(str(document.get("message") or document.get("error") or ""))
    return shortened(content.decode("utf-8", "replace"))
