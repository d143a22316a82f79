"""The state of the reference chain: blocks, balances, lanes, and the pool of what waits.

One owner folds it in place; every step can be undone.  The rules of inclusion are here:

- a transaction lands in a block when its nonce is the next of its lane, its batch has not landed, the
  block is not later than its validity, everybody has what it takes from them, step by step, and what
  it asks of sessions is what their machine answers at the time of the block;
- what cannot land stays out and waits; it is dropped from the pool when it never can, because its
  nonce is taken, its batch has landed or its validity is over;
- so what is included has always succeeded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import attrs

from sauma.chain import Batch, BlockRef
from sauma.errors import Refused
from sauma.identifiers import AccountId, AssetId, ChainId, content_id
from sauma.intervals import to_unix
from sauma.memory.codec import MemoryTransaction
from sauma.memory.rules import Holding, needed_units
from sauma.memory.sessions import Kept, SessionRules

GENESIS_HEIGHT: Final = 1


@attrs.frozen(kw_only=True)
class Block:
    """A block and what it includes, in the order of application."""

    ref: BlockRef
    transactions: tuple[MemoryTransaction, ...]


class Ledger:
    """Blocks from genesis on, and what follows from them."""

    def __init__(
        self,
        chain_id: ChainId,
        genesis_time: datetime,
        finality_blocks: int,
        session_rules: SessionRules,
    ) -> None:
        """Start with an empty block at height 1."""
        genesis_hash = content_id("memory-genesis", str(chain_id), to_unix(genesis_time))
        genesis = BlockRef(height=GENESIS_HEIGHT, block_hash=genesis_hash, time=genesis_time)
        self._finality_blocks = finality_blocks
        self._session_rules = session_rules
        self._blocks = [Block(ref=genesis, transactions=())]
        self._final_height = GENESIS_HEIGHT
        self._forks = 0
        self._balances: dict[Holding, int] = {}
        self._supplies: dict[AssetId, int] = {}
        self._lanes: dict[AccountId, list[bytes]] = {}
        self._batches: dict[bytes, bytes] = {}
        self._heights: dict[bytes, int] = {}
        self._sessions: dict[bytes, Kept] = {}
        self._sessions_before: list[dict[bytes, Kept | None]] = []
        """For each transaction applied, the sessions that it changed, as they were."""

    @property
    def newest(self) -> BlockRef:
        """The newest block."""
        return self._blocks[-1].ref

    @property
    def final_height(self) -> int:
        """The newest height that cannot be undone; it never falls, unless it is forced."""
        return self._final_height

    def final_by(self, height: int) -> int:
        """Return the newest height that the blocks up to this one show to be final."""
        return min(self._final_height, max(GENESIS_HEIGHT, height - self._finality_blocks + 1))

    def block(self, height: int) -> Block | None:
        """Return the block at a height, if there is one."""
        index = height - GENESIS_HEIGHT
        return self._blocks[index] if 0 <= index < len(self._blocks) else None

    def block_of(self, transaction_id: bytes) -> BlockRef | None:
        """Return the block that includes a transaction."""
        height = self._heights.get(transaction_id)
        return None if height is None else self._blocks[height - GENESIS_HEIGHT].ref

    def balance(self, holding: Holding) -> int:
        """Return what an account has of an asset."""
        return self._balances.get(holding, 0)

    def supply(self, asset: AssetId) -> int:
        """Return what was issued and not retired."""
        return self._supplies.get(asset, 0)

    @property
    def sessions(self) -> Mapping[bytes, Kept]:
        """Every session and standing authorisation by its id; look, do not touch."""
        return self._sessions

    def sessions_after(self, batch: Batch, block_time_s: int) -> dict[bytes, Kept]:
        """Return the sessions that a batch would change in a block of that time, as they are then.

        Raises `Refused` when it asks what cannot be.
        """
        return self._session_rules.after(self._sessions, batch, block_time_s)

    def next_nonce(self, sender: AccountId) -> int:
        """Return the nonce that a lane takes next."""
        return len(self._lanes.get(sender, ()))

    def rival(self, transaction: MemoryTransaction) -> bytes | None:
        """Return the included transaction that keeps this one out: it has its nonce or its batch.

        Of two the earlier, whose block is final first.
        """
        lane = self._lanes.get(transaction.draft.sender, [])
        holders = [
            *lane[transaction.draft.nonce : transaction.draft.nonce + 1],
            *filter(None, [self._batches.get(transaction.draft.batch.batch_id)]),
        ]
        others = [each for each in holders if each != transaction.transaction_id]
        return min(others, key=self._heights.__getitem__, default=None)

    def batch_landed_in(self, batch_id: bytes) -> bytes | None:
        """Return the included transaction that carries a batch."""
        return self._batches.get(batch_id)

    def select(
        self, waiting: Iterable[MemoryTransaction], time: datetime
    ) -> tuple[MemoryTransaction, ...]:
        """Return what a block of that time includes, in order; changes nothing.

        By lane and nonce, again and again until nothing more fits: a buyer may spend what a lane
        further down brings in the same block.
        """
        selected: list[MemoryTransaction] = []
        remaining = [each for each in waiting if not is_expired(each, to_unix(time))]
        progressed = True
        while progressed:
            before, kept = len(selected), []
            for transaction in sorted(remaining, key=lambda each: each.draft.slot):
                if self._fits(transaction, to_unix(time)):
                    self._apply(transaction, self.newest.height + 1, to_unix(time))
                    selected.append(transaction)
                else:
                    kept.append(transaction)
            remaining, progressed = kept, len(selected) > before
        for transaction in reversed(selected):
            self._revert(transaction)
        return tuple(selected)

    def next_block(self, transactions: Sequence[MemoryTransaction], time: datetime) -> Block:
        """Return the block that would come next; changes nothing."""
        height = self.newest.height + 1
        block_hash = content_id(
            "memory-block",
            self.newest.block_hash,
            height,
            to_unix(time),
            self._forks,
            [transaction.transaction_id for transaction in transactions],
        )
        ref = BlockRef(height=height, block_hash=block_hash, time=time)
        return Block(ref=ref, transactions=tuple(transactions))

    def append(self, block: Block) -> None:
        """Apply a block whose transactions were selected for it."""
        for transaction in block.transactions:
            self._apply(transaction, block.ref.height, to_unix(block.ref.time))
        self._blocks.append(block)
        self._final_height = max(self._final_height, block.ref.height - self._finality_blocks + 1)

    def rollback(self, height: int) -> tuple[MemoryTransaction, ...]:
        """Undo every block above a height and return what they included, oldest first."""
        undone: list[MemoryTransaction] = []
        while self.newest.height > height:
            for transaction in reversed(self._blocks.pop().transactions):
                self._revert(transaction)
                undone.append(transaction)
        self._final_height = min(self._final_height, self.newest.height)
        self._forks += 1
        return tuple(reversed(undone))

    def _fits(self, transaction: MemoryTransaction, block_time_s: int) -> bool:
        sender, nonce = transaction.draft.slot
        try:
            self.sessions_after(transaction.draft.batch, block_time_s)
        except Refused:
            return False
        return (
            nonce == self.next_nonce(sender)
            and transaction.draft.batch.batch_id not in self._batches
            and all(
                units <= self.balance(holding)
                for holding, units in needed_units(transaction.effects).items()
            )
        )

    def _apply(self, transaction: MemoryTransaction, height: int, block_time_s: int) -> None:
        changed = self.sessions_after(transaction.draft.batch, block_time_s)
        self._sessions_before.append({each: self._sessions.get(each) for each in changed})
        self._sessions.update(changed)
        self._lanes.setdefault(transaction.draft.sender, []).append(transaction.transaction_id)
        self._batches[transaction.draft.batch.batch_id] = transaction.transaction_id
        self._heights[transaction.transaction_id] = height
        self._move(transaction, 1)

    def _revert(self, transaction: MemoryTransaction) -> None:
        for session_id, before in self._sessions_before.pop().items():
            if before is None:
                del self._sessions[session_id]
            else:
                self._sessions[session_id] = before
        self._lanes[transaction.draft.sender].pop()
        del self._batches[transaction.draft.batch.batch_id]
        del self._heights[transaction.transaction_id]
        self._move(transaction, -1)

    def _move(self, transaction: MemoryTransaction, direction: int) -> None:
        for effect in transaction.effects:
            holding = (effect.account, effect.asset)
            delta_units = direction * effect.delta_units
            self._balances[holding] = self._balances.get(holding, 0) + delta_units
            self._supplies[effect.asset] = self._supplies.get(effect.asset, 0) + delta_units


class Pool:
    """What waits for a block: at most one transaction a nonce, the latest attempt."""

    def __init__(self) -> None:
        """Start empty."""
        self._waiting: dict[tuple[AccountId, int], MemoryTransaction] = {}
        self._ids: dict[bytes, MemoryTransaction] = {}

    def at(self, slot: tuple[AccountId, int]) -> MemoryTransaction | None:
        """Return what waits for a nonce."""
        return self._waiting.get(slot)

    def find(self, transaction_id: bytes) -> MemoryTransaction | None:
        """Return a waiting transaction by its id."""
        return self._ids.get(transaction_id)

    def all(self) -> tuple[MemoryTransaction, ...]:
        """Return everything that waits."""
        return tuple(self._waiting.values())

    def put(self, transaction: MemoryTransaction) -> None:
        """Add a transaction, in place of what waited for its nonce."""
        self._drop(transaction.draft.slot)
        self._waiting[transaction.draft.slot] = transaction
        self._ids[transaction.transaction_id] = transaction

    def drop(self, transaction: MemoryTransaction) -> None:
        """Forget what waits for the nonce of a transaction."""
        self._drop(transaction.draft.slot)

    def purge(self, ledger: Ledger, next_time: datetime) -> None:
        """Drop what has landed, and what cannot land in a block of that time or later."""
        for transaction in self.all():
            sender, nonce = transaction.draft.slot
            if (
                nonce < ledger.next_nonce(sender)
                or ledger.batch_landed_in(transaction.draft.batch.batch_id) is not None
                or is_expired(transaction, to_unix(next_time))
            ):
                self._drop(transaction.draft.slot)

    def _drop(self, slot: tuple[AccountId, int]) -> None:
        replaced = self._waiting.pop(slot, None)
        if replaced is not None:
            del self._ids[replaced.transaction_id]


def is_expired(transaction: MemoryTransaction, block_time_s: int) -> bool:
    """Tell whether a block of that time is too late for a transaction."""
    valid_until = transaction.draft.valid_until
    return valid_until is not None and valid_until < block_time_s


def time_after(newest: BlockRef, seconds: int) -> datetime:
    """Return the chain time that many seconds after a block."""
    return newest.time + timedelta(seconds=seconds)
