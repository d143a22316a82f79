"""What the steps ask of the projections, answered as values of the core."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import attrs
import msgspec
import sqlalchemy as sa

from sauma.billing import BillStatus
from sauma.chain import Cursor
from sauma.errors import UnknownName
from sauma.identifiers import AccountId
from sauma.intervals import Interval, from_unix
from sauma.matching import Trade
from sauma.offers import MeteringPoint, Offer, Reading, Side, StandingPrice
from sauma.readings import QUALITIES
from sauma.rulebook import Rulebook, Supplier
from sauma.settlement import Good, Obligation, Purpose, Residual
from sauma.store import projections as p
from sauma.units import INT64_MAX

FINAL = int(BillStatus.FINAL)
_PURPOSES = {int(one): one for one in Purpose}
_GOODS = {int(one): one for one in Good}
ACCOUNTS_MAX = 65_536
"""How many accounts are remembered as values: the same ones are read in every round."""
IDS_MAX = 500
"""How many ids one select is given: databases limit the parameters of a statement."""
RULEBOOKS_MAX = 64
"""How many rulebooks are remembered as values, by their bodies."""

# Built once: every step asks these, and building a statement takes longer than running it.
_NEWEST_RULEBOOK = sa.select(p.rulebooks.c.body).order_by(p.rulebooks.c.sequence.desc()).limit(1)
_RULEBOOKS = sa.select(p.rulebooks.c.sequence, p.rulebooks.c.body).order_by(p.rulebooks.c.sequence)
_PARTICIPANTS = sa.select(p.participants.c.participant).order_by(p.participants.c.participant)
_ACCOUNTS = sa.select(p.bindings.c.holder, p.bindings.c.account).where(
    p.bindings.c.chain_id == sa.bindparam("chain")
)
_CHAIN_STATE = sa.select(p.chain_states).where(p.chain_states.c.chain_id == sa.bindparam("chain"))
_CHAIN = sa.select(p.chains).order_by(p.chains.c.sequence).limit(1)
_SETTLEMENTS = sa.select(p.settlements).order_by(
    p.settlements.c.sequence, p.settlements.c.row_number
)
_UNFINISHED = _SETTLEMENTS.where(
    p.settlements.c.obligation_count > 0,
    p.settlements.c.least_status < sa.bindparam("reached"),
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
class ChainState:
    """How far a chain was read, and the newest final height seen."""

    cursor: Cursor
    scanned_height: int
    final_height: int


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


def rulebook(connection: sa.Connection, rulebook_hash: bytes) -> Rulebook:
    """Return the rulebook with that hash; raises `UnknownName` when it was never published."""
    body = connection.execute(
        sa.select(p.rulebooks.c.body).where(p.rulebooks.c.rulebook_hash == rulebook_hash)
    ).scalar()
    if body is None:
        raise UnknownName(f"rulebook {rulebook_hash.hex()} was never published here")
    return _rulebook(bytes(body))


def newest_rulebook(connection: sa.Connection) -> Rulebook | None:
    """Return the rulebook published last, or None before there is one."""
    body = connection.execute(_NEWEST_RULEBOOK).scalar()
    return None if body is None else _rulebook(bytes(body))


def rulebooks(connection: sa.Connection) -> list[Rulebook]:
    """Return every rulebook that was published, in that order."""
    return [rulebook for _, rulebook in _published(connection)]


def _published(connection: sa.Connection) -> list[tuple[int, Rulebook]]:
    """Return the entry from which on a rulebook was in force, and the rulebook."""
    return [(row.sequence, _rulebook(bytes(row.body))) for row in connection.execute(_RULEBOOKS)]


@lru_cache(maxsize=RULEBOOKS_MAX)
def _rulebook(body: bytes) -> Rulebook:
    return Rulebook.from_facts(msgspec.json.decode(body))


def participants(connection: sa.Connection) -> tuple[str, ...]:
    """Return everybody registered, by name."""
    return tuple(connection.execute(_PARTICIPANTS).scalars())


def accounts(connection: sa.Connection, chain_id: str) -> dict[str, AccountId]:
    """Return the account of each holder on a chain."""
    rows = connection.execute(_ACCOUNTS, {"chain": chain_id})
    return {holder: _account(account) for holder, account in rows}


@lru_cache(maxsize=ACCOUNTS_MAX)
def _account(text: str) -> AccountId:
    return AccountId(text)


def metering_points(
    connection: sa.Connection, area: str | None = None
) -> dict[str, tuple[bytes, MeteringPoint]]:
    """Return digest and metering point by GSRN, of one area or of all."""
    query = sa.select(p.metering_points)
    if area is not None:
        query = query.where(p.metering_points.c.area == area)
    return {
        row.gsrn: (
            bytes(row.point_digest),
            MeteringPoint(gsrn=row.gsrn, participant=row.participant, area=row.area),
        )
        for row in connection.execute(query)
    }


def prices(connection: sa.Connection, area: str) -> list[StandingPrice]:
    """Return every standing price of an area."""
    rows = connection.execute(sa.select(p.prices).where(p.prices.c.area_of_row == area))
    return [
        StandingPrice(
            participant=row.participant,
            area=area,
            side=Side(row.side),
            price_micro=row.price_micro,
            valid_from=from_unix(row.valid_from),
        )
        for row in rows
    ]


def readings(connection: sa.Connection, area: str, interval: Interval) -> list[Reading]:
    """Return the readings of an area in an interval, all versions."""
    rows = connection.execute(
        sa.select(p.readings, p.metering_points.c.gsrn)
        .join(p.metering_points, p.metering_points.c.point_digest == p.readings.c.point_digest)
        .where(
            p.metering_points.c.area == area,
            p.readings.c.interval_start_of_row == interval.start_unix,
        )
        .order_by(p.readings.c.sequence, p.readings.c.row_number)
    )
    return [_reading(row, row.gsrn, interval) for row in rows]


def _reading(row: Any, gsrn: str, interval: Interval) -> Reading:
    return Reading(
        metering_point=gsrn,
        interval=interval,
        imported_wh=row.imported_wh,
        exported_wh=row.exported_wh,
        quality=QUALITIES[row.quality],
        version=row.version,
        key=row.key,
    )


@attrs.frozen(kw_only=True)
class KnownReading:
    """A reading that was taken before: its id and point, and energy in, energy out and quality."""

    reading_id: bytes
    point_digest: bytes
    contents: tuple[int, int, int]


def known_readings(
    connection: sa.Connection, interval_start: int, digests: Sequence[bytes]
) -> list[KnownReading]:
    """Return what is known of some points in an interval, settled with it or late, all versions."""
    found = []
    for table in (p.readings, p.late_readings):
        columns = table.c
        query = sa.select(
            columns.reading_id,
            columns.point_digest,
            columns.imported_wh,
            columns.exported_wh,
            columns.quality,
        ).where(columns.interval_start_of_row == interval_start)
        if len(digests) > IDS_MAX and connection.execute(query.limit(1)).first() is None:
            continue  # nothing came late, or nothing at all: no need to ask for each point
        for first in range(0, len(digests), IDS_MAX):
            some = digests[first : first + IDS_MAX]
            rows = connection.execute(query.where(columns.point_digest.in_(some)))
            found += [
                KnownReading(
                    reading_id=bytes(row[0]),
                    point_digest=bytes(row[1]),
                    contents=(row[2], row[3], row[4]),
                )
                for row in rows
            ]
    return found


def posted_offers(connection: sa.Connection, area: str, interval: Interval) -> list[Offer]:
    """Return the offers posted for an area and interval."""
    rows = connection.execute(
        sa.select(p.posted_offers).where(
            p.posted_offers.c.area == area,
            p.posted_offers.c.interval_start == interval.start_unix,
        )
    )
    return [
        Offer(
            side=Side(row.side),
            area=area,
            interval=interval,
            participant=row.participant,
            key=row.key,
            energy_wh=row.energy_wh,
            limit_micro=row.limit_micro,
        )
        for row in rows
    ]


def is_cleared(connection: sa.Connection, area: str, interval: Interval) -> bool:
    """Tell whether an area's interval was cleared."""
    return (
        connection.execute(
            sa.select(p.cleared_intervals.c.sequence).where(
                p.cleared_intervals.c.area == area,
                p.cleared_intervals.c.interval_start == interval.start_unix,
            )
        ).scalar()
        is not None
    )


