"""Key-value tables in layers: a read falls through, a write stays on top until it is merged.

The confirmed state is the bottom layer.  A block is executed on a layer above it; merging that
layer returns what it overwrote, so a block can be taken back.  The pool's state is a layer above
the confirmed one that is thrown away and built anew after each block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Table(Generic[Key, Value]):
    """One layer of one table.  Values must be immutable; an entry is replaced, never deleted."""

    __slots__ = ("_below", "_own")

    def __init__(self, below: Table[Key, Value] | None = None) -> None:
        """Start empty above `below`."""
        self._below = below
        self._own: dict[Key, Value] = {}

    def get(self, key: Key) -> Value | None:
        """The topmost value of a key."""
        layer: Table[Key, Value] | None = self
        while layer is not None:
            value = layer._own.get(key)
            if value is not None:
                return value
            layer = layer._below
        return None

    def put(self, key: Key, value: Value) -> None:
        """Set a value in this layer."""
        self._own[key] = value

    def values(self) -> Iterator[Value]:
        """All values of the bottom layer, in order of first writing."""
        if self._below is not None:
            yield from self._below.values()
        else:
            yield from self._own.values()

    def merge_down(self) -> dict[Key, Value | None]:
        """Write this layer into the one below and return what stood there before."""
        below = self._below
        if below is None:
            raise RuntimeError("the bottom layer has nothing below to merge into")
        before: dict[Key, Value | None] = {key: below._own.get(key) for key in self._own}
        below._own.update(self._own)
        self._own = {}
        return before

    def restore(self, before: dict[Key, Value | None]) -> None:
        """Take one merge back."""
        for key, value in before.items():
            if value is None:
                del self._own[key]
            else:
                self._own[key] = value
