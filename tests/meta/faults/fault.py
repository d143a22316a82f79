"""A chain with a fault in front of it, and what faults are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from sauma.chain import (
    Batch,
    Chain,
    Instruction,
    Issue,
    SignedTransaction,
    Transfer,
)
from sauma.errors import InvalidInput, Refused
from sauma.identifiers import AccountId
from sauma.memory import SESSION_RULES, SessionRules
from sauma.testing import Delegating, MemoryHarness


class Fault(Delegating):
    """A chain with a fault in front of it; `harness` is what it can misuse."""

    caught_by = ""
    session_rules: SessionRules | None = SESSION_RULES
    """What the reference chain behind it asks of sessions; None: it declares no holds."""

    def __init__(self, inner: Chain, harness: MemoryHarness) -> None:
        super().__init__(inner)
        self.harness = harness
        self.copies = 0

    def disguised(self, batch: Batch) -> Batch:
        """The same reference under another batch id: what no chain should take twice."""
        self.copies += 1
        tail = self.copies.to_bytes(8, "big")
        return attrs.evolve(batch, batch_id=batch.batch_id[:24] + tail)

    def prepare_instead(
        self,
        batches: Sequence[Batch],
        change: Callable[[Batch], Batch],
        outstanding: Sequence[SignedTransaction],
        replaces: SignedTransaction | None = None,
    ) -> tuple[SignedTransaction, ...]:
        """Sign other batches, and say that they are those that were asked for."""
        changed = self.inner.prepare(
            [change(each) for each in batches], outstanding=outstanding, replaces=replaces
        )
        try:
            asked = self.inner.prepare(batches, outstanding=outstanding, replaces=replaces)
        except (Refused, InvalidInput):
            asked = changed
        return tuple(
            attrs.evolve(each, batch_ids=(batch.batch_id,), effects=said.effects)
            for each, batch, said in zip(changed, batches, asked, strict=False)
        )


def each_instruction(change: Callable[[Instruction], Instruction]) -> Callable[[Batch], Batch]:
    return lambda batch: attrs.evolve(
        batch, instructions=tuple(change(each) for each in batch.instructions)
    )


def less_one(instruction: Instruction, kind: type[Instruction], above: int = 1) -> Instruction:
    if isinstance(instruction, kind) and instruction.units > above:
        return attrs.evolve(instruction, units=instruction.units - 1)
    return instruction


def issue_instead(transfer: Transfer, issuer: AccountId) -> Issue:
    """Units out of nothing in place of the sender's."""
    return Issue(
        instruction_id=transfer.instruction_id,
        authority=issuer,
        evidence=b"",
        recipient=transfer.recipient,
        asset=transfer.asset,
        units=transfer.units,
    )
