"""Who makes the blocks of test nodes, so that a block made instead of an undone one has another hash."""

from __future__ import annotations

from typing import Final

_MARK: Final = b"\xc0"


def branch_coinbase(branch: int) -> bytes:
    """Return the coinbase of a branch; branch 0, which replaces nothing, has none."""
    return _MARK + branch.to_bytes(19, "big") if branch else bytes(20)
