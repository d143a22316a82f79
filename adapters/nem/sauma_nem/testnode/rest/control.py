"""Routes that no NIS1 node has: other processes drive the test node by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..results import RestError
from . import reading
from .exchange import JsonObject, Request

if TYPE_CHECKING:
    from ..node import TestNode


def mine(node: TestNode, request: Request) -> JsonObject:
    """POST /sauma/mine {"blocks": n}."""
    return {"height": node.mine(_count(request, "blocks", 1))}


def rollback(node: TestNode, request: Request) -> JsonObject:
    """POST /sauma/rollback {"blocks": n}."""
    return {"height": node.rollback(_count(request, "blocks", 1))}


def fork(node: TestNode, request: Request) -> JsonObject:
    """POST /sauma/fork {"depth": n, "blocks": m}; without `blocks` one more than `depth`."""
    document = reading.json_object(request)
    blocks = reading.member(document, "blocks", int) if "blocks" in document else None
    return {"height": node.fork(reading.member(document, "depth", int), blocks=blocks)}


def time(node: TestNode, request: Request) -> JsonObject:
    """POST /sauma/time {"seconds": NEM seconds} or {"advance": seconds}."""
    document = reading.json_object(request)
    if "advance" in document:
        node.advance(reading.member(document, "advance", int))
    else:
        node.set_time(reading.member(document, "seconds", int))
    return {"networkTime": node.now_ms()}


def _count(request: Request, name: str, default: int) -> int:
    document = reading.json_object(request) if request.body.strip() else {}
    number = document.get(name, default)
    if not isinstance(number, int) or isinstance(number, bool):
        raise RestError(400, f"{name} must be an integer")
    return number
