"""Answering a request as the faults that strike it say."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import attrs

from sauma_nem.transactions import Block

from .faults import (
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
from .rest import Reply, Request
from .results import RestError
from .status import NodeStatus

if TYPE_CHECKING:
    from .node import TestNode

CONTROL_PREFIX = "/sauma/"
_HASHES = frozenset(("transactionHash", "innerTransactionHash", "innerHash", "prevBlockHash"))
_TRANSACTION_PREFIX = "/transaction/"


class Broken(Enum):
    """No answer at all: how the connection ends instead."""

    CLOSED = "closed"
    RESET = "reset"


@attrs.frozen
class Cut:
    """An answer of whose body only the first half arrives."""

    reply: Reply


Outcome = Reply | Broken | Cut
Answerer = Callable[[Request], Outcome]


def answer_faultily(node: TestNode, request: Request, answer: Answerer) -> Outcome:
    """Answer by `answer`, or otherwise where the node's switches say so."""
    if request.path.startswith(CONTROL_PREFIX):
        return answer(request)
    for fault in reversed(node.faults.drawn(request.path)):
        answer = _struck(fault, node, answer)
    return answer(request)


def _struck(fault: Fault, node: TestNode, answer: Answerer) -> Answerer:
    return lambda request: _answer(fault, node, request, answer)


@singledispatch
def _answer(fault: Fault, _node: TestNode, _request: Request, _answer: Answerer) -> Outcome:
    raise RuntimeError(f"nobody said what the fault {fault.name} does")


@_answer.register(Drop)
def _(fault: Drop, _node: TestNode, request: Request, answer: Answerer) -> Outcome:
    if fault.lost == "answer":
        answer(request)
    return Broken.CLOSED


@_answer.register(Reset)
def _(fault: Reset, _node: TestNode, request: Request, answer: Answerer) -> Outcome:
    if fault.lost == "answer":
        answer(request)
    return Broken.RESET


@_answer.register(ServerError)
def _(fault: ServerError, node: TestNode, request: Request, answer: Answerer) -> Outcome:
    if fault.lost == "answer":
        answer(request)
    error = RestError(fault.status, fault.message)
    return Reply(status=fault.status, body=error.body(node.now_seconds()))


@_answer.register(Delay)
def _(fault: Delay, _node: TestNode, request: Request, answer: Answerer) -> Outcome:
    time.sleep(fault.milliseconds / 1_000)
    return answer(request)


@_answer.register(Duplicate)
def _(_fault: Duplicate, _node: TestNode, request: Request, answer: Answerer) -> Outcome:
    answer(request)
    return answer(request)


@_answer.register(CutShort)
def _(_fault: CutShort, _node: TestNode, request: Request, answer: Answerer) -> Outcome:
    outcome = answer(request)
    return Cut(outcome) if isinstance(outcome, Reply) else outcome


@_answer.register(WrongHash)
def _(_fault: WrongHash, _node: TestNode, request: Request, answer: Answerer) -> Outcome:
    outcome = answer(request)
    if not isinstance(outcome, Reply):
        return outcome
    return attrs.evolve(outcome, body=_with_wrong_hashes(outcome.body))


@_answer.register(HalfPage)
def _(_fault: HalfPage, _node: TestNode, request: Request, answer: Answerer) -> Outcome:
    outcome = answer(request)
    rows = outcome.body.get("data") if isinstance(outcome, Reply) else None
    if not isinstance(outcome, Reply) or not isinstance(rows, list):
        return outcome
    return attrs.evolve(outcome, body=outcome.body | {"data": rows[: len(rows) // 2]})


@_answer.register(NotBooted)
def _(_fault: NotBooted, node: TestNode, request: Request, answer: Answerer) -> Outcome:
    with node.as_if(status=NodeStatus.RUNNING):
        return answer(request)


@_answer.register(Loading)
def _(_fault: Loading, node: TestNode, request: Request, answer: Answerer) -> Outcome:
    with node.as_if(status=NodeStatus.LOADING):
        return answer(request)


@_answer.register(TimeSkew)
def _(fault: TimeSkew, node: TestNode, request: Request, answer: Answerer) -> Outcome:
    with node.as_if(skew_seconds=fault.seconds):
        return answer(request)


@_answer.register(StaleHeight)
def _(fault: StaleHeight, node: TestNode, request: Request, answer: Answerer) -> Outcome:
    if request.path.startswith(_TRANSACTION_PREFIX) and request.method == "POST":
        return answer(request)
    return node.answer_from_past(request, fault.blocks)


def _with_wrong_hashes(value: Any, *, is_hash: bool = False) -> Any:
    """The same JSON with another digit in every hash, also in those of explorer views."""
    if isinstance(value, dict):
        return {
            name: _with_wrong_hashes(each, is_hash=name in _HASHES or name == "hash" or is_hash)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_with_wrong_hashes(each) for each in value]
    if is_hash and isinstance(value, str) and value:
        return ("1" if value[0] == "0" else "0") + value[1:]
    return value


class ClockOf:
    """The clock of another node."""

    def __init__(self, node: TestNode) -> None:
        """Show what `node` believes."""
        self._node = node

    def network_time_ms(self) -> int:
        """Milliseconds since the NEM epoch."""
        return self._node.now_ms()


class Past:
    """A second node that is kept so many blocks behind a first one, to answer as that did."""

    def __init__(self, new_node: Callable[[Block], TestNode]) -> None:
        """`new_node` makes a node of the same clock with a genesis; called when somebody asks."""
        self._new_node = new_node
        self._node: TestNode | None = None

    def at(self, node: TestNode, height: int) -> TestNode:
        """The second node at a height of the first one's chain, and at its time."""
        if self._node is None:
            self._node = self._new_node(node.chain.blocks()[0].block)
        behind = self._node
        common = min(behind.height, height)
        while common > 1 and _hash_at(behind, common) != _hash_at(node, common):
            common -= 1
        if common < behind.height and behind.height - common > behind.chain.rollback_limit():
            self._node = None
            return self.at(node, height)
        behind.follow(common, [each.block for each in node.chain.blocks()[common:height]])
        behind.host, behind.port, behind.status = node.host, node.port, node.status
        return behind


def _hash_at(node: TestNode, height: int) -> bytes:
    return node.chain.blocks()[height - 1].block_hash
