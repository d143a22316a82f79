"""Settlements, and what is owed, traded and left in their periods."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import sqlalchemy as sa

from sauma.billing import BillStatus
from sauma.errors import UnknownName
from sauma.intervals import Interval
from sauma.matching import Trade
from sauma.rulebook import Supplier
from sauma.settlement import Good, Obligation, Purpose, Residual
from sauma.store import projections as p
from sauma.store.queries.given import published_rulebooks
from sauma.units import INT64_MAX

FINAL = int(BillStatus.FINAL)
_PURPOSES = {int(one): one for one in Purpose}
_GOODS = {int(one): one for one in Good}

# Built once: every step asks these, and building a statement takes longer than running it.
_SETTLEMENTS = sa.select(p.settlements).order_by(
    p.settlements.c.sequence, p.settlements.c.row_number
)
_OF_AREA = _SETTLEMENTS.where(p.settlements.c.area == sa.bindparam("area"))
_BY_ID = _SETTLEMENTS.where(p.settlements.c.settlement_id == sa.bindparam("identity"))
# unordered: in the order of the journal a database would walk through all that there ever was
_UNFINISHED = sa.select(p.settlements).where(
    p.settlements.c.obligation_count > 0,
    p.settlements.c.least_status < sa.bindparam("reached"),
)
_UNANCHORED = _SETTLEMENTS.where(
    p.settlements.c.settlement_id.in_(sa.select(p.unanchored_settlements.c.settlement_id)),
    p.settlements.c.sequence > sa.bindparam("since"),
)
_COVERING = _SETTLEMENTS.where(
    p.settlements.c.area == sa.bindparam("area"),
    p.settlements.c.period_start <= sa.bindparam("start"),
    p.settlements.c.period_end > sa.bindparam("start"),
).limit(1)
_COVERED_BEFORE = sa.select(p.settlements.c.period_start, p.settlements.c.period_end).where(
    p.settlements.c.area == sa.bindparam("area"),
    p.settlements.c.period_start < sa.bindparam("end"),
    p.settlements.c.period_end > sa.bindparam("start"),
    p.settlements.c.sequence < sa.bindparam("before"),
)


@attrs.frozen(kw_only=True)
class Period:
    """The intervals that one settlement is about: those from `start` to before `end` of an area.

    An interval belongs to the first settlement that covers it.  Periods overlap where a rulebook
    with another netting period came into force between; `before` is the entry of the settlement, and
    what settlements before it covered is left out.
    """

    area: str
    start: int
    end: int
    before: int = INT64_MAX


@attrs.frozen(kw_only=True)
class SettlementRow:
    """A settlement as the plan recorded it."""

    settlement_id: bytes
    chain_id: str
    area: str
    period_start: int
    period_end: int
    obligation_count: int
    energy_wh: int
    moved_wh: int
    sequence: int

    @property
    def period(self) -> Period:
        """The intervals that it is about."""
        return Period(
            area=self.area, start=self.period_start, end=self.period_end, before=self.sequence
        )


def settlements(connection: sa.Connection, area: str | None = None) -> list[SettlementRow]:
    """Return every settlement of an area, or of all, in the order of their planning."""
    if area is None:
        return _settlements(connection.execute(_SETTLEMENTS))
    return _settlements(connection.execute(_OF_AREA, {"area": area}))


def settlement(connection: sa.Connection, settlement_id: bytes) -> SettlementRow:
    """Return a settlement by its id; raises `UnknownName` when it was never planned."""
    found = _settlements(connection.execute(_BY_ID, {"identity": settlement_id}))
    if not found:
        raise UnknownName(f"the settlement {settlement_id.hex()} was never planned")
    return found[0]


def settlement_covering(
    connection: sa.Connection, area: str, interval_start: int
) -> SettlementRow | None:
    """Return the settlement that an area's interval belongs to: the first that covers it."""
    rows = connection.execute(_COVERING, {"area": area, "start": interval_start})
    return next(iter(_settlements(rows)), None)


def unanchored_settlements(connection: sa.Connection, since: int) -> list[SettlementRow]:
    """Return the settlements planned since an entry that have first bills which no anchor covers."""
    return _settlements(connection.execute(_UNANCHORED, {"since": since}))


def has_settlement(connection: sa.Connection, settlement_id: bytes) -> bool:
    """Tell whether a settlement was planned."""
    return connection.execute(_BY_ID, {"identity": settlement_id}).first() is not None


def unfinished_settlements(connection: sa.Connection, reached: int = FINAL) -> list[SettlementRow]:
    """Return the settlements that owe something and have not been billed at that status throughout."""
    rows = connection.execute(_UNFINISHED, {"reached": reached})
    return _settlements(sorted(rows, key=lambda row: (row.sequence, row.row_number)))


def _settlements(rows: Iterable[sa.Row[Any]]) -> list[SettlementRow]:
    return [
        SettlementRow(
            settlement_id=bytes(row.settlement_id),
            chain_id=row.chain_id,
            area=row.area,
            period_start=row.period_start,
            period_end=row.period_end,
            obligation_count=row.obligation_count,
            energy_wh=row.energy_wh,
            moved_wh=row.moved_wh,
            sequence=row.sequence,
        )
        for row in rows
    ]


