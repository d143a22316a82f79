"""Readings as columns: what a city's meters send, checked and named without a value for each.

One row is what a `Reading` is.  `value_faults` says which rows cannot be readings at all, `reading_ids`
gives the ids that `Reading.reading_id` gives.  Pure; nothing here knows what was registered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from sauma.errors import InvalidInput
from sauma.intervals import Interval, format_time, from_unix
from sauma.offers import KEY_CHARACTERS_MAX, Quality, Reading
from sauma.units import ENERGY_WH_MAX

QUALITIES: Final = (Quality.MEASURED, Quality.ESTIMATED, Quality.MISSING)
"""Their numbers in columns, from 0."""
VERSION_MAX: Final = 2**31 - 1
START_UNIX_MAX: Final = 253_402_300_799
"""The end of the year 9999."""

Int64Column: TypeAlias = NDArray[np.int64]


@attrs.frozen(kw_only=True)
class Fault:
    """Why a row is refused: the field that is wrong, a word for programs, and what to do."""

    field: str
    code: str
    message: str


@attrs.frozen(kw_only=True, eq=False)
class ReadingColumns:
    """Readings, one row each: GSRN and key as texts, everything else as integers of 64 bits.

    `quality` is the number of the quality in `QUALITIES`, `interval_start` in seconds since 1970.
    """

    metering_point: Sequence[str]
    interval_start: Int64Column
    imported_wh: Int64Column
    exported_wh: Int64Column
    quality: Int64Column
    version: Int64Column
    key: Sequence[str]

    def __attrs_post_init__(self) -> None:
        """Refuse columns of different lengths."""
        lengths = {name: len(column) for name, column in self._columns().items()}
        if len(set(lengths.values())) != 1:
            raise InvalidInput(f"columns of readings differ in length: {lengths}")

    @classmethod
    def from_readings(cls, readings: Sequence[Reading]) -> ReadingColumns:
        """Return the columns of readings, in their order."""

        def integers(values: Iterable[int]) -> Int64Column:
            return np.fromiter(values, dtype=np.int64, count=len(readings))

        return cls(
            metering_point=[one.metering_point for one in readings],
            interval_start=integers(one.interval.start_unix for one in readings),
            imported_wh=integers(one.imported_wh for one in readings),
            exported_wh=integers(one.exported_wh for one in readings),
            quality=integers(QUALITIES.index(one.quality) for one in readings),
            version=integers(one.version for one in readings),
            key=[one.key for one in readings],
        )

    @classmethod
    def joined(cls, parts: Sequence[ReadingColumns]) -> ReadingColumns:
        """Return the rows of several, one after the other."""
        if len(parts) == 1:
            return parts[0]
        columns: dict[str, Any] = {}
        for name in ("interval_start", "imported_wh", "exported_wh", "quality", "version"):
            none = np.zeros(0, dtype=np.int64)
            columns[name] = np.concatenate([none, *(getattr(part, name) for part in parts)])
        for name in ("metering_point", "key"):
            columns[name] = [text for part in parts for text in getattr(part, name)]
        return cls(**columns)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.metering_point)

    def reading(self, row: int, minutes: int) -> Reading:
        """Return a row as a value."""
        return Reading(
            metering_point=self.metering_point[row],
            interval=Interval.from_start_unix(int(self.interval_start[row]), minutes),
            imported_wh=int(self.imported_wh[row]),
            exported_wh=int(self.exported_wh[row]),
            quality=QUALITIES[int(self.quality[row])],
            version=int(self.version[row]),
            key=self.key[row],
        )

    def contents(self, row: int) -> tuple[int, int, int]:
        """Return what was read: energy in, energy out, number of the quality."""
        return int(self.imported_wh[row]), int(self.exported_wh[row]), int(self.quality[row])

    def _columns(self) -> Mapping[str, Sequence[Any]]:
        return attrs.asdict(self, recurse=False)


def value_faults(columns: ReadingColumns, minutes: int) -> dict[int, Fault]:
    """Return the first fault of every row that cannot be a reading of an interval of so many minutes."""
    start = columns.interval_start
    faults: dict[int, Fault] = {}

    def refuse(wrong: NDArray[np.bool_], field: str, code: str, message: str) -> None:
        values = getattr(columns, field)
        for row in np.flatnonzero(wrong).tolist():
            faults.setdefault(
                row, Fault(field=field, code=code, message=message.format(values[row]))
            )

    known_time = (start >= 0) & (start <= START_UNIX_MAX)
    refuse(~known_time, "interval_start", "no_time", "interval start {} is no time after 1970")
    for row in np.flatnonzero(known_time & (start % (minutes * 60) != 0)).tolist():
        when = format_time(from_unix(int(start[row])))
        text = f"interval start {when} is not on the {minutes}-minute grid: round it first"
        faults.setdefault(row, Fault(field="interval_start", code="off_grid", message=text))
    for field in ("imported_wh", "exported_wh"):
        column = getattr(columns, field)
        limit = f"{field} is {{}} Wh: it must be between 0 and {ENERGY_WH_MAX}"
        refuse((column < 0) | (column > ENERGY_WH_MAX), field, "no_energy", limit)
    quality = columns.quality
    refuse((quality < 0) | (quality > 2), "quality", "no_quality", "quality number {} is none")
    carries = (quality == 2) & ((columns.imported_wh != 0) | (columns.exported_wh != 0))
    text = "a missing reading carries energy: give 0 Wh, or call it estimated"
    refuse(carries, "quality", "missing_with_energy", text)
    version = columns.version
    text = "version is {}: versions of a reading count from 1"
    refuse((version < 1) | (version > VERSION_MAX), "version", "no_version", text)
    for key in set(columns.key):
        if not 0 < len(key) <= KEY_CHARACTERS_MAX or "\0" in key:
            text = f"a key must be text of 1 to {KEY_CHARACTERS_MAX} characters"
            for row, other in enumerate(columns.key):
                if other == key:
                    faults.setdefault(row, Fault(field="key", code="no_key", message=text))
    return faults


def reading_ids(columns: ReadingColumns, minutes: int) -> list[bytes]:
    """Return the id of each row: what `content_id` gives for the same facts, several times faster."""
    written = {key: json.dumps(key, ensure_ascii=False) for key in set(columns.key)}
    return [
        sha256(
            f'sauma:reading:["{point}",{start},{minutes},{written[key]},{version}]'.encode()
        ).digest()
        for point, start, key, version in zip(
            columns.metering_point,
            columns.interval_start.tolist(),
            columns.key,
            columns.version.tolist(),
            strict=True,
        )
    ]
