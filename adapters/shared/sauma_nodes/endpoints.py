"""Several nodes of one chain: which to ask, all of them to tell, and how many must agree.

One call of an adapter asks one node from its first question to its last, so that its answers belong
together; when that node fails, the whole call is made again with the next one.  Signed bytes go to
every node.  A node that failed rests, ever longer while it goes on failing, so that a dead one costs
its time-out once and not with each call.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, Protocol, TypeVar

import attrs

from sauma.chain import Answer, Word
from sauma.errors import BadAnswer, ChainError, InvalidInput, OutcomeUnknown, Unavailable
from sauma.units import check_integer

LAG_BLOCKS_MAX: Final = 2
"""A node that is further behind the best is asked only when no other answers."""
PROBE_SECONDS: Final = 3.0
"""How long an answer about heights is good for."""
REST_SECONDS: Final = 3.0
"""How long a node rests after its first failure; twice as long after each further one."""
REST_SECONDS_MAX: Final = 120.0
OUTCOMES_KEPT: Final = 20
"""Of how many calls the error rate is reckoned."""
ERROR_PERCENT_MAX: Final = 25
"""A node that fails more often is asked after those that do not."""


class NodesDisagree(BadAnswer):
    """Nodes show different things where only one can be: nothing of it is believed."""


class TooFewNodes(Unavailable):
    """Not as many nodes as must agree can say so now: repeat the call."""


class Node(Protocol):
    """What every node has."""

    @property
    def name(self) -> str:
        """What the node is called in messages: an address without secrets."""
        ...

    def height(self) -> int:
        """Return the height of the newest block."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


N = TypeVar("N", bound=Node)
T = TypeVar("T")


@attrs.frozen(kw_only=True)
class EndpointHealth:
    """What was seen of a node so far."""

    name: str
    height: int | None
    """The newest block when it was last asked; None when it never answered."""
    lag_blocks: int | None
    """How far it was behind the best."""
    error_percent: int
    """How many of its last calls failed."""
    is_resting: bool
    """Is it left alone, unless every other node fails?"""


@attrs.define(kw_only=True)
class _Endpoint(Generic[N]):
    node: N
    height: int | None = None
    failures_in_a_row: int = 0
    rests_until: float = 0.0
    outcomes: deque[bool] = attrs.field(factory=lambda: deque(maxlen=OUTCOMES_KEPT))
    is_checked: bool = False

    @property
    def error_percent(self) -> int:
        return 100 * self.outcomes.count(False) // max(1, len(self.outcomes))

    def note(self, now: float, *, succeeded: bool) -> None:
        self.outcomes.append(succeeded)
        if succeeded:
            self.failures_in_a_row, self.rests_until = 0, 0.0
            return
        rest_s = min(REST_SECONDS_MAX, REST_SECONDS * 2 ** min(self.failures_in_a_row, 10))
        self.failures_in_a_row += 1
        self.rests_until = now + rest_s


