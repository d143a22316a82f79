"""An ASGI application on a port, in a thread of its own; or in the foreground until a signal."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Any, Final, Self

import uvicorn

from sauma.errors import InvalidInput, Unavailable

START_S_MAX: Final = 30.0
STOP_S_MAX: Final = 30.0
CONNECTIONS_MAX: Final = 1_000


class HttpServer:
    """Serves an application on host and port; port 0 takes a free one."""

    def __init__(self, app: Any, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Bind now, so that a port that is taken is told at once; serve when `start` is called."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise InvalidInput(
                f"cannot listen on {host} port {port} ({error.strerror}): name another"
            ) from error
        self.port = int(self._socket.getsockname()[1])
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="on",
            limit_concurrency=CONNECTIONS_MAX,
            timeout_graceful_shutdown=int(STOP_S_MAX),
            server_header=False,
        )
        self._server = _Server(config)
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Serve in a thread; return when the port answers."""
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()
        if not self._server.ready.wait(START_S_MAX) or not self._server.started:
            raise Unavailable(f"the server at {self.url} did not start within {START_S_MAX} s")
        return self

    def stop(self) -> None:
        """Finish the requests that are under way and let go of the port."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(STOP_S_MAX)
        self._socket.close()

    def __enter__(self) -> Self:
        """Serve."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()


class _Server(uvicorn.Server):
    """uvicorn's server, which says when it answers and leaves signals to its host."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()

    def install_signal_handlers(self) -> None:
        """Leave signals to the process."""
