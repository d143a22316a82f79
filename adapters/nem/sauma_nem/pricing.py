"""What it takes to get past a full pool, from what can be seen of it.

A node whose pool is longer than a block lets each account in for a share that shrinks as the pool grows
and that a fee widens; blocks take the highest fees first.  Neither the length of the pool nor its fees
can be asked for.  What shows them: the newest block, if it was full; and a node's refusal for a full
pool (19), from which follows how long the pool must have been at least.

A fee is chosen when a transaction is prepared and never changed afterwards: other bytes would be
another transaction, and both could land.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable
from typing import Final

import attrs

from .fees import FEE_UNIT_MICRO
from .network import BLOCK_TRANSACTIONS_MAX
from .transactions import Block, Multisig, Transaction

POOL_ROOM: Final = 10 * BLOCK_TRANSACTIONS_MAX
"""At this length of the pool nobody is let in any more."""
REFUSAL_SECONDS: Final = 600.0
"""For so long a node repeats its refusal; after it the pool may be another."""
CROWDING: Final = 2
"""A raised fee leaves room for so many times what is needed now, so that it needs no second raise."""

_FEE_MICRO_PER_IMPORTANCE: Final = 1_000_000_000
_FEE_IMPORTANCE_MAX: Final = 0.01
_CHILDREN_MAX: Final = 3
"""A block may end some places early, because what came next had children."""


def allowed_count(*, fee_micro: int, pool_count: int, importance: float = 0.0) -> int:
    """Return how many transactions of one account a pool of that length holds at a fee.

    The formula of the server's TransactionSpamFilter, in its floating point; it applies from
    `BLOCK_TRANSACTIONS_MAX` on, below everybody is let in.
    """
    weight = importance + min(_FEE_IMPORTANCE_MAX, fee_micro / _FEE_MICRO_PER_IMPORTANCE)
    decay = math.exp(-3 * pool_count / POOL_ROOM)
    return int(weight * decay * 100 * (POOL_ROOM - pool_count))


def least_pool_count(*, own_count: int, refused_fee_micro: int) -> int:
    """Return how long a pool is at least that refused an account with `own_count` in it at a fee."""
    low, high = BLOCK_TRANSACTIONS_MAX, POOL_ROOM
    while low < high:
        middle = (low + high) // 2
        if allowed_count(fee_micro=refused_fee_micro, pool_count=middle) <= own_count:
            high = middle
        else:
            low = middle + 1
    return low


def least_fee_micro(*, own_count: int, pool_count: int, fee_micro_max: int) -> int:
    """Return the least whole fee units at which one more is let in; the most allowed if none does."""
    units_max = fee_micro_max // FEE_UNIT_MICRO
    if pool_count < BLOCK_TRANSACTIONS_MAX:
        return 0
    low, high = 0, units_max
    while low < high:
        middle = (low + high) // 2
        if allowed_count(fee_micro=middle * FEE_UNIT_MICRO, pool_count=pool_count) > own_count:
            high = middle
        else:
            low = middle + 1
    return low * FEE_UNIT_MICRO


@attrs.frozen(kw_only=True)
class _Refusal:
    fee_micro: int
    at_s: float


class PoolWatch:
    """Remembers what nodes said of their pools; calls may come from several threads."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Measure time by a clock that only goes forward, in seconds."""
        self._monotonic = monotonic
        self._refusal: _Refusal | None = None
        self._entry: tuple[Block | None, int] = (None, 0)
        self._lock = threading.Lock()

    def refused(self, fee_micro: int) -> None:
        """Note that a pool was too full for a transaction with this fee."""
        with self._lock:
            dearest = max(fee_micro, self._refused_fee_micro() or 0)
            self._refusal = _Refusal(fee_micro=dearest, at_s=self._monotonic())

    def accepted(self, fee_micro: int) -> None:
        """Note that a pool took a transaction with this fee."""
        with self._lock:
            if self._refusal is not None and fee_micro <= self._refusal.fee_micro:
                self._refusal = None

    def wanted_fee_micro(self, newest: Block, *, own_count: int, fee_micro_max: int) -> int:
        """Return the fee to offer now, within the most allowed; 0 when nothing speaks for a raise."""
        with self._lock:
            refused_fee_micro = self._refused_fee_micro()
        wanted_micro = min(fee_micro_max, self._entry_fee_micro(newest))
        if refused_fee_micro is not None:
            pool_count = least_pool_count(own_count=own_count, refused_fee_micro=refused_fee_micro)
            to_get_in_micro = least_fee_micro(
                own_count=CROWDING * (own_count + 1),
                pool_count=pool_count,
                fee_micro_max=fee_micro_max,
            )
            wanted_micro = max(wanted_micro, to_get_in_micro)
        return wanted_micro

    def _entry_fee_micro(self, newest: Block) -> int:
        """Look at a block once: it is asked about for every transaction of a wave."""
        block, fee_micro = self._entry
        if block is not newest:
            fee_micro = entry_fee_micro(newest)
            self._entry = newest, fee_micro
        return fee_micro

    def _refused_fee_micro(self) -> int | None:
        refusal = self._refusal
        if refusal is None or self._monotonic() - refusal.at_s > REFUSAL_SECONDS:
            return None
        return refusal.fee_micro


def entry_fee_micro(block: Block) -> int:
    """Return what it took to get into a full block: its lowest fee, or 0 if it had room left."""
    if places_taken(block.transactions) + _CHILDREN_MAX <= BLOCK_TRANSACTIONS_MAX:
        return 0
    return min(each.fee_micro for each in block.transactions)


def places_taken(transactions: Iterable[Transaction]) -> int:
    """Return how many places transactions take in a block: inner ones and cosignatures count too."""
    return sum(
        2 + len(each.cosignatures) if isinstance(each, Multisig) else 1 for each in transactions
    )
