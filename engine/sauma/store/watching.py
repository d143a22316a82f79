"""Who is told of a store's transactions: rehearsals in which a process dies at one of them."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final, Protocol


class Watcher(Protocol):
    """Is told in the thread of the transaction; what it raises ends that, and nothing of it stays."""

    def beginning(self) -> None:
        """A transaction is going to begin."""

    def committing(self) -> None:
        """What a transaction wrote is going to be committed."""


WATCHER: Final[ContextVar[Watcher | None]] = ContextVar("sauma_store_watcher", default=None)


def tell_beginning() -> None:
    """Tell who watches this thread that a transaction is going to begin."""
    watcher = WATCHER.get()
    if watcher is not None:
        watcher.beginning()


def tell_committing() -> None:
    """Tell who watches this thread that a transaction is going to be committed."""
    watcher = WATCHER.get()
    if watcher is not None:
        watcher.committing()
