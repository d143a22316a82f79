"""The tax on a household's bill, by rate and day of supply."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import attrs
import sqlalchemy as sa

from sauma.intervals import from_unix
from sauma.settlement import Purpose
from sauma.store import projections as p
from sauma.store import queries
from sauma_portal import taxes
from sauma_portal.market.progress import settlement_of
from sauma_portal.market.spans import day_of


@attrs.frozen(kw_only=True)
class VatRow:
    """A tax rate and what it is charged on."""

    basis_points: int
    gross_nano: int
    vat_nano: int

    @property
    def net_nano(self) -> int:
        """The amount without the tax."""
        return self.gross_nano - self.vat_nano


def read_vat(
    connection: sa.Connection,
    participant: str,
    area: str,
    periods: Mapping[bytes, tuple[int, int]],
    corrections: Sequence[int],
    *,
    zone: str,
    registered: frozenset[str],
) -> tuple[tuple[VatRow, ...], int]:
    """Return the tax by rate of supply, and what is not taxed.

    Each payee charges for itself: supplier, grid and operator always, a household only when it is in
    the VAT register.  `periods` are those of settlements, `corrections` entries of the journal.
    """
    table = taxes.VAT_TABLES.get(zone, taxes.VAT_ELECTRICITY_FI)
    gross_nano: dict[int, int] = defaultdict(int)
    untaxed_nano = 0
    for start, purpose, creditor, units in (
        *_owed(connection, participant, area, periods),
        *_adjusted(connection, participant, corrections),
    ):
        if _is_taxed(purpose, creditor, registered):
            day = day_of(from_unix(start), zone)
            gross_nano[taxes.vat_rate(day, table).basis_points] += units
        else:
            untaxed_nano += units
    vat = tuple(
        VatRow(basis_points=bps, gross_nano=gross, vat_nano=taxes.contained_vat(gross, bps))
        for bps, gross in sorted(gross_nano.items())
    )
    return vat, untaxed_nano


def _is_taxed(purpose: Purpose, creditor: str, registered: frozenset[str]) -> bool:
    if purpose in (Purpose.GRID_SHARE, Purpose.OPERATOR_SHARE, Purpose.SUPPLIER_SALE):
        return True
    return creditor in registered


_Owed: TypeAlias = tuple[int, Purpose, str, int]
"""Interval, purpose, creditor, and what a participant owes, below zero what it is owed."""


def _owed(
    connection: sa.Connection,
    participant: str,
    area: str,
    periods: Mapping[bytes, tuple[int, int]],
) -> Iterator[_Owed]:
    if not periods:
        return
    owed = p.obligations
    rows = connection.execute(
        sa.select(
            owed.c.interval_start,
            owed.c.purpose,
            owed.c.debtor,
            owed.c.creditor,
            sa.func.sum(owed.c.units).label("units"),
        )
        .where(
            owed.c.area == area,
            owed.c.purpose != int(Purpose.ENERGY),
            owed.c.interval_start >= min(start for start, _ in periods.values()),
            owed.c.interval_start < max(end for _, end in periods.values()),
            sa.or_(owed.c.debtor == participant, owed.c.creditor == participant),
        )
        .group_by(owed.c.interval_start, owed.c.purpose, owed.c.debtor, owed.c.creditor)
    )
    settlements = queries.settlements(connection, area)
    for row in rows:
        if settlement_of(settlements, area, row.interval_start) in periods:
            units = int(row.units) if row.debtor == participant else -int(row.units)
            yield row.interval_start, Purpose(row.purpose), row.creditor, units


def _adjusted(
    connection: sa.Connection, participant: str, corrections: Sequence[int]
) -> Iterator[_Owed]:
    """Yield what corrections make somebody owe, taxed by the day of supply as what they correct."""
    if not corrections:
        return
    owed = p.adjusting_obligations
    rows = connection.execute(
        sa.select(owed).where(
            owed.c.sequence.between(min(corrections), max(corrections)),
            sa.or_(owed.c.debtor == participant, owed.c.creditor == participant),
        )
    )
    wanted = frozenset(corrections)
    for row in rows:
        if row.sequence in wanted:
            units = row.units if row.debtor == participant else -row.units
            yield row.interval_start_of_row, Purpose(row.purpose), row.creditor, units
