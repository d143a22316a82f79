"""A household's day: what flowed, what was traded, and how sure the readings are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
import sqlalchemy as sa

from sauma.offers import Quality
from sauma.readings import QUALITIES
from sauma.rulebook import Rulebook
from sauma.settlement.obligations import split_payment
from sauma.store import projections as p
from sauma.units import cost
from sauma_portal.market.spans import Span


@attrs.frozen(kw_only=True)
class Slot:
    """One interval of a household.  Energies in Wh; `settled` is False while it is not cleared yet."""

    start: int
    imported_wh: int = 0
    exported_wh: int = 0
    own_use_wh: int = 0
    bought_wh: int = 0
    sold_wh: int = 0
    paid_nano: int = 0
    earned_nano: int = 0
    quality: Quality | None = None
    settled: bool = False


@attrs.frozen(kw_only=True)
class Day:
    """The slots of a span, in order, and their sums."""

    slots: tuple[Slot, ...]

    def _sum(self, name: str) -> int:
        return sum(getattr(slot, name) for slot in self.slots)

    @property
    def imported_wh(self) -> int:
        """What came in through the meter."""
        return self._sum("imported_wh")

    @property
    def exported_wh(self) -> int:
        """What went out through the meter."""
        return self._sum("exported_wh")

    @property
    def bought_wh(self) -> int:
        """What neighbours sold to this household."""
        return self._sum("bought_wh")

    @property
    def sold_wh(self) -> int:
        """What this household sold to neighbours."""
        return self._sum("sold_wh")

    @property
    def paid_nano(self) -> int:
        """What it pays neighbours, grid and operator for that."""
        return self._sum("paid_nano")

    @property
    def earned_nano(self) -> int:
        """What it earns by that."""
        return self._sum("earned_nano")

    @property
    def uncertain(self) -> tuple[Slot, ...]:
        """The slots whose reading is estimated or missing."""
        return tuple(
            slot for slot in self.slots if slot.quality in (Quality.ESTIMATED, Quality.MISSING)
        )

    @property
    def newest(self) -> int | None:
        """The start of the newest slot that has a reading."""
        starts = [slot.start for slot in self.slots if slot.quality is not None]
        return max(starts, default=None)


def read_day(
    connection: sa.Connection,
    participant: str,
    area: str,
    span: Span,
    *,
    rulebook: Rulebook,
) -> Day:
    """Return what is known of a household in a span: cleared intervals, and readings not cleared yet.

    Earnings are by the shares of the rulebook given.
    """

    def producer_share(paid_nano: int) -> int:
        return split_payment(paid_nano, rulebook)[0]

    slots: dict[int, dict[str, Any]] = {}

    def slot(start: int) -> dict[str, Any]:
        return slots.setdefault(start, {"start": start})

    for row in _readings(connection, participant, area, span):
        each = slot(row.interval_start_of_row)
        each["imported_wh"] = each.get("imported_wh", 0) + row.imported_wh
        each["exported_wh"] = each.get("exported_wh", 0) + row.exported_wh
        quality = QUALITIES[row.quality]
        known = each.get("quality")
        each["quality"] = max(known or quality, quality, key=QUALITIES.index)
    for row in _in_span(
        connection, p.positions, area, span, p.positions.c.participant == participant
    ):
        each = slot(row.interval_start)
        each |= {
            "imported_wh": row.imported_wh,
            "exported_wh": row.exported_wh,
            "own_use_wh": row.own_use_wh,
            "settled": True,
        }
    of_mine = sa.or_(p.trades.c.buyer == participant, p.trades.c.seller == participant)
    for row in _in_span(connection, p.trades, area, span, of_mine):
        if row.buyer == row.seller:
            continue
        each, paid_nano = slot(row.interval_start), int(cost(row.energy_wh, row.price_micro))
        side, money = "bought_wh", "paid_nano"
        if row.seller == participant:
            side, money = "sold_wh", "earned_nano"
            paid_nano = producer_share(paid_nano)
        each[side] = each.get(side, 0) + row.energy_wh
        each[money] = each.get(money, 0) + paid_nano
    return Day(slots=tuple(Slot(**slots[start]) for start in sorted(slots)))


def _readings(connection: sa.Connection, participant: str, area: str, span: Span) -> Iterable[Any]:
    """Return the newest version of each reading of somebody's metering points."""
    rows = connection.execute(
        sa.select(p.readings)
        .join(p.metering_points, p.metering_points.c.point_digest == p.readings.c.point_digest)
        .where(
            p.metering_points.c.participant == participant,
            p.metering_points.c.area == area,
            p.readings.c.interval_start_of_row >= span.start,
            p.readings.c.interval_start_of_row < span.end,
        )
    )
    newest: dict[tuple[bytes, int, str], Any] = {}
    for row in rows:
        identity = (bytes(row.point_digest), row.interval_start_of_row, row.key)
        known = newest.get(identity)
        if known is None or known.version < row.version:
            newest[identity] = row
    return newest.values()


def _in_span(
    connection: sa.Connection,
    table: sa.Table,
    area: str,
    span: Span,
    condition: sa.ColumnElement[bool],
) -> Iterable[Any]:
    return connection.execute(
        sa.select(table)
        .where(
            table.c.area == area,
            table.c.interval_start >= span.start,
            table.c.interval_start < span.end,
            condition,
        )
        .order_by(table.c.interval_start, table.c.row_number)
    )
