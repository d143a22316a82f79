"""Both mechanisms again, in plain Python with fractions: slow, short, and independent of the engine.

Only the tie rule is shared by intent: SplitMix64 over the interval, a salt and the offer id, lower
first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import NamedTuple


class Order(NamedTuple):
    """One offer; `buys` says which side it is on."""

    order_id: bytes
    buys: bool
    participant: str
    energy: int
    limit: int


class Outcome(NamedTuple):
    """What each order trades, by its id; `price` is None without trades or without one price."""

    fills: dict[bytes, int]
    price: int | None


def tie(start_unix: int, order_id: bytes, salt: int = 0) -> int:
    """Hash interval, salt and id to 64 bits."""
    mask = 2**64 - 1

    def mixed(number: int) -> int:
        number = (number + 0x9E3779B97F4A7C15) & mask
        number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & mask
        number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & mask
        return number ^ (number >> 31)

    key = mixed((start_unix * 0x9E3779B97F4A7C15 + salt) & mask)
    for position in range(0, 32, 8):
        key = mixed(key ^ int.from_bytes(order_id[position : position + 8], "little"))
    return key


def pro_rata(total: int, orders: Iterable[Order], key: Callable[[bytes], int]) -> dict[bytes, int]:
    """Share by largest remainder."""
    listed = list(orders)
    offered = sum(order.energy for order in listed)
    total = min(total, offered)
    exact = {order.order_id: Fraction(order.energy * total, offered) for order in listed}
    shares = {order_id: share.numerator // share.denominator for order_id, share in exact.items()}
    by_rest = sorted(
        exact, key=lambda order_id: (shares[order_id] - exact[order_id], key(order_id))
    )
    for order_id in by_rest[: total - sum(shares.values())]:
        shares[order_id] += 1
    return shares


def uniform_price(start_unix: int, orders: list[Order]) -> Outcome:
    """Try every limit as the price; the competitive ones are those that turn nobody better away."""
    by_limit: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for order in orders:
        by_limit[order.limit][0 if order.buys else 1] += order.energy
    limits = sorted(by_limit)
    demand = sum(by_limit[limit][0] for limit in limits)
    supply = 0
    ladder = []
    for limit in limits:
        bid, asked = by_limit[limit]
        supply += asked
        ladder.append((limit, demand, demand - bid, supply, supply - asked))
        demand -= bid
    volume = max((min(row[1], row[3]) for row in ladder), default=0)
    fills = {order.order_id: 0 for order in orders}
    if not volume:
        return Outcome(fills, None)
    competitive = [
        limit
        for limit, at_least, above, at_most, below in ladder
        if at_least >= volume >= above and at_most >= volume >= below
    ]
    for buys in (True, False):
        levels: dict[int, list[Order]] = defaultdict(list)
        for order in orders:
            if order.buys is buys:
                levels[order.limit].append(order)
        left = volume
        for limit in sorted(levels, reverse=buys):
            level = levels[limit]
            shares = pro_rata(left, level, lambda order_id: tie(start_unix, order_id))
            fills.update(shares)
            left -= sum(shares.values())
            if not left:
                break
    return Outcome(fills, (min(competitive) + max(competitive)) // 2)


def even_shares(total: int, needs: dict[str, int], key: Callable[[str], int]) -> dict[str, int]:
    """Pour `total` evenly; whoever is full steps aside and the rest is poured again."""
    full: dict[str, int] = {}
    hungry = dict(needs)
    while hungry:
        level = Fraction(total - sum(full.values()), len(hungry))
        sated = {name: need for name, need in hungry.items() if need <= level}
        if not sated:
            break
        full |= sated
        hungry = {name: need for name, need in hungry.items() if name not in sated}
    shares = dict(full)
    if hungry:
        level, odd = divmod(total - sum(full.values()), len(hungry))
        for rank, name in enumerate(sorted(hungry, key=key)):
            shares[name] = level + (rank < odd)
    return shares


def equal_shares(start_unix: int, orders: list[Order]) -> Outcome:
    """Clear level by level, cheapest asks first, sharing each level evenly among participants."""
    fills = {order.order_id: 0 for order in orders}
    asks: dict[int, list[Order]] = defaultdict(list)
    for order in orders:
        if not order.buys:
            asks[order.limit].append(order)
    for price in sorted(asks):
        wanting: dict[str, list[Order]] = defaultdict(list)
        for order in orders:
            if order.buys and order.limit >= price and fills[order.order_id] < order.energy:
                wanting[order.participant].append(order)
        for bids in wanting.values():
            bids.sort(key=lambda order: (-order.limit, tie(start_unix, order.order_id)))
        needs = {
            name: sum(order.energy - fills[order.order_id] for order in bids)
            for name, bids in wanting.items()
        }
        shares = even_shares(
            sum(order.energy for order in asks[price]),
            needs,
            lambda name, wanting=wanting, price=price: tie(
                start_unix, wanting[name][0].order_id, price
            ),
        )
        for name, share in shares.items():
            for order in wanting[name]:
                taken = min(share, order.energy - fills[order.order_id])
                fills[order.order_id] += taken
                share -= taken
        fills.update(
            pro_rata(
                sum(shares.values()),
                asks[price],
                lambda order_id, price=price: tie(start_unix, order_id, price),
            )
        )
    return Outcome(fills, None)
