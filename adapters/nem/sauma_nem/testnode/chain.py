"""The confirmed chain: blocks, the ledger they make, hashes seen, and the way back."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from sauma_nem.binary import block_hash, inner_hash, transaction_hash
from sauma_nem.network import REWRITE_LIMIT_BLOCKS, address_of
from sauma_nem.transactions import Block, Multisig, Transaction

from .execution import execute, movements, pay_harvester, total_fee_micro
from .history import ConfirmedTransaction, History
from .settings import NodeSettings
from .state import Ledger, Undo
from .validation_importance import forwarded

DIFFICULTY = 100_000_000_000_000
"""The node makes blocks when told to, so every block has the first one's difficulty."""
_HASH_PRUNE_BLOCKS = 360
GENESIS_HASH = bytes(32)


@attrs.frozen(kw_only=True)
class ConfirmedBlock:
    """A block of the chain with its hash, its first transaction id and what it paid."""

    block: Block
    block_hash: bytes
    first_transaction_id: int
    total_fee_micro: int
    forgotten: tuple[tuple[bytes, tuple[int, int]], ...] = ()

    @property
    def harvester(self) -> str:
        """The address of the block's signer."""
        return address_of(self.block.signer, self.block.network_byte)


def count_with_children(transaction: Transaction) -> int:
    """How many a transaction counts in a block: with its inner one and its cosignatures."""
    if isinstance(transaction, Multisig):
        return 2 + len(transaction.cosignatures)
    return 1


class Chain:
    """Blocks from the genesis on.  `append` trusts its caller to have validated."""

    def __init__(self, settings: NodeSettings) -> None:
        """Start without a block."""
        self.ledger = Ledger(year_blocks=settings.year_blocks, month_blocks=settings.month_blocks)
        self.history = History()
        self._hash_retention_seconds = settings.hash_retention_seconds
        self._blocks: list[ConfirmedBlock] = []
        self._undos: list[Undo] = []
        self._hashes: dict[bytes, tuple[int, int]] = {}
        self.next_transaction_id = 1

    @property
    def height(self) -> int:
        """The height of the newest block."""
        return len(self._blocks)

    @property
    def tip(self) -> ConfirmedBlock:
        """The newest block."""
        return self._blocks[-1]

    @property
    def score(self) -> int:
        """What decides between two chains: the difficulties less the seconds that the blocks took.

        So the longer chain is the better one, and of two equally long ones that which took less time.
        """
        seconds = self.tip.block.timestamp_seconds - self._blocks[0].block.timestamp_seconds
        return (len(self._blocks) - 1) * DIFFICULTY - seconds

    def at(self, height: int) -> ConfirmedBlock | None:
        """The block of a height, if the chain has it."""
        return self._blocks[height - 1] if 1 <= height <= len(self._blocks) else None

    def blocks(self) -> Sequence[ConfirmedBlock]:
        """All blocks, the genesis first."""
        return self._blocks

    def knows_hash(self, entry_hash: bytes) -> bool:
        """Whether a transaction, inner one or cosignature of this hash is confirmed and young."""
        return entry_hash in self._hashes

    def confirmed(self, entry_hash: bytes) -> ConfirmedTransaction | None:
        """The transaction of this hash; None for an unknown one, an inner one, a cosignature."""
        return self.history.by_hash(entry_hash)

    def append(self, block: Block, *, first_transaction_id: int | None = None) -> ConfirmedBlock:
        """Execute a block on top.  `first_transaction_id` is given when a stored chain is read."""
        if first_transaction_id is not None:
            self.next_transaction_id = first_transaction_id
        layer = Ledger(self.ledger)
        if block.height == 1:
            _execute_genesis(block, layer)
        else:
            for transaction in block.transactions:
                execute(transaction, layer, block.height)
            fee_micro = sum(map(total_fee_micro, block.transactions))
            harvester = address_of(block.signer, block.network_byte)
            layer.learn_public_key(harvester, block.signer)
            pay_harvester(layer, forwarded(layer, harvester, block.height).address, fee_micro)
        self._undos.append(layer.merge_down())
        if len(self._undos) > REWRITE_LIMIT_BLOCKS:
            del self._undos[0]
        confirmed = ConfirmedBlock(
            block=block,
            block_hash=block_hash(block),
            first_transaction_id=self.next_transaction_id,
            total_fee_micro=sum(map(total_fee_micro, block.transactions)),
            forgotten=self._forget_old_hashes(block),
        )
        self._blocks.append(confirmed)
        for transaction in block.transactions:
            self._list(transaction, block)
        return confirmed

    def _list(self, transaction: Transaction, block: Block) -> None:
        row = ConfirmedTransaction(
            transaction_id=self.next_transaction_id,
            height=block.height,
            transaction_hash=transaction_hash(transaction),
            inner_hash=inner_hash(transaction),
            transaction=transaction,
        )
        self.next_transaction_id += count_with_children(transaction)
        self.history.add(row)
        self._remember(row.transaction_hash, transaction, block)
        if isinstance(transaction, Multisig) and row.inner_hash is not None:
            self._remember(row.inner_hash, transaction.inner, block)
            for cosignature in transaction.cosignatures:
                self._remember(transaction_hash(cosignature), cosignature, block)

    def _remember(self, entry_hash: bytes, transaction: Transaction, block: Block) -> None:
        self._hashes[entry_hash] = (block.height, transaction.timestamp_seconds)

    def _forget_old_hashes(self, block: Block) -> tuple[tuple[bytes, tuple[int, int]], ...]:
        if self._hash_retention_seconds is None or block.height % _HASH_PRUNE_BLOCKS != 1:
            return ()
        oldest_seconds = block.timestamp_seconds - self._hash_retention_seconds
        forgotten = tuple(
            (key, entry) for key, entry in self._hashes.items() if entry[1] < oldest_seconds
        )
        for key, _ in forgotten:
            del self._hashes[key]
        return forgotten

    def remove_last(self, count: int) -> list[ConfirmedBlock]:
        """Take blocks back, and return them with the lowest first."""
        removed = self._blocks[len(self._blocks) - count :]
        for confirmed in reversed(removed):
            self._blocks.pop()
            self.ledger.restore(self._undos.pop())
            self._hashes.update(confirmed.forgotten)
        lowest = self.height + 1
        self._hashes = {key: entry for key, entry in self._hashes.items() if entry[0] < lowest}
        self.history.remove_from(lowest)
        return removed

    def rollback_limit(self) -> int:
        """How many blocks can be taken back: at most 360, and never the genesis."""
        return min(len(self._undos), len(self._blocks) - 1)


def _execute_genesis(block: Block, ledger: Ledger) -> None:
    """The genesis creates what it gives away; its signer is debited nothing."""
    for transaction in block.transactions:
        for movement in movements(transaction, ledger):
            ledger.add_xem(movement.recipient, movement.units)
    signer = address_of(block.signer, block.network_byte)
    ledger.learn_public_key(signer, block.signer)
