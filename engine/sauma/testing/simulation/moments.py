"""Where a process can die: before each transaction of its store and its commit, around each call.

A death is an exception that nobody may catch as an error.  From then until the process is started
anew nothing of it reaches the store or the node any more, whatever its clean-up tries: so it is as if
it had been killed.  Between two moments nothing happens that anybody else could see.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sauma.store.watching import WATCHER
from sauma.testing.simulation.disk import DiskFault

BEFORE_TRANSACTION: Final = "before a transaction"
BEFORE_COMMIT: Final = "before a commit"
BEFORE_QUESTION: Final = "before a question"
AFTER_ANSWER: Final = "after an answer"
BEFORE_BROADCAST: Final = "before a broadcast"
AFTER_BROADCAST: Final = "after a broadcast"


class Died(BaseException):
    """The process ends here."""


class Moments:
    """Counts the moments of one process, and ends it, or breaks its disk, at the one it was told."""

    def __init__(self) -> None:
        """Let the process live."""
        self.passed = 0
        self._left: int | None = None
        self._fatal_name: str | None = None
        self._commits_left: int | None = None
        self._disk_fault: DiskFault | None = None
        self.died_at: str | None = None
        self.disk_has_failed = False

    def will_die(self, moments: int, *, at: str | None = None) -> None:
        """End the process at so many moments from now, or moments of one name."""
        self._left, self._fatal_name = moments, at

    def will_break(self, commits: int, fault: DiskFault) -> None:
        """Break the disk, for the thread that commits, at so many commits from now."""
        self._commits_left, self._disk_fault = commits, fault

    def live(self) -> None:
        """Begin a new life."""
        self._left = self._commits_left = self.died_at = None
        self.disk_has_failed = False

    def passing(self, name: str) -> None:
        """Pass a moment; raises `Died` at the fatal one and ever after."""
        self.passed += 1
        if self.died_at is not None:
            raise Died(self.died_at)
        if self._left is not None and self._fatal_name in (None, name):
            self._left -= 1
            if self._left <= 0:
                self.died_at = name
                raise Died(name)

    def beginning(self) -> None:
        """Pass the moment before a transaction."""
        self.passing(BEFORE_TRANSACTION)

    def committing(self) -> None:
        """Pass the moment before a commit."""
        self.passing(BEFORE_COMMIT)
        if self._commits_left is not None and self._disk_fault is not None:
            self._commits_left -= 1
            if self._commits_left <= 0:
                self._commits_left = None
                self._disk_fault.begin()
                self.disk_has_failed = True


@contextmanager
def passing_through(moments: Moments) -> Iterator[None]:
    """Have the stores' transactions of this thread pass through the moments of a process."""
    token = WATCHER.set(moments)
    try:
        yield
    finally:
        WATCHER.reset(token)
