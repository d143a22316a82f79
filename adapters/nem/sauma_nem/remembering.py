"""What a node answered about its newest block, for as long as that is the newest.

Balances, supplies and rents follow from the chain up to a block, and the block's hash stands for all of
it; so while a wave is prepared at one block, each of them is asked for once.  What does not follow from
blocks, the pool, the clock and whether the node follows the others, is asked for each time.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from sauma.chain import BlockRef

from .node import NodeClient

T = TypeVar("T")


class Answers:
    """A node's answers that hold at one block."""

    def __init__(self, block: BlockRef) -> None:
        """Nothing is known yet."""
        self.block = block
        self._known: dict[Hashable, Any] = {}

    def get(self, question: Hashable, ask: Callable[[], T]) -> T:
        """Return the answer to a question, asked for once."""
        if question not in self._known:
            self._known[question] = ask()
        found: T = self._known[question]
        return found

    def copy(self) -> Answers:
        """Return the same answers, to be added to without changing these."""
        found = Answers(self.block)
        found._known = dict(self._known)
        return found


class Remembered:
    """The newest answers of each node; calls may come from several threads."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._newest: dict[int, Answers] = {}

    def at(self, node: NodeClient, block: BlockRef) -> Answers:
        """Return what a node answered at a block, to be added to; nothing if that is not its newest."""
        newest = self._newest.get(id(node))
        return newest.copy() if newest is not None and newest.block == block else Answers(block)

    def keep(self, node: NodeClient, answers: Answers) -> None:
        """Keep what is known to hold at the answers' block, instead of what held before."""
        self._newest[id(node)] = answers.copy()
