"""The prices file: at which price each participant buys and sells, from when.

::

    participant,area,side,price_per_kwh,valid_from
    koivu,kortteli-1,sell,0.07,2021-03-01T00:00:00+02:00
    saarni,kortteli-1,buy,"0,12",2021-03-01T00:00:00+02:00

Prices are decimal numbers in currency units per kWh with up to six decimals, with a point or (quoted)
a comma; they become micro-units without any rounding.
"""

from __future__ import annotations

from typing import Final

from sauma.errors import InvalidInput
from sauma.identifiers import check_name
from sauma.intervals import parse_time
from sauma.offers import Side, StandingPrice
from sauma.units import check_price, format_scaled, parse_decimal
from sauma_metering.table import Row, read_rows

REQUIRED: Final = ("participant", "area", "side", "price_per_kwh", "valid_from")
PRICE_DECIMALS: Final = 6

_SIDES: Final = {"buy": Side.BID, "sell": Side.ASK}


def parse_prices(text: str, *, file: str = "prices") -> tuple[StandingPrice, ...]:
    """Return the standing prices of a prices file, each once, in their order.

    Two prices of one participant, area and side from the same moment raise `Conflict`.
    """
    seen: dict[tuple[object, ...], tuple[StandingPrice, int]] = {}
    for row in read_rows(text, file=file, separator=",", required=REQUIRED):
        price = _parse_row(row)
        identity = (price.participant, price.area, price.side, price.valid_from)
        first, line = seen.setdefault(identity, (price, row.line))
        if first != price:
            raise row.conflict(
                line,
                f"{price.participant} has price {_shown(price)} here and {_shown(first)} there",
            )
    return tuple(price for price, _ in seen.values())


def _parse_row(row: Row) -> StandingPrice:
    return StandingPrice(
        participant=row.read("participant", check_name),
        area=row.read("area", lambda text: check_name(text, "area")),
        side=row.read("side", _parse_side),
        price_micro=row.read("price_per_kwh", _parse_price),
        valid_from=row.read("valid_from", lambda text: parse_time(text, "valid_from")),
    )


def _parse_side(text: str) -> Side:
    if text not in _SIDES:
        raise InvalidInput("side is buy or sell")
    return _SIDES[text]


def _parse_price(text: str) -> int:
    return check_price(parse_decimal(text, PRICE_DECIMALS, "price"), "price")


def _shown(price: StandingPrice) -> str:
    return format_scaled(price.price_micro, PRICE_DECIMALS)
