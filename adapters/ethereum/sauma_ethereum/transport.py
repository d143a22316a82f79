"""JSON-RPC to one node: calls in, results out, and errors that say whether anything can have happened.

A node's own error comes back as a value (`ErrorReply`), because its text is a hint and no verdict.
Several calls travel in one request; nothing is tried a second time, what to repeat is the caller's.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any, Final, Protocol

import attrs

from sauma.errors import BadAnswer, InvalidInput, Unavailable
from sauma_nodes.connections import Connections, Reply, outcome_unknown, server_name, shortened

REQUEST_BYTES_MAX: Final = 1_500_000
"""Nodes take two megabytes or more; what is longer travels in several requests."""
BATCH_CALLS_MAX: Final = 500

_REQUEST_TIMED_OUT: Final = 408
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500
_NOT_READY: Final = 503


@attrs.frozen
class Call:
    """A method with its parameters, as JSON-RPC takes them."""

    method: str
    params: tuple[Any, ...] = ()


@attrs.frozen(kw_only=True)
class ErrorReply:
    """A node's JSON-RPC error: its number, its text, and data such as what a contract reverted with."""

    code: int
    message: str
    data: Any = None

    def __str__(self) -> str:
        """Show number and text."""
        return f"{self.code} {self.message}"


class Transport(Protocol):
    """What carries calls to one node."""

    @property
    def name(self) -> str:
        """What to call the node in messages: an address without secrets."""
        ...

    def ask(self, calls: Sequence[Call]) -> list[Any]:
        """Return the result, or an `ErrorReply`, of each call; none of them changes anything."""
        ...

    def send(self, calls: Sequence[Call]) -> list[Any]:
        """Return the result, or an `ErrorReply`, of each call that may have an effect."""
        ...

    def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        ...


class HttpTransport:
    """JSON-RPC over HTTP with connections that are kept open, one set for each thread."""

    def __init__(self, url: str, **options: Any) -> None:
        """Speak to the node at `url`, such as `http://127.0.0.1:8545`.

        `options` are those of `sauma_nodes.Connections`: time-outs, limits, `new_session`.
        """
        name = server_name(url)
        if name is None:
            raise InvalidInput(f"node address {url!r} must look like http://host:8545")
        self._url = url
        # a path or query often is an access token: messages show the host only
        self.name = name
        self._connections = Connections(f"node {name}", **options)
        self._numbers = itertools.count(1)

    def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        self._connections.close()

    def ask(self, calls: Sequence[Call]) -> list[Any]:
        """Ask for what changes nothing.

        Raises `Unavailable` when there was no answer (repeat it) and `BadAnswer` when the answer is
        no JSON-RPC.
        """
        return [
            reply
            for numbered, body in self._requests(calls)
            for reply in self._read(numbered, self._ask_once(body))
        ]

    def send(self, calls: Sequence[Call]) -> list[Any]:
        """Send what may have an effect, once.

        Raises `Unavailable` when no connection came about, so that nothing was sent, and
        `OutcomeUnknown` when a request left and no understandable answer came back.
        """
        replies: list[Any] = []
        for numbered, body in self._requests(calls):
            try:
                replies += self._read(numbered, self._send_once(body, is_first=not replies))
            except BadAnswer as error:
                raise outcome_unknown(str(error)) from error
        return replies

    def _requests(self, calls: Sequence[Call]) -> list[tuple[list[int], bytes]]:
        """Return calls as request bodies, each with the numbers of its calls."""
        bodies: list[tuple[list[int], list[bytes]]] = []
        size = 0
        for call in calls:
            number = next(self._numbers)
            document = {
                "jsonrpc": "2.0",
                "id": number,
                "method": call.method,
                "params": list(call.params),
            }
            text = json.dumps(document, separators=(",", ":")).encode()
            size += len(text)
            if not bodies or size > REQUEST_BYTES_MAX or len(bodies[-1][0]) >= BATCH_CALLS_MAX:
                bodies.append(([], []))
                size = len(text)
            bodies[-1][0].append(number)
            bodies[-1][1].append(text)
        return [
            (numbers, texts[0] if len(texts) == 1 else b"[" + b",".join(texts) + b"]")
            for numbers, texts in bodies
        ]

    def _ask_once(self, body: bytes) -> Any:
        return self._document(self._connections.ask(self._url, body=body))

    def _send_once(self, body: bytes, *, is_first: bool) -> Any:
        reply = self._connections.send(self._url, body=body, is_first=is_first)
        if reply.status >= _SERVER_ERROR or reply.status == _REQUEST_TIMED_OUT:
            raise outcome_unknown(f"node {self.name} failed with HTTP {reply.status}")
        return self._document(reply)

    def _document(self, reply: Reply) -> Any:
        status = reply.status
        if status in (_TOO_MANY_REQUESTS, _NOT_READY):
            raise Unavailable(f"node {self.name} is too busy: HTTP {status}; repeat the call later")
        try:
            return json.loads(reply.content)
        except (ValueError, RecursionError) as error:
            raise BadAnswer(
                f"node {self.name} answers with HTTP {status} and {reply.content[:60]!r} instead of "
                "JSON: check that the address is a node's"
            ) from error

    def _read(self, numbers: Sequence[int], document: Any) -> list[Any]:
        """Return the reply to each numbered call, in the order of the numbers."""
        found = document if isinstance(document, list) else [document]
        by_number = {each.get("id"): each for each in found if isinstance(each, dict)}
        if len(numbers) > 1 and not isinstance(document, list):
            # a node that refuses the whole batch answers with one error without a number
            by_number = dict.fromkeys(numbers, document)
        elif len(numbers) == 1 and None in by_number:
            by_number[numbers[0]] = by_number[None]
        return [reply_of(by_number.get(number), self.name) for number in numbers]


def reply_of(document: Any, name: str) -> Any:
    """Return the result of a JSON-RPC document, or its error; raises `BadAnswer` for neither."""
    if isinstance(document, dict):
        error = document.get("error")
        if isinstance(error, dict):
            code = error.get("code")
            return ErrorReply(
                code=code if isinstance(code, int) else 0,
                message=shortened(str(error.get("message", ""))),
                data=error.get("data"),
            )
        if error is not None:
            return ErrorReply(code=0, message=shortened(str(error)))
        if "result" in document:
            return document["result"]
    raise BadAnswer(
        f"node {name} answers with {str(document)[:60]!r} instead of a result: ask another node"
    )
