"""What was given: rulebooks, participants, points, prices, readings, offers, and what chain they are for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import attrs
import msgspec
import sqlalchemy as sa

from sauma.chain import Cursor
from sauma.errors import UnknownName
from sauma.identifiers import AccountId
from sauma.intervals import Interval, from_unix
from sauma.offers import MeteringPoint, Offer, Reading, Side, StandingPrice
from sauma.readings import QUALITIES
from sauma.rulebook import Rulebook
from sauma.store import projections as p

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


@attrs.frozen(kw_only=True)
class ChainState:
    """How far a chain was read, and the newest final height seen."""

    cursor: Cursor
    scanned_height: int
    final_height: int


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
    return [rulebook for _, rulebook in published_rulebooks(connection)]


def published_rulebooks(connection: sa.Connection) -> list[tuple[int, Rulebook]]:
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


def has_points(connection: sa.Connection, area: str) -> bool:
    """Tell whether somebody has a metering point in an area."""
    found = connection.execute(
        sa.select(p.metering_points.c.area).where(p.metering_points.c.area == area).limit(1)
    )
    return found.first() is not None


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


def chain_row(connection: sa.Connection) -> tuple[str, str, str | None, bytes] | None:
    """Return chain id, energy asset, fee asset and settings of the chain settled on, or None."""
    row = connection.execute(_CHAIN).first()
    if row is None:
        return None
    return row.chain_id, row.energy_asset, row.fee_asset, bytes(row.settings)


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
