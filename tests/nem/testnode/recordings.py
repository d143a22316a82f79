"""Recorded exchanges with a real NIS 0.6.102 node, in the order in which they happened."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from sauma_nem.json_form import block_from_json
from sauma_nem.parsing import parse
from sauma_nem.testnode import NodeSettings, TestNode
from sauma_nem.transactions import Block
from sauma_nem.unreadable import Unreadable

VECTORS = Path(__file__).parents[2] / "vectors" / "nem"
SESSIONS = ("x1", "x2", "x3", "x4", "x6", "x7", "x8", "x11")
LAST_COMPLETE_HEIGHT = 60
"""Blocks 61 and 62 were not recorded; session x11 took place after them."""


@attrs.frozen(kw_only=True)
class Exchange:
    """A request, what the real node answered, and when if that can be told."""

    name: str
    session: str
    method: str
    path: str
    params: dict[str, str]
    body: Any
    headers: dict[str, str]
    status: int
    reply: Any
    seconds: int | None

    @property
    def is_announce(self) -> bool:
        return self.path == "/transaction/announce" and self.method == "POST"

    @property
    def is_truncated(self) -> bool:
        return isinstance(self.reply, dict) and "_truncated" in self.reply


def load(name: str) -> Any:
    """A vector file."""
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


@cache
def blocks() -> tuple[tuple[Block, str], ...]:
    """The recorded blocks with their hashes."""
    dump = load("nis_chain_dump.json")["blocks"]
    return tuple((block_from_json(row["block"]), row["hash"]) for row in dump)


@cache
def exchanges() -> tuple[Exchange, ...]:
    """All recorded exchanges, session by session."""
    found = []
    for name in ("queries", "namespace_mosaic", "transfers", "multisig"):
        for row in load(f"nis_rest_{name}.json")["exchanges"]:
            found.append(_exchange(row))
    return tuple(sorted(found, key=lambda exchange: SESSIONS.index(exchange.session)))


def _exchange(row: dict[str, Any]) -> Exchange:
    request = row["request"]
    body = request.get("body")
    return Exchange(
        name=row["name"],
        session=row["session"],
        method=request["method"],
        path=request["path"],
        params={key: str(value) for key, value in (request.get("params") or {}).items()},
        body=body,
        headers=request.get("headers") or {},
        status=row["status"],
        reply=row["body"],
        seconds=_seconds(row["name"], body, row["body"]),
    )


def _seconds(name: str, body: Any, reply: Any) -> int | None:
    """The node's time: from an error, or from a transaction whose time stamp was not shifted."""
    if isinstance(reply, dict) and "timeStamp" in reply and "error" in reply:
        return int(reply["timeStamp"])
    is_shifted = name.startswith(("ts ", "expired", "old ts", "dl"))
    shift = re.fullmatch(r"ts now\+(\d+)", name)
    if not isinstance(body, dict) or not isinstance(body.get("data"), str):
        return None
    if is_shifted and shift is None:
        return None
    try:
        seconds = parse(bytes.fromhex(body["data"])).timestamp_seconds
    except (Unreadable, ValueError):
        return None
    return seconds - int(shift.group(1)) if shift else seconds


def private_key(label: str) -> bytes:
    """The key of one of the recorded network's accounts."""
    return hashlib.sha256(f"gridnet test key: {label}".encode()).digest()


def accounts() -> dict[str, dict[str, Any]]:
    """The recorded network's accounts by label."""
    found: dict[str, dict[str, Any]] = load("nis_rest_queries.json")["accounts"]
    return found


def recorded_node() -> TestNode:
    """A node at the recorded network's genesis, with its importances and its harvester."""
    settings = NodeSettings(
        harvester_private_key=private_key("harvester"),
        importances={each["address"]: 0.1 for each in accounts().values()},
        node_name="gridnode",
    )
    return TestNode(settings, genesis=blocks()[0][0])


@attrs.frozen(kw_only=True)
class Replayed:
    """What our node answered to a recorded request."""

    exchange: Exchange
    status: int
    reply: Any


@cache
def replayed() -> tuple[Replayed, ...]:
    """Our node's answers to all recorded requests, on the recorded chain.

    The recorded blocks are handed to the node when their time has come.  A query has no time of
    its own: it is asked again after each block until the answer fits or the next thing happened.
    """
    node = recorded_node()
    coming = [block for block, _ in blocks() if 1 < block.height <= LAST_COMPLETE_HEIGHT]
    answers = []
    now_seconds = coming[0].timestamp_seconds
    recorded = exchanges()
    for index, exchange in enumerate(recorded):
        now_seconds = max(now_seconds, exchange.seconds or 0)
        _receive_until(node, coming, now_seconds)
        node.set_time(now_seconds)
        answer = _ask(node, exchange)
        limit = _next_seconds(recorded, index)
        while (
            not exchange.is_announce
            and not same(exchange, answer.reply)
            and coming
            and coming[0].timestamp_seconds <= limit
        ):
            now_seconds = coming[0].timestamp_seconds
            _receive_until(node, coming, now_seconds)
            answer = _ask(node, exchange)
        answers.append(answer)
        if exchange.name == "unconfirmed tx by hash":
            # The blocks of this session were not all recorded; the node makes one of its own.
            node.mine()
    return tuple(answers)


def _ask(node: TestNode, exchange: Exchange) -> Replayed:
    status, reply = node.request(
        exchange.method,
        exchange.path,
        params=exchange.params,
        body=exchange.body,
        headers=exchange.headers,
    )
    return Replayed(exchange=exchange, status=status, reply=reply)


def _receive_until(node: TestNode, coming: list[Block], seconds: int) -> None:
    while coming and coming[0].timestamp_seconds <= seconds:
        node.set_time(coming[0].timestamp_seconds)
        node.receive_block(coming.pop(0))


def _next_seconds(recorded: tuple[Exchange, ...], index: int) -> int:
    later = (each.seconds for each in recorded[index + 1 :] if each.seconds is not None)
    return next(later, 0)


def same(exchange: Exchange, reply: Any) -> bool:
    """Whether a reply is the recorded one, apart from what may differ between two nodes."""
    return bool(_comparable(exchange.path, exchange.reply) == _comparable(exchange.path, reply))


def _comparable(path: str, value: Any) -> Any:
    """Without the time of errors and the difficulty; listings without an order sorted."""
    if isinstance(value, dict):
        ignored = {"difficulty"} | ({"timeStamp"} if "error" in value else set())
        return {
            name: _comparable(path, each) for name, each in value.items() if name not in ignored
        }
    if isinstance(value, list):
        rows = [_comparable(path, each) for each in value]
        unordered = path in ("/account/mosaic/owned", "/account/importances")
        return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True)) if unordered else rows
    return value
