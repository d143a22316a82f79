"""From a store to the proof of a bill: what `sauma prove` writes and `check_proof` checks."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from sauma.anchoring import (
    LOCATOR_BYTES,
    AnchoredAdjustment,
    AnchoredBill,
    AnchorTree,
    BillProof,
    ProvenRow,
    anchored_rows,
    row_leaves,
    row_salts,
)
from sauma.dispatch.rows import vaulted_raw
from sauma.errors import InvalidInput, Refused, StoreDamaged, UnknownName
from sauma.intervals import to_unix
from sauma.journal.merkle import root_of
from sauma.steps.anchoring import ANCHOR_KEY, adjustments_to_anchor, bills_to_anchor
from sauma.store import anchored, queries, vault
from sauma.store import projections as p

BILL_ID_DIGITS_MIN = 8
"""How many digits of a bill's id must be given at least, where they belong to one bill only."""


def find_bill(connection: sa.Connection, name: str) -> bytes:
    """Return the id of a bill by its hexadecimal digits, or by the first of them.

    Raises `InvalidInput` for what is no such digits, `UnknownName` for a bill that is not there, and
    when they begin several.
    """
    digits = name.lower()
    if not BILL_ID_DIGITS_MIN <= len(digits) <= 64 or set(digits) - set("0123456789abcdef"):
        raise InvalidInput(
            f"{name!r} is no bill id: give its 64 hexadecimal digits as `sauma bills` shows them, or "
            f"the first {BILL_ID_DIGITS_MIN} or more"
        )
    every = [
        *connection.execute(sa.select(p.bills.c.bill_id).where(p.bills.c.version == 1)).scalars(),
        *connection.execute(sa.select(p.adjusting_bills.c.bill_id)).scalars(),
    ]
    found = {identity for identity in map(bytes, every) if identity.hex().startswith(digits)}
    if len(found) != 1:
        raise UnknownName(
            f"{len(found)} bills have an id that begins with {digits}: `sauma bills` shows them"
        )
    return found.pop()


def prove_bill(connection: sa.Connection, bill_id: bytes) -> BillProof:
    """Return the proof of a bill whose anchor is in a block.

    Raises `UnknownName` for a bill that is not there, `Refused` for one that is not anchored or whose
    anchor no block has yet, `StoreDamaged` when what is needed was erased.
    """
    bill = _bill_to_anchor(connection, bill_id)
    anchor = _anchor(connection, bill_id)
    if anchor.block is None:
        raise Refused(
            f"bill {bill_id.hex()} is unanchored: its anchor is in no block yet, so settle on until "
            "it is"
        )
    chain = queries.chain_row(connection)
    if chain is None:
        raise StoreDamaged("the journal names no chain: restore the store from a copy")
    rows = _rows(connection, bill_id, bill, anchor.anchor_id)
    roots = anchored.bill_roots(connection, anchor.anchor_id)
    tree = AnchorTree(
        bill_ids=tuple(identity for identity, _ in roots),
        bill_roots=tuple(root for _, root in roots),
        row_count=anchor.row_count,
    )
    index, path = tree.path(bill_id)
    return BillProof(
        chain_id=anchor.chain_id,
        settings=msgspec.json.decode(chain[3]),
        rows=rows,
        index=index,
        size=len(roots),
        path=path,
        period_start=to_unix(anchor.period_start),
        period_end=to_unix(anchor.period_end),
        root=anchor.root,
        transaction_id=anchor.block.transaction_id,
        raw=_raw(connection, anchor.block.transaction_id),
        height=anchor.block.height,
        block_hash=anchor.block.block_hash,
        block_time=anchor.block.block_time,
    )


def _anchor(connection: sa.Connection, bill_id: bytes) -> anchored.AnchorStanding:
    identity = anchored.anchor_of(connection, bill_id)
    if identity is None:
        raise Refused(
            f"bill {bill_id.hex()} is unanchored: its rulebook anchors nothing, or the anchor's period "
            "is not over"
        )
    (anchor,) = anchored.anchor_standings(connection, identity)
    return anchor


def _bill_to_anchor(connection: sa.Connection, bill_id: bytes) -> AnchoredBill | AnchoredAdjustment:
    """Return a bill or an adjusting bill as it is anchored."""
    row = connection.execute(
        sa.select(p.bills.c.settlement_id, p.bills.c.participant).where(
            p.bills.c.bill_id == bill_id, p.bills.c.version == 1
        )
    ).first()
    if row is not None:
        settlement = queries.settlement(connection, bytes(row.settlement_id))
        (bill,) = bills_to_anchor(connection, settlement, row.participant)
        return bill
    adjusting = connection.execute(
        sa.select(p.adjusting_bills.c.correction_id, p.adjusting_bills.c.participant).where(
            p.adjusting_bills.c.bill_id == bill_id
        )
    ).first()
    if adjusting is None:
        raise UnknownName(f"there is no bill {bill_id.hex()}: `sauma bills` shows their ids")
    (adjustment,) = adjustments_to_anchor(
        connection, bytes(adjusting.correction_id), adjusting.participant
    )
    return adjustment


def _rows(
    connection: sa.Connection,
    bill_id: bytes,
    bill: AnchoredBill | AnchoredAdjustment,
    anchor_id: bytes,
) -> tuple[ProvenRow, ...]:
    """Return the rows of a bill with their salts, as long as they lead to what was anchored."""
    key = anchor_key(connection, anchor_id)
    rows = anchored_rows(bill)
    salts = row_salts(key, bill_id, len(rows))
    leaves = row_leaves(rows, salts)
    if root_of(leaves) != dict(anchored.bill_roots(connection, anchor_id))[bill_id]:
        raise StoreDamaged(
            f"the rows of bill {bill_id.hex()} are not those that were anchored: replay the folder"
        )
    return tuple(
        ProvenRow(facts=row, salt=salt, locator=leaf[:LOCATOR_BYTES])
        for row, salt, leaf in zip(rows, salts, leaves, strict=True)
    )


def anchor_key(connection: sa.Connection, anchor_id: bytes) -> bytes:
    """Return the key that salts an anchor's rows, checked against its digest in the journal."""
    item = vault.get_item(connection, ANCHOR_KEY, anchor_id.hex())
    digest = connection.execute(
        sa.select(p.anchor_keys.c.key_digest).where(p.anchor_keys.c.anchor_id == anchor_id)
    ).scalar()
    if item is None or digest is None or item.digest != bytes(digest):
        raise StoreDamaged(
            f"the vault does not hold the key of anchor {anchor_id.hex()}: it was erased, and no bill "
            "under it can be proved any more"
        )
    return item.content


def _raw(connection: sa.Connection, transaction_id: bytes) -> bytes:
    digest = connection.execute(
        sa.select(p.transactions.c.raw_digest).where(
            p.transactions.c.transaction_id == transaction_id
        )
    ).scalar()
    if digest is None:
        raise StoreDamaged(
            f"the journal has no bytes of transaction {transaction_id.hex()}: its record was lost"
        )
    return vaulted_raw(connection, transaction_id, bytes(digest))
