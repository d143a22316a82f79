"""Serving an application over HTTP in this process: in the foreground, or in a thread."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sauma.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    import uvicorn
    from litestar import Litestar

HOST: Final = "127.0.0.1"
START_S_MAX: Final = 30.0
HEADER_BYTES_MAX: Final = 16 * 1024


def listen(host: str, port: int) -> socket.socket:
    """Take a port, 0 for a free one; raises `InvalidInput` when it is in use."""
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
    except OSError as error:
        taken.close()
        raise InvalidInput(
            f"port {port} of {host} cannot be used ({error.strerror}): choose another with --port"
        ) from error
    return taken


def server_of(app: Litestar) -> uvicorn.Server:
    """Return the server of an application; it says nothing of requests, whose paths may hold keys."""
    import uvicorn

    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            h11_max_incomplete_event_size=HEADER_BYTES_MAX,
            timeout_graceful_shutdown=5,
            lifespan="on",
        )
    )


@contextmanager
def serving(app: Litestar, taken: socket.socket) -> Iterator[str]:
    """Serve in a thread while the block runs; gives the address."""
    server = server_of(app)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [taken]}, name="portal", daemon=True
    )
    thread.start()
    begun = time.monotonic()
    while not server.started:
        if not thread.is_alive() or time.monotonic() - begun > START_S_MAX:
            raise Unavailable("the portal did not start: look at the log")
        time.sleep(0.02)
    host, port = taken.getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join()
        taken.close()
