"""Reading a chain's events page by page, and what follows from them."""

from __future__ import annotations

from collections import Counter

from sauma.chain import Chain, ChainEvent, Cursor, EventPage
from sauma.identifiers import AccountId, AssetId

PAGES_MAX = 10_000
"""A chain that has still more pages than these never comes to an end."""


class Reading:
    """The events of a chain as a reader knows them that goes on from its cursor."""

    def __init__(self, chain: Chain, since: Cursor | None = None) -> None:
        """Begin before the first block, or at a cursor."""
        self.chain = chain
        self.cursor = Cursor() if since is None else since
        self.events: list[ChainEvent] = []
        self.pages: list[EventPage] = []
        self.cursors: list[Cursor] = []

    def catch_up(self) -> list[ChainEvent]:
        """Read to the newest block, take back what is retracted, and return what came anew."""
        came: list[ChainEvent] = []
        for _ in range(PAGES_MAX):
            page = self.chain.events(self.cursor)
            self.pages.append(page)
            if page.rolled_back_to is not None:
                kept_height = page.rolled_back_to
                self.events = [each for each in self.events if each.block.height <= kept_height]
                came = [each for each in came if each.block.height <= kept_height]
            self.events.extend(page.events)
            came.extend(page.events)
            self.cursor = page.cursor
            self.cursors.append(page.cursor)
            if not page.more:
                return came
        raise AssertionError(f"events() has still more after {PAGES_MAX} pages: it never ends")

    def folded(self, asset: AssetId) -> Counter[AccountId]:
        """Return what the events known leave every account of an asset."""
        return folded(self.events, asset)


def folded(events: list[ChainEvent], asset: AssetId) -> Counter[AccountId]:
    """Return the sum of the effects that events had on each account, for one asset."""
    totals: Counter[AccountId] = Counter()
    for event in events:
        for effect in event.effects if event.succeeded else ():
            if effect.asset == asset:
                totals[effect.account] += effect.delta_units
    return totals
