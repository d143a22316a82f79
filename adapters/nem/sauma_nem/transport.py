"""HTTP to one NIS1 node: a JSON object asked for, a JSON object answered, or an error that says
whether anything can have happened.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
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
ANSWER_BYTES_MAX: Final = 32 * 1024 * 1024
"""Ten thousand transfers, the largest block of a private network, need about 10 MB."""
MESSAGE_LENGTH_MAX: Final = 200

_CHUNK_BYTES: Final = 65_536
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
        """Speak to the node at `url`, such as `http://127.0.0.1:7890`.

        `new_session` makes the sessions where proxies or certificates are needed; the default
        reads no proxy and no password from the environment.
        """
        if not _is_address(url):
            raise InvalidInput(f"node address {url!r} must look like http://host:7890")
        self.url = url.rstrip("/")
        self._timeouts_s = (connect_timeout_s, read_timeout_s)
        self._answer_seconds_max = answer_seconds_max
        self._answer_bytes_max = answer_bytes_max
        self._new_session = new_session or _plain_session
        self._local = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []

    def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        with self._lock:
            sessions, self._sessions = self._sessions, []
            self._local = threading.local()
        for session in sessions:
            session.close()

    def ask(
        self, path: str, *, params: Mapping[str, str] | None = None, body: JsonObject | None = None
    ) -> JsonObject | ErrorReply:
        """Ask for something that changes nothing; a body makes it a POST.

        Raises `Unavailable` when there was no answer (nothing has happened, repeat it) and
        `BadAnswer` when the answer is no JSON object or comes from something that is no node.
        """
        encoded = None if body is None else json.dumps(body)
        try:
            status, content = self._exchange(path, params, encoded)
        except requests.RequestException as error:
            raise Unavailable(
                f"node {self.url} did not answer {path}: {_reason(error)}; repeat the call or ask "
                "another node"
            ) from error
        return self._read(path, status, content)

    def send(self, path: str, body: str) -> JsonObject | ErrorReply:
        """Send something that may have an effect, once.

        Raises `Unavailable` when no connection came about, so that nothing was sent, and
        `OutcomeUnknown` when the request left and no understandable answer came back.
        """
        try:
            status, content = self._exchange(path, None, body)
            reply = self._read(path, status, content)
        except BadAnswer as error:
            raise OutcomeUnknown(
                f"{error}; what was sent may have arrived: look for it before anything else"
            ) from error
        except requests.RequestException as error:
            if _nothing_left(error):
                raise Unavailable(
                    f"node {self.url} cannot be reached: {_reason(error)}; nothing was sent, "
                    "repeat the call or ask another node"
                ) from error
            raise OutcomeUnknown(
                f"node {self.url} did not answer {path}: {_reason(error)}; what was sent may have "
                "arrived: look for it before anything else"
            ) from error
        if isinstance(reply, ErrorReply) and (
            reply.status >= _SERVER_ERROR or reply.status == _REQUEST_TIMED_OUT
        ):
            raise OutcomeUnknown(
                f"node {self.url} failed at {path} with {reply.status} {reply.message!r}; what was "
                "sent may have arrived: look for it before anything else"
            )
        return reply

    def _exchange(
        self, path: str, params: Mapping[str, str] | None, body: str | None
    ) -> tuple[int, bytes]:
        response = self._session().request(
            "GET" if body is None else "POST",
            self.url + path,
            params=params,
            data=body,
            headers={"Accept": "application/json", "Content-Type": "application/json"},
            timeout=self._timeouts_s,
            stream=True,
            allow_redirects=False,
        )
        with response:
            return response.status_code, self._content(response, path)

    def _content(self, response: requests.Response, path: str) -> bytes:
        ends_at = time.monotonic() + self._answer_seconds_max
        content = bytearray()
        for chunk in response.iter_content(_CHUNK_BYTES):
            content += chunk
            if len(content) > self._answer_bytes_max:
                raise BadAnswer(
                    f"node {self.url} answers {path} with more than {self._answer_bytes_max} bytes: "
                    "ask another node"
                )
            if time.monotonic() > ends_at:
                raise requests.ReadTimeout(f"the answer took over {self._answer_seconds_max} s")
        return bytes(content)

    def _read(self, path: str, status: int, content: bytes) -> JsonObject | ErrorReply:
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            document = None
        if status == _SUCCESS:
            if isinstance(document, dict):
                return document
            raise BadAnswer(
                f"node {self.url} answers {path} with {content[:60]!r} instead of a JSON object: "
                "check that the address is a NIS1 node's"
            )
        message = _message(document, content)
        if status in (_TOO_MANY_REQUESTS, _NOT_READY):
            raise Unavailable(
                f"node {self.url} is not ready for {path}: {status} {message!r}; repeat the call later"
            )
        return ErrorReply(status=status, message=message)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._new_session()
            with self._lock:
                self._sessions.append(session)
                self._local.session = session
        return session


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _plain_session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


def _message(document: object, content: bytes) -> str:
    if isinstance(document, dict):
        text = document.get("message") or document.get("error") or ""
        return str(text)[:MESSAGE_LENGTH_MAX]
    return content[:MESSAGE_LENGTH_MAX].decode("utf-8", "replace")


def _nothing_left(error: requests.RequestException) -> bool:
    """Tell whether the connection itself failed, so that no byte of the request left."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    return isinstance(cause, NewConnectionError | ConnectTimeoutError)


def _reason(error: requests.RequestException) -> str:
    cause = error.args[0] if error.args else error
    if isinstance(cause, MaxRetryError):
        cause = cause.reason or cause
    return str(cause)[:MESSAGE_LENGTH_MAX]
