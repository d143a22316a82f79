"""Sessions: who is logged in where.  The browser has a token, the database only its digest."""

from __future__ import annotations

from hashlib import sha256

import sqlalchemy as sa

from sauma_portal.accounts import tables as t
from sauma_portal.accounts.people import Person, find


def digest_of(token: str) -> bytes:
    """Return what is kept of a token: it has 256 random bits, so a plain hash is enough."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def begin(connection: sa.Connection, person_id: int, token: str, now: int) -> None:
    """Begin a session."""
    connection.execute(
        sa.insert(t.sessions).values(
            token_digest=digest_of(token), person_id=person_id, created_at=now, seen_at=now
        )
    )


def whose(
    connection: sa.Connection, token: str, now: int, *, idle_s: int, age_s: int
) -> tuple[Person, int] | None:
    """Return whose session it is and when it was last seen; None when it ended or never was."""
    row = connection.execute(
        sa.select(t.sessions.c.person_id, t.sessions.c.seen_at).where(
            t.sessions.c.token_digest == digest_of(token),
            t.sessions.c.seen_at > now - idle_s,
            t.sessions.c.created_at > now - age_s,
        )
    ).one_or_none()
    if row is None:
        return None
    person = find(connection, row.person_id)
    if person is None or person.closed_at is not None:
        return None
    return person, row.seen_at


def touch(connection: sa.Connection, token: str, now: int) -> None:
    """Note that a session is in use."""
    connection.execute(
        sa.update(t.sessions)
        .where(t.sessions.c.token_digest == digest_of(token))
        .values(seen_at=now)
    )


def end(connection: sa.Connection, token: str) -> None:
    """End one session."""
    connection.execute(sa.delete(t.sessions).where(t.sessions.c.token_digest == digest_of(token)))


def end_all(connection: sa.Connection, person_id: int) -> None:
    """End every session of somebody, as when the password changed."""
    connection.execute(sa.delete(t.sessions).where(t.sessions.c.person_id == person_id))


def forget_old(connection: sa.Connection, now: int, *, idle_s: int, age_s: int) -> None:
    """Delete sessions that ended by themselves."""
    connection.execute(
        sa.delete(t.sessions).where(
            sa.or_(t.sessions.c.seen_at <= now - idle_s, t.sessions.c.created_at <= now - age_s)
        )
    )
