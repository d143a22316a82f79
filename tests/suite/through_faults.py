"""A chain of NEM whose node goes wrong on every third question, and callers that cope with that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from sauma.errors import BadAnswer, Unavailable
from sauma_nem.testnode import NodeStatus
from sauma_nem.testnode.faults import (
    CutShort,
    Delay,
    Drop,
    Duplicate,
    Fault,
    HalfPage,
    Loading,
    NotBooted,
    Reset,
    ServerError,
    StaleHeight,
    TimeSkew,
    WrongHash,
)
from sauma_nem.transport import ErrorReply, HttpTransport, JsonObject

from .nem_harness import NemHarness, a_harness

LOUD: tuple[Fault, ...] = (
    Drop(lost="request"),
    Drop(lost="answer"),
    Reset(lost="answer"),
    Delay(milliseconds=2),
    Duplicate(),
    CutShort(),
    ServerError(),
    ServerError(status=429, message=None),
    NotBooted(),
    Loading(),
)
"""What a caller notices, or what changes nothing for a question."""
LYING: tuple[Fault, ...] = (
    WrongHash(),
    StaleHeight(blocks=1),
    HalfPage(),
    TimeSkew(seconds=5_000),
    StaleHeight(blocks=3),
    TimeSkew(seconds=-5_000),
)
"""What an answer does not show that it is wrong."""
QUESTIONS = (
    "/status",
    "/node/*",
    "/chain/*",
    "/block/*",
    "/account/*",
    "/mosaic/*",
    "/namespace*",
    "/time-sync/*",
    "/transaction/get",
)
"""Every route but the announce: a suite says when an announce is lost, and asserts what comes of it."""
EVERY = 3
ATTEMPTS_MAX = 6
_SERVER_ERROR = 500


class Stubborn(HttpTransport):
    """Repeats a question until it is answered, as `Unavailable` and `BadAnswer` tell a caller to."""

    def ask(
        self, path: str, *, params: Mapping[str, str] | None = None, body: JsonObject | None = None
    ) -> JsonObject | ErrorReply:
        for _ in range(ATTEMPTS_MAX - 1):
            try:
                answer = super().ask(path, params=params, body=body)
            except (Unavailable, BadAnswer):
                continue
            if not _is_trouble(path, answer):
                return answer
        return super().ask(path, params=params, body=body)


def _is_trouble(path: str, answer: JsonObject | ErrorReply) -> bool:
    if isinstance(answer, ErrorReply):
        return answer.status >= _SERVER_ERROR
    return path == "/status" and answer["code"] in (NodeStatus.RUNNING, NodeStatus.LOADING)


class Distrustful(Stubborn):
    """Asks until two answers are the same, as one that asks several nodes and believes a majority."""

    def ask(
        self, path: str, *, params: Mapping[str, str] | None = None, body: JsonObject | None = None
    ) -> JsonObject | ErrorReply:
        heard: list[JsonObject | ErrorReply] = []
        while len(heard) < ATTEMPTS_MAX:
            answer = super().ask(path, params=params, body=body)
            if answer in heard:
                return answer
            heard.append(answer)
        raise Unavailable(f"no two answers to {path} agree: repeat the call")


class TroubledHarness(NemHarness):
    """Fewer histories beside the reference chain: each question is asked more than once."""

    histories = 3


@contextmanager
def a_troubled_harness(
    faults: Sequence[Fault], transport: type[HttpTransport]
) -> Iterator[NemHarness]:
    """A node of which every third question is struck, by one fault after the other."""
    with a_harness(TroubledHarness, transport) as harness:
        for number, fault in enumerate(faults):
            harness.node.faults.on(
                fault, routes=QUESTIONS, every=EVERY * len(faults), skip=EVERY * number
            )
        yield harness
