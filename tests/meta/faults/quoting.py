"""Quotes and fees that are not what is paid."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from sauma.chain import (
    Batch,
    Cursor,
    EventPage,
    Quote,
)
from sauma.errors import NoSigner

from .fault import Fault


class QuotesTooFew(Fault):
    caught_by = "CS-120"

    def quote(self, batches: Sequence[Batch]) -> Quote:
        quote = self.inner.quote(batches)
        return attrs.evolve(quote, transactions=max(0, quote.transactions - 1))


class HidesAFee(Fault):
    caught_by = "CS-123"

    def events(self, since: Cursor) -> EventPage:
        page = self.inner.events(since)
        return attrs.evolve(
            page, events=tuple(attrs.evolve(each, fee_units=1) for each in page.events)
        )


class AsksForAKeyToQuote(Fault):
    caught_by = "CS-122"

    def quote(self, batches: Sequence[Batch]) -> Quote:
        if self.inner is not self.harness.link:
            raise NoSigner("nobody signs here: give a signer")
        return self.inner.quote(batches)


class ChargesForNothing(Fault):
    caught_by = "CS-121"

    def quote(self, batches: Sequence[Batch]) -> Quote:
        quote = self.inner.quote(batches)
        return attrs.evolve(quote, bytes_total=quote.bytes_total + 100)
