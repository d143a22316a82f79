"""The central system: stations connect over a WebSocket, prove who they are, and speak OCPP.

The address of a station is `ws://host:port/<name>`, with HTTP Basic (OCPP's security profile 1; put
TLS before it for profile 2).  The sub-protocol decides the version.  The desk is synchronous and may
write to a disk, so one worker thread does its work, in the order in which stations spoke.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Final, TypeAlias, TypeVar

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from sauma.logs import get_logger
from sauma_metering.charging.desk import ChargingDesk

SUBPROTOCOLS: Final = (Subprotocol("ocpp2.0.1"), Subprotocol("ocpp1.6"))
MESSAGE_BYTES_MAX: Final = 65_536
"""A longer message ends the connection: no station has that much to say at once."""
PASSWORD_CHARACTERS_MIN: Final = 16
"""OCPP asks for 16 to 40; with so many random ones a plain hash is enough."""
ANSWER_S_MAX: Final = 30

StationCheck: TypeAlias = Callable[[str, str], bool]
"""Whether a name and a password are those of a station."""

_Result = TypeVar("_Result")

log = get_logger(__name__)


def station_verifier(password_hashes: Mapping[str, bytes]) -> StationCheck:
    """Return the check of passwords against their SHA-256, by station; in constant time."""

    def check(name: str, password: str) -> bool:
        given = hashlib.sha256(password.encode()).digest()
        return hmac.compare_digest(given, password_hashes.get(name, bytes(32)))

    return check


class CentralSystem:
    """Serves stations until it is left; `port` 0 takes a free one.

    ::

        async with CentralSystem(desk, station_verifier(hashes), port=0) as central:
            print(central.url)
    """

    def __init__(
        self,
        desk: ChargingDesk,
        check: StationCheck,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tick_s: float | None = 5,
    ) -> None:
        """Serve a desk; every `tick_s` it does what time asks for, None leaves that to the caller."""
        self.desk = desk
        self._check = check
        self._host, self._port, self._tick_s = host, port, tick_s
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="charging-desk")
        self._server: Server | None = None
        self._ticking: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where stations connect, without their name."""
        assert self._server is not None, "enter it first"  # noqa: S101 - a mistake in a program
        return f"ws://{self._host}:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> CentralSystem:
        """Begin to listen."""
        self._server = await serve(
            self._speak,
            self._host,
            self._port,
            subprotocols=SUBPROTOCOLS,
            process_request=self._admit,
            max_size=MESSAGE_BYTES_MAX,
            server_header=None,
        )
        if self._tick_s is not None:
            self._ticking = asyncio.create_task(self._tick_for_ever(self._tick_s))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection, and finish what the desk has begun."""
        if self._ticking is not None:
            self._ticking.cancel()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        await asyncio.to_thread(self._worker.shutdown)

    async def ask_desk(self, call: Callable[..., _Result], *arguments: object) -> _Result:
        """Have the desk do something, one thing at a time."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, partial(call, *arguments))

    async def _tick_for_ever(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            await self.ask_desk(self.desk.tick)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Turn away who is no station of ours, before anything is said."""
        name = request.path.strip("/")
        if name not in self.desk.stations:
            log.warning("station_unknown")
            return connection.respond(HTTPStatus.NOT_FOUND, "no such station\n")
        given = _basic(request.headers.get("Authorization"))
        if given is None or given[0] != name or not self._check(name, given[1]):
            log.warning("station_refused", station=name)
            refusal = connection.respond(HTTPStatus.UNAUTHORIZED, "wrong name or password\n")
            refusal.headers["WWW-Authenticate"] = 'Basic realm="sauma"'
            return refusal
        return None

    async def _speak(self, connection: ServerConnection) -> None:
        """Speak with one station until it goes away."""
        # imported here: whoever only reads files of readings needs no OCPP
        from sauma_metering.charging.ocpp16 import Station16
        from sauma_metering.charging.ocpp201 import Station201

        request = connection.request
        name = request.path.strip("/") if request is not None else ""
        speaks = Station16 if connection.subprotocol == "ocpp1.6" else Station201
        station = speaks(name, connection, self)
        log.info("station_connected", station=name, protocol=connection.subprotocol or "none")
        try:
            await station.start()
        except ConnectionClosed:
            log.info("station_gone", station=name)


def _basic(header: str | None) -> tuple[str, str] | None:
    """Return name and password of an HTTP Basic header; None when it holds none."""
    kind, _, encoded = (header or "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, separator, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if separator else None
