"""Lanes: one process at a time sends for a (chain, sender), and a stale one is fenced off.

Whoever takes a lane gets a fencing number that only grows.  A process that slept through the end of
its lease still holds the old number, and every transaction that checks it is refused.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import attrs
import sqlalchemy as sa

from sauma.errors import InvalidInput, StoreBusy
from sauma.intervals import check_utc, format_time, from_unix
from sauma.store.tables import lanes

_INSERT: Final = sa.insert(lanes)
_ROW: Final = sa.select(lanes.c.holder, lanes.c.fence, lanes.c.lease_until).where(
    lanes.c.chain == sa.bindparam("of_chain"), lanes.c.sender == sa.bindparam("of_sender")
)
_WRITE: Final = (
    sa.update(lanes)
    .where(lanes.c.chain == sa.bindparam("of_chain"), lanes.c.sender == sa.bindparam("of_sender"))
    .values(
        holder=sa.bindparam("holder"),
        fence=sa.bindparam("fence"),
        lease_until=sa.bindparam("lease_until"),
    )
)


@attrs.frozen(kw_only=True)
class Lane:
    """The right to send for one sender on one chain until a time."""

    chain: str
    sender: str
    holder: str
    fence: int
    lease_until: datetime


def acquire(
    connection: sa.Connection, chain: str, sender: str, holder: str, now: datetime, lease_s: int
) -> Lane:
    """Take a lane that is free, expired or the holder's own; the fencing number grows.

    Raises `StoreBusy` while the lease of another holder runs.
    """
    if not holder:
        raise InvalidInput("the holder of a lane needs a name, such as host and process")
    lease_until = _lease_end(now, lease_s)
    row = _row(connection, chain, sender)
    if row is None:
        connection.execute(
            _INSERT,
            {
                "chain": chain,
                "sender": sender,
                "holder": holder,
                "fence": 1,
                "lease_until": lease_until,
            },
        )
        fence = 1
    else:
        if row.holder not in ("", holder) and row.lease_until > _unix(now):
            raise StoreBusy(
                f"{row.holder} sends for {sender} on {chain} until "
                f"{format_time(from_unix(row.lease_until))}: stop it or wait"
            )
        fence = row.fence + 1
        _write(connection, chain, sender, holder=holder, fence=fence, lease_until=lease_until)
    return Lane(
        chain=chain, sender=sender, holder=holder, fence=fence, lease_until=from_unix(lease_until)
    )


def renew(connection: sa.Connection, lane: Lane, now: datetime, lease_s: int) -> Lane:
    """Prolong the lease; raises `StoreBusy` when somebody else took the lane meanwhile."""
    check_fence(connection, lane)
    lease_until = _lease_end(now, lease_s)
    _write(
        connection,
        lane.chain,
        lane.sender,
        holder=lane.holder,
        fence=lane.fence,
        lease_until=lease_until,
    )
    return attrs.evolve(lane, lease_until=from_unix(lease_until))


def release(connection: sa.Connection, lane: Lane) -> bool:
    """Give the lane up; False, and nothing happens, when somebody else has it by now."""
    row = _row(connection, lane.chain, lane.sender)
    if row is None or row.fence != lane.fence:
        return False
    _write(connection, lane.chain, lane.sender, holder="", fence=lane.fence, lease_until=0)
    return True


def check_fence(connection: sa.Connection, lane: Lane) -> None:
    """Raise `StoreBusy` unless the lane is still held under this fencing number."""
    row = _row(connection, lane.chain, lane.sender)
    if row is None or row.fence != lane.fence or row.holder != lane.holder:
        now_held = "nobody" if row is None or not row.holder else f"{row.holder} ({row.fence})"
        raise StoreBusy(
            f"the lane of {lane.sender} on {lane.chain} is held by {now_held}, no more by "
            f"{lane.holder} ({lane.fence}): acquire it again"
        )


def _row(connection: sa.Connection, chain: str, sender: str) -> sa.Row[str, int, int] | None:
    """Return holder, fence and end of the lease."""
    return connection.execute(_ROW, {"of_chain": chain, "of_sender": sender}).one_or_none()


def _write(connection: sa.Connection, chain: str, sender: str, **values: str | int) -> None:
    """Change the row of a lane."""
    connection.execute(_WRITE, {"of_chain": chain, "of_sender": sender, **values})


def _lease_end(now: datetime, lease_s: int) -> int:
    """Return when a lease that begins now ends."""
    if lease_s < 1:
        raise InvalidInput(f"a lease of {lease_s} seconds is none")
    return _unix(now) + lease_s


def _unix(now: datetime) -> int:
    """Return whole seconds; a lease need not be finer."""
    return int(check_utc(now, "now").timestamp())
