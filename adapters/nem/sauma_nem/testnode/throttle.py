"""The server's guard against too many requests from one address."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from sauma.errors import InvalidInput


class Throttle:
    """Admits so many requests of one address in any second."""

    def __init__(
        self, requests_per_second: int, *, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """Count by the clock `seconds`."""
        if requests_per_second < 1:
            raise InvalidInput(
                f"a node takes at least 1 request a second, not {requests_per_second}"
            )
        self._limit = requests_per_second
        self._seconds = seconds
        self._lock = threading.Lock()
        self._admitted: dict[str, deque[float]] = {}

    def admits(self, remote: str) -> bool:
        """Whether the request that came now from an address is answered; one refused does not count."""
        with self._lock:
            now = self._seconds()
            admitted = self._admitted.setdefault(remote, deque())
            while admitted and now - admitted[0] >= 1:
                admitted.popleft()
            if len(admitted) >= self._limit:
                return False
            admitted.append(now)
            return True
