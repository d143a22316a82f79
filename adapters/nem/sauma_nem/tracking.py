"""Where a transaction stands, by what can be proved of it.

Dead is proved by the blocks alone: a transaction lies in a block that is later than its timestamp
and not later than its deadline.  Once a final block is later than the deadline, reading the final
blocks between the two decides for ever, however long ago that was.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from sauma.chain import BlockRef, Fate, SignedTransaction, Status
from sauma.errors import BadAnswer, Unavailable

from .binary import transaction_hash
from .codec import NemCodec, valid_until_of
from .network import unix_seconds_from_seconds
from .node import NodeClient
from .replies import ChainBlock
from .snapshot import ATTEMPTS_MAX, final_height_at
from .transactions import Transaction


def status_of(node: NodeClient, codec: NemCodec, transaction: SignedTransaction) -> Status:
    """Return what can be proved of a transaction now.

    A node that does not know a hash proves nothing; it forgets confirmed ones after 36 hours.
    """
    ours = codec.read(transaction.raw)
    transaction_id = transaction_hash(ours)
    # read before the blocks: what is final at this height cannot change while they are read
    final_height = final_height_at(node.height(), codec.settings.finality_blocks)
    block = _including_block(node, transaction_id)
    if block is not None:
        return _included(block, final_height)
    final_block = _block(node, final_height)
    if _is_past(final_block, ours):
        block = _search(node, ours, range(transaction.prepared_at, final_height + 1))
        if block is not None:
            return _included(block, final_height)
        return Status(
            fate=Fate.DEAD,
            final=True,
            reason=f"final block {final_height} is later than its deadline, and no block until then "
            "has it",
        )
    sender = transaction.sender.address
    if any(each.transaction_id == transaction_id for each in node.unconfirmed(sender)):
        return Status(fate=Fate.PENDING)
    return Status(fate=Fate.UNSEEN)


def _included(block: ChainBlock, final_height: int) -> Status:
    return Status(
        fate=Fate.INCLUDED,
        block=block.ref,
        final=block.ref.height <= final_height,
        succeeded=True,
    )


def _including_block(node: NodeClient, transaction_id: bytes) -> ChainBlock | None:
    for _ in range(ATTEMPTS_MAX):
        confirmed = node.transaction(transaction_id)
        if confirmed is None:
            return None
        block = node.block_at(confirmed.height)
        if block is not None and transaction_id in block.transaction_ids:
            return block
    raise Unavailable(
        f"node {node.url} names a block for transaction {transaction_id.hex()} that does not have "
        "it: its chain is being rewritten, repeat the call"
    )


def _search(node: NodeClient, ours: Transaction, heights: Sequence[int]) -> ChainBlock | None:
    """Return the final block that has a transaction; the last of the heights is past its deadline.

    Block times rise strictly, so the first that can have it is found by halving.
    """
    transaction_id = transaction_hash(ours)
    first = bisect_right(
        heights,
        ours.timestamp_seconds,
        key=lambda height: _block(node, height).block.timestamp_seconds,
    )
    previous: BlockRef | None = None
    for height in heights[first:]:
        block = _block(node, height)
        if previous is not None and block.block.previous_hash != previous.block_hash:
            raise BadAnswer(
                f"node {node.url} has a final block {height} that does not follow its block "
                f"{previous.height}: ask another node"
            )
        if transaction_id in block.transaction_ids:
            return block
        if _is_past(block, ours):
            return None
        previous = block.ref
    return None


def _is_past(block: ChainBlock, ours: Transaction) -> bool:
    """Tell whether a block is later than a transaction's deadline, so that it and later ones lack it."""
    return unix_seconds_from_seconds(block.block.timestamp_seconds) > valid_until_of(ours)


def _block(node: NodeClient, height: int) -> ChainBlock:
    block = node.block_at(height)
    if block is None:
        raise BadAnswer(
            f"node {node.url} has no block {height}, though its chain was longer: ask another node"
        )
    return block
