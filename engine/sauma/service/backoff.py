"""Waiting longer after each failure, each thing by itself, and not all at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import attrs


@attrs.frozen(kw_only=True)
class Trouble:
    """Something that fails: what, since when, how often, why, and when it is tried again."""

    what: str
    since: datetime
    attempts: int
    reason: str
    again_at: datetime


class Backoff:
    """Remembers what failed; a thing is tried again after a wait that doubles, with jitter.

    The wait is drawn between half and all of it (`draw` gives 0 to 1), so that many who lost the same
    node do not come back to it at once.
    """

    def __init__(self, first: timedelta, longest: timedelta, draw: Callable[[], float]) -> None:
        """Begin without troubles."""
        self._first = first
        self._longest = longest
        self._draw = draw
        self._troubles: dict[str, Trouble] = {}

    def may_try(self, what: str, now: datetime) -> bool:
        """Tell whether a thing is in no trouble, or has waited long enough."""
        trouble = self._troubles.get(what)
        return trouble is None or now >= trouble.again_at

    def failed(self, what: str, reason: str, now: datetime) -> Trouble:
        """Note a failure and when to try again."""
        before = self._troubles.get(what)
        attempts = 1 if before is None else before.attempts + 1
        doublings = min(attempts - 1, (self._longest // self._first).bit_length())
        whole = min(self._longest, self._first * 2**doublings)
        trouble = Trouble(
            what=what,
            since=now if before is None else before.since,
            attempts=attempts,
            reason=reason,
            again_at=now + whole * (0.5 + self._draw() / 2),
        )
        self._troubles[what] = trouble
        return trouble

    def succeeded(self, what: str) -> None:
        """Forget a trouble."""
        self._troubles.pop(what, None)

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """Everything that fails now, the longest first."""
        return tuple(sorted(self._troubles.values(), key=lambda one: (one.since, one.what)))