def obligations(connection: sa.Connection, period: Period) -> list[Obligation]:
    """Return the obligations of a period."""
    return _obligations(connection, period)


def energy_debts(connection: sa.Connection, period: Period) -> list[Obligation]:
    """Return the obligations of a period that are of energy: what a plan moves."""
    return _obligations(connection, period, p.obligations.c.good == int(Good.ENERGY))


def _obligations(
    connection: sa.Connection, period: Period, *conditions: sa.ColumnElement[bool]
) -> list[Obligation]:
    columns = p.obligations.c
    query = (
        sa.select(
            columns.obligation_id,
            columns.cause_id,
            columns.purpose,
            columns.good,
            columns.debtor,
            columns.creditor,
            columns.units,
        )
        .where(*_covered(connection, p.obligations, period), *conditions)
        .order_by(columns.sequence, columns.row_number)
    )
    return [
        Obligation(
            obligation_id=bytes(identity),
            cause_id=bytes(cause),
            purpose=_PURPOSES[purpose],
            good=_GOODS[good],
            debtor=debtor,
            creditor=creditor,
            units=units,
        )
        for identity, cause, purpose, good, debtor, creditor, units in connection.execute(query)
    ]


def obligation_count(connection: sa.Connection, period: Period) -> int:
    """Return how many obligations a period has, of energy and of money."""
    return connection.execute(
        sa.select(sa.func.count())
        .select_from(p.obligations)
        .where(*_covered(connection, p.obligations, period))
    ).scalar_one()


def unbound_parties(connection: sa.Connection, chain_id: str, period: Period) -> list[str]:
    """Return who owes energy in a period, or is owed it, and has no account on a chain; by name."""
    columns, bound = p.obligations.c, p.bindings.c
    energy = (*_covered(connection, p.obligations, period), columns.good == int(Good.ENERGY))
    sides = (
        sa.select(side.label("name")).where(*energy) for side in (columns.debtor, columns.creditor)
    )
    party = sa.union(*sides).subquery().c
    has_account = sa.exists().where(bound.holder == party.name, bound.chain_id == chain_id)
    return [
        *connection.execute(
            sa.select(party.name).where(~has_account).order_by(party.name)
        ).scalars()
    ]


def trades(connection: sa.Connection, period: Period, minutes: int) -> list[Trade]:
    """Return the trades of a period, whose intervals have so many minutes."""
    return [
        Trade(
            trade_id=bytes(row.trade_id),
            area=row.area,
            interval=Interval.from_start_unix(row.interval_start, minutes),
            buyer=row.buyer,
            seller=row.seller,
            bid_id=bytes(row.bid_id),
            ask_id=bytes(row.ask_id),
            energy_wh=row.energy_wh,
            price_micro=row.price_micro,
        )
        for row in _in_period(connection, p.trades, period)
    ]


def residuals(connection: sa.Connection, period: Period) -> list[tuple[Residual, Supplier]]:
    """Return what the market left in a period, with the supplier of the rulebook then in force."""
    in_force = [
        (sequence, rulebook.supplier) for sequence, rulebook in published_rulebooks(connection)
    ]
    published = [sequence for sequence, _ in in_force]
    return [
        (
            Residual(participant=row.participant, bought_wh=row.bought_wh, sold_wh=row.sold_wh),
            in_force[bisect_left(published, row.sequence) - 1][1],
        )
        for row in _in_period(connection, p.residuals, period)
    ]


def own_starts(connection: sa.Connection, period: Period, starts: Sequence[int]) -> list[int]:
    """Return those of some intervals of a period that belong to it, and to no settlement before."""
    earlier = [(row.period_start, row.period_end) for row in _earlier(connection, period)]
    return [
        start
        for start in starts
        if period.start <= start < period.end
        and not any(first <= start < after for first, after in earlier)
    ]


def _in_period(
    connection: sa.Connection,
    table: sa.Table,
    period: Period,
    *conditions: sa.ColumnElement[bool],
) -> sa.Result[Any]:
    return connection.execute(
        sa.select(table)
        .where(*_covered(connection, table, period), *conditions)
        .order_by(table.c.sequence, table.c.row_number)
    )


def _covered(
    connection: sa.Connection, table: sa.Table, period: Period
) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that a row is of a period's intervals, and of no earlier settlement's."""
    start = table.c.interval_start
    conditions = [table.c.area == period.area, start >= period.start, start < period.end]
    for row in _earlier(connection, period):
        conditions.append(sa.or_(start < row.period_start, start >= row.period_end))
    return conditions


def _earlier(connection: sa.Connection, period: Period) -> list[sa.Row[int, int]]:
    """Return start and end of what settlements before one covered of its period."""
    of_period = {
        "area": period.area,
        "start": period.start,
        "end": period.end,
        "before": period.before,
    }
    return [*connection.execute(_COVERED_BEFORE, of_period)]
