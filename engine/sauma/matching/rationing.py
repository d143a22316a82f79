"""Who gets how much when there is not enough: exact integer shares, on columns.

No share depends on the order of input, and no id is favoured for ever: what cannot be shared evenly
goes by a hash of interval and offer id (`tie_keys`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sauma.matching.book import Book, Int64Column
from sauma.units import INT64_MAX

TieKeys: TypeAlias = NDArray[np.uint64]

_MASK: Final = 2**64 - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15


def tie_keys(book: Book, rows: Int64Column, salt: int = 0) -> TieKeys:
    """Return a 64-bit hash of interval, salt and offer id for each row: the lower goes first.

    The hash folds the four words of the id with the finaliser of SplitMix64 (Steele, Lea and Flood,
    2014).  It need not resist attack, because the ids are already cryptographic hashes.
    """
    words = book.offer_ids[rows].view("<u8").astype(np.uint64)
    start = (book.interval.start_unix * _GOLDEN + salt) & _MASK
    keys = _mixed(np.full(len(rows), start, dtype=np.uint64))
    for position in range(words.shape[1]):
        keys = _mixed(keys ^ words[:, position])
    return keys


def _mixed(keys: TieKeys) -> TieKeys:
    keys = keys + np.uint64(_GOLDEN)
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))


def smallest(keys: NDArray[Any], count: int) -> NDArray[np.intp]:
    """Return the positions of the `count` smallest keys; equal keys go by position."""
    if count >= len(keys):
        return np.arange(len(keys))
    if count <= 0:
        return np.arange(0)
    threshold = np.partition(keys, count - 1)[count - 1]
    below = np.flatnonzero(keys < threshold)
    level = np.flatnonzero(keys == threshold)
    return np.concatenate((below, level[: count - len(below)]))


def share_pro_rata(
    total_wh: int, offered_wh: Int64Column, ties: Callable[[Int64Column], TieKeys]
) -> Int64Column:
    """Share `total_wh`, at most what is offered, in proportion to what each offers.

    Largest remainder: everybody gets the floor of the exact share, the Wh that are left go one each to
    the largest remainders, equal remainders by `ties`, which is asked only about those positions.  The
    shares add up to the total, lie within 1 Wh of exact and never exceed what is offered.
    """
    sum_wh = int(offered_wh.sum())
    if total_wh >= sum_wh:
        return offered_wh.copy()
    if total_wh * int(offered_wh.max()) <= INT64_MAX:
        product = offered_wh * total_wh
        shares, remainders = product // sum_wh, product % sum_wh
    else:
        # The products do not fit 64 bits: exact Python integers, slower and just as right.
        exact = [divmod(energy_wh * total_wh, sum_wh) for energy_wh in offered_wh.tolist()]
        shares = np.array([quotient for quotient, _ in exact], dtype=np.int64)
        remainders = np.array([rest for _, rest in exact], dtype=np.int64)
    left_wh = total_wh - int(shares.sum())
    if left_wh:
        threshold = -np.partition(-remainders, left_wh - 1)[left_wh - 1]
        above = np.flatnonzero(remainders > threshold)
        level = np.flatnonzero(remainders == threshold)
        lucky = level[smallest(ties(level), left_wh - len(above))]
        shares[above] += 1
        shares[lucky] += 1
    return shares


def share_evenly(
    total_wh: int, needed_wh: Int64Column, ties: Callable[[Int64Column], TieKeys]
) -> Int64Column:
    """Share `total_wh` evenly, nobody getting more than needed (water filling).

    Who needs less than an even share gets the need, and what that leaves is shared evenly among the
    others; the odd Wh of the last division go one each by `ties`.  The shares add up to the total or to
    all that is needed, whichever is less; two who are not satisfied differ by at most 1 Wh.
    """
    if total_wh >= int(needed_wh.sum()):
        return needed_wh.copy()
    ascending_wh = np.sort(needed_wh)
    before_wh = np.cumsum(ascending_wh) - ascending_wh
    count = len(ascending_wh)
    # The level if exactly the k smallest needs are satisfied; from the first need above it nobody is.
    # Once the satisfied alone exceed the total it is negative, which is below every need.
    level_wh = (total_wh - before_wh) // (count - np.arange(count))
    satisfied = int(np.argmax(ascending_wh > level_wh))
    level, odd_wh = divmod(total_wh - int(before_wh[satisfied]), count - satisfied)
    shares = np.minimum(needed_wh, level)
    hungry = np.flatnonzero(needed_wh > level)
    shares[hungry[smallest(ties(hungry), odd_wh)]] += 1
    return shares
