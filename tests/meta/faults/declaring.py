"""Capabilities that are not true."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from sauma.chain import (
    Attest,
    Batch,
    Capabilities,
    Hold,
    Instruction,
    Quote,
    Support,
    Transfer,
)
from sauma.errors import Unsupported
from sauma.identifiers import ChainId

from .fault import Fault


class ForgetsTheLimitOfOutstanding(Fault):
    caught_by = "CS-118"

    @property
    def capabilities(self) -> Capabilities:
        return attrs.evolve(self.inner.capabilities, outstanding_max=3)


class ForgetsTheLimitOfUnits(Fault):
    caught_by = "CS-115"

    @property
    def capabilities(self) -> Capabilities:
        return attrs.evolve(self.inner.capabilities, units_max=500)


class ForgetsTheLimitOfABatch(Fault):
    caught_by = "CS-116"

    @property
    def capabilities(self) -> Capabilities:
        return attrs.evolve(self.inner.capabilities, batch_instructions_max=4)


class MovesOnAnUndeclaredCall(Fault):
    """Takes a unit, and then says that it cannot."""

    caught_by = "CS-220"
    session_rules = None

    def prepare(self, batches, *, outstanding, replaces=None):
        for batch in batches:
            for each in batch.instructions:
                if isinstance(each, Hold):
                    self._take(batch, each)
        return self.inner.prepare(batches, outstanding=outstanding, replaces=replaces)

    def _take(self, batch: Batch, hold: Hold) -> None:
        taken = Transfer(
            instruction_id=hold.instruction_id,
            authority=hold.authority,
            evidence=b"",
            sender=hold.payer,
            recipient=self.harness.issuer,
            asset=hold.asset,
            units=min(1, hold.units),
        )
        asked = self.disguised(attrs.evolve(batch, instructions=(taken,)))
        for each in self.inner.prepare([asked], outstanding=()):
            self.inner.broadcast(each)


class DoesWhatItDoesNotDeclare(Fault):
    caught_by = "CS-030"

    @property
    def capabilities(self) -> Capabilities:
        return attrs.evolve(self.inner.capabilities, net=Support.ABSENT)


class QuotesWhatItDoesNotDeclare(Fault):
    caught_by = "CS-240"
    session_rules = None

    def quote(self, batches: Sequence[Batch]) -> Quote:
        try:
            return self.inner.quote(batches)
        except Unsupported:
            return self.inner.quote([])


class DeclaresAHold(Fault):
    """Says that it holds, and does not."""

    caught_by = "CS-220"
    refuses: tuple[type[Instruction], ...] = (Hold,)

    def prepare(self, batches, *, outstanding, replaces=None):
        if any(isinstance(each, self.refuses) for batch in batches for each in batch.instructions):
            raise Unsupported("this chain holds nothing: use another")
        return self.inner.prepare(batches, outstanding=outstanding, replaces=replaces)


class DeclaresNothing(Fault):
    """An honest chain: it does nothing, and says so."""

    caught_by = "CS-001"

    @property
    def capabilities(self) -> Capabilities:
        inner = self.inner.capabilities
        supports = (
            field.name
            for field in attrs.fields(Capabilities)
            if isinstance(getattr(inner, field.name), Support)
        )
        return attrs.evolve(inner, **dict.fromkeys(supports, Support.ABSENT))

    def quote(self, batches: Sequence[Batch]) -> Quote:
        raise Unsupported("this chain does nothing: use another")

    def prepare(self, batches, *, outstanding, replaces=None):
        raise Unsupported("this chain does nothing: use another")


class ChangesItsName(Fault):
    caught_by = "CS-003"

    @property
    def chain_id(self) -> ChainId:
        return ChainId(f"memory:suite-{self.inner.head().newest.height}")


class CannotBeFinal(Fault):
    caught_by = "CS-002"

    @property
    def capabilities(self) -> Capabilities:
        return attrs.evolve(self.inner.capabilities, finality_blocks=0)


class SaysYesForASupport(Fault):
    caught_by = "CS-004"

    @property
    def capabilities(self) -> Capabilities:
        return attrs.evolve(self.inner.capabilities, anchor=True)


class DeclaresAContest(DeclaresAHold):
    """Holds, but puts nothing on record."""

    caught_by = "CS-230"
    refuses = (Attest,)
