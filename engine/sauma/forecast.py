"""What a plan will take of its chain, asked of the chain's `quote` before anything is signed or sent.

The same obligations are planned by each policy on trial: by the real steps, as the engine would, but
nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

import attrs
import sqlalchemy as sa

from sauma.chain import Anchor, Batch, BatchKind
from sauma.dispatch.due import build_batch
from sauma.errors import UnknownName
from sauma.identifiers import AccountId, content_id
from sauma.intervals import Interval, to_unix
from sauma.rulebook import Anchoring, Netting, NettingPeriod, Rulebook
from sauma.settlement import ISSUER, Good, PlannedBatch
from sauma.steps import plan_batches, plan_terms
from sauma.store import queries
from sauma.venue import Venue


@attrs.frozen(kw_only=True)
class Forecast:
    """What a policy takes: transactions, blocks (one wave after the other), fees by payer's sum."""

    netting: Netting
    period: NettingPeriod
    anchor: Anchoring
    settlements: int
    movements: int
    transactions: int
    bytes_total: int
    blocks: int
    block_seconds: int
    fee_units: int
    anchors: int
    anchor_fee_units: int
    unplaced: int
    """Batches of holders without an account: they wait for one and are not in the other numbers."""

    @property
    def seconds(self) -> int:
        """How long the blocks take at the chain's pace, when nobody else uses it."""
        return self.blocks * self.block_seconds


def policies(rulebook: Rulebook) -> list[Rulebook]:
    """Return the rulebook with each way of netting over each period, anchored by it where it nets."""
    found = [_with(rulebook, Netting.NONE, NettingPeriod.INTERVAL, Anchoring.NONE)]
    for netting in (Netting.PER_PAIR, Netting.MULTILATERAL):
        for period in NettingPeriod:
            found.append(_with(rulebook, netting, period, Anchoring(period.value)))
    return found


def forecast(connection: sa.Connection, rulebook: Rulebook, venue: Venue) -> Forecast:
    """Return what settling all cleared and unsettled intervals by a rulebook takes of the chain."""
    accounts = queries.accounts(connection, venue.chain_id)
    waves: dict[int, list[Batch]] = defaultdict(list)
    movements = unplaced = 0
    lots = _lots(connection, rulebook)
    for area, period in lots:
        terms = plan_terms(connection, rulebook, area, period, venue)
        _, planned = plan_batches(connection, rulebook, area, period, terms)
        if terms.needs_fees:
            fees = _fees(planned, venue, accounts)
            _, planned = plan_batches(connection, rulebook, area, period, terms, fees)
        for one in planned:
            batch = _placed(one, venue, accounts)
            if batch is None:
                unplaced += 1
                continue
            movements += len(batch.instructions)
            waves[one.wave].append(batch)
    anchors = _anchors(connection, rulebook, accounts)
    quotes = [venue.chain.quote(waves[wave]) for wave in sorted(waves)]
    anchoring = [venue.chain.quote(anchors)] if anchors else []
    every = [*quotes, *anchoring]
    return Forecast(
        netting=rulebook.netting,
        period=rulebook.netting_period,
        anchor=rulebook.anchor,
        settlements=len(lots),
        movements=movements,
        transactions=sum(quote.transactions for quote in every),
        bytes_total=sum(quote.bytes_total for quote in every),
        blocks=sum(quote.blocks for quote in every),
        block_seconds=venue.chain.capabilities.block_seconds,
        fee_units=sum(units for quote in every for _, units in quote.fees),
        anchors=len(anchors),
        anchor_fee_units=sum(units for quote in anchoring for _, units in quote.fees),
        unplaced=unplaced,
    )


def _with(
    rulebook: Rulebook, netting: Netting, period: NettingPeriod, anchor: Anchoring
) -> Rulebook:
    return attrs.evolve(rulebook, netting=netting, netting_period=period, anchor=anchor)


def _lots(connection: sa.Connection, rulebook: Rulebook) -> list[tuple[str, tuple[int, int]]]:
    """Return area and netting period of everything that is cleared and not settled and owes energy."""
    lots = {
        (area, _unix(rulebook.settlement_period(_interval(rulebook, start))))
        for area, start in queries.unsettled(connection)
    }
    return sorted(
        (area, period)
        for area, period in lots
        if any(
            one.good is Good.ENERGY
            for one in queries.obligations(
                connection, queries.Period(area=area, start=period[0], end=period[1])
            )
        )
    )


def _anchors(
    connection: sa.Connection,
    rulebook: Rulebook,
    accounts: Mapping[str, AccountId],
) -> list[Batch]:
    """Return an anchor for each anchor period, with a root that only its length is right of."""
    if rulebook.anchor is Anchoring.NONE or ISSUER not in accounts:
        return []
    ends = set()
    for _, start in queries.unsettled(connection):
        _, end = _unix(rulebook.settlement_period(_interval(rulebook, start)))
        last = _interval(rulebook, end - rulebook.interval_minutes * 60)
        period = rulebook.anchor_period(last)
        if period is not None:
            ends.add(_unix(period))
    return [
        Batch(
            batch_id=content_id("forecast-anchor", *period),
            kind=BatchKind.ANCHOR,
            instructions=(
                Anchor(
                    instruction_id=content_id("forecast-anchor", *period),
                    authority=accounts[ISSUER],
                    evidence=b"",
                    root=bytes(32),
                ),
            ),
        )
        for period in sorted(ends)
    ]


def _fees(
    planned: Sequence[PlannedBatch], venue: Venue, accounts: Mapping[str, AccountId]
) -> list[tuple[str, int]]:
    holders = {account: holder for holder, account in accounts.items()}
    built = [batch for one in planned if (batch := _placed(one, venue, accounts)) is not None]
    return sorted(
        (holders[account], units)
        for account, units in venue.chain.quote(built).fees
        if account in holders
    )


def _placed(planned: PlannedBatch, venue: Venue, accounts: Mapping[str, AccountId]) -> Batch | None:
    try:
        return build_batch(planned, venue, accounts)
    except UnknownName:
        return None


def _interval(rulebook: Rulebook, start: int) -> Interval:
    return Interval.from_start_unix(start, rulebook.interval_minutes)


def _unix(period: tuple[datetime, datetime]) -> tuple[int, int]:
    return to_unix(period[0]), to_unix(period[1])
