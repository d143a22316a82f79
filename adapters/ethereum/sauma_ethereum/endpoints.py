"""Several nodes of one chain: which to ask, and all of them to tell.

One call of the adapter asks one node from its first question to its last, so that its answers belong
together; when that node fails, the whole call is made again with the next one.  Signed bytes go to
every node.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import attrs

from sauma.chain import Answer, Word
from sauma.errors import BadAnswer, ChainError, InvalidInput, OutcomeUnknown, Unavailable

from .node import NodeClient
from .transport import ErrorReply

T = TypeVar("T")

LAG_BLOCKS_MAX: Final = 2
"""A node that is further behind the best is asked only when no other answers."""
PROBE_SECONDS: Final = 3.0
"""How long an answer about heights is good for."""


@attrs.define(kw_only=True)
class _Health:
    """What was seen of a node."""

    node: NodeClient
    height: int = 0
    failures: int = 0
    is_checked: bool = False


class Endpoints:
    """Nodes in the order of preference; those that lag or fail go to the end.

    Its methods may be called from several threads.
    """

    def __init__(
        self,
        nodes: Sequence[NodeClient],
        *,
        check: Callable[[NodeClient], None],
        lag_blocks_max: int = LAG_BLOCKS_MAX,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use nodes; `check` is made once of each before it is asked, and raises what is wrong."""
        if not nodes:
            raise InvalidInput("a chain needs a node: give the address of one")
        self._health = [_Health(node=node) for node in nodes]
        self._check = check
        self._lag_blocks_max = lag_blocks_max
        self._monotonic = monotonic
        self._probed_at: float | None = None
        self._lock = threading.Lock()

    @property
    def nodes(self) -> tuple[NodeClient, ...]:
        """All nodes, in the order of preference."""
        return tuple(each.node for each in self._health)

    def close(self) -> None:
        """Close the connections to all nodes."""
        for each in self._health:
            each.node.close()

    def ask(self, action: Callable[[NodeClient], T]) -> T:
        """Return what an action finds with one node; with the next one when that fails.

        Raises what the last node raised: `Unavailable` or `BadAnswer`; other errors at once.
        """
        failure: ChainError | None = None
        for health in self._order():
            try:
                self._ensure_checked(health)
                found = action(health.node)
            except (Unavailable, BadAnswer) as error:
                health.failures += 1
                failure = error
                continue
            health.failures = 0
            return found
        raise failure or Unavailable("no node is left to ask")

    def tell(self, raw: bytes, transaction_id: bytes) -> Answer:
        """Give signed bytes to all nodes and return the best word of any.

        Raises `OutcomeUnknown` when one may have them and none says so, and `Unavailable` when none
        could be reached.
        """
        answers: list[Answer] = []
        failures: list[ChainError] = []
        for health in self._health:
            try:
                self._ensure_checked(health)
                answers.append(_word_of(health.node, raw, transaction_id))
            except ChainError as error:
                failures.append(error)
        for word in (Word.ACCEPTED, Word.KNOWN):
            for answer in answers:
                if answer.word is word:
                    return answer
        for failure in failures:
            if isinstance(failure, OutcomeUnknown):
                raise failure
        if answers:
            return answers[0]
        raise failures[0]

    def _ensure_checked(self, health: _Health) -> None:
        if not health.is_checked:
            self._check(health.node)
            health.is_checked = True

    def _order(self) -> list[_Health]:
        if len(self._health) == 1:
            return self._health
        self._probe()
        best = max(each.height for each in self._health)
        lagging = best - self._lag_blocks_max
        # sorted is stable: among equals the given order holds
        return sorted(self._health, key=lambda each: (each.height < lagging, each.failures > 0))

    def _probe(self) -> None:
        """Ask every node how far it is, unless that was done just now."""
        with self._lock:
            now = self._monotonic()
            if self._probed_at is not None and now - self._probed_at < PROBE_SECONDS:
                return
            self._probed_at = now
        for each in self._health:
            try:
                each.height = each.node.height()
            except ChainError:
                each.height = 0
                each.failures += 1
            else:
                each.failures = 0


def _word_of(node: NodeClient, raw: bytes, transaction_id: bytes) -> Answer:
    """Return a node's word; whether it knows the bytes is asked, since its texts say nothing sure."""
    reply = node.send_raw(raw)
    if not isinstance(reply, ErrorReply):
        if reply != transaction_id:
            raise OutcomeUnknown(
                f"node {node.name} read transaction {transaction_id.hex()} as {reply.hex()}: ask "
                "status() of it, and another node"
            )
        return Answer(word=Word.ACCEPTED)
    try:
        known = node.transaction(transaction_id)
    except ChainError:
        known = None
    word = Word.REJECTED if known is None else Word.KNOWN
    return Answer(word=word, code=str(reply.code), message=reply.message)
