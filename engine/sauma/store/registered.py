"""What is known of those that a call names.

What an answer costs grows with the call, not with the city: nothing here reads a whole table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import sqlalchemy as sa

from sauma.identifiers import AccountId
from sauma.offers import MeteringPoint
from sauma.store import projections as p
from sauma.store.among import rows_among

PriceKey: TypeAlias = tuple[str, str, int, int]
"""Participant, area, number of the side, and the second from which a price is in force."""


def participants_among(connection: sa.Connection, names: Iterable[str]) -> set[str]:
    """Return those of some names that participants have."""
    name = p.participants.c.participant
    return {row[0] for row in rows_among(connection, sa.select(name), name, names)}


def bound_among(connection: sa.Connection, chain_id: str, holders: Iterable[str]) -> set[str]:
    """Return those of some holders that have an account on a chain."""
    columns = p.bindings.c
    query = sa.select(columns.holder).where(columns.chain_id == chain_id)
    return {row[0] for row in rows_among(connection, query, columns.holder, holders)}


def accounts_of(
    connection: sa.Connection, chain_id: str, holders: Iterable[str]
) -> dict[str, AccountId]:
    """Return the account on a chain of those of some holders that have one."""
    columns = p.bindings.c
    query = sa.select(columns.holder, columns.account).where(columns.chain_id == chain_id)
    return {
        row[0]: AccountId(row[1]) for row in rows_among(connection, query, columns.holder, holders)
    }


def operators_accounts(connection: sa.Connection, chain_id: str) -> dict[str, AccountId]:
    """Return the operator's own accounts on a chain: of issuers, clearing and escrow."""
    columns = p.bindings.c
    by_bytes = (
        columns.holder.collate("C") if connection.dialect.name != "sqlite" else columns.holder
    )
    rows = connection.execute(
        sa.select(columns.holder, columns.account).where(
            columns.chain_id == chain_id, by_bytes >= "@", by_bytes < "A"
        )
    )
    return {row[0]: AccountId(row[1]) for row in rows}


def holders_of(
    connection: sa.Connection, chain_id: str, accounts: Iterable[AccountId]
) -> dict[AccountId, str]:
    """Return who holds which of some accounts on a chain."""
    columns = p.bindings.c
    query = sa.select(columns.account, columns.holder).where(columns.chain_id == chain_id)
    texts = {str(account) for account in accounts}
    return {
        AccountId(row[0]): row[1] for row in rows_among(connection, query, columns.account, texts)
    }


def points_among(connection: sa.Connection, gsrns: Iterable[str]) -> dict[str, MeteringPoint]:
    """Return those of some metering points that are registered."""
    columns = p.metering_points.c
    query = sa.select(columns.gsrn, columns.participant, columns.area)
    return {
        row[0]: MeteringPoint(gsrn=row[0], participant=row[1], area=row[2])
        for row in rows_among(connection, query, columns.gsrn, gsrns)
    }


def prices_of(
    connection: sa.Connection, area: str, participants: Iterable[str]
) -> dict[PriceKey, int]:
    """Return every standing price that some participants ever set in an area."""
    columns = p.prices.c
    query = sa.select(
        columns.participant, columns.side, columns.valid_from, columns.price_micro
    ).where(columns.area_of_row == area)
    return {
        (row[0], area, row[1], row[2]): row[3]
        for row in rows_among(connection, query, columns.participant, participants)
    }
