"""Our node, asked over HTTP what a real NIS was asked, in the same order; and how answers compare."""

from __future__ import annotations

import http.client
import json
from functools import cache
from typing import Any
from urllib.parse import urlencode

import attrs

from sauma_nem.testnode import NodeServer, NodeSettings, NodeStatus, Peer, TestNode
from sauma_nem.transactions import Block

from .recordings import LAST_COMPLETE_HEIGHT, Exchange, accounts, blocks, exchanges, private_key

NORMALISED = ("timeStamp", "startTime", "currentTime", "sendTimeStamp", "receiveTimeStamp")
"""The node's own times.  Those of blocks and transactions are compared: nothing else has a
`timeStamp` without an `error` beside it."""
DIFFICULTY_AND_SCORE = ("difficulty", "score")
UNORDERED = ("/account/mosaic/owned", "/account/importances")
"""Listings that the server keeps in no order."""


def recorded_node() -> TestNode:
    """A node at the recorded network's genesis: its settings, its harvester, its one dead peer."""
    settings = NodeSettings(
        harvester_private_key=private_key("harvester"),
        importances={each["address"]: 0.1 for each in accounts().values()},
        node_name="gridnode",
        version="0.6.0-DEVELOPER BUILD",
        platform="Debian (17.0.15) on Linux",
        unlocked_max=4,
    )
    node = TestNode(settings, genesis=blocks()[0][0])
    dead = Peer(
        host="127.0.0.1",
        port=7899,
        name="nobody",
        public_key=bytes.fromhex(
            "7c814b3b44b1a98b917d223d81a9ff36a3eba9dc784634fa93627a29b56c235d"
        ),
    )
    node.peers = lambda: (dead,)
    node.status = NodeStatus.NO_REMOTE_NODE_AVAILABLE
    return node


@attrs.frozen(kw_only=True)
class Replayed:
    """What our node answered to a recorded request."""

    exchange: Exchange
    status: int
    reply: Any

    @property
    def is_equal(self) -> bool:
        """Whether status and body are the recorded ones, as far as the body was recorded."""
        return self.status == self.exchange.status and same(self.exchange, self.reply)


class Replay:
    """The recorded requests and blocks in the order of their times.

    The recorded blocks are handed to the node when their time has come.  A query has no time of its
    own: it is asked again after each block until the answer fits or the next thing happened.
    """

    def __init__(self, node: TestNode, server: NodeServer) -> None:
        self._node = node
        node.port = 7890
        self._connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
        self._coming = [block for block, _ in blocks() if 1 < block.height <= LAST_COMPLETE_HEIGHT]
        self._now_seconds = self._coming[0].timestamp_seconds

    def answers(self) -> list[Replayed]:
        recorded = exchanges()
        answers = []
        for index, exchange in enumerate(recorded):
            self._now_seconds = max(self._now_seconds, exchange.seconds or 0)
            self._receive_until(self._now_seconds)
            self._node.set_time(self._now_seconds)
            answers.append(self._answer(exchange, _next_seconds(recorded, index)))
            if exchange.name == "unconfirmed tx by hash":
                # The blocks of this session were not all recorded; the node makes one of its own.
                self._node.mine()
        self._connection.close()
        return answers

    def _answer(self, exchange: Exchange, latest_seconds: int) -> Replayed:
        answer = self._ask(exchange)
        while (
            not exchange.is_announce
            and not answer.is_equal
            and self._coming
            and self._coming[0].timestamp_seconds <= latest_seconds
        ):
            self._now_seconds = self._coming[0].timestamp_seconds
            self._receive_until(self._now_seconds)
            answer = self._ask(exchange)
        return answer

    def _ask(self, exchange: Exchange) -> Replayed:
        path = exchange.path + (f"?{urlencode(exchange.params)}" if exchange.params else "")
        body = exchange.body
        if body is not None and not isinstance(body, str):
            body = json.dumps(body)
        headers = {"Content-Type": "application/json"} | exchange.headers
        self._connection.request(exchange.method, path, body, headers)
        reply = self._connection.getresponse()
        return Replayed(exchange=exchange, status=reply.status, reply=json.loads(reply.read()))

    def _receive_until(self, seconds: int) -> None:
        while self._coming and self._coming[0].timestamp_seconds <= seconds:
            self._receive(self._coming.pop(0))

    def _receive(self, block: Block) -> None:
        self._node.set_time(block.timestamp_seconds)
        self._node.receive_block(block)


@cache
def replayed() -> tuple[Replayed, ...]:
    """Our node's answers to all recorded requests, on the recorded chain."""
    node = recorded_node()
    with NodeServer(node) as server:
        return tuple(Replay(node, server).answers())


def _next_seconds(recorded: tuple[Exchange, ...], index: int) -> int:
    later = (each.seconds for each in recorded[index + 1 :] if each.seconds is not None)
    return next(later, 0)


def same(exchange: Exchange, reply: Any) -> bool:
    """Whether a reply is the recorded one but for the node's own times, difficulty and score."""
    if exchange.is_truncated:
        cut = json.loads(mended(exchange.reply["_truncated"]))
        return begins(normalised(exchange.path, cut), normalised(exchange.path, reply))
    return bool(normalised(exchange.path, exchange.reply) == normalised(exchange.path, reply))


def normalised(path: str, value: Any) -> Any:
    """Without the node's own times, difficulty and score; listings without an order sorted."""
    if isinstance(value, dict):
        ignored = set(DIFFICULTY_AND_SCORE)
        ignored.update(NORMALISED if "error" in value else NORMALISED[1:])
        return {name: normalised(path, each) for name, each in value.items() if name not in ignored}
    if isinstance(value, list):
        rows = [normalised(path, each) for each in value]
        if path in UNORDERED:
            return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))
        return rows
    return value


def mended(text: str) -> str:
    """A JSON text that was cut off, closed after the last value that is whole."""
    open_brackets: list[str] = []
    is_text = is_escaped = False
    whole, closing = 0, ""
    for at, character in enumerate(text):
        if is_text:
            is_text = is_escaped or character != '"'
            is_escaped = character == "\\" and not is_escaped
        elif character == '"':
            is_text = True
        elif character in "{[":
            open_brackets.append("}" if character == "{" else "]")
        elif character in "}],":
            if character != ",":
                open_brackets.pop()
            whole = at if character == "," else at + 1
            closing = "".join(reversed(open_brackets))
    return text[:whole] + closing


def begins(start: Any, value: Any) -> bool:
    """Whether a value is `start` continued: more rows, more members, nothing else."""
    if isinstance(start, dict) and isinstance(value, dict):
        return all(name in value and begins(each, value[name]) for name, each in start.items())
    if isinstance(start, list) and isinstance(value, list):
        return len(start) <= len(value) and all(map(begins, start, value))
    return bool(start == value)


def has_shape_of(recorded: Any, value: Any) -> bool:
    """Whether names and types are the recorded ones; each recorded row has its like among ours."""
    if isinstance(recorded, dict) and isinstance(value, dict):
        return all(
            name in value and has_shape_of(each, value[name]) for name, each in recorded.items()
        )
    if isinstance(recorded, list) and isinstance(value, list):
        return all(any(has_shape_of(row, ours) for ours in value) for row in recorded)
    return type(recorded) is type(value)


def without(name: str, value: Any) -> Any:
    """A JSON value without the members of this name."""
    if isinstance(value, dict):
        return {each: without(name, value[each]) for each in value if each != name}
    return [without(name, each) for each in value] if isinstance(value, list) else value
