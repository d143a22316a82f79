"""What should have followed by the end of the journal, and did not."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from sauma.billing import BillStatus
from sauma.errors import SaumaError
from sauma.replay.past import Past
from sauma.replay.report import Finding
from sauma.steps import issue_bills
from sauma.store import queries


def unbilled_findings(connection: sa.Connection, past: Past) -> Iterator[Finding]:
    """Yield the settlements that are final for somebody who has no final bill; note other bills due."""
    if past.rulebook is None:
        return
    for settlement in queries.unfinished_settlements(connection):
        place = f"settlement {settlement.settlement_id.hex()}"
        try:
            bills, _ = issue_bills(connection, past.rulebook, settlement, _END)
        except SaumaError as error:
            yield Finding(place=place, explanation=str(error))
            continue
        for row in bills.dicts():
            due = Finding(
                place=place,
                explanation=f"{row['participant']} has no bill that is "
                f"{BillStatus(row['status']).name.lower()}, which the journal would give: "
                "the engine stopped before issuing it, or it was withheld",
            )
            if row["status"] == BillStatus.FINAL:
                yield due
            else:
                past.notes.append(due)


_END = (1 << 63) - 1