def cleared_starts(connection: sa.Connection, area: str, start: int, end: int) -> list[int]:
    """Return the starts of an area's cleared intervals from `start` to before `end`."""
    rows = connection.execute(
        sa.select(p.cleared_intervals.c.interval_start)
        .where(
            p.cleared_intervals.c.area == area,
            p.cleared_intervals.c.interval_start >= start,
            p.cleared_intervals.c.interval_start < end,
        )
        .order_by(p.cleared_intervals.c.interval_start)
    )
    return list(rows.scalars())


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
    of_period = {
        "area": period.area,
        "start": period.start,
        "end": period.end,
        "before": period.before,
    }
    for row in connection.execute(_COVERED_BEFORE, of_period):
        conditions.append(sa.or_(start < row.period_start, start >= row.period_end))
    return conditions


def obligations(connection: sa.Connection, period: Period) -> list[Obligation]:
    """Return the obligations of a period."""
    return _obligations(connection, period)


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
    in_force = [(sequence, rulebook.supplier) for sequence, rulebook in _published(connection)]
    published = [sequence for sequence, _ in in_force]
    return [
        (
            Residual(participant=row.participant, bought_wh=row.bought_wh, sold_wh=row.sold_wh),
            in_force[bisect_left(published, row.sequence) - 1][1],
        )
        for row in _in_period(connection, p.residuals, period)
    ]


def settlements(connection: sa.Connection) -> list[SettlementRow]:
    """Return every settlement, in the order of their planning."""
    return _settlements(connection.execute(_SETTLEMENTS))


