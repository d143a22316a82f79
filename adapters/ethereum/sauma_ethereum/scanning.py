"""Events: what the blocks after a cursor moved, read from whole blocks and from the contract's logs.

Whole blocks show what has no log: calls that failed, and payments in ether that carry a reference.
Logs show what whole blocks do not: calls that came through another contract.  Each block must name
the one before it, each receipt and log must lie in a block just read, and the contract's sequence
must go up by one from batch to batch: a hole is a log that the node did not give.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import Final

import attrs

from sauma.chain import BlockRef, ChainEvent, Cursor, Effect, EventPage, Head, Point, is_reference
from sauma.errors import BadAnswer, InvalidInput, Unavailable

from .caip import account_of
from .codec import effects_of, payment_effects, reference_in
from .escrow_events import ESCROW_EVENTS, EscrowEvent, effects_of_event, parse_escrow_log
from .ledger import (
    BATCH_SETTLED,
    EVENTS,
    INTERVAL_COMMITTED,
    LOCKED_MOVED,
    SETTLE,
    SIGNED_SETTLED,
    LedgerEvent,
    event_topic,
    parse_log,
    selector,
)
from .many import AUTHORISE_MANY, CLOSE_MANY
from .moved import credited_by, movements_in
from .node import NodeClient
from .reading import ATTEMPTS_MAX, LedgerReader, final_by, head_of
from .replies import BlockReply, BlockTransaction, Log, Receipt
from .sessions import STEP
from .settings import EthereumSettings, FinalityRule
from .standing import CHARGE, STAND, charge_effects
from .transport import ErrorReply

PAGE_BLOCKS: Final = 50
"""How many blocks one call reads."""
_SEQUENCED: Final = (BATCH_SETTLED, SIGNED_SETTLED, INTERVAL_COMMITTED)
_WORD: Final = 32
_WITH_REFERENCE: Final = (SETTLE, STEP, AUTHORISE_MANY, CLOSE_MANY, STAND, CHARGE)
_AREA_PLACE: Final = slice(4, 4 + _WORD)
_REFERENCE_PLACE: Final = slice(4 + _WORD, 4 + 2 * _WORD)


@attrs.frozen(kw_only=True)
class _Start:
    """Where a page begins: the last block that still holds."""

    height: int
    block_hash: bytes | None


@attrs.frozen(kw_only=True)
class _Found:
    """A transaction that concerns us, with its block, as a list of whole blocks shows it."""

    block: BlockRef
    position: int
    transaction: BlockTransaction


@attrs.frozen(kw_only=True)
class _Told:
    """A receipt, its transaction where whole blocks showed it, and what the contracts told in it."""

    receipt: Receipt
    transaction: BlockTransaction | None
    ledger: tuple[LedgerEvent, ...]
    escrow: tuple[EscrowEvent, ...]


def read_page(
    node: NodeClient,
    settings: EthereumSettings,
    since: Cursor,
    page_blocks: int = PAGE_BLOCKS,
) -> EventPage:
    """Return what happened since the cursor, at most `page_blocks` blocks further.

    Raises `Unavailable` when the node is behind what was read before or its chain does not rest,
    and `BadAnswer` when it shows another chain than the one that was final, or hides a log.
    """
    for _ in range(ATTEMPTS_MAX):
        # read before the blocks: what is final now cannot change while they are read
        head = head_of(node, settings)
        start = _start(node, settings, since, head)
        if start is None:
            continue
        last = min(head.newest.height, start.height + page_blocks)
        blocks = _read_blocks(node, start, last)
        if blocks is None:
            continue
        events = _events_of(node, settings, blocks) if blocks else ()
        if events is not None:
            return _page(blocks, events, start, since, head, settings)
    raise Unavailable(
        f"the chain of node {node.name} is being rewritten above block {since.height}: "
        "repeat the call when it has caught up"
    )


def _events_of(
    node: NodeClient, settings: EthereumSettings, blocks: Sequence[BlockReply]
) -> tuple[ChainEvent, ...] | None:
    """Return the events of blocks; what no contract of ours tells is the node's fault, not the caller's."""
    try:
        return _Reader(node, settings).events(blocks)
    except InvalidInput as error:
        raise BadAnswer(
            f"node {node.name} shows in blocks {blocks[0].ref.height} to {blocks[-1].ref.height} what "
            f"the contracts cannot have told: {error}; ask another node"
        ) from error


class _Reader:
    """Turns one page of blocks into events."""

    def __init__(self, node: NodeClient, settings: EthereumSettings) -> None:
        self._node = node
        self._settings = settings
        self._ledger = settings.ledger_address
        self._contracts = (settings.ledger_address, settings.escrow_address)
        self._views = LedgerReader(settings)

    def events(self, blocks: Sequence[BlockReply]) -> tuple[ChainEvent, ...] | None:
        """Return the events of blocks in chain order; None when the chain changed meanwhile."""
        listed = {each.transaction.transaction_id: each for each in self._listed(blocks)}
        logs = self._logs(blocks)
        refs = {block.ref.height: block.ref for block in blocks}
        if logs is None or any(not _lies_in(log, refs) for log in logs):
            return None
        wanted = list(dict.fromkeys([*listed, *(log.transaction_id for log in logs)]))
        receipts = self._node.receipts(wanted)
        found: list[_Told] = []
        for receipt in receipts:
            if receipt is None or not _lies_in(receipt, refs):
                return None
            transaction = listed.get(receipt.transaction_id)
            found.append(
                _Told(
                    receipt=receipt,
                    transaction=None if transaction is None else transaction.transaction,
                    ledger=tuple(self._ledger_events(receipt.logs)),
                    escrow=tuple(self._escrow_events(receipt.logs)),
                )
            )
        found.sort(key=lambda each: (each.receipt.height, each.receipt.transaction_index))
        self._check_sequence(blocks, [event for each in found for event in each.ledger])
        owners = self._owners(found, blocks)
        made = (self._event(refs[each.receipt.height], each, owners) for each in found)
        return tuple(event for event in made if event is not None)

    def _listed(self, blocks: Sequence[BlockReply]) -> Iterator[_Found]:
        """Yield what whole blocks show: calls of the contracts for our area, and payments."""
        area = self._settings.area.to_bytes(_WORD, "big")
        for block in blocks:
            for position, each in enumerate(block.transactions):
                ours = each.to in self._contracts and each.data[_AREA_PLACE] == area
                pays = each.to not in (None, *self._contracts) and is_reference(each.data)
                if ours or pays:
                    yield _Found(block=block.ref, position=position, transaction=each)

    def _logs(self, blocks: Sequence[BlockReply]) -> list[Log] | None:
        """Return what the contract told in a page, asking for fewer blocks where a node objects."""
        topics = [event_topic(signature) for signature in (*EVENTS, *ESCROW_EVENTS)]
        first, last = blocks[0].ref.height, blocks[-1].ref.height
        found: list[Log] = []
        span = last - first + 1
        while first <= last:
            until = min(last, first + span - 1)
            reply = self._node.logs(self._contracts, first, until, topics)
            if not isinstance(reply, ErrorReply):
                found += reply
                first = until + 1
                span *= 2
            elif until > first:
                span = (until - first + 1) // 2
            else:
                one = self._logs_of_block(blocks[first - blocks[0].ref.height])
                if one is None:
                    return None
                found += one
                first += 1
        return found

    def _logs_of_block(self, block: BlockReply) -> list[Log] | None:
        """Return what the contract told in one block, from the receipts of all its transactions."""
        receipts = self._node.receipts([each.transaction_id for each in block.transactions])
        if any(receipt is None for receipt in receipts):
            return None
        return [
            log
            for receipt in receipts
            if receipt is not None
            for log in receipt.logs
            if (log.address == self._ledger and parse_log(log) is not None)
            or (log.address == self._settings.escrow_address and parse_escrow_log(log) is not None)
        ]

    def _ledger_events(self, logs: Iterable[Log]) -> Iterator[LedgerEvent]:
        for log in logs:
            event = parse_log(log) if log.address == self._ledger else None
            if event is not None and event.area == self._settings.area:
                yield event

    def _escrow_events(self, logs: Iterable[Log]) -> Iterator[EscrowEvent]:
        for log in logs:
            ours = log.address == self._settings.escrow_address
            event = parse_escrow_log(log) if ours else None
            if event is not None and event.area == self._settings.area:
                yield event

    def _check_sequence(self, blocks: Sequence[BlockReply], events: list[LedgerEvent]) -> None:
        """Raise `BadAnswer` unless the batches found are all that the contract counted."""
        sequences = [event.fields[0] for event in events if _is_sequenced(event)]
        for before, after in pairwise(sequences):
            if after != before + 1:
                raise self._missing(before + 1, blocks)
        at_start = self._views.sequence_at(self._node, blocks[0].ref.height - 1)
        at_end = self._views.sequence_at(self._node, blocks[-1].ref.height)
        if at_start is None or at_end is None:
            return  # the node forgot the state of old blocks; what it told is without holes
        if at_end - at_start != len(sequences):
            raise self._missing(at_start + len(sequences) + 1, blocks)

    def _missing(self, sequence: int, blocks: Sequence[BlockReply]) -> BadAnswer:
        return BadAnswer(
            f"node {self._node.name} shows no batch {sequence} of area {self._settings.area} in "
            f"blocks {blocks[0].ref.height} to {blocks[-1].ref.height}, though the contract counted "
            "it: a log is missing, ask another node"
        )

    def _owners(self, told: Sequence[_Told], blocks: Sequence[BlockReply]) -> dict[int, bytes]:
        accounts = {
            movement.account
            for each in told
            for event in each.ledger
            for movement in movements_in(event)
        }
        for each in told:
            accounts.update(*(change.accounts for event in each.escrow for change in event.changes))
            accounts.update(
                line.account
                for charged in each.escrow
                if charged.charged_units
                for event in each.ledger
                for line in credited_by(event, charged.reference)
            )
        return self._views.owners_of(self._node, sorted(accounts), blocks[-1].ref.height)

    def _event(self, block: BlockRef, told: _Told, owners: dict[int, bytes]) -> ChainEvent | None:
        network, receipt, transaction = self._settings.chain, told.receipt, told.transaction
        payer = account_of(receipt.sender, network)
        reference, effects = _contents(told, owners, self._settings)
        if transaction is not None and transaction.to not in (None, *self._contracts):
            # a payment in ether; what its data says is only believed to be ours, by its form
            reference = reference or transaction.data
            if receipt.succeeded and transaction.to is not None:
                recipient = account_of(transaction.to, network)
                paid = payment_effects(payer, recipient, transaction.value_wei, self._settings)
                effects = (*paid, *effects)
        elif not receipt.succeeded:
            reference = _called_reference(transaction)
        if reference is None and not effects:
            return None
        return ChainEvent(
            block=block,
            transaction_id=receipt.transaction_id,
            reference=reference,
            effects=effects,
            succeeded=receipt.succeeded,
            fee_payer=payer,
            fee_units=receipt.fee_wei,
        )


def _lies_in(found: Log | Receipt, refs: Mapping[int, BlockRef]) -> bool:
    """Tell whether a log or receipt lies in one of the blocks that were read."""
    block = refs.get(found.height)
    return block is not None and block.block_hash == found.block_hash


def _called_reference(transaction: BlockTransaction | None) -> bytes | None:
    """Return the reference that a failed call carries: the second word of those that have one."""
    if transaction is None or transaction.data[:4] not in map(selector, _WITH_REFERENCE):
        return None
    return reference_in(transaction.data[_REFERENCE_PLACE])


def _is_sequenced(event: LedgerEvent) -> bool:
    """Tell whether an event took a sequence: a batch did, a single step of a session did not."""
    return event.signature in _SEQUENCED or (
        event.signature == LOCKED_MOVED and event.fields[0] != 0
    )


def _contents(
    told: _Told, owners: dict[int, bytes], settings: EthereumSettings
) -> tuple[bytes | None, tuple[Effect, ...]]:
    """Return the first reference that events carry, and what they all move."""
    references = [
        reference_in(event.indexed) for event in told.ledger if event.signature in _SEQUENCED
    ]
    references += [reference_in(event.reference) for event in told.escrow if event.reference]
    movements = [each for event in told.ledger for each in movements_in(event)]
    first = next((each for each in references if each is not None), None)
    held = [effects_of_event(event, owners, settings) for event in told.escrow]
    held += [
        _charge_effects(event, told.ledger, owners, settings)
        for event in told.escrow
        if event.charged_units
    ]
    return first, (*effects_of(movements, owners, settings), *chain.from_iterable(held))


def _charge_effects(
    charged: EscrowEvent,
    ledger: Iterable[LedgerEvent],
    owners: dict[int, bytes],
    settings: EthereumSettings,
) -> tuple[Effect, ...]:
    """Return what a charge of standing authorisations moved: who got it, the ledger told."""
    paid = [
        (account_of(owners[line.account], settings.chain), line.money_units)
        for event in ledger
        for line in credited_by(event, charged.reference)
    ]
    return charge_effects(charged.reference, paid, settings)


def _start(
    node: NodeClient, settings: EthereumSettings, since: Cursor, head: Head
) -> _Start | None:
    """Find the newest block of the cursor that the chain still has; None when it is in motion."""
    origin = _Start(height=settings.first_height - 1, block_hash=None)
    if not since.points:
        return origin
    held = [point for point in since.points if point.height <= head.newest.height]
    if len(held) < len(since.points) and head.newest.height < since.points[0].height:
        _check_not_behind(node, settings, since, head)
    fixed_height = _fixed_height(settings, since)
    kept = origin
    for point, block in zip(held, node.blocks([each.height for each in held]), strict=True):
        if block is None:
            return None
        if block.ref.block_hash == point.block_hash:
            kept = _Start(height=point.height, block_hash=point.block_hash)
            break
        if point.height <= fixed_height:
            raise BadAnswer(
                f"node {node.name} has another block {point.height} than the final one with hash "
                f"{point.block_hash.hex()}: it follows another chain, ask another node"
            )
    if kept.height >= fixed_height or head.newest.height < fixed_height:
        return kept
    # between two points of the cursor: what was final when it was read still holds
    block = node.block(fixed_height)
    return None if block is None else _Start(height=fixed_height, block_hash=block.ref.block_hash)


def _fixed_height(settings: EthereumSettings, since: Cursor) -> int:
    """Return up to where a chain with a depth was final when the cursor was made; 0 with tags."""
    if settings.finality is not FinalityRule.DEPTH:
        return 0
    return since.height - settings.finality_blocks + 1


def _check_not_behind(
    node: NodeClient, settings: EthereumSettings, since: Cursor, head: Head
) -> None:
    """Raise `Unavailable` for a node that is so far behind that no reorganisation explains it."""
    if head.newest.height < since.height - settings.finality_blocks:
        raise Unavailable(
            f"node {node.name} is at block {head.newest.height}, {since.height} were read before: "
            "wait until it has caught up, or ask another node"
        )


def _read_blocks(node: NodeClient, start: _Start, last_height: int) -> list[BlockReply] | None:
    """Read whole blocks that follow each other; None when the chain changed meanwhile."""
    heights = range(start.height + 1, last_height + 1)
    if not heights:
        return []
    read_blocks: list[BlockReply] = []
    previous_hash = start.block_hash
    for block in node.blocks(tuple(heights), whole=True):
        if block is None or previous_hash not in (None, block.parent_hash):
            return None
        previous_hash = block.ref.block_hash
        read_blocks.append(block)
    return read_blocks


def _page(
    blocks: list[BlockReply],
    events: tuple[ChainEvent, ...],
    start: _Start,
    since: Cursor,
    head: Head,
    settings: EthereumSettings,
) -> EventPage:
    cursor = since.rolled_back_to(start.height)
    points = [Point(height=each.ref.height, block_hash=each.ref.block_hash) for each in blocks]
    if start.block_hash is not None and cursor.height < start.height:
        points.insert(0, Point(height=start.height, block_hash=start.block_hash))
    cursor = cursor.advanced(points)
    read_height = max(start.height, cursor.height)
    return EventPage(
        rolled_back_to=start.height if start.height < since.height else None,
        events=events,
        cursor=cursor,
        scanned=blocks[-1].ref if blocks else None,
        final_height=final_by(read_height, head, settings),
        more=read_height < head.newest.height,
    )
