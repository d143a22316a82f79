"""An adjusting bill as it is anchored: the bill, its lines, and the readings that are its reason."""

from __future__ import annotations

import attrs

from sauma.anchoring.rows import Row, line_row
from sauma.correcting import AdjustingBill, CorrectedReading

NO_READING = "none"
"""The old quality where no reading counted before."""


@attrs.frozen(kw_only=True)
class AnchoredAdjustment:
    """An adjusting bill with what names its correction, its settlement and the readings behind it."""

    bill: AdjustingBill
    number: int
    settlement_id: bytes
    area: str
    period_start: int
    period_end: int
    made_at: int
    rulebook_hash: bytes
    """The rulebook by which the settlement was planned."""
    currency: str
    chain_id: str
    settings_hash: bytes
    readings: tuple[CorrectedReading, ...]
    """Those that count now."""


def adjustment_rows(anchored: AnchoredAdjustment) -> list[Row]:
    """Return the rows of an adjusting bill: the bill, its lines, its readings in order of time."""
    bill = anchored.bill
    readings = sorted(map(_reading_row, anchored.readings), key=_order)
    adjusted = bill.adjusted_bill_id
    return [
        {
            "row": "adjustment",
            "bill_id": bill.bill_id.hex(),
            "correction_id": bill.correction_id.hex(),
            "number": anchored.number,
            "settlement_id": anchored.settlement_id.hex(),
            "adjusted_bill_id": "" if adjusted is None else adjusted.hex(),
            "participant": bill.participant,
            "area": anchored.area,
            "chain_id": anchored.chain_id,
            "settings_hash": anchored.settings_hash.hex(),
            "period_start": anchored.period_start,
            "period_end": anchored.period_end,
            "made_at": anchored.made_at,
            "rulebook_hash": anchored.rulebook_hash.hex(),
            "currency": anchored.currency,
            "lines": len(bill.lines),
            "readings": len(readings),
            "old_nano": bill.old_nano,
            "new_nano": bill.new_nano,
            "owed_nano": bill.owed_nano,
            "carried_nano": bill.carried_nano,
            "owed_cents": bill.owed_cents,
            "carry_nano": bill.carry_nano,
        },
        *map(line_row, bill.lines),
        *readings,
    ]


def _reading_row(one: CorrectedReading) -> Row:
    old = one.old
    return {
        "row": "reading",
        "interval_start": one.interval_start,
        "imported_wh": one.new.imported_wh,
        "exported_wh": one.new.exported_wh,
        "quality": one.new.quality.value,
        "old_imported_wh": 0 if old is None else old.imported_wh,
        "old_exported_wh": 0 if old is None else old.exported_wh,
        "old_quality": NO_READING if old is None else old.quality.value,
    }


def _order(row: Row) -> tuple[str, str]:
    return str(row["interval_start"]).zfill(20), str(row)
