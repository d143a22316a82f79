"""What should have followed by the end of the journal, and did not."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from sauma.billing import BillStatus
from sauma.errors import SaumaError
from sauma.intervals import from_unix
from sauma.replay.past import Past
from sauma.replay.report import Finding
from sauma.steps import due_corrections, issue_bills, open_anchors
from sauma.store import anchored, corrected, queries


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


def note_unanchored(connection: sa.Connection, past: Past) -> None:
    """Note the bills that no anchor covers and the anchors that no block has: they prove nothing yet."""
    for (start, end), waiting in open_anchors(connection).items():
        past.notes.append(
            Finding(
                place=f"anchor period {from_unix(start)} to {from_unix(end)}",
                explanation=f"the bills of {len(waiting.settlements)} settlements and "
                f"{len(waiting.corrections)} corrections in it are not anchored yet",
            )
        )
    for one in anchored.anchor_standings(connection):
        if one.status is BillStatus.OPEN:
            past.notes.append(
                Finding(
                    place=f"anchor {one.anchor_id.hex()}",
                    explanation=f"unanchored: no block has the root over its {one.bill_count} bills yet",
                )
            )


def note_uncorrected(connection: sa.Connection, past: Past) -> None:
    """Note the late readings that no correction has taken up, and whose period was over by the last entry."""
    waiting = corrected.waiting_count(connection)
    if waiting:
        explanation = f"{waiting} of them wait for a correction"
        past.notes.append(Finding(place="late readings", explanation=explanation))
    if not waiting or past.rulebook is None or past.time_unix is None:
        return
    for area, interval in due_corrections(connection, past.rulebook, from_unix(past.time_unix)):
        past.notes.append(
            Finding(
                place=f"interval {interval} of {area}",
                explanation="its late readings could have been corrected before the last entry: the "
                "engine stopped before it did, or the correction was withheld",
            )
        )
