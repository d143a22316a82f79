"""Keys that open one thing once, and tokens with which programs speak for somebody."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from sauma_portal.accounts import tables as t
from sauma_portal.accounts.people import Person, find
from sauma_portal.accounts.sessions import digest_of

RESET = "reset"


def give(
    connection: sa.Connection, person_id: int, key: str, purpose: str, expires_at: int
) -> None:
    """Keep the digest of a one-time key; earlier ones for the same purpose stop working."""
    connection.execute(
        sa.delete(t.one_time_keys).where(
            t.one_time_keys.c.person_id == person_id, t.one_time_keys.c.purpose == purpose
        )
    )
    connection.execute(
        sa.insert(t.one_time_keys).values(
            key_digest=digest_of(key), person_id=person_id, purpose=purpose, expires_at=expires_at
        )
    )


def is_good(connection: sa.Connection, key: str, purpose: str, now: int) -> bool:
    """Tell whether a key would open, without using it."""
    return _whose(connection, key, purpose, now) is not None


def use(connection: sa.Connection, key: str, purpose: str, now: int) -> Person | None:
    """Use a key: return whose it was, or None when it is none, too old or used."""
    person_id = _whose(connection, key, purpose, now)
    if person_id is None:
        return None
    used = connection.execute(
        sa.update(t.one_time_keys)
        .where(t.one_time_keys.c.key_digest == digest_of(key), t.one_time_keys.c.used_at.is_(None))
        .values(used_at=now)
    )
    return find(connection, person_id) if used.rowcount else None


def _whose(connection: sa.Connection, key: str, purpose: str, now: int) -> int | None:
    return connection.execute(
        sa.select(t.one_time_keys.c.person_id).where(
            t.one_time_keys.c.key_digest == digest_of(key),
            t.one_time_keys.c.purpose == purpose,
            t.one_time_keys.c.expires_at > now,
            t.one_time_keys.c.used_at.is_(None),
        )
    ).scalar()


@attrs.frozen(kw_only=True)
class Token:
    """A token as its owner sees it; the secret itself was shown once."""

    token_id: int
    name: str
    scopes: tuple[str, ...]
    created_at: int
    expires_at: int


def add_token(
    connection: sa.Connection,
    person_id: int,
    token: str,
    *,
    name: str,
    scopes: tuple[str, ...],
    now: int,
    expires_at: int,
) -> Token:
    """Keep the digest of a token."""
    result = connection.execute(
        sa.insert(t.tokens).values(
            person_id=person_id,
            token_digest=digest_of(token),
            name=name,
            scopes=" ".join(scopes),
            created_at=now,
            expires_at=expires_at,
        )
    )
    key = result.inserted_primary_key
    return Token(
        token_id=int(key[0]) if key is not None else 0,
        name=name,
        scopes=scopes,
        created_at=now,
        expires_at=expires_at,
    )


def tokens_of(connection: sa.Connection, person_id: int) -> list[Token]:
    """Return somebody's tokens, oldest first."""
    rows = connection.execute(
        sa.select(t.tokens).where(t.tokens.c.person_id == person_id).order_by(t.tokens.c.token_id)
    )
    return [
        Token(
            token_id=row.token_id,
            name=row.name,
            scopes=tuple(row.scopes.split()),
            created_at=row.created_at,
            expires_at=row.expires_at,
        )
        for row in rows
    ]


def whose_token(
    connection: sa.Connection, token: str, now: int
) -> tuple[Person, tuple[str, ...]] | None:
    """Return for whom a token speaks and what it may; None when it is none or too old."""
    row = connection.execute(
        sa.select(t.tokens.c.person_id, t.tokens.c.scopes).where(
            t.tokens.c.token_digest == digest_of(token), t.tokens.c.expires_at > now
        )
    ).one_or_none()
    if row is None:
        return None
    person = find(connection, row.person_id)
    if person is None or person.closed_at is not None:
        return None
    return person, tuple(row.scopes.split())


def revoke(connection: sa.Connection, person_id: int, token_id: int) -> bool:
    """Delete a token of somebody; tell whether there was one."""
    result = connection.execute(
        sa.delete(t.tokens).where(
            t.tokens.c.person_id == person_id, t.tokens.c.token_id == token_id
        )
    )
    return result.rowcount > 0


def revoke_all(connection: sa.Connection, person_id: int) -> None:
    """Delete every token of somebody."""
    connection.execute(sa.delete(t.tokens).where(t.tokens.c.person_id == person_id))
