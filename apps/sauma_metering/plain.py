"""The plain CSV of readings: one line a reading, whole Wh, ISO 8601 with an offset.

::

    metering_point,interval_start,imported_wh,exported_wh,quality,version,key
    643000000000000016,2021-03-13T10:00:00Z,120,0,measured,1,meter

`quality` (measured, estimated, missing), `version` and `key` may be left out, as columns or as cells.
All lines are imported or none.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from sauma.errors import InvalidInput
from sauma.identifiers import check_gsrn
from sauma.intervals import QUARTER_MINUTES, Interval, format_time, parse_time
from sauma.offers import Quality, Reading
from sauma_metering.ledger import ReadingLedger
from sauma_metering.table import Row, read_rows

REQUIRED: Final = ("metering_point", "interval_start", "imported_wh", "exported_wh")
OPTIONAL: Final = ("quality", "version", "key")

KEY_DEFAULT: Final = "meter"
"""The key of a reading whose file names none: the same in every file, so a repeat is a repeat."""

_DIGITS = re.compile(r"[0-9]+")
_DECIMALS = re.compile(r"[+-]?[0-9]*[.,][0-9]*(?:[eE][+-]?[0-9]+)?")
_DIGITS_MAX: Final = 19


def parse_plain(
    text: str, *, file: str = "readings", minutes: int = QUARTER_MINUTES
) -> tuple[Reading, ...]:
    """Return the readings of a plain CSV in the order of its lines.

    The same reading twice with the same contents counts once; with other contents it is a `Conflict`
    that names both lines.  Raises `InvalidInput` with file, line and column for anything broken.
    """
    ledger = ReadingLedger()
    for row in read_rows(text, file=file, separator=",", required=REQUIRED, optional=OPTIONAL):
        ledger.add(_parse_reading(row, minutes), row)
    return ledger.readings


def format_plain(readings: Iterable[Reading]) -> str:
    """Write readings as plain CSV with all columns; `parse_plain` gives them back.

    Raises `InvalidInput` for a key that would not come back: line breaks, white space around it.
    """
    text = io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([*REQUIRED, *OPTIONAL])
    for reading in readings:
        if not reading.key.isprintable() or reading.key != reading.key.strip():
            raise InvalidInput(
                f"key {reading.key!r} has line breaks or white space around it: "
                "plain CSV cannot carry it"
            )
        lines.writerow(
            [
                reading.metering_point,
                format_time(reading.interval.start),
                reading.imported_wh,
                reading.exported_wh,
                reading.quality.value,
                reading.version,
                reading.key,
            ]
        )
    return text.getvalue()


def _parse_reading(row: Row, minutes: int) -> Reading:
    imported_wh = row.read("imported_wh", parse_energy_wh)
    exported_wh = row.read("exported_wh", parse_energy_wh)
    try:
        return Reading(
            metering_point=row.read("metering_point", check_gsrn_once),
            interval=row.read("interval_start", lambda text: parse_interval(text, minutes)),
            imported_wh=imported_wh,
            exported_wh=exported_wh,
            quality=row.read("quality", _parse_quality) if row["quality"] else Quality.MEASURED,
            version=row.read("version", _parse_version) if row["version"] else 1,
            key=row["key"] or KEY_DEFAULT,
        )
    except InvalidInput as error:
        raise row.located(error) from error


@lru_cache(maxsize=4096)
def check_gsrn_once(text: str) -> str:
    """Return a valid GSRN; the same text is checked only once."""
    return check_gsrn(text)


@lru_cache(maxsize=4096)
def parse_interval(text: str, minutes: int) -> Interval:
    """Return the interval that starts at an ISO 8601 time with an offset, exactly on the grid."""
    return Interval(start=parse_time(text, "interval start"), minutes=minutes)


def parse_energy_wh(text: str) -> int:
    """Return whole Wh from 0 up; a decimal number or a sign is refused with the way out."""
    if _DIGITS.fullmatch(text) and len(text) <= _DIGITS_MAX:
        return int(text)
    if text.startswith("-"):
        raise InvalidInput(
            "energy is never negative: what flows out of the home is positive in exported_wh"
        )
    if _DECIMALS.fullmatch(text):
        raise InvalidInput("give whole Wh without decimals: 0.125 kWh is 125, not 0.125 or 125.0")
    raise InvalidInput("give whole Wh in digits only, such as 125; write 0 when nothing flowed")


def _parse_version(text: str) -> int:
    if not _DIGITS.fullmatch(text) or len(text) > _DIGITS_MAX:
        raise InvalidInput("versions are whole numbers from 1: a correction has a higher one")
    return int(text)


def _parse_quality(text: str) -> Quality:
    try:
        return Quality(text)
    except ValueError as error:
        known = ", ".join(quality.value for quality in Quality)
        raise InvalidInput(f"quality is one of {known}") from error
