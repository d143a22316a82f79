"""What the projections say of anchors: which bills are covered, and where an anchor stands."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Final

import attrs
import sqlalchemy as sa

from sauma.billing import Bill, BillLine, BillStatus
from sauma.chain import BatchKind, batch_reference
from sauma.intervals import from_unix
from sauma.store import carried, queries
from sauma.store import projections as p
from sauma.store.billed import bill_of, line_of
from sauma.store.tables import journal_entries

_ANCHORS: Final = sa.select(p.anchors).order_by(p.anchors.c.sequence, p.anchors.c.row_number)


@attrs.frozen(kw_only=True)
class AnchorBlock:
    """Where the chain has an anchor."""

    transaction_id: bytes
    height: int
    block_hash: bytes
    block_time: int


@attrs.frozen(kw_only=True)
class AnchorStanding:
    """An anchor as it was planned, and what the chain shows of it.

    `status` is that of a bill: open while no block has it, provisional while its block can be undone.
    """

    anchor_id: bytes
    chain_id: str
    period_start: datetime
    period_end: datetime
    bill_count: int
    row_count: int
    root: bytes
    status: BillStatus
    block: AnchorBlock | None


@attrs.frozen(kw_only=True)
class UnanchoredCorrection:
    """A correction whose adjusting bills no anchor covers, when it was made and by which rulebook."""

    correction_id: bytes
    made_at: int
    rulebook_hash: bytes


def unanchored_corrections(connection: sa.Connection, since: int) -> list[UnanchoredCorrection]:
    """Return the corrections made since an entry that have bills which no anchor covers, oldest first."""
    bills = p.adjusting_bills.c
    rows = connection.execute(
        sa.select(
            bills.sequence,
            bills.correction_id,
            journal_entries.c.time,
            journal_entries.c.rulebook_hash,
        )
        .join(journal_entries, journal_entries.c.sequence == bills.sequence)
        .where(
            bills.sequence > since,
            ~sa.exists().where(p.anchored_bills.c.bill_id == bills.bill_id),
        )
        .distinct()
        .order_by(bills.sequence)
    )
    return [
        UnanchoredCorrection(
            correction_id=bytes(row.correction_id),
            made_at=row.time,
            rulebook_hash=bytes(row.rulebook_hash),
        )
        for row in rows
    ]


def first_bills(
    connection: sa.Connection, settlement_id: bytes, participant: str | None = None
) -> list[Bill]:
    """Return the bills of a settlement as they were first issued: later versions say no other money."""
    wanted = [p.bills.c.settlement_id == settlement_id, p.bills.c.version == 1]
    if participant is not None:
        wanted.append(p.bills.c.participant == participant)
    rows = connection.execute(sa.select(p.bills).where(*wanted)).all()
    lines: dict[bytes, list[BillLine]] = defaultdict(list)
    for line in connection.execute(
        sa.select(p.bill_lines)
        .where(
            p.bill_lines.c.bill_id.in_(sa.select(p.bills.c.bill_id).where(*wanted)),
            p.bill_lines.c.version == 1,
        )
        .order_by(p.bill_lines.c.bill_id, p.bill_lines.c.position)
    ):
        lines[bytes(line.bill_id)].append(line_of(line))
    return [bill_of(row, lines[bytes(row.bill_id)]) for row in rows]


def anchor_standings(
    connection: sa.Connection, anchor_id: bytes | None = None
) -> list[AnchorStanding]:
    """Return every anchor, or one, with what the chain shows of it, in the order they were planned.

    Anybody can copy a reference into a transaction; it counts when the issuing account paid for it.
    """
    query = _ANCHORS
    if anchor_id is not None:
        query = query.where(p.anchors.c.anchor_id == anchor_id)
    rows = connection.execute(query).all()
    if not rows:
        return []
    by_reference = {
        batch_reference(bytes(row.batch_id), BatchKind.ANCHOR): bytes(row.anchor_id) for row in rows
    }
    authority = {bytes(row.anchor_id): row.authority for row in rows}
    (chain_id,) = {row.chain_id for row in rows}
    final_height = queries.chain_state(connection, chain_id).final_height
    blocks: dict[bytes, AnchorBlock] = {}
    for event in carried.events_with(connection, chain_id, by_reference):
        identity = by_reference[bytes(event.reference)]
        if event.fee_payer == authority[identity]:
            blocks.setdefault(
                identity,
                AnchorBlock(
                    transaction_id=bytes(event.transaction_id),
                    height=event.height,
                    block_hash=bytes(event.block_hash),
                    block_time=event.block_time,
                ),
            )
    return [
        AnchorStanding(
            anchor_id=bytes(row.anchor_id),
            chain_id=row.chain_id,
            period_start=from_unix(row.period_start),
            period_end=from_unix(row.period_end),
            bill_count=row.bill_count,
            row_count=row.row_count,
            root=bytes(row.root),
            status=_status(blocks.get(bytes(row.anchor_id)), final_height),
            block=blocks.get(bytes(row.anchor_id)),
        )
        for row in rows
    ]


def least_anchor_status(connection: sa.Connection) -> BillStatus:
    """Return the least status of all anchors; final when there is none."""
    return min((one.status for one in anchor_standings(connection)), default=BillStatus.FINAL)


def anchor_of(connection: sa.Connection, bill_id: bytes) -> bytes | None:
    """Return the anchor that covers a bill, or None."""
    found = connection.execute(
        sa.select(p.anchored_bills.c.anchor_id).where(p.anchored_bills.c.bill_id == bill_id)
    ).scalar()
    return None if found is None else bytes(found)


def bill_roots(connection: sa.Connection, anchor_id: bytes) -> list[tuple[bytes, bytes]]:
    """Return id and root of each bill under an anchor, in the order of the tree."""
    rows = connection.execute(
        sa.select(p.anchored_bills.c.bill_id, p.anchored_bills.c.bill_root)
        .where(p.anchored_bills.c.anchor_id == anchor_id)
        .order_by(p.anchored_bills.c.sequence, p.anchored_bills.c.row_number)
    )
    return [(bytes(row.bill_id), bytes(row.bill_root)) for row in rows]


def _status(block: AnchorBlock | None, final_height: int) -> BillStatus:
    if block is None:
        return BillStatus.OPEN
    return BillStatus.FINAL if block.height <= final_height else BillStatus.PROVISIONAL
