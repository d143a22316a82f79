"""What replay asks of sessions and standing authorisations alike: facts of a step, parties, exits in time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sauma.dispatch.rows import OUTSIDE
from sauma.errors import InvalidInput, SaumaError, SessionRefused
from sauma.journal import SealedEntry
from sauma.replay.past import Past
from sauma.replay.report import Finding, found_in
from sauma.settlement import ESCROW
from sauma.steps import Parties

OVERDUE_S: Final = 3_600
"""How long after its exit was open something may still hold money without being a finding."""


def differing(
    entry: SealedEntry, table: str, says: str, facts: Iterable[tuple[str, object, object]]
) -> Iterator[Finding]:
    """Yield the facts, by name, whose stored value is not what `says` says."""
    for name, stated, found in facts:
        if stated != found:
            yield found_in(entry, f"{name}: stored {stated!r}, {says} says {found!r}", table=table)


def parties_of(past: Past, asked: str) -> tuple[str, Parties]:
    """Return the chain that holds and who takes part; raises `InvalidInput` before the escrow was bound."""
    escrow = past.accounts.get(ESCROW)
    if escrow is None or past.chain_id is None:
        raise InvalidInput(f"{asked} before {ESCROW} was bound")
    return past.chain_id, Parties(
        holder_of=lambda account: past.holder(account, OUTSIDE), escrow=escrow
    )


def not_judged_so(place: str, action: str, at: int, error: SaumaError) -> Finding:
    """Return the finding that a step comes to which the machine refuses at the time of its block."""
    why = str(error)
    if isinstance(error, SessionRefused):
        why = f"{action} lies in a block of {at}, when it was refused: {error.reason}: {error}"
    return Finding(place=place, explanation=why)


def held_past_exit(
    past: Past, place: str, leaving: str, open_after: int, held_units: int
) -> Iterator[Finding]:
    """Yield that money is held though anybody could end it long ago; note it where that is not long."""
    late_s = past.scanned_time - open_after
    if late_s <= 0:
        return
    finding = Finding(
        place=place,
        explanation=f"{leaving} was open to anybody {late_s} s before the last block read, and "
        f"{held_units} are held still",
    )
    if late_s > OVERDUE_S:
        yield finding
    else:
        past.notes.append(finding)
