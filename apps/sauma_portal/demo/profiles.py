"""What meters report in the demo: a real day of seven homes, over and over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

import attrs
import msgspec

from sauma.intervals import Interval, find_zone
from sauma.offers import MeteringPoint, Quality, Reading

PRODUCERS: Final = ("koivu", "kuusi", "leppa", "tammi")
CONSUMERS: Final = ("pihlaja", "saarni", "vaahtera")
QUARTERS: Final = 96
_ESTIMATED_EACH: Final = 23
_MISSING_AT: Final = 41


@attrs.frozen(kw_only=True)
class Profile:
    """A home's quarter-hours of one local day."""

    imported_wh: tuple[int, ...]
    exported_wh: tuple[int, ...]


@cache
def profiles() -> dict[str, Profile]:
    """Return the homes by name."""
    text = files("sauma_portal.demo").joinpath("profiles.json").read_bytes()
    homes: dict[str, dict[str, list[int]]] = msgspec.json.decode(text)["homes"]
    return {
        name: Profile(
            imported_wh=tuple(home["imported_wh"]), exported_wh=tuple(home["exported_wh"])
        )
        for name, home in homes.items()
    }


def profile_for(point: MeteringPoint, homes: dict[str, str], sells: bool) -> Profile:
    """Return what a metering point reports: its home's profile, or a newcomer's by its digits."""
    name = homes.get(point.gsrn)
    if name is None:
        some = PRODUCERS if sells else CONSUMERS
        name = some[sha256(point.gsrn.encode()).digest()[0] % len(some)]
    return profiles()[name]


def readings(
    points: Iterable[tuple[MeteringPoint, Profile]], interval: Interval, zone: str
) -> Iterator[Reading]:
    """Give what meters report of an interval; now and then one is estimated, and rarely one is missing."""
    local = interval.start.astimezone(find_zone(zone))
    quarter = (local.hour * 4 + local.minute // 15) % QUARTERS
    for point, profile in points:
        chance = sha256(f"{point.gsrn} {interval.start_unix}".encode()).digest()[0]
        quality = Quality.MEASURED
        if chance % _ESTIMATED_EACH == 0:
            quality = Quality.ESTIMATED
        is_missing = chance == _MISSING_AT
        yield Reading(
            metering_point=point.gsrn,
            interval=interval,
            imported_wh=0 if is_missing else profile.imported_wh[quarter],
            exported_wh=0 if is_missing else profile.exported_wh[quarter],
            quality=Quality.MISSING if is_missing else quality,
            key="meter",
        )
