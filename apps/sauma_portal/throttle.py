"""Slowing down whoever tries too often: so many tries in a sliding window, by a key.

It lives in the memory of one process and forgets the least recent keys first, so its size is bounded
whatever comes.  Several processes behind one address each count for themselves.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import Final

from sauma_portal.messages import TooMany

KEYS_MAX: Final = 10_000


class Throttle:
    """Counts tries by key; safe to use from several threads."""

    def __init__(self, *, keys_max: int = KEYS_MAX) -> None:
        """Start without tries."""
        self._tries: OrderedDict[str, deque[int]] = OrderedDict()
        self._keys_max = keys_max
        self._lock = threading.Lock()

    def check(self, key: str, now: int, *, tries_max: int, window_s: int) -> None:
        """Count a try; raises `TooMany` when there were that many within the window already."""
        with self._lock:
            tries = self._tries.setdefault(key, deque())
            self._tries.move_to_end(key)
            while tries and tries[0] <= now - window_s:
                tries.popleft()
            if len(tries) >= tries_max:
                raise TooMany(max(1, tries[0] + window_s - now))
            tries.append(now)
            while len(self._tries) > self._keys_max:
                self._tries.popitem(last=False)

    def forget(self, key: str) -> None:
        """Forget the tries of a key, as when one of them succeeded."""
        with self._lock:
            self._tries.pop(key, None)
