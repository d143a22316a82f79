"""Routes that no NIS1 node has: other processes drive the test node by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..faults import fault_named
from ..results import RestError
from . import reading
from .exchange import JsonObject, Request

if TYPE_CHECKING:
    from ..node import TestNode
    from ..status import Partable


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


def faults(node: TestNode, _request: Request) -> JsonObject:
    """GET /sauma/faults: what is switched on, and how often it struck."""
    return {"data": [switch.to_json() for switch in node.faults.active()]}


def fault_on(node: TestNode, request: Request) -> JsonObject:
    """POST /sauma/faults/on {"fault": name, its settings, "routes", "times", "every", "skip", "permille"}.

    Replies with the number of the switch.  A "seed" starts the drawing of chances anew.
    """
    document = dict(reading.json_object(request))
    name = reading.member(document, "fault", str)
    del document["fault"]
    routes = document.pop("routes", [])
    if not isinstance(routes, list) or not all(isinstance(route, str) for route in routes):
        raise RestError(400, "routes must be a list of paths")
    limits = {
        each: _integer(document.pop(each), each)
        for each in ("times", "every", "skip", "permille", "seed")
        if each in document
    }
    seed = limits.pop("seed", None)
    fault = fault_named(name, document)
    if seed is not None:
        node.faults.reseed(seed)
    return {"switch": node.faults.on(fault, routes=tuple(routes), **limits)}


def fault_off(node: TestNode, request: Request) -> JsonObject:
    """POST /sauma/faults/off {"switch": number}; without a number all of them."""
    document = reading.json_object(request) if request.body.strip() else {}
    if "switch" in document:
        node.faults.off(_integer(document["switch"], "switch"))
    else:
        node.faults.clear()
    return faults(node, request)


def part(node: TestNode, request: Request) -> JsonObject:
    """POST /sauma/part {"groups": [[0], [1, 2]]}; without groups each node stands alone."""
    document = reading.json_object(request) if request.body.strip() else {}
    groups = document.get("groups", [])
    if not isinstance(groups, list) or not all(isinstance(group, list) for group in groups):
        raise RestError(400, "groups must be a list of lists of node numbers")
    _network(node).part(
        *[[_integer(each, "a node's number") for each in group] for group in groups]
    )
    return {"height": node.height}


def join(node: TestNode, _request: Request) -> JsonObject:
    """POST /sauma/join: the parted nodes agree on one chain again."""
    _network(node).join()
    return {"height": node.height}


def _network(node: TestNode) -> Partable:
    if node.network is None:
        raise RestError(400, "this node stands alone; start several as a TestNetwork")
    return node.network


def _count(request: Request, name: str, default: int) -> int:
    document = reading.json_object(request) if request.body.strip() else {}
    return _integer(document.get(name, default), name)


def _integer(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise RestError(400, f"{name} must be an integer")
    return value
