"""Work that a process died of again and again: suspended by name, until somebody resumes it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

import attrs
import sqlalchemy as sa

from sauma.dispatch.progress import Held
from sauma.errors import InvalidInput, UnknownName
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.logs import get_logger
from sauma.store import Transaction, carried
from sauma.store import projections as p

DEATHS_MAX: Final = 5
"""After so many deaths at the same batch or transaction, one after another, it is suspended."""
WORK_SUSPENDED: Final = "work_suspended"
WORK_RESUMED: Final = "work_resumed"
REASON_BYTES_MAX: Final = 256

_SUSPENDED: Final = (
    sa.select(p.suspensions)
    .where(
        ~sa.exists().where(
            p.resumptions.c.item_id == p.suspensions.c.item_id,
            p.resumptions.c.sequence > p.suspensions.c.sequence,
        )
    )
    .order_by(p.suspensions.c.sequence, p.suspensions.c.row_number)
)

log = get_logger(__name__)


@attrs.frozen(kw_only=True)
class Suspended:
    """A batch that is not prepared, or a transaction that is neither sent nor asked after."""

    item_id: bytes
    is_transaction: bool
    deaths: int

    def __str__(self) -> str:
        """Say what it is, why, and what to do."""
        kind = "transaction" if self.is_transaction else "batch"
        return (
            f"{kind} {self.item_id.hex()} is suspended: the process died {self.deaths} times while it "
            "worked on it; find out why, then resume it (`Engine.resume`)"
        )


def suspended_work(connection: sa.Connection) -> dict[bytes, Suspended]:
    """Return what is suspended and was not resumed since, by id."""
    return {
        bytes(row.item_id): Suspended(
            item_id=bytes(row.item_id), is_transaction=row.is_transaction, deaths=row.deaths
        )
        for row in connection.execute(_SUSPENDED)
    }


def held_transactions(connection: sa.Connection, suspended: Iterable[Suspended]) -> list[Held]:
    """Return the batches of suspended transactions that no block shows yet."""
    return [
        Held(batch_id=batch_id, authority=sender, reason=str(one))
        for one in suspended
        if one.is_transaction
        for batch_id, sender in carried.batches_waiting_for(connection, one.item_id)
    ]


def suspend(
    transaction: Transaction,
    item_ids: Collection[bytes],
    *,
    is_transaction: bool,
    deaths: int,
    time: datetime,
) -> list[Suspended]:
    """Suspend work in a transaction, and raise the alarm."""
    rows = [(item_id, is_transaction, deaths) for item_id in sorted(item_ids)]
    transaction.append(
        kind=WORK_SUSPENDED, time=time, tables=[Table.from_rows(journal.SUSPENSIONS, rows)]
    )
    suspended = [
        Suspended(item_id=item_id, is_transaction=is_transaction, deaths=deaths)
        for item_id, _, _ in rows
    ]
    for one in suspended:
        log.error("work_suspended", item_id=one.item_id.hex(), deaths=deaths, reason=str(one))
    return suspended


def resume(transaction: Transaction, item_id: bytes, *, reason: str, time: datetime) -> None:
    """Let suspended work be tried again; raises `UnknownName` when it is not suspended."""
    if item_id not in suspended_work(transaction.connection):
        raise UnknownName(f"{item_id.hex()} is not suspended: `Engine.suspended` lists what is")
    if not reason or len(reason.encode()) > REASON_BYTES_MAX:
        raise InvalidInput(
            f"say in 1 to {REASON_BYTES_MAX} bytes why it is resumed, not {reason!r}"
        )
    row = (item_id, reason)
    transaction.append(
        kind=WORK_RESUMED, time=time, tables=[Table.from_rows(journal.RESUMPTIONS, [row])]
    )
    log.warning("work_resumed", item_id=item_id.hex(), reason=reason)
