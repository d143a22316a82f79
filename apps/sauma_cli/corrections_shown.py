"""Adjusting bills as people and programs read them: what was corrected, why, and what it changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from sauma.correcting import CorrectedReading, Metered
from sauma.intervals import format_time, from_unix
from sauma.statements import AdjustingStatement
from sauma_cli.rendering import BILL_ID_DIGITS, cents, kwh, line_facts, nano, plain_table


def adjustments_table(statements: Sequence[AdjustingStatement], currency: str) -> Table:
    """Return each adjusting bill: the bill it adjusts, old and new amount, old and new readings.

    Readings are kWh in and out.
    """
    numbers = ("old", "new", "difference", f"owes {currency}")
    table = plain_table("corrected", "", *numbers, right=numbers)
    for one in statements:
        bill = one.bill
        adjusted = bill.adjusted_bill_id
        words = "no bill" if adjusted is None else f"bill {adjusted.hex()[:BILL_ID_DIGITS]}"
        table.add_row(
            f"[bold]{bill.participant}[/]",
            words,
            nano(bill.old_nano),
            nano(bill.new_nano),
            nano(bill.owed_nano),
            f"[bold]{cents(bill.owed_cents)}[/]",
        )
        for reading in one.readings:
            table.add_row(
                "",
                f"[dim]{format_time(from_unix(reading.interval_start))} "
                f"{reading.outcome.name.lower().replace('_', ' ')}[/]",
                _metered(reading.old),
                _metered(reading.new),
                "",
                "",
            )
        table.add_row(
            "", f"[dim]adjusting bill {bill.bill_id.hex()[:BILL_ID_DIGITS]}[/]", "", "", "", "",
            end_section=True,
        )  # fmt: skip
    return table


def _metered(reading: Metered | None) -> str:
    return "-" if reading is None else f"{kwh(reading.imported_wh)}/{kwh(reading.exported_wh)}"


def adjustment_facts(one: AdjustingStatement) -> dict[str, Any]:
    """Return an adjusting bill for programs: integers in the units that the names say."""
    bill = one.bill
    adjusted = bill.adjusted_bill_id
    return {
        "bill_id": bill.bill_id.hex(),
        "adjusted_bill_id": None if adjusted is None else adjusted.hex(),
        "participant": bill.participant,
        "area": one.area,
        "period_start": format_time(one.period_start),
        "period_end": format_time(one.period_end),
        "number": one.number,
        "made_at": format_time(one.made_at),
        "old_nano": bill.old_nano,
        "new_nano": bill.new_nano,
        "owed_nano": bill.owed_nano,
        "carried_nano": bill.carried_nano,
        "owed_cents": bill.owed_cents,
        "carry_nano": bill.carry_nano,
        "lines": [line_facts(line) for line in bill.lines],
        "readings": [_reading_facts(reading) for reading in one.readings],
    }


def _reading_facts(reading: CorrectedReading) -> dict[str, Any]:
    return {
        "interval_start": format_time(from_unix(reading.interval_start)),
        "outcome": reading.outcome.name.lower(),
        "old": None if reading.old is None else _metered_facts(reading.old),
        "new": _metered_facts(reading.new),
    }


def _metered_facts(reading: Metered) -> dict[str, Any]:
    return {
        "imported_wh": reading.imported_wh,
        "exported_wh": reading.exported_wh,
        "quality": reading.quality.value,
    }
