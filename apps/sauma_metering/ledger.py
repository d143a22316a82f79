"""The readings of one file, each once: a repeat is no news, a contradiction stops the import."""

from __future__ import annotations

from typing import TypeAlias

from sauma.offers import Reading
from sauma_metering.table import Row

_Identity: TypeAlias = tuple[str, int, int, str, int]


class ReadingLedger:
    """Collects readings with the lines that they came from."""

    def __init__(self) -> None:
        """Begin without readings."""
        self._seen: dict[_Identity, tuple[Reading, int]] = {}

    def add(self, reading: Reading, row: Row) -> None:
        """Take a reading; the same again is ignored, other contents raise `Conflict`.

        Metering point, interval, key and version make a reading the same.
        """
        interval = reading.interval
        identity = (
            reading.metering_point,
            interval.start_unix,
            interval.minutes,
            reading.key,
            reading.version,
        )
        first, line = self._seen.setdefault(identity, (reading, row.line))
        if first != reading:
            raise row.conflict(
                line,
                f"metering point {reading.metering_point} at {interval} has "
                f"{_contents(reading)} here and {_contents(first)} there: a correction has a higher version",
            )

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The readings in the order in which they came."""
        return tuple(reading for reading, _ in self._seen.values())


def _contents(reading: Reading) -> str:
    return f"{reading.imported_wh} Wh in and {reading.exported_wh} Wh out ({reading.quality.value})"
