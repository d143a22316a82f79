"""The line between a process and its node: where calls get lost, and where the process may die."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from random import Random
from typing import TypeVar

from sauma.errors import OutcomeUnknown, Unavailable
from sauma.testing.simulation.faults import SENDING, Fault, Faults
from sauma.testing.simulation.moments import (
    AFTER_ANSWER,
    AFTER_BROADCAST,
    BEFORE_BROADCAST,
    BEFORE_QUESTION,
    Moments,
)

T = TypeVar("T")


class Line:
    """Carries the calls of one process; a world's adapter gives it everything that goes to the node."""

    def __init__(self, draw: Random | None = None, faults: Faults | None = None) -> None:
        """Lose and spoil calls as drawn; without arguments carry everything faithfully."""
        self._draw = draw or Random(0)  # noqa: S311 - a simulation, and no secret
        self.faults = faults or Faults.none()
        self.moments = Moments()
        self.is_down = False
        self.lags = False
        self.next_faults: deque[Fault | None] = deque()
        """What happens to the next broadcasts, before anything is drawn."""
        self.always: Fault | None = None
        """What happens to every broadcast, after `next_faults`."""
        self.sent: list[bytes] = []
        """Whatever left on this line, also what got lost on it."""
        self.happened: Counter[Fault] = Counter()
        self.meanwhile: Callable[[], None] | None = None
        """What may come to pass while the process waits for the node."""

    def ask(self, deliver: Callable[[], T]) -> T:
        """Carry a question; raises `Unavailable`, or `Died`."""
        self.moments.passing(BEFORE_QUESTION)
        if self.is_down:
            raise Unavailable("the node does not answer: repeat the call")
        if self._happens(Fault.NO_ANSWER):
            raise Unavailable("the node did not answer: repeat the call")
        if self.meanwhile is not None and self._happens(Fault.OVERTAKEN):
            self.meanwhile()
        answer = deliver()
        self.moments.passing(AFTER_ANSWER)
        return answer

    def send(self, raw: bytes, deliver: Callable[[], T], *, said: Callable[[bool], T]) -> T:
        """Carry a transaction; `said` makes what a node says that takes it (or refuses it)."""
        self.moments.passing(BEFORE_BROADCAST)
        if self.is_down:
            raise Unavailable("the node cannot be reached: nothing was sent, repeat the call")
        fault = self._fault_of_broadcast()
        if fault is Fault.UNREACHABLE:
            raise Unavailable("the node cannot be reached: nothing was sent, repeat the call")
        self.sent.append(raw)
        answer = self._delivered(fault, deliver, said)
        self.moments.passing(AFTER_BROADCAST)
        if answer is None:
            raise OutcomeUnknown("no answer came: what was sent may have arrived, look for it")
        return answer

    def _delivered(
        self, fault: Fault | None, deliver: Callable[[], T], said: Callable[[bool], T]
    ) -> T | None:
        match fault:
            case Fault.REQUEST_LOST:
                return None
            case Fault.FORGOTTEN:
                return said(True)
            case Fault.REFUSED:
                return said(False)
        answer = deliver()
        match fault:
            case Fault.ANSWER_LOST:
                return None
            case Fault.DENIED:
                return said(False)
            case Fault.TWICE:
                return deliver()
        return answer

    def _fault_of_broadcast(self) -> Fault | None:
        if self.next_faults:
            fault = self.next_faults.popleft()
            if fault is not None:
                self.happened[fault] += 1
            return fault
        if self.always is not None:
            self.happened[self.always] += 1
            return self.always
        return next((each for each in SENDING if self._happens(each)), None)

    def _happens(self, fault: Fault) -> bool:
        happens = self.faults.happens(fault, self._draw)
        self.happened[fault] += happens
        return happens
