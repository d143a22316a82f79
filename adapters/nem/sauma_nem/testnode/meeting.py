"""How two nodes agree on one chain, as NIS nodes do."""

from __future__ import annotations

from sauma.errors import InvalidInput
from sauma_nem.network import REWRITE_LIMIT_BLOCKS

from .node import TestNode


def common_height(one: TestNode, other: TestNode) -> int:
    """The height of the newest block that both have; they share at least the genesis."""
    height = min(one.height, other.height)
    ours, theirs = one.chain.blocks(), other.chain.blocks()
    while height > 1 and ours[height - 1].block_hash != theirs[height - 1].block_hash:
        height -= 1
    return height


def check_reachable(node: TestNode, better: TestNode) -> None:
    """Raise InvalidInput if a node would have to undo more than 360 blocks for a better chain."""
    common = common_height(node, better)
    if node.height - common > REWRITE_LIMIT_BLOCKS:
        raise InvalidInput(
            f"{node.settings.node_name} would have to undo {node.height - common} blocks to follow "
            f"{better.settings.node_name} from block {common}; NIS undoes {REWRITE_LIMIT_BLOCKS} at "
            "most, so the two chains stay apart for ever"
        )


def synchronise(node: TestNode, peer: TestNode) -> bool:
    """Have a node follow its peer if the peer's chain is better; whether it did.

    The better chain has the higher score: more blocks, or as many in less time.  With equal scores
    each keeps its own, until one of them has a block more.
    """
    if peer.chain.score <= node.chain.score:
        return False
    check_reachable(node, peer)
    common = common_height(node, peer)
    node.follow(common, [confirmed.block for confirmed in peer.chain.blocks()[common:]])
    return True
