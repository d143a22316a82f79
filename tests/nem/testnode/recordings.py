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
