"""Movements that differ from what was asked."""

from __future__ import annotations

import attrs

from sauma.chain import (
    Anchor,
    Answer,
    Batch,
    Cursor,
    EventPage,
    Fate,
    Instruction,
    Issue,
    Retire,
    SignedTransaction,
    Transfer,
    Word,
)
from sauma.errors import InsufficientBalance
from sauma.memory.codec import read

from .fault import Fault, each_instruction, issue_instead, less_one


class PaysTwice(Fault):
    caught_by = "CS-140"

    def broadcast(self, transaction: SignedTransaction) -> Answer:
        answer = self.inner.broadcast(transaction)
        if answer.word is Word.KNOWN:
            copy = self.disguised(read(transaction.raw).draft.batch)
            for again in self.inner.prepare([copy], outstanding=(transaction,)):
                self.inner.broadcast(again)
        return answer


class PaysAgainWhatIsIncluded(PaysTwice):
    caught_by = "CS-141"

    def broadcast(self, transaction: SignedTransaction) -> Answer:
        if self.inner.status(transaction).fate is Fate.INCLUDED:
            return super().broadcast(transaction)
        return self.inner.broadcast(transaction)


class LosesAUnit(Fault):
    caught_by = "CS-020"
    above = 1

    def prepare(self, batches, *, outstanding, replaces=None):
        change = each_instruction(lambda each: less_one(each, Transfer, self.above))
        return self.prepare_instead(batches, change, outstanding, replaces)


class LosesAUnitSometimes(LosesAUnit):
    """Only of odd movements between 60 and 290, which no case names."""

    caught_by = "CS-300"

    def prepare(self, batches, *, outstanding, replaces=None):
        def change(each: Instruction) -> Instruction:
            is_odd = isinstance(each, Transfer) and 60 < each.units < 290 and each.units % 2
            return less_one(each, Transfer) if is_odd else each

        return self.prepare_instead(batches, each_instruction(change), outstanding, replaces)


class IssuesToTheProducer(Fault):
    caught_by = "CS-011"

    def prepare(self, batches, *, outstanding, replaces=None):
        def change(each: Instruction) -> Instruction:
            if isinstance(each, Issue) and each.on_behalf_of is not None:
                return attrs.evolve(each, recipient=each.on_behalf_of)
            return each

        return self.prepare_instead(batches, each_instruction(change), outstanding, replaces)


class KeepsPartOfARetirement(Fault):
    caught_by = "CS-040"

    def prepare(self, batches, *, outstanding, replaces=None):
        change = each_instruction(lambda each: less_one(each, Retire))
        return self.prepare_instead(batches, change, outstanding, replaces)


class HalfABatch(Fault):
    caught_by = "CS-201"

    def prepare(self, batches, *, outstanding, replaces=None):
        def half(batch: Batch) -> Batch:
            count = -(-len(batch.instructions) // 2)
            return attrs.evolve(batch, instructions=batch.instructions[:count])

        return self.prepare_instead(batches, half, outstanding, replaces)


class PaysWhatItCan(Fault):
    """Of an atomic batch that cannot be paid, does the first instruction."""

    caught_by = "CS-202"

    def prepare(self, batches, *, outstanding, replaces=None):
        try:
            return self.inner.prepare(batches, outstanding=outstanding, replaces=replaces)
        except InsufficientBalance:
            first = attrs.evolve(batches[0], instructions=batches[0].instructions[:1])
            for each in self.inner.prepare([first], outstanding=outstanding):
                self.inner.broadcast(each)
            raise


class Overdraws(Fault):
    caught_by = "CS-111"

    def prepare(self, batches, *, outstanding, replaces=None):
        try:
            return self.inner.prepare(batches, outstanding=outstanding, replaces=replaces)
        except InsufficientBalance:
            change = each_instruction(lambda each: issue_instead(each, self.harness.issuer))
            return self.prepare_instead(batches, change, outstanding)


class AnchorsUnderAnotherName(Fault):
    """Events of anchors lack their reference."""

    caught_by = "CS-050"

    def events(self, since: Cursor) -> EventPage:
        page = self.inner.events(since)
        return attrs.evolve(
            page,
            events=tuple(
                each if each.effects else attrs.evolve(each, reference=None) for each in page.events
            ),
        )


class TransferToOneselfMakesUnits(Fault):
    caught_by = "CS-023"

    def prepare(self, batches, *, outstanding, replaces=None):
        def change(each: Instruction) -> Instruction:
            if isinstance(each, Transfer) and each.sender == each.recipient:
                return issue_instead(each, self.harness.issuer)
            return each

        return self.prepare_instead(batches, each_instruction(change), outstanding, replaces)


class AnchorsAnotherRoot(Fault):
    """The root that goes to the chain is not the one that was asked for."""

    caught_by = "CS-050"

    def prepare(self, batches, *, outstanding, replaces=None):
        def another(each: Instruction) -> Instruction:
            if not isinstance(each, Anchor):
                return each
            return attrs.evolve(each, root=each.root[::-1])

        return self.prepare_instead(batches, each_instruction(another), outstanding, replaces)


class AnchorsAnyLength(Fault):
    caught_by = "CS-051"

    def prepare(self, batches, *, outstanding, replaces=None):
        def change(each: Instruction) -> Instruction:
            if isinstance(each, Anchor):
                return attrs.evolve(each, root=each.root[:32].ljust(32, b"\x00"))
            return each

        return self.prepare_instead(batches, each_instruction(change), outstanding, replaces)


class SendsNothingAsSomething(Fault):
    caught_by = "CS-114"

    def prepare(self, batches, *, outstanding, replaces=None):
        def change(each: Instruction) -> Instruction:
            if isinstance(each, Transfer) and each.units < 1:
                return attrs.evolve(each, units=1)
            return each

        return self.prepare_instead(batches, each_instruction(change), outstanding, replaces)
