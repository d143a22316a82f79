"""RFC 6962 (9162) Merkle trees over rows: roots, inclusion proofs, consistency proofs.

A leaf is SHA-256(0x00 ‖ data), a node SHA-256(0x01 ‖ left ‖ right), the empty tree SHA-256 of nothing.
The tree of n leaves splits at the largest power of two below n (RFC 6962 section 2.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import numpy as np

from sauma.errors import InvalidInput

EMPTY_ROOT: Final = sha256(b"").digest()
LEAF_PREFIX: Final = b"\x00"
NODE_PREFIX: Final = b"\x01"


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of one leaf."""
    return sha256(LEAF_PREFIX + data).digest()


def leaf_hashes(rows: bytes, row_bytes: int) -> list[bytes]:
    """Return the leaf hashes of rows of one width that lie behind each other.

    One copy puts the prefix in front of every row, so that a leaf is one slice.
    """
    if len(rows) % row_bytes:
        raise InvalidInput(f"{len(rows)} bytes are not whole rows of {row_bytes} bytes")
    count = len(rows) // row_bytes
    prefixed = np.zeros((count, row_bytes + 1), dtype=np.uint8)
    prefixed[:, 1:] = np.frombuffer(rows, dtype=np.uint8).reshape(count, row_bytes)
    data = prefixed.tobytes()
    step = row_bytes + 1
    return [sha256(data[at : at + step]).digest() for at in range(0, len(data), step)]


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the tree root of leaf hashes.

    Pairing level by level and carrying an odd last node up gives the same tree as the recursive
    definition, because every split is at a power of two.
    """
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:
        level = _next_level(level)
    return level[0]


def merkle_root(data: Sequence[bytes]) -> bytes:
    """Return the tree root of data, each of which becomes a leaf."""
    return root_of([leaf_hash(item) for item in data])


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return the audit path of a leaf: the sibling hashes from the leaf up (RFC 6962 section 2.1.1)."""
    _check_index(index, len(leaves))
    path: list[bytes] = []
    level = list(leaves)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level = _next_level(level)
        index >>= 1
    return tuple(path)


def root_from_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """Return the root that a proof leads to, or None when it has the wrong length.

    The algorithm is that of RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size:
        return None
    last = size - 1
    node = leaf
    for sibling in proof:
        if last == 0:
            return None
        if index & 1 or index == last:
            node = _node(sibling, node)
            while not index & 1 and index:
                index >>= 1
                last >>= 1
        else:
            node = _node(node, sibling)
        index >>= 1
        last >>= 1
    return node if last == 0 else None


def verify_inclusion(
    *, data: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Tell whether `data` is leaf `index` of the tree of `size` leaves with that root."""
    return root_from_proof(leaf_hash(data), index, size, proof) == root


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """Return the proof that the tree of the first `old_size` leaves grew into this one.

    RFC 6962 section 2.1.2.  Empty when the sizes are equal.
    """
    if not 1 <= old_size <= len(leaves):
        raise InvalidInput(f"old size {old_size} is not within 1 … {len(leaves)}")
    return tuple(_subproof(list(leaves), old_size, whole=True))


def verify_consistency(
    *, old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Tell whether a tree only grew: the algorithm of RFC 9162 section 2.1.4.2."""
    if not 1 <= old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    path = list(proof)
    if not old_size & (old_size - 1):
        path.insert(0, old_root)
    if not path:
        return False
    old_last, new_last = old_size - 1, new_size - 1
    while old_last & 1:
        old_last >>= 1
        new_last >>= 1
    old_node = new_node = path[0]
    for sibling in path[1:]:
        if new_last == 0:
            return False
        if old_last & 1 or old_last == new_last:
            old_node = _node(sibling, old_node)
            new_node = _node(sibling, new_node)
            while not old_last & 1 and old_last:
                old_last >>= 1
                new_last >>= 1
        else:
            new_node = _node(new_node, sibling)
        old_last >>= 1
        new_last >>= 1
    return old_node == old_root and new_node == new_root and new_last == 0


def _node(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(NODE_PREFIX + left + right).digest()


def _next_level(level: list[bytes]) -> list[bytes]:
    """Return the level above: pairs hashed, an odd last node carried up."""
    above = [
        sha256(b"\x01" + left + right).digest()
        for left, right in zip(level[::2], level[1::2], strict=False)
    ]
    if len(level) & 1:
        above.append(level[-1])
    return above


def _subproof(leaves: list[bytes], old_size: int, *, whole: bool) -> list[bytes]:
    """Return SUBPROOF(m, D[n], b) of RFC 6962 section 2.1.2."""
    size = len(leaves)
    if old_size == size:
        return [] if whole else [root_of(leaves)]
    split = 1 << ((size - 1).bit_length() - 1)
    if old_size <= split:
        return [*_subproof(leaves[:split], old_size, whole=whole), root_of(leaves[split:])]
    return [*_subproof(leaves[split:], old_size - split, whole=False), root_of(leaves[:split])]


def _check_index(index: int, size: int) -> None:
    """Refuse an index outside the tree."""
    if not 0 <= index < size:
        raise InvalidInput(f"row {index} is not within a tree of {size} rows")
