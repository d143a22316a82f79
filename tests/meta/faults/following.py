"""Status and finality that say more, or less, than is proved."""

from __future__ import annotations

import attrs

from sauma.chain import (
    Cursor,
    EventPage,
    Fate,
    Head,
    SignedTransaction,
    Status,
)

from .fault import Fault


class FalseFinality(Fault):
    caught_by = "CS-153"

    def head(self) -> Head:
        newest = self.inner.head().newest
        return Head(newest=newest, final_height=newest.height)

    def status(self, transaction: SignedTransaction) -> Status:
        status = self.inner.status(transaction)
        return attrs.evolve(status, final=status.fate is Fate.INCLUDED)

    def events(self, since: Cursor) -> EventPage:
        page = self.inner.events(since)
        return attrs.evolve(page, final_height=page.cursor.height)


class FinalHeightFalls(Fault):
    caught_by = "CS-154"

    def head(self) -> Head:
        head = self.inner.head()
        return attrs.evolve(
            head, final_height=max(1, head.final_height - head.newest.height % 2 * 2)
        )


class DeadThatLands(Fault):
    caught_by = "CS-151"

    def status(self, transaction: SignedTransaction) -> Status:
        status = self.inner.status(transaction)
        waited = self.inner.head().final_height - transaction.prepared_at
        if status.fate is Fate.UNSEEN and waited > 0:
            return Status(fate=Fate.DEAD, reason="a final block lacks it")
        return status


class NeverDead(Fault):
    caught_by = "CS-156"

    def status(self, transaction: SignedTransaction) -> Status:
        status = self.inner.status(transaction)
        return Status(fate=Fate.UNSEEN) if status.fate is Fate.DEAD else status


class DoesNotSeeThePool(Fault):
    caught_by = "CS-150"

    def status(self, transaction: SignedTransaction) -> Status:
        status = self.inner.status(transaction)
        return Status(fate=Fate.UNSEEN) if status.fate is Fate.PENDING else status


class RemembersInclusion(Fault):
    caught_by = "CS-152"

    def status(self, transaction: SignedTransaction) -> Status:
        self.known = getattr(self, "known", {})
        status = self.inner.status(transaction)
        if status.fate is Fate.INCLUDED:
            self.known[transaction.transaction_id] = status
        return self.known.get(transaction.transaction_id, status)


class ExpiryKillsWhatLanded(Fault):
    caught_by = "CS-157"

    def status(self, transaction: SignedTransaction) -> Status:
        now = int(self.inner.head().newest.time.timestamp())
        if transaction.valid_until is not None and transaction.valid_until < now:
            return Status(fate=Fate.DEAD, reason="its validity is over")
        return self.inner.status(transaction)
