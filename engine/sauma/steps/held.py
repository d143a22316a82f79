"""What the batches of sessions and standing authorisations move between their parties and the escrow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import attrs

from sauma.chain import Attest, Batch, Capture, Hold, Release
from sauma.errors import InvalidInput
from sauma.identifiers import AccountId
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.session import SessionState

StepPart: TypeAlias = tuple[Batch, tuple[bytes, int, int], SessionState]
"""A batch with the session, step and part that it carries, and where that leaves the session."""


@attrs.frozen(kw_only=True)
class Parties:
    """Who holds which account, and which of them has what sessions hold."""

    holder_of: Callable[[AccountId], str]
    escrow: AccountId


def batch_tables(parts: Sequence[StepPart], parties: Parties) -> list[Table]:
    """Return the derived tables of steps: their batches, and what each of them moves, once."""
    batches = {batch.batch_id: batch for batch, _, _ in parts}
    return [
        Table.from_rows(
            journal.SESSION_BATCHES,
            [
                (
                    batch.batch_id,
                    *place,
                    parties.holder_of(batch.instructions[0].authority),
                    int(state),
                )
                for batch, place, state in parts
            ],
        ),
        Table.from_rows(
            journal.SESSION_EFFECTS,
            [
                (batch.batch_id, parties.holder_of(account), asset, units)
                for batch in batches.values()
                for account, asset, units in _effects(batch, parties.escrow)
            ],
        ),
    ]


def _effects(batch: Batch, escrow: AccountId) -> Sequence[tuple[AccountId, str, int]]:
    """Return what a batch moves between parties and the escrow: account, asset, units."""
    found: list[tuple[AccountId, str, int]] = []
    for instruction in batch.instructions:
        match instruction:
            case Attest():
                continue
            case Hold(payer=payer, units=units):
                deltas = [(payer, -units)]
            case Capture(parts=parts):
                deltas = [(part.payee, part.units) for part in parts]
            case Release(payer=payer, units=units):
                deltas = [(payer, units)]
            case _:
                raise InvalidInput(f"{type(instruction).__name__} is no part of a session's step")
        asset = str(instruction.asset)
        found += [(account, asset, units) for account, units in deltas]
        found.append((escrow, asset, -sum(units for _, units in deltas)))
    return found
