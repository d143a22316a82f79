"""Metering points that people say are theirs, and addresses that they are about to prove."""

from __future__ import annotations

import enum
from typing import Any

import attrs
import sqlalchemy as sa

from sauma_portal.accounts import tables as t


class ClaimState(enum.Enum):
    """How far a claim has come."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


@attrs.frozen(kw_only=True)
class Claim:
    """Somebody says that a metering point is theirs."""

    claim_id: int
    person_id: int
    gsrn: str
    state: ClaimState
    created_at: int


def add(connection: sa.Connection, person_id: int, gsrn: str, state: ClaimState, now: int) -> int:
    """Note a claim and return its id."""
    result = connection.execute(
        sa.insert(t.claims).values(
            person_id=person_id, gsrn=gsrn, state=state.value, created_at=now
        )
    )
    key = result.inserted_primary_key
    return int(key[0]) if key is not None else 0


def of_person(connection: sa.Connection, person_id: int) -> list[Claim]:
    """Return somebody's claims, oldest first."""
    return _claims(connection, t.claims.c.person_id == person_id)


def waiting(connection: sa.Connection) -> list[Claim]:
    """Return the claims that wait for the operator."""
    return _claims(connection, t.claims.c.state == ClaimState.WAITING.value)


def find(connection: sa.Connection, claim_id: int) -> Claim | None:
    """Return a claim."""
    return next(iter(_claims(connection, t.claims.c.claim_id == claim_id)), None)


def decide(connection: sa.Connection, claim_id: int, state: ClaimState, now: int) -> None:
    """Note what became of a claim."""
    connection.execute(
        sa.update(t.claims)
        .where(t.claims.c.claim_id == claim_id)
        .values(state=state.value, decided_at=now)
    )


def challenge(connection: sa.Connection, person_id: int, text: str, expires_at: int) -> None:
    """Keep what somebody has to sign; an earlier one is void."""
    connection.execute(sa.delete(t.challenges).where(t.challenges.c.person_id == person_id))
    connection.execute(
        sa.insert(t.challenges).values(person_id=person_id, text=text, expires_at=expires_at)
    )


def open_challenge(connection: sa.Connection, person_id: int, now: int) -> str | None:
    """Return what somebody has to sign, None when nothing or when it is too old."""
    return connection.execute(
        sa.select(t.challenges.c.text).where(
            t.challenges.c.person_id == person_id, t.challenges.c.expires_at > now
        )
    ).scalar()


def end_challenge(connection: sa.Connection, person_id: int) -> None:
    """Let a challenge be signed only once."""
    connection.execute(sa.delete(t.challenges).where(t.challenges.c.person_id == person_id))


def _claims(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> list[Claim]:
    rows: Any = connection.execute(
        sa.select(t.claims).where(condition).order_by(t.claims.c.claim_id)
    )
    return [
        Claim(
            claim_id=row.claim_id,
            person_id=row.person_id,
            gsrn=row.gsrn,
            state=ClaimState(row.state),
            created_at=row.created_at,
        )
        for row in rows
    ]
