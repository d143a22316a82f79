"""Blocks, and how far they were read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import attrs

from sauma.errors import InvalidInput

CURSOR_POINTS_MAX: Final = 32
CURSOR_POINTS_DENSE: Final = 10


@attrs.frozen(kw_only=True, order=True)
class BlockRef:
    """A block: height, hash and the chain's own time of it."""

    height: int
    block_hash: bytes
    time: datetime


@attrs.frozen(kw_only=True)
class Head:
    """The newest block, and the newest block that cannot be undone."""

    newest: BlockRef
    final_height: int


@attrs.frozen(kw_only=True, order=True)
class Point:
    """A block that a cursor remembers."""

    height: int
    block_hash: bytes


@attrs.frozen(kw_only=True)
class Cursor:
    """How far events were read: a block locator, newest point first, thinning out backwards.

    An empty cursor stands before the first block.  After a reorganisation the chain looks for the
    newest point that it still has, and says from where everything is retracted.
    """

    points: tuple[Point, ...] = ()

    @property
    def height(self) -> int:
        """The height up to which everything was read; 0 before the first block."""
        return self.points[0].height if self.points else 0

    def advanced(self, blocks: Sequence[Point]) -> Cursor:
        """Return the cursor after reading further blocks (oldest first), thinned out.

        Kept are the newest `CURSOR_POINTS_DENSE` points, then ever fewer: a point is left out when
        the next older one is still near enough for every rollback that would have ended at it.  So a
        rollback of any depth finds an ancestor at no more than twice that depth, as far back as the
        oldest point; the points double their distance every two, so that is far.
        """
        every = [*reversed(blocks), *self.points]
        kept = every[:CURSOR_POINTS_DENSE]
        rest = every[CURSOR_POINTS_DENSE:]
        for index, point in enumerate(rest):
            older = rest[index + 1] if index + 1 < len(rest) else None
            shallowest = every[0].height - kept[-1].height + 1
            if older is None or every[0].height - older.height > 2 * shallowest:
                kept.append(point)
        return Cursor(points=tuple(kept[:CURSOR_POINTS_MAX]))

    def rolled_back_to(self, height: int) -> Cursor:
        """Return the cursor without the points above a height."""
        return Cursor(points=tuple(point for point in self.points if point.height <= height))

    def to_text(self) -> str:
        """Write the cursor as `height:hash` pairs, newest first, for the store."""
        return ",".join(f"{point.height}:{point.block_hash.hex()}" for point in self.points)

    @classmethod
    def from_text(cls, text: str) -> Cursor:
        """Read what `to_text` wrote; raises `InvalidInput` for anything else."""
        pairs = (pair.partition(":") for pair in text.split(",") if pair)
        try:
            return cls(
                points=tuple(
                    Point(height=int(height), block_hash=bytes.fromhex(digest))
                    for height, _, digest in pairs
                )
            )
        except ValueError as error:
            raise InvalidInput(
                f"{text!r} is no cursor: read the chain from its beginning"
            ) from error
