"""What other prices would have meant: the market of a span, held again with one household's new prices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import attrs
import sqlalchemy as sa

from sauma.intervals import Interval
from sauma.matching import Book, Clearing, mechanism
from sauma.offers import Offer, Position, Side, StandingPrices
from sauma.rulebook import Rulebook
from sauma.settlement import Good
from sauma.settlement.obligations import split_payment
from sauma.store import projections as p
from sauma.store import queries
from sauma.units import cost
from sauma_portal.market.spans import Span


@attrs.frozen(kw_only=True)
class Effect:
    """What a household would have bought, sold and owed; amounts in nano-units, above zero owed."""

    bought_wh: int = 0
    sold_wh: int = 0
    from_supplier_wh: int = 0
    to_supplier_wh: int = 0
    owed_nano: int = 0
    intervals: int = 0


def recorded(connection: sa.Connection, *, participant: str, area: str, span: Span) -> Effect:
    """Return what a household really bought, sold and owed in a span, as it was cleared."""

    def total(table: sa.Table, column: str, *conditions: sa.ColumnElement[bool]) -> int:
        query = sa.select(sa.func.sum(table.c[column])).where(
            table.c.area == area,
            table.c.interval_start >= span.start,
            table.c.interval_start < span.end,
            *conditions,
        )
        return int(connection.execute(query).scalar() or 0)

    others = p.trades.c.buyer != p.trades.c.seller
    mine = p.residuals.c.participant == participant
    money = p.obligations.c.good == int(Good.MONEY)
    return Effect(
        bought_wh=total(p.trades, "energy_wh", others, p.trades.c.buyer == participant),
        sold_wh=total(p.trades, "energy_wh", others, p.trades.c.seller == participant),
        from_supplier_wh=total(p.residuals, "bought_wh", mine),
        to_supplier_wh=total(p.residuals, "sold_wh", mine),
        owed_nano=total(p.obligations, "units", money, p.obligations.c.debtor == participant)
        - total(p.obligations, "units", money, p.obligations.c.creditor == participant),
    )


def preview(
    connection: sa.Connection,
    rulebook: Rulebook,
    *,
    participant: str,
    area: str,
    span: Span,
    prices: tuple[int | None, int | None],
) -> Effect:
    """Hold the market of a span again and return what it gives one household.

    `prices` are its buying and selling price throughout.  Everybody else's positions and prices are as
    they were; offers that were posted by hand are left out.
    """
    chosen = mechanism(rulebook.mechanism)
    known = StandingPrices(queries.prices(connection, area))
    total = Effect()
    for interval, positions in _positions(connection, area, span, participant, rulebook):
        (own,) = (each for each in positions if each.participant == participant)
        bought_wh = sold_wh = traded_nano = 0
        if _may_trade(own, positions):
            offers = list(_offers(positions, known, interval, participant, prices, rulebook))
            clearing = chosen.clear(Book.from_offers(area, interval, offers))
            bought_wh, sold_wh, traded_nano = _own_part(clearing, participant, rulebook)
        left_wh, over_wh = own.to_buy_wh - bought_wh, own.to_sell_wh - sold_wh
        supplied_nano: int = cost(left_wh, rulebook.supplier.sells_at_micro)
        supplied_nano -= cost(over_wh, rulebook.supplier.buys_at_micro)
        total = Effect(
            bought_wh=total.bought_wh + bought_wh,
            sold_wh=total.sold_wh + sold_wh,
            from_supplier_wh=total.from_supplier_wh + left_wh,
            to_supplier_wh=total.to_supplier_wh + over_wh,
            owed_nano=total.owed_nano + traded_nano + supplied_nano,
            intervals=total.intervals + 1,
        )
    return total


def _may_trade(own: Position, positions: Iterable[Position]) -> bool:
    """Tell whether anybody has what the household wants or wants what it has."""
    others = [each for each in positions if each is not own]
    can_buy = own.to_buy_wh and any(each.to_sell_wh for each in others)
    return bool(can_buy or (own.to_sell_wh and any(each.to_buy_wh for each in others)))


def _own_part(clearing: Clearing, participant: str, rulebook: Rulebook) -> tuple[int, int, int]:
    """Return what somebody buys and sells in a clearing, and what it owes for that."""
    bought_wh = sold_wh = owed_nano = 0
    for trade in clearing.trades():
        if trade.buyer == trade.seller:
            continue
        paid_nano = cost(trade.energy_wh, trade.price_micro)
        if trade.buyer == participant:
            bought_wh += trade.energy_wh
            owed_nano += paid_nano
        elif trade.seller == participant:
            sold_wh += trade.energy_wh
            owed_nano -= split_payment(paid_nano, rulebook)[0]
    return bought_wh, sold_wh, owed_nano


def _positions(
    connection: sa.Connection, area: str, span: Span, participant: str, rulebook: Rulebook
) -> Iterable[tuple[Interval, list[Position]]]:
    """Give everybody's positions in each interval in which the household has one."""
    by_start: dict[int, list[Position]] = defaultdict(list)
    mine: set[int] = set()
    for row in connection.execute(
        sa.select(p.positions).where(
            p.positions.c.area == area,
            p.positions.c.interval_start >= span.start,
            p.positions.c.interval_start < span.end,
        )
    ):
        interval = Interval.from_start_unix(row.interval_start, rulebook.interval_minutes)
        by_start[row.interval_start].append(
            Position(
                participant=row.participant,
                interval=interval,
                area=area,
                imported_wh=row.imported_wh,
                exported_wh=row.exported_wh,
                own_use_wh=row.own_use_wh,
            )
        )
        if row.participant == participant:
            mine.add(row.interval_start)
    for start in sorted(mine):
        yield by_start[start][0].interval, by_start[start]


def _offers(
    positions: Iterable[Position],
    known: StandingPrices,
    interval: Interval,
    participant: str,
    prices: tuple[int | None, int | None],
    rulebook: Rulebook,
) -> Iterable[Offer]:
    for position in positions:
        for side, energy_wh in ((Side.BID, position.to_buy_wh), (Side.ASK, position.to_sell_wh)):
            price = known.price_at(position.participant, position.area, side, interval)
            if position.participant == participant:
                price = prices[side]
            is_allowed = (
                price is not None
                and rulebook.price_floor_micro <= price <= rulebook.price_cap_micro
            )
            if energy_wh and price is not None and is_allowed:
                yield Offer(
                    side=side,
                    area=position.area,
                    interval=interval,
                    participant=position.participant,
                    key=f"preview:{side.name}",
                    energy_wh=energy_wh,
                    limit_micro=price,
                )
