"""The pool of unconfirmed transactions, with the filter that keeps one sender from filling it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import attrs

from sauma_nem.binary import inner_hash, transaction_hash
from sauma_nem.network import BLOCK_TRANSACTIONS_MAX
from sauma_nem.transactions import Cosignature, Multisig, Transaction

from .execution import children, debtor

_FEE_MICRO_PER_IMPORTANCE = 1_000_000_000
_FEE_IMPORTANCE_MAX = 0.01
_BLOCKS_IN_POOL = 10


def sender_limit(
    *,
    importance: float,
    fee_micro: int,
    pool_count: int,
    block_transactions_max: int = BLOCK_TRANSACTIONS_MAX,
) -> int:
    """How many transactions one debtor may hold once the pool is longer than a block.

    The formula is that of the server's TransactionSpamFilter: the share falls exponentially as
    the pool fills to ten blocks, and a fee counts as a little importance.
    """
    room = _BLOCKS_IN_POOL * block_transactions_max
    weight = importance + min(_FEE_IMPORTANCE_MAX, fee_micro / _FEE_MICRO_PER_IMPORTANCE)
    return int(weight * math.exp(-3 * pool_count / room) * 100 * (room - pool_count))


@attrs.frozen(kw_only=True)
class PoolEntry:
    """A waiting transaction; a wrapper holds the cosignatures that arrived so far."""

    transaction: Transaction
    transaction_hash: bytes
    inner_hash: bytes | None

    @classmethod
    def of(cls, transaction: Transaction) -> PoolEntry:
        """The entry of a transaction, with its hashes."""
        return cls(
            transaction=transaction,
            transaction_hash=transaction_hash(transaction),
            inner_hash=inner_hash(transaction),
        )

    def hashes(self) -> Iterator[bytes]:
        """The hash of the transaction, of its inner one and of its cosignatures."""
        yield self.transaction_hash
        if self.inner_hash is not None:
            yield self.inner_hash
        if isinstance(self.transaction, Multisig):
            yield from map(transaction_hash, self.transaction.cosignatures)

    def deadline_seconds(self) -> int:
        """The earliest deadline of the transaction and its children."""
        parts = (self.transaction, *children(self.transaction))
        return min(part.deadline_seconds for part in parts)


class Pool:
    """Waiting transactions in order of arrival, found by any of their hashes."""

    def __init__(self) -> None:
        """Start empty."""
        self._entries: dict[bytes, PoolEntry] = {}
        self._owner_of_hash: dict[bytes, bytes] = {}
        self._first_deadline_seconds: int | None = None

    def __len__(self) -> int:
        """How many transactions wait; a wrapper counts once."""
        return len(self._entries)

    def entries(self) -> tuple[PoolEntry, ...]:
        """What waits, in order of arrival."""
        return tuple(self._entries.values())

    def holds_any(self, hashes: Iterable[bytes]) -> bool:
        """Whether one of the hashes belongs to something that waits."""
        return any(each in self._owner_of_hash for each in hashes)

    def put(self, entry: PoolEntry) -> None:
        """Add an entry, or replace the one of the same hash in its place."""
        self._entries[entry.transaction_hash] = entry
        deadline_seconds = entry.deadline_seconds()
        if self._first_deadline_seconds is not None:
            deadline_seconds = min(deadline_seconds, self._first_deadline_seconds)
        self._first_deadline_seconds = deadline_seconds
        for each in entry.hashes():
            self._owner_of_hash[each] = entry.transaction_hash

    def admits(
        self, transaction: Transaction, *, importance: float, block_transactions_max: int
    ) -> bool:
        """Whether the spam filter lets a transaction in.  A cosignature rides in its wrapper."""
        is_multisig = isinstance(transaction, Multisig | Cosignature)
        relevant = [
            entry.transaction
            for entry in self._entries.values()
            if isinstance(entry.transaction, Multisig) == is_multisig
        ]
        if len(relevant) < block_transactions_max:
            return True
        payer = debtor(transaction)
        own_count = sum(1 for waiting in relevant if debtor(waiting) == payer)
        return own_count < sender_limit(
            importance=importance,
            fee_micro=transaction.fee_micro,
            pool_count=len(relevant),
            block_transactions_max=block_transactions_max,
        )

    def wrapper_for(self, cosignature: Cosignature) -> PoolEntry | None:
        """The waiting wrapper that a cosignature is meant for."""
        owner = self._owner_of_hash.get(cosignature.inner_hash)
        entry = self._entries.get(owner) if owner is not None else None
        if entry is None or entry.inner_hash != cosignature.inner_hash:
            return None
        return entry

    def candidates(self, block_seconds: int) -> list[PoolEntry]:
        """What a block of this time may take, best first: by fee, then by age, then by arrival."""
        ready = [
            entry
            for entry in self._entries.values()
            if entry.transaction.timestamp_seconds < block_seconds
            and entry.deadline_seconds() >= block_seconds
        ]
        ready.sort(
            key=lambda entry: (-entry.transaction.fee_micro, entry.transaction.timestamp_seconds)
        )
        return ready

    def has_expired(self, now_seconds: int) -> bool:
        """Whether something waits that can never be taken any more."""
        return (
            self._first_deadline_seconds is not None and self._first_deadline_seconds < now_seconds
        )


class ResultCache:
    """Remembers what was answered for a hash, for ten minutes, as the server does.

    Failures too: the same bytes get the same answer, whatever has changed since.  What is too old is
    looked for once a minute at most, so an answer may be remembered up to a minute longer.
    """

    LIFETIME_SECONDS = 600
    PRUNE_SECONDS = 60

    def __init__(self) -> None:
        """Start empty."""
        self._entries: dict[bytes, tuple[int, int]] = {}
        self._pruned_seconds = 0

    def get(self, entry_hash: bytes, now_seconds: int) -> int | None:
        """The remembered result code, SUCCESS turned into NEUTRAL."""
        if now_seconds - self._pruned_seconds > self.PRUNE_SECONDS:
            self._pruned_seconds = now_seconds
            self._entries = {
                key: entry
                for key, entry in self._entries.items()
                if now_seconds - entry[1] < self.LIFETIME_SECONDS
            }
        entry = self._entries.get(entry_hash)
        return None if entry is None else entry[0]

    def forget(self, entry_hash: bytes) -> None:
        """Forget one hash, as all are forgotten when a server starts anew."""
        self._entries.pop(entry_hash, None)

    def put(self, entry_hash: bytes, result: int, now_seconds: int) -> None:
        """Remember a result; the age counts from the first one of this hash."""
        before = self._entries.get(entry_hash)
        self._entries[entry_hash] = (result, now_seconds if before is None else before[1])