def settlement_covering(
    connection: sa.Connection, area: str, interval_start: int
) -> SettlementRow | None:
    """Return the settlement that an area's interval belongs to: the first that covers it."""
    rows = connection.execute(_COVERING, {"area": area, "start": interval_start})
    return next(iter(_settlements(rows)), None)


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


def chain_state(connection: sa.Connection, chain_id: str) -> ChainState:
    """Return how far a chain was read; the beginning when it never was."""
    row = connection.execute(_CHAIN_STATE, {"chain": chain_id}).first()
    if row is None:
        return ChainState(cursor=Cursor(), scanned_height=0, final_height=0)
    return ChainState(
        cursor=Cursor.from_text(row.cursor),
        scanned_height=row.scanned_height,
        final_height=row.final_height,
    )


def chain_row(connection: sa.Connection) -> tuple[str, str, str | None, bytes] | None:
    """Return chain id, energy asset, fee asset and settings of the chain settled on, or None."""
    row = connection.execute(_CHAIN).first()
    if row is None:
        return None
    return row.chain_id, row.energy_asset, row.fee_asset, bytes(row.settings)


def has_points(connection: sa.Connection, area: str) -> bool:
    """Tell whether somebody has a metering point in an area."""
    found = connection.execute(
        sa.select(p.metering_points.c.area).where(p.metering_points.c.area == area).limit(1)
    )
    return found.first() is not None


def obligation_count(connection: sa.Connection, period: Period) -> int:
    """Return how many obligations a period has, of energy and of money."""
    return connection.execute(
        sa.select(sa.func.count())
        .select_from(p.obligations)
        .where(*_covered(connection, p.obligations, period))
    ).scalar_one()


def energy_debts(connection: sa.Connection, period: Period) -> list[Obligation]:
    """Return the obligations of a period that are of energy: what a plan moves."""
    return _obligations(connection, period, p.obligations.c.good == int(Good.ENERGY))


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


def closed_areas(connection: sa.Connection, areas: Sequence[str], interval_start: int) -> set[str]:
    """Return those of some areas in which an interval is cleared or lies in a period that is settled."""
    cleared, settled = p.cleared_intervals.c, p.settlements.c
    found: set[str] = set()
    for first in range(0, len(areas), IDS_MAX):
        some = areas[first : first + IDS_MAX]
        for query in (
            sa.select(cleared.area).where(
                cleared.area.in_(some), cleared.interval_start == interval_start
            ),
            sa.select(settled.area).where(
                settled.area.in_(some),
                settled.period_start <= interval_start,
                settled.period_end > interval_start,
            ),
        ):
            found.update(connection.execute(query).scalars())
    return found


def is_settled(connection: sa.Connection, area: str, interval_start: int) -> bool:
    """Tell whether a settlement covers an area's interval."""
    return (
        connection.execute(
            sa.select(p.settlements.c.sequence).where(
                p.settlements.c.area == area,
                p.settlements.c.period_start <= interval_start,
                p.settlements.c.period_end > interval_start,
            )
        ).first()
        is not None
    )


def has_settlement(connection: sa.Connection, settlement_id: bytes) -> bool:
    """Tell whether a settlement was planned."""
    return (
        connection.execute(
            sa.select(p.settlements.c.sequence).where(
                p.settlements.c.settlement_id == settlement_id
            )
        ).first()
        is not None
    )


def unsettled(connection: sa.Connection) -> list[tuple[str, int]]:
    """Return area and start of every cleared interval that no settlement covers, in that order."""
    rows = connection.execute(
        sa.select(p.cleared_intervals.c.area, p.cleared_intervals.c.interval_start)
        .where(p.cleared_intervals.c.settled_by.is_(None))
        .order_by(p.cleared_intervals.c.area, p.cleared_intervals.c.interval_start)
    )
    return [(row.area, row.interval_start) for row in rows]


def uncleared(
    connection: sa.Connection, newest_start: int, area: str | None = None
) -> list[tuple[str, int]]:
    """Return area and start of every interval up to one that has readings or offers and is not cleared.

    Of one area or of all, the oldest first.
    """
    query = sa.select(p.open_intervals).where(p.open_intervals.c.interval_start <= newest_start)
    if area is not None:
        query = query.where(p.open_intervals.c.area == area)
    rows = connection.execute(
        query.order_by(p.open_intervals.c.interval_start, p.open_intervals.c.area)
    )
    return [(row.area, row.interval_start) for row in rows]


def points_reported(connection: sa.Connection, area: str, interval_start: int) -> int:
    """Return how many metering points of an area have a reading of an interval, of whatever quality."""
    reported = sa.exists().where(
        p.readings.c.interval_start_of_row == interval_start,
        p.readings.c.point_digest == p.metering_points.c.point_digest,
    )
    return connection.execute(
        sa.select(sa.func.count())
        .select_from(p.metering_points)
        .where(p.metering_points.c.area == area, reported)
    ).scalar_one()


def unfinished_settlements(connection: sa.Connection, reached: int = FINAL) -> list[SettlementRow]:
    """Return the settlements that owe something and have not been billed at that status throughout."""
    return _settlements(connection.execute(_UNFINISHED, {"reached": reached}))
