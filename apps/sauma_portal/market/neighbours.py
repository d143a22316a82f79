"""The neighbourhood: who can be seen, roughly where, and what all of them trade together."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import attrs
import sqlalchemy as sa

from sauma.store import projections as p
from sauma_portal.accounts import Person
from sauma_portal.market.spans import Span
from sauma_portal.settings import COLUMNS, ROWS

HOUSEHOLDS_MIN: Final = 4
"""Totals of fewer households would say too much of one of them."""
SQUARE: Final = 100


@attrs.frozen(kw_only=True)
class Neighbour:
    """What others see of a household: a name, roughly where, and whether it buys or sells."""

    participant: str
    display_name: str
    place: str | None
    buys: bool
    sells: bool

    @property
    def x(self) -> int:
        """Where its mark stands, in hundredths of a square; blurred within the square."""
        return self._at(0, COLUMNS.index(self.place[0]) if self.place else 0)

    @property
    def y(self) -> int:
        """Where its mark stands from the top."""
        return self._at(1, int(self.place[1:]) - 1 if self.place else 0)

    def _at(self, axis: int, square: int) -> int:
        # The offset comes from the pseudonym, not from where the house is: nobody knows that here.
        spread = sha256(self.participant.encode()).digest()[axis]
        return square * SQUARE + 25 + spread * 50 // 255


@attrs.frozen(kw_only=True)
class Neighbourhood:
    """Those who can be seen, and the area's totals; None where they would be of too few."""

    neighbours: tuple[Neighbour, ...]
    households: int
    traded_wh: int | None
    exported_wh: int | None

    @property
    def on_map(self) -> tuple[Neighbour, ...]:
        """Those who said roughly where they are."""
        return tuple(each for each in self.neighbours if each.place)


WIDTH: Final = len(COLUMNS) * SQUARE
HEIGHT: Final = ROWS * SQUARE


def read_neighbourhood(
    connection: sa.Connection, everybody: Iterable[Person], area: str, span: Span
) -> Neighbourhood:
    """Return who of an area can be seen, by name, and what it traded in a span."""
    households = [one for one in everybody if one.area == area and not one.is_staff]
    neighbours = sorted(
        (
            Neighbour(
                participant=one.participant,
                display_name=one.display_name,
                place=one.place,
                buys=one.buys,
                sells=one.sells,
            )
            for one in households
            if not one.hidden
        ),
        key=lambda one: (one.display_name.casefold(), one.participant),
    )
    enough = len(households) >= HOUSEHOLDS_MIN
    return Neighbourhood(
        neighbours=tuple(neighbours),
        households=len(households),
        traded_wh=_total(connection, p.trades, "energy_wh", area, span) if enough else None,
        exported_wh=_total(connection, p.positions, "exported_wh", area, span) if enough else None,
    )


def _total(connection: sa.Connection, table: sa.Table, column: str, area: str, span: Span) -> int:
    query = sa.select(sa.func.sum(table.c[column])).where(
        table.c.area == area,
        table.c.interval_start >= span.start,
        table.c.interval_start < span.end,
    )
    return int(connection.execute(query).scalar() or 0)
