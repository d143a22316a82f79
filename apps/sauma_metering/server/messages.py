"""What goes over the wire, decoded by msgspec straight into values or columns, and checked by name.

Two shapes of one batch: `readings`, a list of objects, for devices; `columns`, one list a field, for
head-end systems that send thousands at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
import numpy as np

from sauma.errors import InvalidInput
from sauma.intervals import parse_time, to_unix
from sauma.offers import Quality
from sauma.readings import QUALITIES, Fault, Int64Column, ReadingColumns
from sauma_metering.plain import KEY_DEFAULT

BATCH_ROWS_MAX: Final = 50_000
_NUMBER: Final = {quality.value: number for number, quality in enumerate(QUALITIES)}
_INT64: Final = (-(2**63), 2**63 - 1)


class ReadingMessage(msgspec.Struct, forbid_unknown_fields=True):
    """One reading, as a device sends it: whole Wh, ISO 8601 with an offset."""

    metering_point: str
    interval_start: str
    imported_wh: int
    exported_wh: int
    quality: str = Quality.MEASURED.value
    version: int = 1
    key: str = KEY_DEFAULT


class ColumnsMessage(msgspec.Struct, forbid_unknown_fields=True):
    """Many readings as columns; what is one for all rows may be given once instead of as a list."""

    metering_point: list[str]
    imported_wh: list[int]
    exported_wh: list[int]
    interval_start: list[str] | str
    quality: list[str] | str = Quality.MEASURED.value
    version: list[int] | int = 1
    key: list[str] | str = KEY_DEFAULT


class BatchMessage(msgspec.Struct, forbid_unknown_fields=True):
    """A batch: `readings` or `columns`."""

    readings: list[ReadingMessage] | None = None
    columns: ColumnsMessage | None = None


_DECODER: Final = msgspec.json.Decoder(BatchMessage)


class NotABatch(InvalidInput):
    """The body is no batch at all: nothing in it can be judged row by row."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


def decode_batch(body: bytes) -> tuple[ReadingColumns, dict[int, Fault]]:
    """Return the rows of a body, and the faults of those whose values cannot be read.

    Raises `NotABatch`, which names item and field, for what is no JSON of this shape.
    """
    try:
        batch = _DECODER.decode(body)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$.")
        raise NotABatch(f"{text}: see `{place.rstrip('`')}`", field=place.rstrip("`")) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotABatch(f"the body is no JSON: {error}") from error
    if (batch.readings is None) == (batch.columns is None):
        raise NotABatch('give either "readings" or "columns"')
    return (
        _from_rows(batch.readings) if batch.readings is not None else _from_columns(batch.columns)
    )


def _from_rows(rows: Sequence[ReadingMessage]) -> tuple[ReadingColumns, dict[int, Fault]]:
    return _checked(
        metering_point=[one.metering_point for one in rows],
        interval_start=[one.interval_start for one in rows],
        imported_wh=[one.imported_wh for one in rows],
        exported_wh=[one.exported_wh for one in rows],
        quality=[one.quality for one in rows],
        version=[one.version for one in rows],
        key=[one.key for one in rows],
    )


def _from_columns(message: ColumnsMessage | None) -> tuple[ReadingColumns, dict[int, Fault]]:
    if message is None:
        raise NotABatch("there are no columns")
    count = len(message.metering_point)
    columns: dict[str, list[Any]] = {}
    for name in ColumnsMessage.__struct_fields__:
        value = getattr(message, name)
        columns[name] = value if isinstance(value, list) else [value] * count
        if len(columns[name]) != count:
            raise NotABatch(
                f"columns.{name} has {len(columns[name])} values, metering_point has {count}",
                field=f"columns.{name}",
            )
    return _checked(**columns)


def _checked(
    *,
    metering_point: list[str],
    interval_start: list[str],
    imported_wh: list[int],
    exported_wh: list[int],
    quality: list[str],
    version: list[int],
    key: list[str],
) -> tuple[ReadingColumns, dict[int, Fault]]:
    """Turn texts into numbers; a row that cannot be is given a fault and harmless values."""
    count = len(metering_point)
    if count > BATCH_ROWS_MAX:
        raise NotABatch(f"a batch of {count} readings is above {BATCH_ROWS_MAX}: send it in parts")
    faults: dict[int, Fault] = {}
    columns = {
        "interval_start": _numbers(
            interval_start, _start_unix, "interval_start", "no_time", faults
        ),
        "quality": _numbers(quality, _quality_number, "quality", "no_quality", faults),
    }
    for name, code, values in (
        ("imported_wh", "no_energy", imported_wh),
        ("exported_wh", "no_energy", exported_wh),
        ("version", "no_version", version),
    ):
        columns[name] = _integers(values, name, code, faults)
    return ReadingColumns(metering_point=metering_point, key=key, **columns), faults


def _numbers(
    texts: list[str],
    read: Callable[[str], int],
    field: str,
    code: str,
    faults: dict[int, Fault],
) -> Int64Column:
    """Read each different text once."""
    known: dict[str, int] = {}
    wrong: dict[str, str] = {}
    for text in set(texts):
        try:
            known[text] = read(text)
        except InvalidInput as error:
            known[text], wrong[text] = 0, str(error)
    if wrong:
        for row, text in enumerate(texts):
            if text in wrong:
                faults.setdefault(row, Fault(field=field, code=code, message=wrong[text]))
    return np.fromiter((known[text] for text in texts), dtype=np.int64, count=len(texts))


def _integers(values: list[int], field: str, code: str, faults: dict[int, Fault]) -> Int64Column:
    try:
        return np.array(values, dtype=np.int64)
    except OverflowError:
        lowest, highest = _INT64
        fitting = [value if lowest <= value <= highest else 0 for value in values]
        for row, value in enumerate(values):
            if not lowest <= value <= highest:
                text = f"{field} does not fit 64 bits"
                faults.setdefault(row, Fault(field=field, code=code, message=text))
        return np.array(fitting, dtype=np.int64)


@lru_cache(maxsize=4096)
def _start_unix(text: str) -> int:
    return to_unix(parse_time(text, "interval_start"))


def _quality_number(text: str) -> int:
    number = _NUMBER.get(text)
    if number is None:
        raise InvalidInput(f"quality {text[:40]!r} is not one of {', '.join(_NUMBER)}")
    return number
