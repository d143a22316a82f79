"""What is being tried, written down before it is tried, so that a process that died of it is noticed.

A worker is whoever tries things one after another: a lane, or who follows what was sent.  Its note is
taken away when the work ended, well or with an error that has a name; one that is found later was left by
a process that died, or lost its lane while it waited, and says so when it wakes.  Deaths are counted until
the same thing is tried again and nothing happens.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

import sqlalchemy as sa

from sauma.store.tables import attempts, deaths

ITEM_BYTES: Final = 32

_OF_WORKER: Final = sa.and_(
    attempts.c.chain == sa.bindparam("of_chain"), attempts.c.worker == sa.bindparam("of_worker")
)
_NOTE: Final = sa.select(attempts.c.tried).where(_OF_WORKER)
_WRITE: Final = sa.insert(attempts)
_ERASE: Final = sa.delete(attempts).where(_OF_WORKER)
_DEATHS: Final = sa.select(deaths.c.item, deaths.c.times).where(
    deaths.c.chain == sa.bindparam("of_chain")
)


def write_note(connection: sa.Connection, chain: str, worker: str, items: Iterable[bytes]) -> None:
    """Note what a worker is going to try, instead of what it tried before."""
    erase_note(connection, chain, worker)
    connection.execute(_WRITE, {"chain": chain, "worker": worker, "tried": b"".join(items)})


def read_note(connection: sa.Connection, chain: str, worker: str) -> frozenset[bytes]:
    """Return what a worker tries, or died of."""
    tried = connection.execute(_NOTE, {"of_chain": chain, "of_worker": worker}).scalar()
    whole = b"" if tried is None else bytes(tried)
    return frozenset(
        whole[first : first + ITEM_BYTES] for first in range(0, len(whole), ITEM_BYTES)
    )


def erase_note(connection: sa.Connection, chain: str, worker: str) -> None:
    """Note that a worker tries nothing."""
    connection.execute(_ERASE, {"of_chain": chain, "of_worker": worker})


def read_deaths(connection: sa.Connection, chain: str) -> dict[bytes, int]:
    """Return at what a process died, and how often since it last went well."""
    rows = connection.execute(_DEATHS, {"of_chain": chain})
    return {bytes(row.item): row.times for row in rows}


def count_deaths(connection: sa.Connection, chain: str, items: Collection[bytes]) -> None:
    """Count one death more at each of some things."""
    _add(connection, chain, items, 1)


def take_back_deaths(connection: sa.Connection, chain: str, items: Collection[bytes]) -> None:
    """Count one death less at each of some things: who was taken for dead lives."""
    _add(connection, chain, items, -1)


def forget_deaths(connection: sa.Connection, chain: str, items: Collection[bytes]) -> None:
    """Forget the deaths at some things."""
    for item in sorted(items):
        connection.execute(sa.delete(deaths).where(deaths.c.chain == chain, deaths.c.item == item))


def _add(connection: sa.Connection, chain: str, items: Collection[bytes], more: int) -> None:
    known = read_deaths(connection, chain)
    forget_deaths(connection, chain, items)
    for item in sorted(items):
        times = known.get(item, 0) + more
        if times > 0:
            connection.execute(sa.insert(deaths).values(chain=chain, item=item, times=times))
