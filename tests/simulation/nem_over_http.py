"""The NEM world over loopback HTTP: faults happen between socket and node, deaths in the client."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import ClassVar

from worlds import NemWorld, raw_of, said_by_nem

from sauma.errors import OutcomeUnknown, Unavailable
from sauma.testing.simulation import Line
from sauma.testing.simulation.moments import (
    AFTER_ANSWER,
    AFTER_BROADCAST,
    BEFORE_BROADCAST,
    BEFORE_QUESTION,
)
from sauma.venue import Venue
from sauma_nem import NemChain, NodeClient
from sauma_nem.testnode import NodeServer, Reply, Request
from sauma_nem.transport import ErrorReply, HttpTransport, JsonObject

ANNOUNCE = "/transaction/announce"


class NemHttpWorld(NemWorld):
    """A test node behind a server, asked by the adapter's own HTTP."""

    own_micro: ClassVar[Mapping[str, int]] = {"anna": 100_000, "dora": 100_000}
    """A fee each, for what they do past the engine in one of the tests."""

    def __init__(self) -> None:
        super().__init__()
        self._clients: list[NodeClient] = []
        self._line = Line()
        self._server = NodeServer(self.node, middleware=self._answer).start()

    def venue(self, line: Line) -> Venue:
        client = NodeClient(self._server.url, transport=_Mortal(self, line, self._server.url))
        self._clients.append(client)
        return self.venue_of(NemChain(self.settings, client, self.signers()))

    def asked_by(self, line: Line) -> None:
        """Let the faults of the line that speaks next happen on the server's side."""
        wire = Line()
        wire.next_faults, wire.sent, wire.happened = line.next_faults, line.sent, line.happened
        wire.always, wire.is_down, wire.lags = line.always, line.is_down, line.lags
        self._line = wire

    def _answer(self, request: Request, answer: Callable[[Request], Reply]) -> Reply | None:
        line = self._line
        try:
            if request.path == ANNOUNCE:
                return line.send(
                    raw_of(json.loads(request.body)),
                    lambda: answer(request),
                    said=lambda taken: Reply(body=said_by_nem(taken)),
                )
            return line.ask(lambda: self._old_reply(request) if line.lags else answer(request))
        except (Unavailable, OutcomeUnknown):
            return None

    def _old_reply(self, request: Request) -> Reply:
        status, body = self.old.request(
            request.method, request.path, request.params, request.body or None
        )
        return Reply(status=status, body=body)

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self._server.stop()
        super().close()


class _Mortal(HttpTransport):
    """HTTP of a process that may die before a request and after an answer."""

    def __init__(self, world: NemHttpWorld, line: Line, url: str) -> None:
        super().__init__(url, connect_timeout_s=2, read_timeout_s=10)
        self._world, self._line = world, line

    def ask(
        self, path: str, *, params: Mapping[str, str] | None = None, body: JsonObject | None = None
    ) -> JsonObject | ErrorReply:
        self._line.moments.passing(BEFORE_QUESTION)
        self._world.trouble(self._line)
        self._world.asked_by(self._line)
        answer = super().ask(path, params=params, body=body)
        self._line.moments.passing(AFTER_ANSWER)
        return answer

    def send(self, path: str, body: str) -> JsonObject | ErrorReply:
        self._line.moments.passing(BEFORE_BROADCAST)
        self._world.trouble(self._line)
        self._world.asked_by(self._line)
        try:
            return super().send(path, body)
        finally:
            self._line.moments.passing(AFTER_BROADCAST)
