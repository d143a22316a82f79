"""The CSV that consumers download from the Finnish Datahub.

::

    Mittauspisteen tunnus;Tuotteen tyyppi;Resoluutio;Yksikkötyyppi;Lukeman tyyppi;Alkuaika;Määrä;Laatu
    643000000000000016;8716867000030;PT15M;kWh;BN01;2021-03-12T22:00:00Z;0,150000;OK

What is read, and how:

* Active energy (`8716867000030`) in kWh of reading type `BN01`, at `PT15M` or `PT1H`, keyed by UTC start.
* **Direction.** A home that produces has a second metering point for production.  `exports` names each
  such point and the metering point whose exported energy it measures (the same number when it stands
  alone); every other row is import.  Both directions of a home must come in one file.
* **Rounding.** Datahub gives six decimals of a kWh.  They become whole Wh once, by cumulative rounding
  per metering point and local day, so a day's total is the exact total rounded half to even, and the
  same day gives the same readings in whichever file it stands (files cut within a day do not).
* **Hours.** An hour becomes four quarters only when the caller says `hourly="split"`: equal parts, the
  Wh that are left to the first quarters, marked estimated.
* **Quality.** `OK` is measured.  An empty amount, or `MISSING` without energy, is kept as missing with
  0 Wh; every other word keeps its energy as estimated.  A row that is not there gives no reading and
  does not end the series.  Where a home's two directions differ in quality, the worse one counts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from fractions import Fraction
from types import MappingProxyType
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

import attrs

from sauma.errors import InvalidInput
from sauma.identifiers import check_gsrn
from sauma.intervals import QUARTER_MINUTES, Interval, find_zone
from sauma.offers import Quality, Reading
from sauma.units import format_scaled, parse_decimal, split_proportionally
from sauma_metering.plain import KEY_DEFAULT, check_gsrn_once, parse_interval
from sauma_metering.rounding import round_cumulatively
from sauma_metering.table import Row, read_rows

METERING_POINT: Final = "Mittauspisteen tunnus"
PRODUCT: Final = "Tuotteen tyyppi"
RESOLUTION: Final = "Resoluutio"
UNIT: Final = "Yksikkötyyppi"
READING_TYPE: Final = "Lukeman tyyppi"
START: Final = "Alkuaika"
AMOUNT: Final = "Määrä"
QUALITY: Final = "Laatu"
HEADER: Final = (
    METERING_POINT, PRODUCT, RESOLUTION, UNIT, READING_TYPE, START, AMOUNT, QUALITY,
)  # fmt: skip

ACTIVE_ENERGY: Final = "8716867000030"
MINUTES: Final = MappingProxyType({"PT15M": 15, "PT1H": 60})
ZONE_DEFAULT: Final = "Europe/Helsinki"
KWH_DECIMALS: Final = 6
_MILLI: Final = 1_000
"""Millionths of a kWh in a Wh."""

Hourly: TypeAlias = Literal["refuse", "split"]
_Series: TypeAlias = dict[int, "_Amount"]

_AMOUNT = re.compile(r"-?[0-9]{1,12}(?:,[0-9]+)?")


@attrs.frozen(kw_only=True)
class _Amount:
    """One row: energy in thousandths of a Wh, and the line that it came from."""

    interval: Interval
    energy_milli_wh: int
    quality: Quality
    row: Row

    def agrees_with(self, other: _Amount) -> bool:
        """Tell whether two rows say the same."""
        return (
            self.interval == other.interval
            and self.energy_milli_wh == other.energy_milli_wh
            and self.quality is other.quality
        )


@attrs.frozen(kw_only=True)
class _Quarter:
    """Whole Wh in one direction in a quarter-hour."""

    interval: Interval
    energy_wh: int
    quality: Quality
    row: Row


def parse_datahub(
    text: str,
    *,
    file: str = "readings",
    exports: Mapping[str, str] = MappingProxyType({}),
    hourly: Hourly = "refuse",
    version: int = 1,
    zone: str = ZONE_DEFAULT,
) -> tuple[Reading, ...]:
    """Return the readings of a Datahub file by metering point (as they first appear) and time.

    `exports` maps the GSRN of a production metering point to the metering point that gets its energy
    as exported; `version` goes to every reading, a file with corrections takes a higher one.  Raises
    `InvalidInput` with file, line and column, or `Conflict` with both lines; nothing is half imported.
    """
    if hourly not in ("refuse", "split"):
        raise InvalidInput(f"hourly {hourly!r} is not one of 'refuse', 'split'")
    for production, metering_point in exports.items():
        check_gsrn(production)
        check_gsrn(metering_point)
    series: dict[str, _Series] = defaultdict(dict)
    for row in read_rows(text, file=file, separator=";", required=HEADER):
        gsrn = row.read(METERING_POINT, check_gsrn_once)
        _add(series[gsrn], _parse_amount(row, hourly))
    zone_info = find_zone(zone)
    imported: dict[str, dict[Interval, _Quarter]] = defaultdict(dict)
    exported: dict[str, dict[Interval, _Quarter]] = defaultdict(dict)
    for gsrn, amounts in series.items():
        target = exported[exports[gsrn]] if gsrn in exports else imported[gsrn]
        for quarter in _quarters(amounts, zone_info):
            _add_quarter(target, quarter, gsrn)
    metering_points = dict.fromkeys(exports.get(gsrn, gsrn) for gsrn in series)
    return tuple(
        reading
        for metering_point in metering_points
        for reading in _join(
            metering_point, imported[metering_point], exported[metering_point], version
        )
    )


def format_datahub(
    metering_point: str, energies: Iterable[tuple[Interval, int]], *, header: bool = True
) -> str:
    """Write one metering point as a Datahub file; energies are in millionths of a kWh, quality OK."""
    lines = [";".join(HEADER)] if header else []
    for interval, energy_milli_wh in energies:
        amount = format_scaled(energy_milli_wh, KWH_DECIMALS).replace(".", ",")
        resolution = "PT1H" if interval.minutes == MINUTES["PT1H"] else "PT15M"
        lines.append(
            f"{metering_point};{ACTIVE_ENERGY};{resolution};kWh;BN01;{interval};{amount};OK"
        )
    return "".join(f"{line}\n" for line in lines)


def _parse_amount(row: Row, hourly: Hourly) -> _Amount:
    for header, expected in ((PRODUCT, ACTIVE_ENERGY), (UNIT, "kWh"), (READING_TYPE, "BN01")):
        if row[header] != expected:
            raise row.broken(header, f"only {expected} is read: leave other rows out of the file")
    minutes = MINUTES.get(row[RESOLUTION])
    if minutes is None:
        raise row.broken(RESOLUTION, "only PT15M and PT1H are read: download one of these")
    if minutes == MINUTES["PT1H"] and hourly == "refuse":
        raise row.broken(
            RESOLUTION,
            "hours are not quarter-hours: download 15-minute data, or choose hourly='split' "
            "to divide each hour into four estimated quarters",
        )
    interval = row.read(START, lambda text: parse_interval(text, minutes))
    amount_given = bool(row[AMOUNT])
    energy_milli_wh = row.read(AMOUNT, _parse_kwh) if amount_given else 0
    if not row[QUALITY]:
        raise row.broken(QUALITY, "every row says its quality, such as OK or MISSING")
    if row[QUALITY] == "OK" and not amount_given:
        raise row.broken(AMOUNT, "quality OK needs an amount, such as 0,150000")
    if row[QUALITY] == "OK":
        quality = Quality.MEASURED
    elif not amount_given or (row[QUALITY] == "MISSING" and energy_milli_wh == 0):
        quality = Quality.MISSING
    else:
        quality = Quality.ESTIMATED
    return _Amount(interval=interval, energy_milli_wh=energy_milli_wh, quality=quality, row=row)


def _parse_kwh(text: str) -> int:
    if not _AMOUNT.fullmatch(text):
        raise InvalidInput("give kWh with a decimal comma, such as 0,150000")
    if text.startswith("-"):
        raise InvalidInput(
            "energy is never negative: what flows out has its own metering point, named in exports"
        )
    return parse_decimal(text, KWH_DECIMALS, "amount")


def _add(series: _Series, amount: _Amount) -> None:
    first = series.setdefault(amount.interval.start_unix, amount)
    if not first.agrees_with(amount):
        raise amount.row.conflict(
            first.row.line,
            f"metering point {amount.row[METERING_POINT]} at {amount.interval} has "
            f"{amount.row[AMOUNT] or 'nothing'} kWh ({amount.row[QUALITY]}) here and "
            f"{first.row[AMOUNT] or 'nothing'} kWh ({first.row[QUALITY]}) there",
        )


def _add_quarter(target: dict[Interval, _Quarter], quarter: _Quarter, gsrn: str) -> None:
    first = target.setdefault(quarter.interval, quarter)
    if first is not quarter:
        raise quarter.row.conflict(
            first.row.line,
            f"{gsrn} and {first.row[METERING_POINT]} both measure {quarter.interval} "
            "for one metering point in one direction, or an hour covers a quarter",
        )


def _quarters(series: _Series, zone: ZoneInfo) -> Iterable[_Quarter]:
    """Yield whole Wh per quarter: rounded cumulatively within each local day, hours split."""
    days: dict[date, list[_Amount]] = defaultdict(list)
    for start_unix in sorted(series):
        amount = series[start_unix]
        days[_local_day(amount.interval.start, zone)].append(amount)
    for amounts in days.values():
        energies_wh = round_cumulatively(
            Fraction(amount.energy_milli_wh, _MILLI) for amount in amounts
        )
        for amount, energy_wh in zip(amounts, energies_wh, strict=True):
            yield from _split(amount, energy_wh)


def _local_day(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def _split(amount: _Amount, energy_wh: int) -> Iterable[_Quarter]:
    interval = amount.interval
    quarters = interval.minutes // QUARTER_MINUTES
    if quarters == 1:
        yield _Quarter(
            interval=interval, energy_wh=energy_wh, quality=amount.quality, row=amount.row
        )
        return
    quality = Quality.MISSING if amount.quality is Quality.MISSING else Quality.ESTIMATED
    for index, part_wh in enumerate(split_proportionally(energy_wh, [1] * quarters)):
        yield _Quarter(
            interval=Interval.from_start_unix(interval.start_unix + index * QUARTER_MINUTES * 60),
            energy_wh=part_wh,
            quality=quality,
            row=amount.row,
        )


def _join(
    metering_point: str,
    imported: Mapping[Interval, _Quarter],
    exported: Mapping[Interval, _Quarter],
    version: int,
) -> Iterable[Reading]:
    """Yield one reading a quarter out of the two directions; a hole in one of them is missing."""
    directions = [direction for direction in (imported, exported) if direction]
    for interval in sorted({interval for direction in directions for interval in direction}):
        qualities = {
            direction[interval].quality if interval in direction else Quality.MISSING
            for direction in directions
        }
        imported_wh = imported[interval].energy_wh if interval in imported else 0
        exported_wh = exported[interval].energy_wh if interval in exported else 0
        yield Reading(
            metering_point=metering_point,
            interval=interval,
            imported_wh=imported_wh,
            exported_wh=exported_wh,
            quality=_worse(qualities, carries_energy=imported_wh > 0 or exported_wh > 0),
            version=version,
            key=KEY_DEFAULT,
        )


def _worse(qualities: set[Quality], *, carries_energy: bool) -> Quality:
    """Return the worst of the qualities; energy with a missing other direction is an estimate."""
    if qualities == {Quality.MEASURED}:
        return Quality.MEASURED
    if Quality.MISSING in qualities and not carries_energy:
        return Quality.MISSING
    return Quality.ESTIMATED
