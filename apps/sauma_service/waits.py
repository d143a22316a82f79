"""Waits as a file writes them, and as a service holds them."""

from __future__ import annotations

from datetime import timedelta

from sauma.errors import InvalidInput
from sauma.service import WAIT_MAX


def wait_of(seconds: float, name: str) -> timedelta:
    """Return a wait that is written as a number of seconds, `0.5` say; `name` is where it is written."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise InvalidInput(f"{name} {seconds!r} is no number of seconds")
    if not 0 < seconds <= WAIT_MAX.total_seconds():
        raise InvalidInput(f"{name} of {seconds} s must be above 0 and within a month")
    return timedelta(seconds=seconds) or timedelta.resolution
