"""Which bills can be anchored, and the anchor of a period."""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from itertools import chain as chained
from typing import Final, TypeAlias

import attrs
import sqlalchemy as sa

from sauma.anchoring import (
    AnchoredAdjustment,
    AnchoredBill,
    AnchorTree,
    anchor_batch_id,
    anchor_id,
    anchor_tree,
)
from sauma.correcting import CorrectedReading, ReadingOutcome
from sauma.errors import StoreDamaged
from sauma.intervals import Interval, from_unix, to_unix
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.matching import Trade
from sauma.rulebook import Anchoring, Rulebook
from sauma.settlement import ISSUER, settlement_id
from sauma.store import anchored, corrected, queries
from sauma.store import projections as p

ANCHOR_PLANNED: Final = "anchor_planned"
ANCHOR_KEY: Final = "anchor"
"""The vault's kind of the keys that salt an anchor's rows."""

Period: TypeAlias = tuple[int, int]


@attrs.frozen(kw_only=True)
class Unanchored:
    """What waits for an anchor of one period: settlements with their bills, corrections with theirs."""

    settlements: list[queries.SettlementRow] = attrs.field(factory=list)
    corrections: list[bytes] = attrs.field(factory=list)


def open_anchors(connection: sa.Connection) -> dict[Period, Unanchored]:
    """Return what has bills that no anchor covers, by anchor period, oldest first.

    Only what is billed by a rulebook that anchors.  A settlement belongs to the anchor period in which
    it ends, a correction to the one in which it was made; what is billed late gets an anchor of the
    same period for itself.
    """
    published = queries.published_rulebooks(connection)
    since = min((at for at, one in published if one.anchor is not Anchoring.NONE), default=None)
    if since is None:
        return {}
    found: dict[Period, Unanchored] = defaultdict(Unanchored)
    rulebooks = [rulebook for _, rulebook in published]
    for row in queries.unanchored_settlements(connection, since):
        rulebook = settlement_rulebook(rulebooks, row)
        minutes = rulebook.interval_minutes
        last = Interval.from_start_unix(row.period_end - minutes * 60, minutes)
        period = rulebook.anchor_period(last)
        if period is not None:
            found[to_unix(period[0]), to_unix(period[1])].settlements.append(row)
    by_hash = {rulebook.rulebook_hash: rulebook for rulebook in rulebooks}
    for one in anchored.unanchored_corrections(connection, since):
        rulebook = by_hash[one.rulebook_hash]
        within = Interval.containing(from_unix(one.made_at), rulebook.interval_minutes)
        period = rulebook.anchor_period(within)
        if period is not None:
            found[to_unix(period[0]), to_unix(period[1])].corrections.append(one.correction_id)
    return dict(sorted(found.items()))


def plan_anchor(
    connection: sa.Connection, period: Period, waiting: Unanchored, key: bytes
) -> tuple[bytes, list[Table]]:
    """Return the id of the anchor of these bills, and its derived tables."""
    chain_id, _ = _chain(connection)
    tree = bills_tree(connection, waiting, key)
    root = tree.root
    identity = anchor_id(chain_id, period, len(tree.bill_ids), root)
    row = (
        identity,
        chain_id,
        *period,
        len(tree.bill_ids),
        tree.row_count,
        root,
        anchor_batch_id(identity),
        ISSUER,
    )
    return identity, [
        Table.from_rows(journal.ANCHORS, [row]),
        Table.from_rows(
            journal.ANCHORED_BILLS,
            [
                (identity, bill_id, bill_root)
                for bill_id, bill_root in zip(tree.bill_ids, tree.bill_roots, strict=True)
            ],
        ),
    ]


def bills_tree(connection: sa.Connection, waiting: Unanchored, key: bytes) -> AnchorTree:
    """Return the tree over all bills of settlements and of corrections."""
    return anchor_tree(
        chained(
            (bill for row in waiting.settlements for bill in bills_to_anchor(connection, row)),
            (
                bill
                for correction in waiting.corrections
                for bill in adjustments_to_anchor(connection, correction)
            ),
        ),
        key,
    )


def _chain(connection: sa.Connection) -> tuple[str, bytes]:
    """Return the id of the chain settled on, and the hash of its settings."""
    chain = queries.chain_row(connection)
    if chain is None:
        raise StoreDamaged("the journal names no chain: restore the store from a copy")
    return chain[0], sha256(chain[3]).digest()


def adjustments_to_anchor(
    connection: sa.Connection, correction: bytes, participant: str | None = None
) -> list[AnchoredAdjustment]:
    """Return the adjusting bills of a correction as they are anchored, of one participant or of all."""
    _, settlement = corrected.made(connection, correction)
    rulebook = settlement_rulebook(queries.rulebooks(connection), settlement)
    _, settings_hash = _chain(connection)
    wanted = [p.adjusting_bills.c.correction_id == correction]
    if participant is not None:
        wanted.append(p.adjusting_bills.c.participant == participant)
    reasons: dict[str, list[CorrectedReading]] = defaultdict(list)
    for _, one in corrected.corrected_readings(
        connection,
        p.corrected_readings.c.correction_id == correction,
        p.corrected_readings.c.outcome == int(ReadingOutcome.COUNTED),
    ):
        reasons[one.participant].append(one)
    return [
        AnchoredAdjustment(
            bill=bill,
            number=row.number,
            settlement_id=settlement.settlement_id,
            area=settlement.area,
            period_start=settlement.period_start,
            period_end=settlement.period_end,
            made_at=row.time,
            rulebook_hash=rulebook.rulebook_hash,
            currency=rulebook.currency,
            chain_id=settlement.chain_id,
            settings_hash=settings_hash,
            readings=tuple(reasons[bill.participant]),
        )
        for row, bill in corrected.adjusting_bills(connection, *wanted)
    ]


def bills_to_anchor(
    connection: sa.Connection, settlement: queries.SettlementRow, participant: str | None = None
) -> list[AnchoredBill]:
    """Return the bills of a settlement as they are anchored, of one participant or of all."""
    rulebook = settlement_rulebook(queries.rulebooks(connection), settlement)
    _, settings_hash = _chain(connection)
    trades: dict[str, list[Trade]] = defaultdict(list)
    for trade in queries.trades(connection, settlement.period, rulebook.interval_minutes):
        if not trade.is_with_oneself:
            trades[trade.buyer].append(trade)
            trades[trade.seller].append(trade)
    return [
        AnchoredBill(
            bill=bill,
            area=settlement.area,
            period_start=settlement.period_start,
            period_end=settlement.period_end,
            rulebook_hash=rulebook.rulebook_hash,
            currency=rulebook.currency,
            chain_id=settlement.chain_id,
            settings_hash=settings_hash,
            trades=tuple(trades.get(bill.participant, ())),
        )
        for bill in anchored.first_bills(connection, settlement.settlement_id, participant)
    ]


def settlement_rulebook(rulebooks: list[Rulebook], settlement: queries.SettlementRow) -> Rulebook:
    """Return the rulebook by which a settlement was planned: its id is a hash of it, among others."""
    for rulebook in reversed(rulebooks):
        identity = settlement_id(
            rulebook,
            settlement.area,
            from_unix(settlement.period_start),
            from_unix(settlement.period_end),
            settlement.chain_id,
        )
        if identity == settlement.settlement_id:
            return rulebook
    raise StoreDamaged(
        f"settlement {settlement.settlement_id.hex()} is by no rulebook that was published: restore "
        "the store from a copy"
    )
