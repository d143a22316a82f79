"""What the vault keeps of steps that the journal commits to, and by which time it is judged again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from sauma.errors import SessionRefused, StoreDamaged
from sauma.store import vault

Judged = TypeVar("Judged")


def step_key(item_id: bytes, number: int) -> str:
    """Return under which key the vault has a step of a session or standing authorisation."""
    return f"{item_id.hex()} {number}"


def kept(connection: sa.Connection, kind: str, key: str, digest: bytes, what: str) -> bytes:
    """Return what the vault keeps, checked against the digest in the journal; `what` names it."""
    item = vault.get_item(connection, kind, key)
    if item is None or item.digest != digest:
        raise StoreDamaged(
            f"the vault does not hold {what} that the journal commits to: restore the store from a copy"
        )
    return item.content


def by_block_time(judge: Callable[[int], Judged], judged_at: int, block_time: int | None) -> Judged:
    """Judge by the time of the block that has a step, where the chain's machine ran then.

    Where there is no such block, or the step is refused at its time, when it was judged counts.
    """
    if block_time is not None:
        try:
            return judge(block_time)
        except SessionRefused:
            pass
    return judge(judged_at)