class Endpoints(Generic[N]):
    """Nodes in the order of preference; those that lag, fail or rest go to the end.

    Its methods may be called from several threads.
    """

    def __init__(
        self,
        nodes: Sequence[N],
        *,
        check: Callable[[N], None],
        agreement: int = 1,
        lag_blocks_max: int = LAG_BLOCKS_MAX,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use nodes; `check` is made once of each before it is asked, and raises what is wrong.

        `agreement` is how many nodes must show the same for `agree` to believe it.
        """
        if not nodes:
            raise InvalidInput("a chain needs a node: give the address of one")
        if not 1 <= check_integer(agreement, "agreement") <= len(nodes):
            raise InvalidInput(
                f"agreement {agreement} must be between 1 and {len(nodes)}, the number of nodes: "
                "name more nodes, or ask fewer to agree"
            )
        self._endpoints = [_Endpoint(node=node) for node in nodes]
        self._check = check
        self._agreement = agreement
        self._lag_blocks_max = lag_blocks_max
        self._monotonic = monotonic
        self._probed_at: float | None = None
        self._lock = threading.Lock()

    @property
    def nodes(self) -> tuple[N, ...]:
        """All nodes, in the order of preference."""
        return tuple(each.node for each in self._endpoints)

    @property
    def agreement(self) -> int:
        """How many nodes must show the same for `agree` to believe it."""
        return self._agreement

    def close(self) -> None:
        """Close the connections to all nodes."""
        for each in self._endpoints:
            each.node.close()

    def health(self) -> tuple[EndpointHealth, ...]:
        """Return what was seen of each node, in the order of preference; asks nothing."""
        with self._lock:
            now = self._monotonic()
            best = max((each.height or 0 for each in self._endpoints), default=0)
            return tuple(
                EndpointHealth(
                    name=each.node.name,
                    height=each.height,
                    lag_blocks=None if each.height is None else best - each.height,
                    error_percent=each.error_percent,
                    is_resting=each.rests_until > now,
                )
                for each in self._endpoints
            )

    def ask(self, action: Callable[[N], T]) -> T:
        """Return what an action finds with one node; with the next one when that fails.

        Raises what the last node raised, `Unavailable` or `BadAnswer`; other errors at once, and so
        what `agree` raises.
        """
        failure: ChainError | None = None
        for endpoint in self._order():
            try:
                self._ensure_checked(endpoint)
                found = action(endpoint.node)
            except (NodesDisagree, TooFewNodes):
                raise
            except (Unavailable, BadAnswer) as error:
                self._note(endpoint, succeeded=False)
                failure = error
                continue
            self._note(endpoint, succeeded=True)
            return found
        raise failure or Unavailable("no node is left to ask")

    def tell(self, give: Callable[[N], Answer]) -> Answer:
        """Give something to all nodes and return the best word of any.

        Those that rest are told only when none of the others answers.  Raises `OutcomeUnknown` when
        one may have it and none says so, and `Unavailable` when none could be reached.
        """
        answers: list[Answer] = []
        failures: list[ChainError] = []
        now = self._monotonic()
        resting = {id(each) for each in self._endpoints if each.rests_until > now}
        for endpoint in sorted(self._endpoints, key=lambda each: id(each) in resting):
            if answers and id(endpoint) in resting:
                break
            try:
                self._ensure_checked(endpoint)
                answers.append(give(endpoint.node))
            except ChainError as error:
                self._note(endpoint, succeeded=False)
                failures.append(error)
            else:
                self._note(endpoint, succeeded=True)
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

    def agree(self, question: Callable[[N], T | None], expected: T, *, on: str) -> None:
        """Believe what one node shows when as many as `agreement` show it.

        `question` returns None where a node cannot say, as when it is behind.  Raises
        `NodesDisagree` as soon as one shows something else, and `TooFewNodes` when too few can be
        asked.  With an agreement of one nothing is asked.
        """
        if self._agreement == 1:
            return
        agreeing = 0
        for endpoint in self._order():
            try:
                self._ensure_checked(endpoint)
                found = question(endpoint.node)
            except (Unavailable, BadAnswer):
                self._note(endpoint, succeeded=False)
                continue
            if found is None:
                continue
            if found != expected:
                raise NodesDisagree(
                    f"nodes disagree on {on}: {_shown(expected)} by one, {_shown(found)} by node "
                    f"{endpoint.node.name}; nothing of it is believed, find out which node follows "
                    "another chain and leave it out"
                )
            agreeing += 1
            if agreeing >= self._agreement:
                return
        raise TooFewNodes(
            f"{agreeing} of {len(self._endpoints)} nodes confirm {on}, {self._agreement} are asked "
            "for: repeat the call when more of them answer"
        )

    def _ensure_checked(self, endpoint: _Endpoint[N]) -> None:
        if not endpoint.is_checked:
            self._check(endpoint.node)
            endpoint.is_checked = True

    def _note(self, endpoint: _Endpoint[N], *, succeeded: bool) -> None:
        with self._lock:
            endpoint.note(self._monotonic(), succeeded=succeeded)

    def _order(self) -> list[_Endpoint[N]]:
        if len(self._endpoints) == 1:
            return self._endpoints
        self._probe()
        now = self._monotonic()
        newest = max((each.height or 0 for each in self._endpoints), default=0)

        def rank(each: _Endpoint[N]) -> tuple[bool, bool, bool]:
            return (
                each.rests_until > now,
                (each.height or 0) < newest - self._lag_blocks_max,
                each.error_percent > ERROR_PERCENT_MAX,
            )

        # sorted is stable: among equals the given order holds
        return sorted(self._endpoints, key=rank)

    def _probe(self) -> None:
        """Ask every node that does not rest how far it is, unless that was done just now."""
        with self._lock:
            now = self._monotonic()
            if self._probed_at is not None and now - self._probed_at < PROBE_SECONDS:
                return
            self._probed_at = now
            awake = [each for each in self._endpoints if each.rests_until <= now]
        for each in awake:
            try:
                height = each.node.height()
            except ChainError:
                self._note(each, succeeded=False)
            else:
                each.height = height
                self._note(each, succeeded=True)


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
