"""Where a transaction stands, by what can be proved of it.

A transaction dies when another takes its nonce in a block that cannot be undone, and by nothing else:
a node that does not know a hash proves nothing.  The block in which the nonce was taken is found and
read, so that the proof does not rest on a node's index of hashes.
"""

from __future__ import annotations

from typing import Final

import attrs

from sauma.chain import BlockRef, Fate, SignedTransaction, Status
from sauma.errors import BadAnswer, Unavailable

from .codec import EthereumCodec
from .hexadecimal import write_data
from .ledger import revert_reason
from .node import LATEST, NodeClient
from .reading import ATTEMPTS_MAX, head_of
from .replies import BlockTransaction, Receipt
from .transactions import FeeTransaction
from .transport import ErrorReply

SCAN_BLOCKS: Final = 50


@attrs.frozen(kw_only=True)
class Taken:
    """Which transaction used a nonce, and in which block; None when a delegation used it up."""

    block: BlockRef
    transaction: BlockTransaction | None


def status_of(node: NodeClient, codec: EthereumCodec, transaction: SignedTransaction) -> Status:
    """Return what can be proved of a transaction now."""
    ours = codec.read(transaction.raw)
    sender = ours.sender()
    if sender is None:
        raise BadAnswer(f"transaction {transaction.transaction_id.hex()} was signed by nobody")
    transaction_id = ours.transaction_id()
    # read before the rest: what is final now cannot change while it is asked
    head = head_of(node, codec.settings)
    receipt = _canonical_receipt(node, transaction_id)
    if receipt is not None:
        return _included(node, ours, sender, receipt, head.final_height)
    if node.nonce_at(sender, head.final_height) > ours.nonce:
        taken = find_taker(node, sender, ours.nonce, transaction.prepared_at, head.final_height)
        if taken.transaction is not None and taken.transaction.transaction_id == transaction_id:
            raise Unavailable(
                f"node {node.name} has transaction {transaction_id.hex()} in block "
                f"{taken.block.height} and no receipt of it: ask another node"
            )
        return _superseded(taken, ours.nonce)
    if node.nonces(sender)[0] > ours.nonce:
        return Status(
            fate=Fate.UNSEEN,
            reason=f"another transaction took nonce {ours.nonce} in a block that is not final",
        )
    known = node.transaction(transaction_id)
    return Status(fate=Fate.UNSEEN if known is None else Fate.PENDING)


def find_taker(node: NodeClient, sender: bytes, nonce: int, first: int, last: int) -> Taken:
    """Return where a nonce was taken, between two blocks of which the later has it taken.

    The block is found by halving; where a node forgot the accounts of old blocks, by reading each.
    """
    low, high = max(0, first - 1), last
    try:
        if node.nonce_at(sender, low) > nonce:
            low = 0
        while low + 1 < high:
            middle = (low + high) // 2
            if node.nonce_at(sender, middle) > nonce:
                high = middle
            else:
                low = middle
    except Unavailable:
        return _scan_for_taker(node, sender, nonce, first, last)
    taken = _taker_in(node, sender, nonce, (high,))
    if taken is None:
        block = node.known_block(high)
        return Taken(block=block.ref, transaction=None)
    return taken


def reason_of(node: NodeClient, ours: FeeTransaction, sender: bytes, height: int) -> str | None:
    """Return why a transaction failed: what the contract says when asked at the block before."""
    if ours.to is None:
        return None
    reply = node.call(ours.to, ours.data, sender=sender, at=max(0, height - 1))
    if isinstance(reply, ErrorReply):
        return error_text(reply)
    reply = node.call(ours.to, ours.data, sender=sender, at=height)
    return error_text(reply) if isinstance(reply, ErrorReply) else None


def error_text(reply: ErrorReply) -> str:
    """Return what a call reverted with, by the contract's own errors where it is one of them."""
    if isinstance(reply.data, str) and reply.data.startswith("0x"):
        try:
            named = revert_reason(bytes.fromhex(reply.data[2:]))
        except ValueError:
            named = None
        if named is not None:
            return named
    return reply.message


def _included(
    node: NodeClient, ours: FeeTransaction, sender: bytes, receipt: Receipt, final_height: int
) -> Status:
    block = node.known_block(receipt.height).ref
    reason = None
    if not receipt.succeeded:
        reason = reason_of(node, ours, sender, receipt.height) or "the contract refused it"
    return Status(
        fate=Fate.INCLUDED,
        block=block,
        final=receipt.height <= final_height,
        succeeded=receipt.succeeded,
        reason=reason,
    )


def _superseded(taken: Taken, nonce: int) -> Status:
    other = None if taken.transaction is None else taken.transaction.transaction_id
    return Status(
        fate=Fate.DEAD,
        final=True,
        superseded_by=other,
        reason=f"nonce {nonce} is taken in final block {taken.block.height} by "
        f"{'a delegation' if other is None else write_data(other)}",
    )


def _canonical_receipt(node: NodeClient, transaction_id: bytes) -> Receipt | None:
    """Return a receipt whose block the chain still has."""
    for _ in range(ATTEMPTS_MAX):
        (receipt,) = node.receipts([transaction_id])
        if receipt is None:
            return None
        block = node.block(receipt.height)
        if block is not None and block.ref.block_hash == receipt.block_hash:
            return receipt
    raise Unavailable(
        f"node {node.name} names a block for transaction {transaction_id.hex()} that its chain "
        "does not have: its chain is being rewritten, repeat the call"
    )


def _scan_for_taker(node: NodeClient, sender: bytes, nonce: int, first: int, last: int) -> Taken:
    for start in range(first, last + 1, SCAN_BLOCKS):
        heights = tuple(range(start, min(start + SCAN_BLOCKS, last + 1)))
        taken = _taker_in(node, sender, nonce, heights)
        if taken is not None:
            return taken
    return Taken(block=node.known_block(LATEST if last < 0 else last).ref, transaction=None)


def _taker_in(
    node: NodeClient, sender: bytes, nonce: int, heights: tuple[int, ...]
) -> Taken | None:
    for block in node.blocks(heights, whole=True):
        for each in () if block is None else block.transactions:
            if block is not None and each.sender == sender and each.nonce == nonce:
                return Taken(block=block.ref, transaction=each)
    return None
