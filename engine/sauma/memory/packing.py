"""What one `prepare` still has room for: free nonces of each lane and units not yet spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from sauma.chain import Batch
from sauma.errors import InsufficientBalance, InvalidInput, Refused
from sauma.identifiers import AccountId
from sauma.memory.codec import Draft
from sauma.memory.ledger import Ledger
from sauma.memory.rules import Holding, effects_of, needed_units

Slot: TypeAlias = tuple[AccountId, int]


class Packing:
    """The confirmed ledger, less all that waiting transactions use of it.

    What they bring is not counted: it may come too late.  Of transactions that share a nonce only
    one can land, so for each account the one that takes most counts.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        outstanding: Sequence[Draft],
        replaces: Draft | None,
        outstanding_max: int,
    ) -> None:
        """Take what is outstanding into account; `replaces` gives its nonce to the first batch."""
        self._ledger = ledger
        self._replaces = replaces
        self._outstanding_max = outstanding_max
        self._needs: dict[Slot, dict[Holding, int]] = {}
        self._spent: Counter[Holding] = Counter()
        self._waiting: Counter[AccountId] = Counter()
        self._attempts: dict[Slot, int] = {}
        self._batches: dict[bytes, Slot] = {}
        if replaces is not None and ledger.next_nonce(replaces.sender) > replaces.nonce:
            raise Refused(
                f"nonce {replaces.nonce} of {replaces.sender} is taken: "
                "what has it cannot be replaced, ask status() of it"
            )
        for draft in (*outstanding, *((replaces,) if replaces is not None else ())):
            if draft.nonce >= ledger.next_nonce(draft.sender):
                self.take(draft)

    def slot_for(self, batch: Batch) -> tuple[int, int] | None:
        """Return nonce and attempt for a batch, or None when its lane has no room now.

        Raises `Refused` when the batch has landed or waits already, elsewhere than in what is
        replaced.
        """
        sender = batch.instructions[0].authority
        replaced, self._replaces = self._replaces, None
        slot = None if replaced is None else replaced.slot
        self._check_batch_is_new(batch, slot)
        if slot is not None:
            if slot[0] != sender:
                raise InvalidInput(
                    f"a transaction of {slot[0]} cannot be replaced by one of {sender}: "
                    "give a batch of the same lane first"
                )
            return slot[1], self._attempts[slot] + 1
        if self._waiting[sender] >= self._outstanding_max:
            return None
        nonce = self._ledger.next_nonce(sender)
        while (sender, nonce) in self._needs:
            nonce += 1
        return nonce, 0

    def check_affordable(self, draft: Draft) -> None:
        """Raise `InsufficientBalance` when somebody lacks what a draft takes from them."""
        own = self._needs.get(draft.slot, {})
        for (account, asset), needed in sorted(needed_units(effects_of(draft.batch)).items()):
            holding = (account, asset)
            spendable = self._ledger.balance(holding) - self._spent[holding] + own.get(holding, 0)
            if needed > spendable:
                raise InsufficientBalance(
                    f"{account} needs {needed} of {asset} and has {max(spendable, 0)} to spend: "
                    "supply it, or wait until what is outstanding has landed"
                )

    def take(self, draft: Draft) -> None:
        """Use up the nonce, the batch id and the units of a draft."""
        slot = draft.slot
        if slot not in self._needs:
            self._needs[slot] = {}
            self._waiting[slot[0]] += 1
        needs = self._needs[slot]
        for holding, units in needed_units(effects_of(draft.batch)).items():
            more = max(0, units - needs.get(holding, 0))
            needs[holding] = needs.get(holding, 0) + more
            self._spent[holding] += more
        self._attempts[slot] = max(self._attempts.get(slot, 0), draft.attempt)
        self._batches[draft.batch.batch_id] = slot

    def _check_batch_is_new(self, batch: Batch, replaced: Slot | None) -> None:
        landed = self._ledger.batch_landed_in(batch.batch_id)
        if landed is not None:
            raise Refused(
                f"batch {batch.batch_id.hex()} has landed in transaction {landed.hex()}: "
                "ask status() of that one"
            )
        waiting = self._batches.get(batch.batch_id)
        if waiting is not None and waiting != replaced:
            raise Refused(
                f"batch {batch.batch_id.hex()} is outstanding with nonce {waiting[1]}: "
                "give that transaction as `replaces`"
            )
