"""What a producer earns: every payment of its buyers, divided among producer, grid and operator."""

from __future__ import annotations

from collections import defaultdict

import attrs
import sqlalchemy as sa

from sauma.settlement import Purpose
from sauma.store import corrected
from sauma.store import projections as p
from sauma.units import NANO_PER_CENT, Rounding, divide_rounded, split_proportionally
from sauma_portal.market.spans import Span


@attrs.frozen(kw_only=True)
class Share:
    """What one buyer pays at one price, and who gets how much of it; the parts add up exactly."""

    buyer: str
    price_micro: int
    energy_wh: int
    producer_nano: int
    grid_nano: int
    operator_nano: int

    @property
    def paid_nano(self) -> int:
        """What the buyer pays."""
        return self.producer_nano + self.grid_nano + self.operator_nano


@attrs.frozen(kw_only=True)
class Income:
    """What was sold to neighbours and to the supplier in a span."""

    shares: tuple[Share, ...]
    supplier_wh: int
    supplier_nano: int
    corrected_nano: int = 0
    """What corrections that were made in the span come to, above zero in favour; in no other figure."""

    @property
    def energy_wh(self) -> int:
        """What neighbours bought."""
        return sum(share.energy_wh for share in self.shares)

    @property
    def paid_nano(self) -> int:
        """What neighbours pay for it."""
        return sum(share.paid_nano for share in self.shares)

    @property
    def parts_nano(self) -> tuple[int, int, int]:
        """What producer, grid and operator get of that."""
        return (
            sum(share.producer_nano for share in self.shares),
            sum(share.grid_nano for share in self.shares),
            sum(share.operator_nano for share in self.shares),
        )

    @property
    def parts_cents(self) -> tuple[int, int, int]:
        """The same in cents that add up to what was paid in cents, by largest remainder."""
        producer, grid, operator = split_proportionally(self.paid_cents, self.parts_nano)
        return producer, grid, operator

    @property
    def paid_cents(self) -> int:
        """What neighbours pay, in cents."""
        return divide_rounded(self.paid_nano, NANO_PER_CENT, Rounding.HALF_EVEN)

    @property
    def earned_nano(self) -> int:
        """The producer's part and what the supplier pays."""
        return self.parts_nano[0] + self.supplier_nano


def read_income(connection: sa.Connection, participant: str, area: str, span: Span) -> Income:
    """Return what somebody earned in a span."""
    trades, owed = p.trades, p.obligations
    rows = connection.execute(
        sa.select(
            trades.c.buyer,
            trades.c.price_micro,
            owed.c.purpose,
            sa.func.sum(owed.c.units).label("units"),
        )
        .join(
            owed,
            sa.and_(
                owed.c.area == trades.c.area,
                owed.c.interval_start == trades.c.interval_start,
                owed.c.cause_id == trades.c.trade_id,
            ),
        )
        .where(
            trades.c.area == area,
            trades.c.seller == participant,
            trades.c.interval_start >= span.start,
            trades.c.interval_start < span.end,
        )
        .group_by(trades.c.buyer, trades.c.price_micro, owed.c.purpose)
    )
    units: dict[tuple[str, int], dict[Purpose, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        units[row.buyer, row.price_micro][Purpose(row.purpose)] += int(row.units)
    shares = tuple(
        Share(
            buyer=buyer,
            price_micro=price_micro,
            energy_wh=by_purpose[Purpose.ENERGY],
            producer_nano=by_purpose[Purpose.PRODUCER_SHARE],
            grid_nano=by_purpose[Purpose.GRID_SHARE],
            operator_nano=by_purpose[Purpose.OPERATOR_SHARE],
        )
        for (buyer, price_micro), by_purpose in sorted(units.items())
    )
    supplier_wh, supplier_nano = _from_supplier(connection, participant, area, span)
    return Income(
        shares=shares,
        supplier_wh=supplier_wh,
        supplier_nano=supplier_nano,
        corrected_nano=_corrected(connection, participant, area, span),
    )


def _corrected(connection: sa.Connection, participant: str, area: str, span: Span) -> int:
    found = corrected.adjusting_bills(
        connection,
        p.adjusting_bills.c.participant == participant,
        p.adjusting_bills.c.area == area,
    )
    return -sum(bill.owed_nano for row, bill in found if row.time in span)


def _from_supplier(
    connection: sa.Connection, participant: str, area: str, span: Span
) -> tuple[int, int]:
    def total(table: sa.Table, column: str, *conditions: sa.ColumnElement[bool]) -> int:
        query = sa.select(sa.func.sum(table.c[column])).where(
            table.c.area == area,
            table.c.interval_start >= span.start,
            table.c.interval_start < span.end,
            *conditions,
        )
        return int(connection.execute(query).scalar() or 0)

    return (
        total(p.residuals, "sold_wh", p.residuals.c.participant == participant),
        total(
            p.obligations,
            "units",
            p.obligations.c.creditor == participant,
            p.obligations.c.purpose == int(Purpose.SUPPLIER_PURCHASE),
        ),
    )
