"""Several answers of a node that hold at one and the same block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from sauma.chain import BlockRef
from sauma.errors import Unavailable

from .node import NodeClient

T = TypeVar("T")

ATTEMPTS_MAX: Final = 4
"""Blocks come once a minute and answers in milliseconds: a second attempt is rare already."""


def at_one_block(
    node: NodeClient, ask: Callable[[BlockRef], T], *, newest: BlockRef | None = None
) -> tuple[BlockRef, T]:
    """Return what `ask` finds, and the block at which all of it holds.

    `ask` is told the newest block, which `newest` was just now if it is given.  Asks again when it
    changed meanwhile; raises `Unavailable` when it never rests.
    """
    before = newest or node.last_block().ref
    for _ in range(ATTEMPTS_MAX):
        answer = ask(before)
        after = node.last_block().ref
        if after == before:
            return after, answer
        before = after
    raise Unavailable(
        f"the chain of node {node.url} changed {ATTEMPTS_MAX} times while it was asked: "
        "repeat the call when it has caught up"
    )


def final_height_at(height: int, finality_blocks: int) -> int:
    """Return the newest height that is final when the chain has this height; the first always is."""
    return max(1, height - finality_blocks + 1)
