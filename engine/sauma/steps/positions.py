"""From an area's readings and standing prices to positions and a book, in columns.

What `positions_from_readings`, `offers_from_positions` and `Book.from_offers` say of values, said of
columns: the same sums, the same keys, the same ids.  A test holds the two together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

import attrs
import numpy as np
import sqlalchemy as sa

from sauma.identifiers import ID_BYTES
from sauma.intervals import Interval
from sauma.matching import Book
from sauma.offers import WITHDRAWN_MICRO, Offer, Side
from sauma.rulebook import Rulebook
from sauma.store import projections as p
from sauma.store import queries
from sauma.units import check_energy


@attrs.frozen(kw_only=True, eq=False)
class PositionColumns:
    """Positions of an area and interval, one row a participant, sorted by name."""

    names: list[str]
    imported_wh: list[int]
    exported_wh: list[int]
    own_use_wh: list[int]
    readings_ids: list[str]
    """In hex: a hash of the readings that count."""

    def __len__(self) -> int:
        """The number of participants that were metered."""
        return len(self.names)


def read_positions(
    connection: sa.Connection, rulebook: Rulebook, area: str, interval: Interval
) -> PositionColumns:
    """Sum the readings that count: each key of a point in its newest version."""
    newest: dict[tuple[bytes, str], Any] = {}
    for row, participant in _readings(connection, area, interval):
        identity = (row[0], row[1])
        known = newest.get(identity)
        if known is None or known[0][2] < row[2]:
            newest[identity] = row, participant
    groups: dict[str, list[Any]] = defaultdict(list)
    for row, participant in newest.values():
        groups[participant].append(row)
    names = sorted(groups)
    imported = [_energy(groups[name], 4, "imported_wh") for name in names]
    exported = [_energy(groups[name], 5, "exported_wh") for name in names]
    own = [min(each) for each in zip(imported, exported, strict=True)]
    return PositionColumns(
        names=names,
        imported_wh=imported,
        exported_wh=exported,
        own_use_wh=own if rulebook.own_use_first else [0] * len(names),
        readings_ids=[_readings_id(groups[name]) for name in names],
    )


def _readings(
    connection: sa.Connection, area: str, interval: Interval
) -> Iterator[tuple[Any, str]]:
    """Yield the readings of an area with the participant of each.

    By the area's points, not by a join: a planner without statistics walks the whole city's interval.
    """
    points = p.metering_points.c
    owners = {
        bytes(row[0]): row[1]
        for row in connection.execute(
            sa.select(points.point_digest, points.participant).where(points.area == area)
        )
    }
    columns = p.readings.c
    query = sa.select(
        columns.point_digest,
        columns.key,
        columns.version,
        columns.reading_id,
        columns.imported_wh,
        columns.exported_wh,
    ).where(columns.interval_start_of_row == interval.start_unix)
    digests = [*owners]
    for first in range(0, len(digests), queries.IDS_MAX):
        some = digests[first : first + queries.IDS_MAX]
        for row in connection.execute(query.where(columns.point_digest.in_(some))):
            yield row, owners[bytes(row[0])]


def _energy(rows: Sequence[Any], column: int, name: str) -> int:
    return check_energy(sum(row[column] for row in rows), name)


def _readings_id(rows: Sequence[Any]) -> str:
    ids = '","'.join(sorted(bytes(row[3]).hex() for row in rows))
    return sha256(f'sauma:readings:[["{ids}"]]'.encode()).hexdigest()


def read_prices(
    connection: sa.Connection, area: str, interval: Interval
) -> dict[tuple[str, int], int]:
    """Return the price in force at the interval's start, by participant and number of the side."""
    prices = p.prices.c
    return {
        (row[0], row[1]): row[2]
        for row in connection.execute(
            sa.select(prices.participant, prices.side, prices.price_micro)
            .where(prices.area_of_row == area, prices.valid_from <= interval.start_unix)
            .order_by(prices.valid_from)
        )
    }


def make_book(
    rulebook: Rulebook,
    area: str,
    interval: Interval,
    positions: PositionColumns,
    prices: dict[tuple[str, int], int],
    posted: Sequence[Offer],
) -> Book:
    """Return the book of what positions offer at standing prices, and of what was posted.

    What lies outside the rulebook's floor and cap makes no offer.
    """
    rows: list[tuple[int, str, int, int, bytes]] = []
    floor, cap = rulebook.price_floor_micro, rulebook.price_cap_micro
    place = f'"{area}",{interval.start_unix},{interval.minutes}'
    for side, gross in ((Side.BID, positions.imported_wh), (Side.ASK, positions.exported_wh)):
        word, withdrawn = side.name.lower(), WITHDRAWN_MICRO[side]
        for name, flow, own, readings in zip(
            positions.names, gross, positions.own_use_wh, positions.readings_ids, strict=True
        ):
            limit = prices.get((name, side))
            if flow == own or limit is None or limit == withdrawn or not floor <= limit <= cap:
                continue
            text = f'sauma:offer:[{place},"{name}","standing:{word}:{readings}"]'
            rows.append((side, name, flow - own, limit, sha256(text.encode()).digest()))
    rows += [
        (one.side, one.participant, one.energy_wh, one.limit_micro, one.offer_id)
        for one in posted
        if floor <= one.limit_micro <= cap
    ]
    names = sorted({row[1] for row in rows})
    number = {name: index for index, name in enumerate(names)}
    return Book.from_columns(
        area,
        interval,
        names,
        side=[row[0] for row in rows],
        participant=[number[row[1]] for row in rows],
        energy_wh=[row[2] for row in rows],
        limit_micro=[row[3] for row in rows],
        offer_ids=np.frombuffer(b"".join(row[4] for row in rows), np.uint8).reshape(-1, ID_BYTES),
    )
