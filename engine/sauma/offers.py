"""From what flowed to what is offered: readings, positions, standing prices and offers.

::

    readings ─▶ positions (per participant) ─▶ offers (at standing prices) ─▶ `sauma.matching.Book`

Everything here is pure and keeps no state.  Energy is integer Wh, prices are integer micro-units of
a currency per kWh.  Nothing depends on the order in which things are given.
"""

from __future__ import annotations

import enum
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Final, TypeVar

import attrs

from sauma.errors import Conflict, InvalidInput, UnknownName
from sauma.identifiers import check_gsrn, check_name, content_id
from sauma.intervals import Interval, check_utc, format_time
from sauma.units import (
    PRICE_MICRO_MAX,
    check_energy,
    check_integer,
    check_price,
)

KEY_CHARACTERS_MAX: Final = 128


class Side(enum.IntEnum):
    """Which way an offer goes; the value is what stands in the column."""

    BID = 0
    ASK = 1


WITHDRAWN_MICRO: Final[Mapping[Side, int]] = {
    Side.BID: -PRICE_MICRO_MAX,
    Side.ASK: PRICE_MICRO_MAX,
}
"""The standing price of a side that is withdrawn: nobody would meet it, and it makes no offer."""


class Quality(enum.Enum):
    """How far a reading can be trusted."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    MISSING = "missing"


def _check_side(side: int) -> Side:
    try:
        return Side(side)
    except ValueError as error:
        raise InvalidInput(f"side {side!r} is neither Side.BID nor Side.ASK") from error


def _check_interval(interval: object) -> None:
    if not isinstance(interval, Interval):
        raise InvalidInput(f"interval {interval!r} is no Interval: build one from its UTC start")


def _check_key(key: object) -> str:
    if not isinstance(key, str) or not 0 < len(key) <= KEY_CHARACTERS_MAX:
        raise InvalidInput(f"key {key!r} must be text of 1 to {KEY_CHARACTERS_MAX} characters")
    return key


@attrs.frozen(kw_only=True)
class MeteringPoint:
    """Where energy is measured: a GSRN that belongs to one participant in one area."""

    gsrn: str
    participant: str
    area: str

    def __attrs_post_init__(self) -> None:
        """Refuse what is no GSRN and no name."""
        check_gsrn(self.gsrn)
        check_name(self.participant)
        check_name(self.area, "area")


@attrs.frozen(kw_only=True)
class Reading:
    """What flowed through a metering point in an interval, both ways.

    `key` is the caller's name of the reading: two readings with different keys are two readings and
    add up.  A correction has the same key and a higher `version` and replaces what came before.  A
    `MISSING` reading carries no energy.
    """

    metering_point: str
    interval: Interval
    imported_wh: int
    exported_wh: int
    quality: Quality = Quality.MEASURED
    version: int = 1
    key: str

    def __attrs_post_init__(self) -> None:
        """Refuse energies that are no whole Wh from 0 up, versions below 1 and empty keys."""
        check_gsrn(self.metering_point)
        _check_interval(self.interval)
        check_energy(self.imported_wh, "imported_wh")
        check_energy(self.exported_wh, "exported_wh")
        if check_integer(self.version, "version") < 1:
            raise InvalidInput(f"version is {self.version}: versions of a reading count from 1")
        _check_key(self.key)
        if not isinstance(self.quality, Quality):
            raise InvalidInput(
                f"quality {self.quality!r} is no Quality: use one of {list(Quality)}"
            )
        if self.quality is Quality.MISSING and (self.imported_wh or self.exported_wh):
            raise InvalidInput(
                f"the missing reading of {self.metering_point} at {self.interval} carries energy: "
                "give 0 Wh, or call it estimated"
            )

    @cached_property
    def reading_id(self) -> bytes:
        """The id: metering point, interval, key and version; what was read is its contents."""
        interval = self.interval
        return content_id(
            "reading",
            self.metering_point,
            interval.start_unix,
            interval.minutes,
            self.key,
            self.version,
        )


@attrs.frozen(kw_only=True)
class StandingPrice:
    """The price at which a participant buys (bid) or sells (ask), from `valid_from` until changed.

    In an interval the newest price with `valid_from` at or before its start applies.
    """

    participant: str
    area: str
    side: Side
    price_micro: int
    valid_from: datetime

    def __attrs_post_init__(self) -> None:
        """Refuse names, prices and naive times that cannot be; keep the time in UTC."""
        check_name(self.participant)
        check_name(self.area, "area")
        check_price(self.price_micro)
        object.__setattr__(self, "side", _check_side(self.side))
        object.__setattr__(self, "valid_from", check_utc(self.valid_from, "valid_from"))

    @property
    def is_withdrawn(self) -> bool:
        """Whether the participant stopped dealing on this side until it sets a price again."""
        return self.price_micro == WITHDRAWN_MICRO[self.side]


@attrs.frozen(kw_only=True)
class Position:
    """What a participant imported and exported in an area and interval, over all metering points.

    `own_use_wh` is what the participant's export gave to the own import before anything is offered.
    `readings_id` is a hash of the readings behind it: after a correction it is another one.
    """

    participant: str
    interval: Interval
    area: str
    imported_wh: int
    exported_wh: int
    own_use_wh: int = 0
    readings_id: bytes = b""

    def __attrs_post_init__(self) -> None:
        """Refuse own use beyond what flowed in either direction."""
        check_name(self.participant)
        check_name(self.area, "area")
        _check_interval(self.interval)
        check_energy(self.imported_wh, "imported_wh")
        check_energy(self.exported_wh, "exported_wh")
        check_energy(self.own_use_wh, "own_use_wh")
        if self.own_use_wh > min(self.imported_wh, self.exported_wh):
            raise InvalidInput(
                f"own_use_wh {self.own_use_wh} of {self.participant} is more than was imported "
                f"({self.imported_wh}) or exported ({self.exported_wh})"
            )

    @property
    def to_buy_wh(self) -> int:
        """What is left to buy: import less own use."""
        return self.imported_wh - self.own_use_wh

    @property
    def to_sell_wh(self) -> int:
        """What is left to sell: export less own use."""
        return self.exported_wh - self.own_use_wh


@attrs.frozen(kw_only=True)
class Offer:
    """So much energy in an interval, at no more (bid) or no less (ask) than the limit per kWh."""

    side: Side
    area: str
    interval: Interval
    participant: str
    key: str
    energy_wh: int
    limit_micro: int

    def __attrs_post_init__(self) -> None:
        """Refuse names that are none, no energy at all, and prices out of bounds."""
        object.__setattr__(self, "side", _check_side(self.side))
        check_name(self.area, "area")
        check_name(self.participant)
        _check_interval(self.interval)
        _check_key(self.key)
        check_price(self.limit_micro, "limit_micro")
        if not check_energy(self.energy_wh):
            raise InvalidInput(f"offer {self.key!r} of {self.participant} is of 0 Wh: leave it out")

    @cached_property
    def offer_id(self) -> bytes:
        """The id, 32 bytes: area, interval, participant and key; the rest is its contents."""
        interval = self.interval
        return content_id(
            "offer", self.area, interval.start_unix, interval.minutes, self.participant, self.key
        )


_Value = TypeVar("_Value", Reading, Offer)


def each_once(values: Iterable[_Value], id_name: str) -> dict[bytes, _Value]:
    """Key values by id; the same again is a no-op, other contents under one id are a `Conflict`."""
    by_id: dict[bytes, _Value] = {}
    for value in values:
        value_id: bytes = getattr(value, id_name)
        known = by_id.setdefault(value_id, value)
        if known is not value and known != value:
            raise Conflict(
                f"{value!r} has the same id as {known!r} but other contents: "
                "give it another key, or a higher version if it corrects the first"
            )
    return by_id


def newest_readings(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """Return the readings that count: each key of a point and interval in its newest version.

    The order is canonical.  Raises `Conflict` when one key and version came with two contents.
    """
    newest: dict[tuple[str, Interval, str], Reading] = {}
    for reading in each_once(readings, "reading_id").values():
        identity = (reading.metering_point, reading.interval, reading.key)
        known = newest.get(identity)
        if known is None or known.version < reading.version:
            newest[identity] = reading
    return tuple(newest[identity] for identity in sorted(newest))


def positions_from_readings(
    readings: Iterable[Reading],
    metering_points: Mapping[str, MeteringPoint],
    *,
    own_use_first: bool,
) -> tuple[Position, ...]:
    """Sum the readings that count: one position for each interval, area and participant.

    `metering_points` is keyed by GSRN.  With `own_use_first`, what a participant exports in an
    interval meets what the participant imports in it first, whichever metering points they went
    through; without, own use is zero and both directions are offered whole.  Imported = own use +
    to buy, exported = own use + to sell.  A missing reading counts as 0 Wh until it is corrected.
    Positions come sorted by interval, area, participant.
    Raises `UnknownName` for a metering point that nobody registered.
    """
    groups: dict[tuple[Interval, str, str], list[Reading]] = defaultdict(list)
    for reading in newest_readings(readings):
        point = metering_points.get(reading.metering_point)
        if point is None:
            raise UnknownName(
                f"metering point {reading.metering_point} is not registered: "
                "register it with its participant and area, then send the reading again"
            )
        groups[(reading.interval, point.area, point.participant)].append(reading)
    positions = []
    for (interval, area, participant), group in sorted(groups.items(), key=lambda item: item[0]):
        imported_wh = sum(reading.imported_wh for reading in group)
        exported_wh = sum(reading.exported_wh for reading in group)
        positions.append(
            Position(
                participant=participant,
                interval=interval,
                area=area,
                imported_wh=imported_wh,
                exported_wh=exported_wh,
                own_use_wh=min(imported_wh, exported_wh) if own_use_first else 0,
                readings_id=content_id("readings", sorted(item.reading_id for item in group)),
            )
        )
    return tuple(positions)


class StandingPrices:
    """Standing prices, found by participant, area, side and interval; built once, never changed."""

    def __init__(self, prices: Iterable[StandingPrice]) -> None:
        """Index the prices; raise `Conflict` when two are valid from the same moment and differ."""
        found: dict[tuple[str, str, Side], dict[datetime, int]] = defaultdict(dict)
        for price in prices:
            since = found[(price.participant, price.area, price.side)]
            known = since.setdefault(price.valid_from, price.price_micro)
            if known != price.price_micro:
                raise Conflict(
                    f"{price.participant} has two {price.side.name.lower()} prices from "
                    f"{format_time(price.valid_from)}, {known} and {price.price_micro}: keep one"
                )
        self._since = {
            identity: (sorted(since), [since[moment] for moment in sorted(since)])
            for identity, since in found.items()
        }

    def price_at(self, participant: str, area: str, side: Side, interval: Interval) -> int | None:
        """Return the newest price with `valid_from` at or before the interval's start, or None."""
        moments, prices = self._since.get((participant, area, side), ((), ()))
        index = bisect_right(moments, interval.start)
        return prices[index - 1] if index else None


def offers_from_positions(
    positions: Iterable[Position], prices: StandingPrices
) -> tuple[Offer, ...]:
    """Turn positions into offers: import bids the buying price, export asks the selling price.

    Without a standing price for a side, or with a withdrawn one, there is no offer, and that energy is
    residual.  The key names the readings, so that a correction makes another offer.
    """
    offers = []
    for position in positions:
        sides = ((Side.BID, position.to_buy_wh), (Side.ASK, position.to_sell_wh))
        for side, energy_wh in sides:
            limit_micro = prices.price_at(
                position.participant, position.area, side, position.interval
            )
            if not energy_wh or limit_micro in (None, WITHDRAWN_MICRO[side]):
                continue
            offers.append(
                Offer(
                    side=side,
                    area=position.area,
                    interval=position.interval,
                    participant=position.participant,
                    key=f"standing:{side.name.lower()}:{position.readings_id.hex()}",
                    energy_wh=energy_wh,
                    limit_micro=limit_micro,
                )
            )
    return tuple(offers)
