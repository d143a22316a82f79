"""What both versions of OCPP have in common: times, energy registers, and errors that name the field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from ocpp.exceptions import PropertyConstraintViolationError

from sauma.errors import InvalidInput
from sauma.session import RegisterStatus
from sauma_metering.charging.events import Sample

REGISTER: Final = "Energy.Active.Import.Register"
_UNITS: Final = {"Wh": Decimal(1), "kWh": Decimal(1000)}
_STATUS: Final = {
    "Transaction.Begin": RegisterStatus.BEGIN,
    "Transaction.End": RegisterStatus.END,
    "Interruption.Begin": RegisterStatus.INTERRUPTED,
    "Interruption.End": RegisterStatus.INTERRUPTED,
}


@contextmanager
def telling_the_station() -> Iterator[None]:
    """Answer a station's mistake as OCPP does: with a call error that says what is wrong."""
    try:
        yield
    except InvalidInput as error:
        raise PropertyConstraintViolationError(description=str(error)[:255]) from error


def parse_time(text: str) -> datetime:
    """Return a time that a station wrote, in whole seconds; raises `InvalidInput` without a zone."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"{text!r} is no time: write it as 2026-01-31T12:00:00Z") from error
    if time.tzinfo is None:
        raise InvalidInput(f"time {text!r} has no zone: write it in UTC, with a Z")
    return time.replace(microsecond=0)


def parse_register(number: object, unit: str | None, multiplier: int = 0) -> int:
    """Return a register in whole Wh, rounded down: what is not a full Wh yet is not counted yet.

    Raises `InvalidInput` for what is no number, is below zero, or has another unit.
    """
    if unit not in (None, *_UNITS):
        raise InvalidInput(f"energy in {unit!r} is not understood: send Wh or kWh")
    try:
        energy = Decimal(str(number)) * _UNITS[unit or "Wh"] * Decimal(10) ** multiplier
    except InvalidOperation as error:
        raise InvalidInput(f"{str(number)[:40]!r} is no energy: send a decimal number") from error
    if not energy.is_finite() or energy < 0:
        raise InvalidInput(f"an energy register of {energy} cannot be: send what the meter shows")
    return int(energy)


def samples_of(meter_values: Sequence[Mapping[str, Any]] | None) -> tuple[Sample, ...]:
    """Return the energy registers among meter values; other measurands, and phases, are left out."""
    samples: list[Sample] = []
    for entry in meter_values or ():
        time = parse_time(entry["timestamp"])
        for value in entry["sampled_value"]:
            if value.get("measurand", REGISTER) != REGISTER or value.get("phase"):
                continue
            if value.get("format") == "SignedData":
                continue
            unit = value.get("unit_of_measure") or {}
            samples.append(
                Sample(
                    register_wh=parse_register(
                        value["value"],
                        value.get("unit") or unit.get("unit"),
                        unit.get("multiplier", 0),
                    ),
                    time=time,
                    status=_STATUS.get(value.get("context", ""), RegisterStatus.PERIODIC),
                )
            )
    return tuple(samples)
