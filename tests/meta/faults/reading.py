"""Events and balances that hide, repeat or forget."""

from __future__ import annotations

import attrs

from sauma.chain import (
    Answer,
    Balance,
    Cursor,
    EventPage,
    Fate,
    SignedTransaction,
)
from sauma.identifiers import AccountId, AssetId

from .fault import Fault


class HidesAnEvent(Fault):
    caught_by = "CS-060"

    def events(self, since: Cursor) -> EventPage:
        page = self.inner.events(since)
        return attrs.evolve(page, events=page.events[:2] + page.events[3:])


class LosesTheBorderOfAPage(Fault):
    caught_by = "CS-172"

    def events(self, since: Cursor) -> EventPage:
        page = self.inner.events(since)
        if not page.more:
            return page
        kept = tuple(each for each in page.events if each.block != page.scanned)
        return attrs.evolve(page, events=kept)


class ForgetsARetraction(Fault):
    caught_by = "CS-174"

    def events(self, since: Cursor) -> EventPage:
        return attrs.evolve(self.inner.events(since), rolled_back_to=None)


class RetractsWhatIsFinal(Fault):
    caught_by = "CS-176"

    def events(self, since: Cursor) -> EventPage:
        page = self.inner.events(since)
        if page.rolled_back_to is None:
            return page
        return attrs.evolve(self.inner.events(Cursor()), rolled_back_to=0)


class HidesTheReference(Fault):
    caught_by = "CS-144"

    def events(self, since: Cursor) -> EventPage:
        page = self.inner.events(since)
        return attrs.evolve(
            page, events=tuple(attrs.evolve(each, reference=None) for each in page.events)
        )


class RemembersWhatItSent(Fault):
    """Tells only of what this very adapter broadcast."""

    caught_by = "CS-177"

    def broadcast(self, transaction: SignedTransaction) -> Answer:
        self.sent = getattr(self, "sent", set()) | {transaction.transaction_id}
        return self.inner.broadcast(transaction)

    def events(self, since: Cursor) -> EventPage:
        page = self.inner.events(since)
        sent = getattr(self, "sent", set())
        return attrs.evolve(
            page, events=tuple(each for each in page.events if each.transaction_id in sent)
        )


class ClaimsByTheTip(Fault):
    """Holds what was read to be final by blocks that were not read yet."""

    caught_by = "CS-178"

    def events(self, since: Cursor) -> EventPage:
        page = self.inner.events(since)
        final_height = min(page.cursor.height, self.inner.head().final_height)
        return attrs.evolve(page, final_height=final_height)


class CountsThePool(Fault):
    caught_by = "CS-181"

    def broadcast(self, transaction: SignedTransaction) -> Answer:
        self.waiting = [*getattr(self, "waiting", []), transaction]
        return self.inner.broadcast(transaction)

    def balance(self, account: AccountId, asset: AssetId) -> Balance:
        balance = self.inner.balance(account, asset)
        coming = sum(
            effect.delta_units
            for each in getattr(self, "waiting", [])
            if self.inner.status(each).fate is Fate.PENDING
            for effect in each.effects
            if (effect.account, effect.asset) == (account, asset)
        )
        return attrs.evolve(balance, units=balance.units + coming)


class BalanceOfAnOldBlock(Fault):
    caught_by = "CS-180"

    def balance(self, account: AccountId, asset: AssetId) -> Balance:
        balance = self.inner.balance(account, asset)
        first = self.inner.events(Cursor()).cursor.points[-1]
        block = attrs.evolve(balance.block, height=first.height, block_hash=first.block_hash)
        return attrs.evolve(balance, block=block)


class NamesNoBlockRead(Fault):
    caught_by = "CS-170"

    def events(self, since: Cursor) -> EventPage:
        return attrs.evolve(self.inner.events(since), scanned=None)


class SendsReadersBack(Fault):
    caught_by = "CS-171"

    def events(self, since: Cursor) -> EventPage:
        page = self.inner.events(since)
        at_tip = page.scanned is None
        return attrs.evolve(page, cursor=Cursor()) if at_tip else page
