"""What must hold between the rows of an adjusting bill; the first that does not is a `Disagreement`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sauma.anchoring.rows import LINE_WORDS
from sauma.billing import LineKind, bill_id
from sauma.correcting import correction_id
from sauma.errors import Disagreement
from sauma.units import cost, round_to_cents

SALE, PURCHASE = LINE_WORDS[LineKind.SUPPLIER_SALE], LINE_WORDS[LineKind.SUPPLIER_PURCHASE]


def check_adjustment_names(bill: dict[str, Any], settlement: bytes) -> None:
    """Check the ids that are hashes of what else is said."""
    correction = correction_id(settlement, bill["number"])
    ordinary = bill_id(settlement, bill["participant"]).hex()
    for name, said, found in (
        ("correction_id", bill["correction_id"], correction.hex()),
        ("bill_id", bill["bill_id"], bill_id(correction, bill["participant"]).hex()),
        ("adjusted_bill_id", bill["adjusted_bill_id"] or ordinary, ordinary),
    ):
        if said != found:
            raise Disagreement(
                f"rows[0] {name}: {said} is not {found}, which the rest of the bill gives"
            )


def check_adjustment_sums(
    bill: dict[str, Any], lines: Sequence[Any], readings: Sequence[Any]
) -> None:
    """Check that readings make up the lines, lines the difference, and old and difference the new amount."""
    left_wh = 0
    for number, line in enumerate(lines, 1):
        if line["kind"] not in (SALE, PURCHASE):
            raise Disagreement(
                f"rows[{number}]: kind {line['kind']}: a correction is with the supplier alone"
            )
        sign = 1 if line["kind"] == SALE else -1
        whole = sign * cost(line["energy_wh"], line["price_micro"])
        if line["amount_nano"] != whole:
            raise Disagreement(
                f"rows[{number}]: amount_nano {line['amount_nano']}, energy and price make {whole}"
            )
        left_wh += sign * line["energy_wh"]
    metered_wh = sum(
        (one["imported_wh"] - one["exported_wh"])
        - (one["old_imported_wh"] - one["old_exported_wh"])
        for one in readings
    )
    if left_wh != metered_wh:
        raise Disagreement(
            f"rows[0]: the readings say {metered_wh} Wh more, the lines settle {left_wh}"
        )
    owed_nano = sum(line["amount_nano"] for line in lines)
    rounded = round_to_cents(owed_nano, bill["carried_nano"])
    for name, found in (
        ("owed_nano", owed_nano),
        ("new_nano", bill["old_nano"] + owed_nano),
        ("owed_cents", rounded.cents),
        ("carry_nano", rounded.carry_nano),
    ):
        if bill[name] != found:
            raise Disagreement(f"rows[0]: {name} {bill[name]}, the rest of the bill gives {found}")
