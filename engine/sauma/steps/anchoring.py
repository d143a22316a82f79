"""Which bills can be anchored, and the anchor of a period."""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from typing import Final, TypeAlias

import sqlalchemy as sa

from sauma.anchoring import AnchoredBill, AnchorTree, anchor_batch_id, anchor_id, anchor_tree
from sauma.errors import StoreDamaged
from sauma.intervals import Interval, from_unix, to_unix
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.matching import Trade
from sauma.rulebook import Anchoring, Rulebook
from sauma.settlement import ISSUER, settlement_id
from sauma.store import anchored, queries

ANCHOR_PLANNED: Final = "anchor_planned"
ANCHOR_KEY: Final = "anchor"
"""The vault's kind of the keys that salt an anchor's rows."""

Period: TypeAlias = tuple[int, int]


def open_anchors(connection: sa.Connection) -> dict[Period, list[queries.SettlementRow]]:
    """Return the settlements whose bills no anchor covers, by anchor period, oldest first.

    Only those whose own rulebook anchors, and that are billed.  A settlement belongs to the anchor
    period in which it ends; one that is billed late gets an anchor of the same period for itself.
    """
    waiting = anchored.unanchored_settlements(connection)
    if not waiting:
        return {}
    found: dict[Period, list[queries.SettlementRow]] = defaultdict(list)
    rulebooks = queries.rulebooks(connection)
    if all(rulebook.anchor is Anchoring.NONE for rulebook in rulebooks):
        return {}
    for row in queries.settlements(connection):
        if row.settlement_id not in waiting:
            continue
        rulebook = settlement_rulebook(rulebooks, row)
        minutes = rulebook.interval_minutes
        last = Interval.from_start_unix(row.period_end - minutes * 60, minutes)
        period = rulebook.anchor_period(last)
        if period is not None:
            found[to_unix(period[0]), to_unix(period[1])].append(row)
    return dict(sorted(found.items()))


def plan_anchor(
    connection: sa.Connection, period: Period, settlements: list[queries.SettlementRow], key: bytes
) -> tuple[bytes, list[Table]]:
    """Return the id of the anchor of these settlements' bills, and its derived tables."""
    chain_id = settlements[0].chain_id
    tree = bills_tree(connection, settlements, key)
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


def bills_tree(
    connection: sa.Connection, settlements: list[queries.SettlementRow], key: bytes
) -> AnchorTree:
    """Return the tree over all bills of some settlements."""
    return anchor_tree(
        (bill for row in settlements for bill in bills_to_anchor(connection, row)), key
    )


def bills_to_anchor(
    connection: sa.Connection, settlement: queries.SettlementRow, participant: str | None = None
) -> list[AnchoredBill]:
    """Return the bills of a settlement as they are anchored, of one participant or of all."""
    rulebook = settlement_rulebook(queries.rulebooks(connection), settlement)
    chain = queries.chain_row(connection)
    if chain is None:
        raise StoreDamaged("the journal names no chain: restore the store from a copy")
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
            settings_hash=sha256(chain[3]).digest(),
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
