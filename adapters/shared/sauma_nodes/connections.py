"""HTTP connections to one server that are kept open, and failures that say what can have happened.

Nothing is tried a second time: what to repeat is the caller's to decide.
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

from sauma.errors import BadAnswer, OutcomeUnknown, Unavailable

CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 20.0
"""The longest silence of a server that has our request."""
ANSWER_SECONDS_MAX: Final = 60.0
"""The longest time that a whole answer may take."""
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
"""Ten thousand transfers, the largest block of a private NEM network, need about 10 MB; ten thousand
log entries of an Ethereum node about 20 MB."""
MESSAGE_LENGTH_MAX: Final = 200

_CHUNK_BYTES: Final = 65_536
_HEADERS: Final = {"Accept": "application/json", "Content-Type": "application/json"}


@attrs.frozen(kw_only=True)
class Reply:
    """An answer with its HTTP status, whatever that is."""

    status: int
    content: bytes

    def document(self) -> Any:
        """Return the JSON that the answer is; None when it is none."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None


class Connections:
    """Connections to one server, one set for each thread; its methods may be called from several."""

    def __init__(
        self,
        name: str,
        *,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
        new_session: Callable[[], requests.Session] | None = None,
    ) -> None:
        """Call the server `name` in messages, such as `node http://127.0.0.1:7890`.

        `new_session` makes the sessions where proxies or certificates are needed; the default
        reads no proxy and no password from the environment.
        """
        self.name = name
        self._how: dict[str, Any] = {
            "timeout": (connect_timeout_s, read_timeout_s),
            "stream": True,
            "allow_redirects": False,
        }
        self._answer_seconds_max = answer_seconds_max
        self._answer_bytes_max = answer_bytes_max
        self._new_session = new_session
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
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask for something that changes nothing; a body makes it a POST.

        Raises `Unavailable` when there was no answer (nothing has happened, repeat it) and
        `BadAnswer` for one without end.
        """
        try:
            return self._exchange(url, params, body, headers)
        except requests.RequestException as error:
            raise Unavailable(
                f"{self.name} did not answer{_where(url)}: {_reason(error)}; repeat the call or ask "
                "another node"
            ) from error

    def send(self, url: str, *, body: str | bytes, is_first: bool = True) -> Reply:
        """Send something that may have an effect, once.

        Raises `Unavailable` when no connection came about, so that nothing was sent, and
        `OutcomeUnknown` when the request left and no whole answer came back.  Of a message in parts
        only the `is_first` can have left nothing.
        """
        try:
            return self._exchange(url, None, body, None)
        except BadAnswer as error:
            raise outcome_unknown(str(error)) from error
        except requests.RequestException as error:
            if is_first and _nothing_left(error):
                raise Unavailable(
                    f"{self.name} cannot be reached: {_reason(error)}; nothing was sent, repeat the "
                    "call or ask another node"
                ) from error
            raise outcome_unknown(
                f"{self.name} did not answer{_where(url)}: {_reason(error)}"
            ) from error

    def _exchange(
        self,
        url: str,
        params: Mapping[str, str] | None,
        body: str | bytes | None,
        headers: Mapping[str, str] | None,
    ) -> Reply:
        with self._answered(url, params, body, {**_HEADERS, **(headers or {})}) as response:
            return Reply(status=response.status_code, content=self._content(response, url))

    def _answered(
        self,
        url: str,
        params: Mapping[str, str] | None,
        body: str | bytes | None,
        headers: Mapping[str, str],
    ) -> requests.Response:
        method = "GET" if body is None else "POST"
        session, how = self._session(), self._how
        if self._new_session is not None:
            return session.request(method, url, params=params, data=body, headers=headers, **how)
        # A session of ours has nothing to merge but headers and cookies, which saves a sixth of a call.
        request = requests.PreparedRequest()
        request.prepare(
            method=method,
            url=url,
            params=params,
            headers={**session.headers, **headers},
            cookies=session.cookies or None,
            data=body,
        )
        return session.send(request, proxies={}, **how)

    def _content(self, response: requests.Response, url: str) -> bytes:
        ends_at = time.monotonic() + self._answer_seconds_max
        content = bytearray()
        for chunk in response.iter_content(_CHUNK_BYTES):
            content += chunk
            if len(content) > self._answer_bytes_max:
                raise BadAnswer(
                    f"{self.name} answers{_where(url)} with more than {self._answer_bytes_max} "
                    "bytes: ask for less, or another node"
                )
            if time.monotonic() > ends_at:
                raise requests.ReadTimeout(f"the answer took over {self._answer_seconds_max} s")
        return bytes(content)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = (self._new_session or _plain_session)()
            with self._lock:
                self._sessions.append(session)
                self._local.session = session
        return session


def server_name(url: str) -> str | None:
    """Return scheme, host and port of an address: what is behind them often is an access token.

    None for what is no HTTP address.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            return None
        port = "" if parts.port is None else f":{parts.port}"
        return f"{parts.scheme}://{parts.hostname}{port}"
    except ValueError:
        return None


def outcome_unknown(what: str) -> OutcomeUnknown:
    """Return the error of something that was sent and may have arrived."""
    return OutcomeUnknown(
        f"{what}; what was sent may have arrived: look for it and ask status() before anything else"
    )


def shortened(text: str) -> str:
    """Return what of a server's text is shown."""
    return text[:MESSAGE_LENGTH_MAX]


def _where(url: str) -> str:
    """Return the path of the NIS routes, which hold no secrets; nothing for another address."""
    path = urlsplit(url).path
    return f" {path}" if path.count("/") > 1 else ""


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
    return shortened(str(cause))
