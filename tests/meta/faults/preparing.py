"""Preparing, outstanding and replacing: what must not be signed."""

from __future__ import annotations

import attrs

from sauma.chain import (
    Cursor,
    Instruction,
    SignedTransaction,
    Transfer,
)
from sauma.errors import InsufficientBalance, NoSigner, Refused

from .fault import Fault, each_instruction


class SignsAndSends(Fault):
    caught_by = "CS-100"

    def prepare(self, batches, *, outstanding, replaces=None):
        prepared = self.inner.prepare(batches, outstanding=outstanding, replaces=replaces)
        for each in prepared:
            self.inner.broadcast(each)
        return prepared


class RaisesForALaterBatch(Fault):
    caught_by = "CS-104"

    def prepare(self, batches, *, outstanding, replaces=None):
        prepared = self.inner.prepare(batches, outstanding=outstanding, replaces=replaces)
        rest = batches[len(prepared) :]
        self.inner.prepare(rest, outstanding=(*outstanding, *prepared))
        return prepared


class PassesOverWhatIsRefused(Fault):
    caught_by = "CS-104"

    def prepare(self, batches, *, outstanding, replaces=None):
        prepared = self.inner.prepare(batches, outstanding=outstanding, replaces=replaces)
        for each in batches[len(prepared) + 1 :]:
            prepared += self.inner.prepare([each], outstanding=(*outstanding, *prepared))
        return prepared


class ForgetsWhatIsOutstanding(Fault):
    caught_by = "CS-145"

    def prepare(self, batches, *, outstanding, replaces=None):
        return self.inner.prepare(batches, outstanding=(), replaces=replaces)


class ReusesTokens(ForgetsWhatIsOutstanding):
    caught_by = "CS-147"


class SignsABatchBesideItself(Fault):
    caught_by = "CS-148"

    def prepare(self, batches, *, outstanding, replaces=None):
        try:
            return self.inner.prepare(batches, outstanding=outstanding, replaces=replaces)
        except InsufficientBalance:
            raise
        except Refused:
            return self.prepare_instead(batches, self.disguised, outstanding)


class IgnoresAnIdConflict(Fault):
    caught_by = "CS-160"

    def prepare(self, batches, *, outstanding, replaces=None):
        return self.prepare_instead(batches, self.disguised, outstanding, replaces)


class SpendsWhatIsComing(Fault):
    caught_by = "CS-146"

    def prepare(self, batches, *, outstanding, replaces=None):
        try:
            return self.inner.prepare(batches, outstanding=outstanding, replaces=replaces)
        except InsufficientBalance:
            self.harness.fund(batches[0].instructions[0].authority, 10)
            return self.inner.prepare(batches, outstanding=outstanding, replaces=replaces)


class SignsForAnybody(Fault):
    caught_by = "CS-110"

    def prepare(self, batches, *, outstanding, replaces=None):
        try:
            return self.inner.prepare(batches, outstanding=outstanding, replaces=replaces)
        except NoSigner:
            change = each_instruction(
                lambda each: attrs.evolve(each, authority=self.harness.issuer)
            )
            return self.prepare_instead(batches, change, outstanding)


class TakesForeignAccounts(Fault):
    caught_by = "CS-112"

    def prepare(self, batches, *, outstanding, replaces=None):
        def change(each: Instruction) -> Instruction:
            if isinstance(each, Transfer) and each.recipient.chain_id != self.chain_id:
                return attrs.evolve(each, recipient=self.harness.holders[1])
            return each

        return self.prepare_instead(batches, each_instruction(change), outstanding, replaces)


class TakesForeignAssets(Fault):
    caught_by = "CS-113"

    def prepare(self, batches, *, outstanding, replaces=None):
        def change(each: Instruction) -> Instruction:
            if isinstance(each, Transfer) and each.asset.chain_id != self.chain_id:
                return attrs.evolve(each, asset=self.harness.asset)
            return each

        return self.prepare_instead(batches, each_instruction(change), outstanding, replaces)


class ChangesTheOrder(Fault):
    caught_by = "CS-102"

    def prepare(self, batches, *, outstanding, replaces=None):
        turned = list(reversed(batches))
        return self.inner.prepare(turned, outstanding=outstanding, replaces=replaces)


class SignsAlthoughNothingIsAsked(Fault):
    """Signs the last batch anew when it is asked for nothing."""

    caught_by = "CS-101"

    def prepare(self, batches, *, outstanding, replaces=None):
        if batches:
            return self.inner.prepare(batches, outstanding=outstanding, replaces=replaces)
        events = self.inner.events(Cursor()).events
        return tuple(
            SignedTransaction(
                transaction_id=each.transaction_id,
                raw=b"",
                sender=each.fee_payer,
                batch_ids=(),
                effects=each.effects,
                fee_payer=each.fee_payer,
                fee_units_max=0,
                valid_until=None,
                consumes=(),
                prepared_at=1,
            )
            for each in events[-1:]
        )


class PromisesAnotherId(Fault):
    caught_by = "CS-103"

    def prepare(self, batches, *, outstanding, replaces=None):
        prepared = self.inner.prepare(batches, outstanding=outstanding, replaces=replaces)
        return tuple(attrs.evolve(each, transaction_id=each.batch_ids[0]) for each in prepared)


class SearchesTooLate(Fault):
    caught_by = "CS-105"

    def prepare(self, batches, *, outstanding, replaces=None):
        prepared = self.inner.prepare(batches, outstanding=outstanding, replaces=replaces)
        return tuple(attrs.evolve(each, prepared_at=each.prepared_at + 5) for each in prepared)


class SignsWithoutSigners(Fault):
    caught_by = "CS-117"

    def prepare(self, batches, *, outstanding, replaces=None):
        return self.harness.link.prepare(batches, outstanding=outstanding, replaces=replaces)
