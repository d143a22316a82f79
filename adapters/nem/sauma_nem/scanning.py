"""Events: what the blocks after a cursor moved, found by reading each block in turn.

A block's hash is computed from its contents and must be what the next block names as its
predecessor, so a page is always one unbroken piece of chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from sauma.chain import BlockRef, ChainEvent, Cursor, EventPage, Point
from sauma.errors import BadAnswer, InvalidInput, Unavailable

from .binary import transaction_hash
from .caip import account_of
from .codec import effects_of, fee_micro_of, reference_of, transfer_in
from .node import NodeClient
from .replies import ChainBlock
from .settings import NemSettings
from .snapshot import ATTEMPTS_MAX, final_height_at
from .transactions import Transaction

PAGE_BLOCKS: Final = 60
"""How many blocks one call reads; each is one question to the node."""


@attrs.frozen(kw_only=True)
class _Start:
    """Where a page begins: the last block that still holds, if there is one."""

    kept_height: int
    kept_hash: bytes | None


def read_page(
    node: NodeClient, settings: NemSettings, since: Cursor, page_blocks: int = PAGE_BLOCKS
) -> EventPage:
    """Return what happened since the cursor, at most `page_blocks` blocks further.

    Raises `Unavailable` when the node is behind what was read before or its chain does not rest,
    and `BadAnswer` when it shows another chain than the one that was final.
    """
    for _ in range(ATTEMPTS_MAX):
        # read before the blocks: what is final at this height cannot change while they are read
        tip_height = node.height()
        start = _start(node, settings, since, tip_height)
        if start is None:
            continue
        blocks = _read_blocks(node, start, min(tip_height, start.kept_height + page_blocks))
        if blocks is not None:
            return _page(blocks, start, since, tip_height, settings)
    raise Unavailable(
        f"the chain of node {node.url} is being rewritten above block {since.height}: "
        "repeat the call when it has caught up"
    )


def event_of(block: BlockRef, transaction: Transaction, settings: NemSettings) -> ChainEvent | None:
    """Return what a transaction of a block did, if it moved energy or carries a reference.

    A reference proves nothing about who sent it: anybody may copy one, so look the transaction id
    up.  XEM counts only beside a reference, other people's payments are not ours to watch.  A multisig
    account's transfer has the id of the wrapper.
    """
    transfer = transfer_in(transaction)
    if transfer is None:
        return None
    reference = reference_of(transfer)
    effects = effects_of(transfer, settings)
    if reference is None:
        effects = tuple(each for each in effects if each.asset == settings.energy_asset)
        if not effects:
            return None
    return ChainEvent(
        block=block,
        transaction_id=transaction_hash(transaction),
        reference=reference,
        effects=effects,
        succeeded=True,
        fee_payer=account_of(transfer.signer, settings.nem_network),
        fee_units=fee_micro_of(transaction),
    )


def _start(
    node: NodeClient, settings: NemSettings, since: Cursor, tip_height: int
) -> _Start | None:
    """Find the newest block of the cursor that the chain still has; None when it is in motion."""
    if not since.points:
        return _Start(kept_height=settings.first_height - 1, kept_hash=None)
    fixed_height = final_height_at(since.height, settings.finality_blocks)
    if tip_height < fixed_height:
        raise Unavailable(
            f"node {node.url} is at block {tip_height}, {since.height} were read before: "
            "wait until it has caught up, or ask another node"
        )
    kept_height = settings.first_height - 1
    for point in since.points:
        if point.height > tip_height:
            continue
        block = node.block_at(point.height)
        if block is None:
            return None
        if block.ref.block_hash == point.block_hash:
            if point == since.points[0] or point.height >= fixed_height:
                return _Start(kept_height=point.height, kept_hash=point.block_hash)
            kept_height = point.height
            break
        if point.height <= fixed_height:
            raise BadAnswer(
                f"node {node.url} has another block {point.height} than the final one with hash "
                f"{point.block_hash.hex()}: it follows another chain, ask another node"
            )
    if fixed_height <= kept_height:
        return _Start(kept_height=kept_height, kept_hash=None)
    # between two points of the cursor: what was final when it was read still holds
    block = node.block_at(fixed_height)
    if block is None:
        return None
    return _Start(kept_height=fixed_height, kept_hash=block.ref.block_hash)


def _read_blocks(node: NodeClient, start: _Start, last_height: int) -> list[ChainBlock] | None:
    """Read blocks that follow each other; None when the chain changed meanwhile."""
    read: list[ChainBlock] = []
    previous_hash = start.kept_hash
    for height in range(start.kept_height + 1, last_height + 1):
        block = node.block_at(height)
        if block is None or previous_hash not in (None, block.block.previous_hash):
            return None
        previous_hash = block.ref.block_hash
        read.append(block)
    return read


def _page(
    blocks: list[ChainBlock],
    start: _Start,
    since: Cursor,
    tip_height: int,
    settings: NemSettings,
) -> EventPage:
    cursor = since.rolled_back_to(start.kept_height)
    points = [_point(each.ref) for each in blocks]
    if start.kept_hash is not None and cursor.height < start.kept_height:
        points.insert(0, Point(height=start.kept_height, block_hash=start.kept_hash))
    cursor = cursor.advanced(points)
    read_height = max(start.kept_height, cursor.height)
    return EventPage(
        rolled_back_to=start.kept_height if start.kept_height < since.height else None,
        events=tuple(_events(blocks, settings)),
        cursor=cursor,
        scanned=blocks[-1].ref if blocks else None,
        final_height=final_height_at(read_height, settings.finality_blocks),
        more=read_height < tip_height,
    )


def _point(ref: BlockRef) -> Point:
    return Point(height=ref.height, block_hash=ref.block_hash)


def _events(blocks: list[ChainBlock], settings: NemSettings) -> Iterator[ChainEvent]:
    for each in blocks:
        for transaction in each.block.transactions:
            try:
                event = event_of(each.ref, transaction, settings)
            except InvalidInput as error:
                raise BadAnswer(
                    f"block {each.ref.height} of the node has a transfer that cannot be: {error}"
                ) from error
            if event is not None:
                yield event
