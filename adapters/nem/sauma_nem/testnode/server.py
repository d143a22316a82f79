"""The node over HTTP on a loopback port, and the timer that makes its blocks."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sauma.errors import InvalidInput, StoreError
from sauma.logs import get_logger

from .faulty import Broken, Cut, Outcome, answer_faultily
from .node import TestNode
from .rest import Reply, Request, respond
from .results import RestError
from .throttle import Throttle

log = get_logger(__name__)

BODY_BYTES_MAX = 1_048_576
IDLE_SECONDS_MAX = 120
SHUTDOWN_DELAY_SECONDS = 0.2

_NO_LINGER = struct.pack("ii", 1, 0)
"""A socket closed with this is reset."""

Answerer = Callable[[Request], Reply]
Middleware = Callable[[Request, Answerer], Reply | None]
"""Stands between HTTP and the node: it may change the request, the reply, wait, or answer by
itself; `None` breaks the connection without an answer."""


class NodeServer:
    """Serves one node at `url`; use as a context manager, or `start` and `stop`.

    `port` 0 takes a free one.  With `block_seconds` a thread makes a block in that rhythm.  With
    `control` the routes under /sauma/ let other processes drive the node.  Without `local` nobody
    counts as the node's own machine, and what a public node refuses is refused.  More than
    `requests_per_second` from one address are answered 429, as by a public node (which takes 50).
    """

    def __init__(
        self,
        node: TestNode,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        block_seconds: float | None = None,
        control: bool = False,
        local: bool = True,
        middleware: Middleware | None = None,
        requests_per_second: int | None = None,
    ) -> None:
        """Bind the port; nothing is answered before `start`."""
        if block_seconds is not None and block_seconds <= 0:
            raise InvalidInput(f"blocks cannot follow each other in {block_seconds} s")
        self.node = node
        self.control, self.local = control, local
        self.middleware = middleware
        self._block_seconds = block_seconds
        self._throttle = None if requests_per_second is None else Throttle(requests_per_second)
        self._stopping = threading.Event()
        self._stop_lock, self._is_stopped = threading.Lock(), False
        self._threads: list[threading.Thread] = []
        self._told: list[Callable[[], None]] = []
        try:
            self._http = _HttpServer((host, port), _Handler, self)
        except OSError as error:
            raise InvalidInput(
                f"cannot listen on {host}:{port} ({error}); take another port, or 0 for a free one"
            ) from error
        self.host, self.port = host, int(self._http.server_address[1])
        node.host, node.port, node.on_stop = self.host, self.port, self._stop_soon

    @property
    def url(self) -> str:
        """Where the node is found, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    def answer(self, request: Request) -> Outcome:
        """Answer as the node's faults, the middleware and the node say."""
        if self._throttle is not None and not self._throttle.admits(request.remote):
            error = RestError(429, None)
            return Reply(status=429, body=error.body(self.node.now_seconds()))
        return answer_faultily(self.node, request, self._answer)

    def _answer(self, request: Request) -> Outcome:
        if self.middleware is None:
            return self._ask_node(request)
        reply = self.middleware(request, self._ask_node)
        return Broken.CLOSED if reply is None else reply

    def _ask_node(self, request: Request) -> Reply:
        return respond(self.node, request, control=self.control)

    def start(self) -> NodeServer:
        """Answer from now on, in threads of this process."""
        self._spawn("nis1-http", lambda: self._http.serve_forever(poll_interval=0.05))
        if self._block_seconds is not None:
            self._spawn("nis1-blocks", self._make_blocks)
        log.info("node_serving", url=self.url, block_seconds=self._block_seconds)
        return self

    def _spawn(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _make_blocks(self) -> None:
        while not self._stopping.wait(self._block_seconds):
            try:
                self.node.mine()
            except StoreError as error:
                log.error("block_not_kept", error=str(error))
                return

    def stop(self) -> None:
        """Stop answering and making blocks; a second time it does nothing.  The node stays open."""
        with self._stop_lock:
            if self._is_stopped:
                return
            self._is_stopped = True
            self._stopping.set()
            if self._threads:
                self._http.shutdown()
            self._http.close_connections()
            self._http.server_close()
            for thread in self._threads:
                thread.join()
        for each in self._told:
            each()

    def when_stopped(self, tell: Callable[[], None]) -> None:
        """Have somebody told once this server has stopped, by whatever made it stop."""
        self._told.append(tell)

    def _stop_soon(self) -> None:
        """Stop after the answer to who asked for it."""

        def stop() -> None:
            self._stopping.wait(SHUTDOWN_DELAY_SECONDS)
            self.stop()

        threading.Thread(target=stop, name="nis1-shutdown", daemon=True).start()

    def __enter__(self) -> NodeServer:
        """Start."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], owner: NodeServer
    ) -> None:
        self.owner = owner
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Wake the handlers of idle connections, which would otherwise wait for a request."""
        with self._connections_lock:
            open_connections = list(self._connections)
        for connection in open_connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Log what would be printed."""
        log.warning("connection_failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    """One connection.  A reply leaves in one write, without waiting to fill a packet."""

    protocol_version = "HTTP/1.1"
    server_version = "sauma-test-node"
    disable_nagle_algorithm = True
    wbufsize = 65_536
    timeout = IDLE_SECONDS_MAX
    server: _HttpServer

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer()

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        if not 0 <= length <= BODY_BYTES_MAX:
            self.send_error(413)
            self.close_connection = True
            return
        split = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=split.path,
            params=dict(parse_qsl(split.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
            remote=str(self.client_address[0]),
            is_local=self.server.owner.local,
        )
        self._send(self.server.owner.answer(request))

    def _send(self, outcome: Outcome) -> None:
        if isinstance(outcome, Broken):
            self._break_off(outcome)
            return
        reply = outcome.reply if isinstance(outcome, Cut) else outcome
        body = reply.to_bytes()
        self.send_response(reply.status)
        self.send_header("Access-Control-Allow-Origin", "*")
        if body:
            self.send_header("Content-Type", "application/json")
        if isinstance(outcome, Cut):
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            self._break_off(Broken.CLOSED)
            return
        if self.request_version == "HTTP/1.0" or not body:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        else:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        self.wfile.flush()

    def _break_off(self, how: Broken) -> None:
        self.close_connection = True
        if how is Broken.RESET:
            # Closed past its wrappers: they would first end the connection in good order.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            os.close(self.connection.detach())

    do_PUT = do_DELETE = do_PATCH = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Requests are logged by who asks; a node under test would drown everything else."""
