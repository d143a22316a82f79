"""Files from disk: which format it is, and what it says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias

from sauma.errors import InvalidInput
from sauma.offers import Reading, StandingPrice
from sauma_metering import datahub, plain
from sauma_metering.participants import ParticipantRow, parse_participants
from sauma_metering.prices import parse_prices
from sauma_metering.table import read_header, read_text

Format: TypeAlias = Literal["auto", "plain", "datahub"]
Name: TypeAlias = str | os.PathLike[str]


def recognise_format(text: str, *, file: str = "readings") -> Literal["plain", "datahub"]:
    """Tell by its header which format a file of readings has, or raise `InvalidInput`."""
    if datahub.METERING_POINT in read_header(text, ";"):
        return "datahub"
    if "metering_point" in read_header(text, ","):
        return "plain"
    raise InvalidInput(
        f"{file}, line 1: the header is of no known format: expected {','.join(plain.REQUIRED)} "
        f"(plain) or {';'.join(datahub.HEADER)} (datahub)"
    )


def read_readings(
    path: Name,
    format: Format = "auto",
    *,
    exports: Mapping[str, str] = MappingProxyType({}),
    hourly: datahub.Hourly = "refuse",
    version: int = 1,
) -> tuple[Reading, ...]:
    """Read a file of readings, whole or not at all; `"auto"` goes by the header.

    `exports`, `hourly` and `version` matter for Datahub files only; see `parse_datahub`.
    """
    text = read_text(Path(path))
    file = os.fspath(path)
    found = recognise_format(text, file=file) if format == "auto" else format
    if found == "plain":
        return plain.parse_plain(text, file=file)
    if found == "datahub":
        return datahub.parse_datahub(
            text, file=file, exports=exports, hourly=hourly, version=version
        )
    raise InvalidInput(f"format {format!r} is not one of 'auto', 'plain', 'datahub'")


def read_participants(path: Name) -> tuple[ParticipantRow, ...]:
    """Read a participants file, whole or not at all."""
    return parse_participants(read_text(Path(path)), file=os.fspath(path))


def read_prices(path: Name) -> tuple[StandingPrice, ...]:
    """Read a prices file, whole or not at all."""
    return parse_prices(read_text(Path(path)), file=os.fspath(path))
