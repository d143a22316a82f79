"""Where a transaction stands, by what can be proved of it.

Dead is proved by the blocks alone: a transaction lies in a block that is later than its timestamp
and not later than its deadline.  Once a final block is later than the deadline, reading the final
blocks between the two decides for ever, however long ago that was.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TypeAlias

from sauma.chain import BlockRef, Fate, SignedTransaction, Status
from sauma.errors import BadAnswer, Unavailable

from .binary import inner_hash, transaction_hash
from .codec import NemCodec, valid_until_of
from .network import HASH_RETENTION_SECONDS, unix_seconds_from_seconds
from .node import NodeClient
from .replies import ChainBlock
from .snapshot import ATTEMPTS_MAX, final_height_at
from .transactions import Multisig, Transaction

Believe: TypeAlias = Callable[[BlockRef], None]
"""Raises unless enough nodes have this block."""


def believe_at_once(_: BlockRef) -> None:
    """Believe the one node that is asked."""


def status_of(
    node: NodeClient,
    codec: NemCodec,
    transaction: SignedTransaction,
    believe: Believe = believe_at_once,
) -> Status:
    """Return what can be proved of a transaction now; `believe` is asked before a final word.

    A node that does not know a hash proves nothing; it forgets confirmed ones after 36 hours.
    Another cosigner may have wrapped the same inner transaction: then it has landed, under the id
    that `superseded_by` tells.
    """
    ours = codec.read(transaction.raw)
    # read before the blocks: what is final at this height cannot change while they are read
    final_height = final_height_at(node.height(), codec.settings.finality_blocks)
    block = _including_block(node, transaction_hash(ours))
    if block is not None:
        return _included(block, ours, final_height, believe)
    final_block = _block(node, final_height)
    if _is_past(final_block, ours):
        return _settled(node, ours, transaction, final_height, believe)
    block = _listed_block(node, ours, transaction)
    if block is not None:
        return _included(block, ours, final_height, believe)
    sender = transaction.sender.address
    if any(_is_ours(each.transaction, ours) for each in node.unconfirmed(sender)):
        return Status(fate=Fate.PENDING)
    return Status(fate=Fate.UNSEEN)


def _included(block: ChainBlock, ours: Transaction, final_height: int, believe: Believe) -> Status:
    final = block.ref.height <= final_height
    if final:
        believe(block.ref)
    transaction_id = transaction_hash(ours)
    others = [
        other
        for each in block.block.transactions
        if _is_ours(each, ours) and (other := transaction_hash(each)) != transaction_id
    ]
    return Status(
        fate=Fate.INCLUDED,
        block=block.ref,
        final=final,
        succeeded=True,
        superseded_by=others[0] if others else None,
    )


def _settled(
    node: NodeClient,
    ours: Transaction,
    transaction: SignedTransaction,
    final_height: int,
    believe: Believe,
) -> Status:
    """Read the final blocks that may have a transaction whose deadline is past for good."""
    last, found = _search(node, ours, range(transaction.prepared_at, final_height + 1))
    if found:
        return _included(last, ours, final_height, believe)
    believe(last.ref)
    return Status(
        fate=Fate.DEAD,
        final=True,
        reason=f"final block {final_height} is later than its deadline, and no block until then "
        "has it",
    )


def _is_ours(found: Transaction, ours: Transaction) -> bool:
    """Tell whether a transaction does what ours does: it is ours, or wraps the same inner one."""
    inner = inner_hash(ours)
    return transaction_hash(found) == transaction_hash(ours) or (
        inner is not None and inner_hash(found) == inner
    )


def _including_block(node: NodeClient, transaction_id: bytes) -> ChainBlock | None:
    for _ in range(ATTEMPTS_MAX):
        confirmed = node.transaction(transaction_id)
        if confirmed is None:
            return None
        block = node.block_at(confirmed.height)
        if block is not None and transaction_id in block.transaction_ids:
            return block
    raise _moving(node, transaction_id)


def _listed_block(
    node: NodeClient, ours: Transaction, transaction: SignedTransaction
) -> ChainBlock | None:
    """Look for a transaction in its sender's list, once the node may have forgotten its hash."""
    now_seconds = node.network_time_ms() // 1_000
    forgets_after_s = 0 if isinstance(ours, Multisig) else HASH_RETENTION_SECONDS
    if now_seconds - ours.timestamp_seconds < forgets_after_s:
        return None
    for _ in range(ATTEMPTS_MAX):
        height = _listed_height(node, ours, transaction)
        if height is None:
            return None
        block = node.block_at(height)
        if block is not None and any(_is_ours(each, ours) for each in block.block.transactions):
            return block
    raise _moving(node, transaction.transaction_id)


def _listed_height(
    node: NodeClient, ours: Transaction, transaction: SignedTransaction
) -> int | None:
    below_id: int | None = None
    while True:
        page = node.outgoing(transaction.sender.address, below_id=below_id)
        for each in page:
            if _is_ours(each.transaction, ours):
                return each.height
        if not page or page[-1].height < transaction.prepared_at:
            return None
        if below_id is not None and page[-1].listed_id >= below_id:
            raise BadAnswer(f"node {node.url} lists the same transactions again: ask another node")
        below_id = page[-1].listed_id


def _search(node: NodeClient, ours: Transaction, heights: Sequence[int]) -> tuple[ChainBlock, bool]:
    """Return the final block that has a transaction and True, or the first past its deadline.

    The last of the heights is past the deadline.  Block times rise strictly, so the first block that
    can have it is found by halving.  The blocks read follow each other, from the last that is too
    early on: so whoever believes the last one believes all of them.
    """
    first = bisect_right(
        heights,
        ours.timestamp_seconds,
        key=lambda height: _block(node, height).block.timestamp_seconds,
    )
    previous: BlockRef | None = None
    for height in heights[max(0, first - 1) :]:
        block = _block(node, height)
        if previous is not None and block.block.previous_hash != previous.block_hash:
            raise BadAnswer(
                f"node {node.url} has a final block {height} that does not follow its block "
                f"{previous.height}: ask another node"
            )
        if any(_is_ours(each, ours) for each in block.block.transactions):
            return block, True
        if _is_past(block, ours):
            return block, False
        previous = block.ref
    raise BadAnswer(
        f"node {node.url} has no final block later than the deadline of "
        f"{transaction_hash(ours).hex()}, though one was: ask another node"
    )


def _moving(node: NodeClient, transaction_id: bytes) -> Unavailable:
    return Unavailable(
        f"node {node.url} names a block for transaction {transaction_id.hex()} that does not have "
        "it: its chain is being rewritten, repeat the call"
    )


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
