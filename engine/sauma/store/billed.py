"""Bills and their lines, as rows of the projections say them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sauma.billing import Bill, BillLine, BillStatus, ChainEnergy, LineKind


def bill_of(row: Any, lines: Sequence[BillLine]) -> Bill:
    """Return the version of a bill that a row of `bills` is, with its lines."""
    return Bill(
        settlement_id=bytes(row.settlement_id),
        participant=row.participant,
        status=BillStatus(row.status),
        lines=tuple(lines),
        chain=ChainEnergy(received_wh=row.chain_received_wh, sent_wh=row.chain_sent_wh),
        carried_nano=row.carried_nano,
        owed_nano=row.owed_nano,
        owed_cents=row.owed_cents,
        carry_nano=row.carry_nano,
    )


def line_of(row: Any) -> BillLine:
    """Return the line that a row of `bill_lines` or `adjusting_lines` is."""
    return BillLine(
        kind=LineKind(row.kind),
        counterparty=row.counterparty,
        price_micro=row.price_micro,
        energy_wh=row.energy_wh,
        amount_nano=row.amount_nano,
    )
