"""What is being tried, written down before it is tried, so that a process that died of it is noticed.

A worker is whoever tries things one after another: a lane, or who follows what was sent.  Its note is
taken away when the work ended, well or with an error that has a name; one that is found later was left by
a process that died.  Deaths are counted until the same thing is tried again and nothing happens.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

import sqlalchemy as sa

from sauma.store.tables import attempts, deaths

ITEM_BYTES: Final = 32


def write_note(connection: sa.Connection, chain: str, worker: str, items: Iterable[bytes]) -> None:
    """Note what a worker is going to try, instead of what it tried before."""
    erase_note(connection, chain, worker)
    connection.execute(
        sa.insert(attempts).values(chain=chain, worker=worker, tried=b"".join(items))
    )


def read_note(connection: sa.Connection, chain: str, worker: str) -> frozenset[bytes]:
    """Return what a worker tries, or died of."""
    tried = connection.execute(
        sa.select(attempts.c.tried).where(attempts.c.chain == chain, attempts.c.worker == worker)
    ).scalar()
    whole = b"" if tried is None else bytes(tried)
    return frozenset(
        whole[first : first + ITEM_BYTES] for first in range(0, len(whole), ITEM_BYTES)
    )


def erase_note(connection: sa.Connection, chain: str, worker: str) -> None:
    """Note that a worker tries nothing."""
    connection.execute(
        sa.delete(attempts).where(attempts.c.chain == chain, attempts.c.worker == worker)
    )


def read_deaths(connection: sa.Connection, chain: str) -> dict[bytes, int]:
    """Return at what a process died, and how often since it last went well."""
    rows = connection.execute(
        sa.select(deaths.c.item, deaths.c.times).where(deaths.c.chain == chain)
    )
    return {bytes(row.item): row.times for row in rows}


def count_deaths(connection: sa.Connection, chain: str, items: Collection[bytes]) -> None:
    """Count one death more at each of some things."""
    known = read_deaths(connection, chain)
    forget_deaths(connection, chain, items)
    for item in sorted(items):
        connection.execute(
            sa.insert(deaths).values(chain=chain, item=item, times=known.get(item, 0) + 1)
        )


def forget_deaths(connection: sa.Connection, chain: str, items: Collection[bytes]) -> None:
    """Forget the deaths at some things."""
    for item in sorted(items):
        connection.execute(sa.delete(deaths).where(deaths.c.chain == chain, deaths.c.item == item))
