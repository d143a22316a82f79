"""A household's trades, newest first."""

from __future__ import annotations

from typing import Final

import attrs
import sqlalchemy as sa

from sauma.store import projections as p
from sauma.store import queries
from sauma.units import cost
from sauma_portal.market.progress import Progress, progress_of, settlement_of

PAGE: Final = 50


@attrs.frozen(kw_only=True)
class OwnTrade:
    """A trade as one of its parties sees it."""

    start: int
    is_purchase: bool
    counterparty: str
    energy_wh: int
    price_micro: int
    amount_nano: int
    """What the buyer pays, shares of grid and operator included."""
    progress: Progress


def count_trades(connection: sa.Connection, participant: str, area: str) -> int:
    """Return how many trades somebody has made with others."""
    query = sa.select(sa.func.count()).select_from(p.trades).where(*_with_others(participant, area))
    return int(connection.execute(query).scalar() or 0)


def read_trades(
    connection: sa.Connection, participant: str, area: str, *, skip: int = 0, limit: int = PAGE
) -> list[OwnTrade]:
    """Return somebody's trades, newest first."""
    rows = connection.execute(
        sa.select(p.trades)
        .where(*_with_others(participant, area))
        .order_by(p.trades.c.interval_start.desc(), p.trades.c.row_number)
        .offset(skip)
        .limit(limit)
    ).all()
    settlements = queries.settlements(connection, area)
    belongs = {
        row.interval_start: settlement_of(settlements, area, row.interval_start) for row in rows
    }
    progress = progress_of(connection, participant, {each for each in belongs.values() if each})
    trades = []
    for row in rows:
        settlement = belongs[row.interval_start]
        buys = row.buyer == participant
        trades.append(
            OwnTrade(
                start=row.interval_start,
                is_purchase=buys,
                counterparty=row.seller if buys else row.buyer,
                energy_wh=row.energy_wh,
                price_micro=row.price_micro,
                amount_nano=cost(row.energy_wh, row.price_micro),
                progress=Progress.MATCHED if settlement is None else progress[settlement],
            )
        )
    return trades


def _with_others(participant: str, area: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        p.trades.c.area == area,
        sa.or_(p.trades.c.buyer == participant, p.trades.c.seller == participant),
        p.trades.c.buyer != p.trades.c.seller,
    )
