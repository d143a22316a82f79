"""From the readings and offers of an area's interval to trades, residuals and obligations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import attrs
import sqlalchemy as sa

from sauma.identifiers import content_id
from sauma.intervals import Interval
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.matching import Book, Clearing, mechanism
from sauma.offers import (
    Offer,
    Position,
    StandingPrices,
    offers_from_positions,
    positions_from_readings,
)
from sauma.rulebook import Rulebook
from sauma.settlement import (
    Residual,
    check_obligations,
    residual_obligations,
    trade_obligations,
)
from sauma.store import queries

INTERVAL_CLEARED: Final = "interval_cleared"


def clear_interval(
    connection: sa.Connection, rulebook: Rulebook, area: str, interval: Interval
) -> list[Table]:
    """Return positions, trades, residuals and obligations of an area's interval.

    A price that was set under an earlier rulebook and lies outside the floor and cap in force makes no
    offer: that participant deals with the supplier until a new price is set, and nobody else waits.
    """
    points = queries.metering_points(connection, area)
    positions = positions_from_readings(
        queries.readings(connection, area, interval),
        {gsrn: point for gsrn, (_, point) in points.items()},
        own_use_first=rulebook.own_use_first,
    )
    offers = offers_from_positions(positions, StandingPrices(queries.prices(connection, area)))
    posted = queries.posted_offers(connection, area, interval)
    allowed = [offer for offer in (*offers, *posted) if _is_allowed(offer, rulebook)]
    book = Book.from_offers(area, interval, allowed)
    clearing = mechanism(rulebook.mechanism).clear(book)
    return _clearing_tables(rulebook, area, interval, positions, clearing)


def _is_allowed(offer: Offer, rulebook: Rulebook) -> bool:
    return rulebook.price_floor_micro <= offer.limit_micro <= rulebook.price_cap_micro


def _clearing_tables(
    rulebook: Rulebook,
    area: str,
    interval: Interval,
    positions: Sequence[Position],
    clearing: Clearing,
) -> list[Table]:
    trades = list(clearing.trades())
    leftovers = _residuals(positions, clearing)
    cause = content_id("interval", rulebook.rulebook_hash, area, interval.start_unix)
    owed = [one for trade in trades for one in trade_obligations(trade, rulebook)]
    check_obligations(trades, owed)
    owed += [one for left in leftovers for one in residual_obligations(left, cause, rulebook)]
    return [
        Table.from_rows(
            journal.POSITIONS,
            [
                (each.participant, each.imported_wh, each.exported_wh, each.own_use_wh)
                for each in positions
            ],
        ),
        Table.from_rows(
            journal.TRADES,
            [
                (
                    trade.trade_id,
                    trade.buyer,
                    trade.seller,
                    trade.energy_wh,
                    trade.price_micro,
                    trade.bid_id,
                    trade.ask_id,
                )
                for trade in trades
            ],
        ),
        Table.from_rows(
            journal.RESIDUALS,
            [(left.participant, left.bought_wh, left.sold_wh) for left in leftovers],
        ),
        Table.from_rows(journal.OBLIGATIONS, [attrs.astuple(one) for one in owed]),
    ]


def _residuals(positions: Sequence[Position], clearing: Clearing) -> list[Residual]:
    """What each participant's meters say less what was traded.

    Where meters reported, they decide; what a participant only offered and did not trade is nobody's
    energy.  Where a posted offer promised more than flowed, the supplier evens it out.
    """
    traded_wh: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for trade in clearing.trades():
        traded_wh[trade.buyer][0] += trade.energy_wh
        traded_wh[trade.seller][1] += trade.energy_wh
    leftovers = []
    for position in positions:
        bought_wh, sold_wh = traded_wh.pop(position.participant, (0, 0))
        left = Residual(
            participant=position.participant,
            bought_wh=position.to_buy_wh - bought_wh,
            sold_wh=position.to_sell_wh - sold_wh,
        )
        leftovers.append(_balanced(left))
    for participant, (bought_wh, sold_wh) in sorted(traded_wh.items()):
        leftovers.append(
            _balanced(Residual(participant=participant, bought_wh=-bought_wh, sold_wh=-sold_wh))
        )
    return [left for left in leftovers if left.bought_wh or left.sold_wh]


def _balanced(left: Residual) -> Residual:
    """Turn a side that traded more than flowed into the other side: the supplier evens it out.

    Who bought more than was used sells the rest to the supplier; who sold more than was made buys it.
    """
    bought_wh, sold_wh = left.bought_wh, left.sold_wh
    return Residual(
        participant=left.participant,
        bought_wh=max(bought_wh, 0) + max(-sold_wh, 0),
        sold_wh=max(sold_wh, 0) + max(-bought_wh, 0),
    )
