"""Signed transactions as they were committed, rebuilt from what is on the disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from sauma.chain import Codec, SignedTransaction
from sauma.dispatch.rows import OUTSIDE, consumed, vaulted_raw, vaulted_raws
from sauma.errors import StoreDamaged
from sauma.identifiers import AccountId
from sauma.store import projections as p
from sauma.venue import Venue

_IN_STATES: Final = (
    sa.select(p.transactions)
    .where(
        p.transactions.c.chain_id == sa.bindparam("chain"),
        p.transactions.c.state.in_(sa.bindparam("states", expanding=True)),
    )
    .order_by(p.transactions.c.sequence, p.transactions.c.row_number)
)
_OF_SENDER: Final = _IN_STATES.where(
    sa.or_(
        p.transactions.c.sender == OUTSIDE,
        p.transactions.c.sender.in_(
            sa.select(p.bindings.c.holder).where(
                p.bindings.c.chain_id == sa.bindparam("chain"),
                p.bindings.c.account == sa.bindparam("account"),
            )
        ),
    )
)
"""Those that the journal calls by a name that an account has or had."""
_BATCHES: Final = (
    sa.select(p.transaction_batches)
    .where(p.transaction_batches.c.sequence >= sa.bindparam("first"))
    .order_by(p.transaction_batches.c.sequence, p.transaction_batches.c.row_number)
)


def committed_transactions(
    connection: sa.Connection,
    venue: Venue,
    states: Sequence[int],
    *,
    sender: AccountId | None = None,
) -> list[SignedTransaction]:
    """Return the transactions of a chain that are in some states, in the order they were committed.

    Those of one sender, or of all.  Raises `StoreDamaged` when the bytes are gone or not those that the
    journal commits to.
    """
    asked: dict[str, Any] = {"chain": venue.chain_id, "states": states}
    if sender is None:
        wanted = connection.execute(_IN_STATES, asked).all()
    else:
        wanted = connection.execute(_OF_SENDER, {**asked, "account": str(sender)}).all()
    if not wanted:
        return []
    batch_ids: dict[bytes, list[bytes]] = defaultdict(list)
    first = min(row.sequence for row in wanted)
    for row in connection.execute(_BATCHES, {"first": first}):
        batch_ids[bytes(row.transaction_id)].append(bytes(row.batch_id))
    raws = vaulted_raws(
        connection, {bytes(row.transaction_id): bytes(row.raw_digest) for row in wanted}
    )
    restored = [
        _restored(
            venue.codec,
            row,
            raws[bytes(row.transaction_id)],
            batch_ids[bytes(row.transaction_id)],
        )
        for row in wanted
    ]
    return [one for one in restored if sender in (None, one.sender)]


def restored_transactions(
    connection: sa.Connection, venue: Venue, transaction_ids: Sequence[bytes]
) -> list[SignedTransaction]:
    """Return some transactions by their ids, in the order of these, with what their bytes decode to.

    Raises `StoreDamaged` when the bytes are gone or not those that the journal commits to.
    """
    restored = []
    for transaction_id in transaction_ids:
        row = connection.execute(
            sa.select(p.transactions).where(
                p.transactions.c.chain_id == venue.chain_id,
                p.transactions.c.transaction_id == transaction_id,
            )
        ).one()
        batches = connection.execute(
            sa.select(p.transaction_batches.c.batch_id)
            .where(p.transaction_batches.c.transaction_id == transaction_id)
            .order_by(p.transaction_batches.c.row_number)
        ).scalars()
        raw = vaulted_raw(connection, transaction_id, bytes(row.raw_digest))
        restored.append(_restored(venue.codec, row, raw, [bytes(each) for each in batches]))
    return restored


def _restored(codec: Codec, row: Any, raw: bytes, batch_ids: Sequence[bytes]) -> SignedTransaction:
    transaction_id = bytes(row.transaction_id)
    decoded = codec.decode(raw)
    if decoded.transaction_id != transaction_id:
        raise StoreDamaged(
            f"the bytes of transaction {transaction_id.hex()} decode to another id: "
            "nothing is sent; restore the store from a copy"
        )
    return SignedTransaction(
        transaction_id=transaction_id,
        raw=raw,
        sender=decoded.sender,
        batch_ids=tuple(batch_ids),
        effects=decoded.effects,
        fee_payer=decoded.fee_payer,
        fee_units_max=row.fee_units_max,
        valid_until=row.valid_until,
        consumes=consumed(bytes(row.consumes)),
        prepared_at=row.prepared_at,
    )
