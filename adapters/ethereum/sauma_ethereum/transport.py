"""JSON-RPC to one node: calls in, results out, and errors that say whether anything can have happened.

A node's own error comes back as a value (`ErrorReply`), because its text is a hint and no verdict.
Several calls travel in one request; nothing is tried a second time, what to repeat is the caller's.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import attrs
import requests
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from sauma.errors import BadAnswer, InvalidInput, OutcomeUnknown, Unavailable

CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 20.0
"""The longest silence of a node that has our request."""
ANSWER_SECONDS_MAX: Final = 60.0
"""The longest time that a whole answer may take."""
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
"""Ten thousand log entries with their data need about 20 MB."""
REQUEST_BYTES_MAX: Final = 1_500_000
"""Nodes take two megabytes or more; what is longer travels in several requests."""
BATCH_CALLS_MAX: Final = 500
MESSAGE_LENGTH_MAX: Final = 200

_CHUNK_BYTES: Final = 65_536
_SUCCESS: Final = 200
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

    def __init__(
        self,
        url: str,
        *,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
        new_session: Callable[[], requests.Session] | None = None,
    ) -> None:
        """Speak to the node at `url`, such as `http://127.0.0.1:8545`.

        `new_session` makes the sessions where proxies or certificates are needed; the default
        reads no proxy and no password from the environment.
        """
        parts = _address_parts(url)
        if parts is None:
            raise InvalidInput(f"node address {url!r} must look like http://host:8545")
        self._url = url
        # a path or query often is an access token: messages show the host only
        self.name = parts
        self._timeouts_s = (connect_timeout_s, read_timeout_s)
        self._answer_seconds_max = answer_seconds_max
        self._answer_bytes_max = answer_bytes_max
        self._new_session = new_session or _plain_session
        self._local = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []
        self._numbers = itertools.count(1)

    def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        with self._lock:
            sessions, self._sessions = self._sessions, []
            self._local = threading.local()
        for session in sessions:
            session.close()

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
                raise OutcomeUnknown(
                    f"{error}; what was sent may have arrived: ask status() before anything else"
                ) from error
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
        try:
            status, content = self._exchange(body)
        except requests.RequestException as error:
            raise Unavailable(
                f"node {self.name} did not answer: {_reason(error)}; repeat the call or ask another "
                "node"
            ) from error
        return self._document(status, content)

    def _send_once(self, body: bytes, *, is_first: bool) -> Any:
        try:
            status, content = self._exchange(body)
            if status >= _SERVER_ERROR or status == _REQUEST_TIMED_OUT:
                raise requests.ConnectionError(f"HTTP {status}")
            return self._document(status, content)
        except requests.RequestException as error:
            if is_first and _nothing_left(error):
                raise Unavailable(
                    f"node {self.name} cannot be reached: {_reason(error)}; nothing was sent, "
                    "repeat the call or ask another node"
                ) from error
            raise OutcomeUnknown(
                f"node {self.name} did not answer: {_reason(error)}; what was sent may have "
                "arrived: ask status() before anything else"
            ) from error

    def _exchange(self, body: bytes) -> tuple[int, bytes]:
        response = self._session().post(
            self._url,
            data=body,
            headers={"Accept": "application/json", "Content-Type": "application/json"},
            timeout=self._timeouts_s,
            stream=True,
            allow_redirects=False,
        )
        with response:
            return response.status_code, self._content(response)

    def _content(self, response: requests.Response) -> bytes:
        ends_at = time.monotonic() + self._answer_seconds_max
        content = bytearray()
        for chunk in response.iter_content(_CHUNK_BYTES):
            content += chunk
            if len(content) > self._answer_bytes_max:
                raise BadAnswer(
                    f"node {self.name} answers with more than {self._answer_bytes_max} bytes: "
                    "ask for less, or another node"
                )
            if time.monotonic() > ends_at:
                raise requests.ReadTimeout(f"the answer took over {self._answer_seconds_max} s")
        return bytes(content)

    def _document(self, status: int, content: bytes) -> Any:
        if status in (_TOO_MANY_REQUESTS, _NOT_READY):
            raise Unavailable(f"node {self.name} is too busy: HTTP {status}; repeat the call later")
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise BadAnswer(
                f"node {self.name} answers with HTTP {status} and {content[:60]!r} instead of "
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

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._new_session()
            with self._lock:
                self._sessions.append(session)
                self._local.session = session
        return session


def reply_of(document: Any, name: str) -> Any:
    """Return the result of a JSON-RPC document, or its error; raises `BadAnswer` for neither."""
    if isinstance(document, dict):
        error = document.get("error")
        if isinstance(error, dict):
            code = error.get("code")
            return ErrorReply(
                code=code if isinstance(code, int) else 0,
                message=str(error.get("message", ""))[:MESSAGE_LENGTH_MAX],
                data=error.get("data"),
            )
        if error is not None:
            return ErrorReply(code=0, message=str(error)[:MESSAGE_LENGTH_MAX])
        if "result" in document:
            return document["result"]
    raise BadAnswer(
        f"node {name} answers with {str(document)[:60]!r} instead of a result: ask another node"
    )


def _address_parts(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            return None
        port = "" if parts.port is None else f":{parts.port}"
        return f"{parts.scheme}://{parts.hostname}{port}"
    except ValueError:
        return None


def _plain_session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


def _nothing_left(error: requests.RequestException) -> bool:
    """Tell whether the connection itself failed, so that no byte of the request left."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    return isinstance(cause, NewConnectionError | ConnectTimeoutError)


def _reason(error: requests.RequestException) -> str:
    """Return why, without the path of the address: it may hold an access token."""
    cause = error.args[0] if error.args else error
    if isinstance(cause, MaxRetryError):
        cause = cause.reason or cause
    return str(cause)[:MESSAGE_LENGTH_MAX]
