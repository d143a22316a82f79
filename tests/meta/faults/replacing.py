"""Replacements beside which the original lands too."""

from __future__ import annotations

import attrs

from sauma.chain import (
    Cursor,
    Fate,
    SignedTransaction,
    Status,
)

from .fault import Fault


class ReplacesBeside(Fault):
    caught_by = "CS-210"

    def prepare(self, batches, *, outstanding, replaces=None):
        if replaces is None:
            return self.inner.prepare(batches, outstanding=outstanding)
        beside = self.prepare_instead(batches, self.disguised, (*outstanding, replaces))
        return tuple(attrs.evolve(each, consumes=replaces.consumes) for each in beside)


class ReplacesWhatHasLanded(ReplacesBeside):
    caught_by = "CS-214"


class WordOfAnotherSupersedes(Fault):
    """Calls the loser dead as soon as the winner is included."""

    caught_by = "CS-213"

    def status(self, transaction: SignedTransaction) -> Status:
        status = self.inner.status(transaction)
        nonces = [
            event.transaction_id
            for event in self.inner.events(Cursor()).events
            if event.fee_payer == transaction.sender
            and event.transaction_id != transaction.transaction_id
        ]
        if status.fate is Fate.UNSEEN and nonces:
            return Status(fate=Fate.DEAD, superseded_by=nonces[-1], reason="taken")
        return status
