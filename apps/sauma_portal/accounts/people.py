"""Who takes part, and who looks after it."""

from __future__ import annotations

import enum
from typing import Any, Final

import attrs
import sqlalchemy as sa

from sauma_portal.accounts import tables as t

CUSTOMER_NUMBER_BASE: Final = 100_000
"""Customer numbers begin here, so that references have a decent length."""


PERSON_ID_MAX: Final = 2**31 - 1


class Role(enum.Enum):
    """What somebody may do."""

    HOUSEHOLD = "household"
    OPERATOR = "operator"
    """Looks after the neighbourhood; every action of theirs has a reason in the trail."""
    AUDITOR = "auditor"
    """Sees and exports everything and changes nothing."""


@attrs.frozen(kw_only=True)
class Person:
    """Somebody with an account.  `participant` is the pseudonym under which the journal knows them."""

    person_id: int
    participant: str
    email: str = attrs.field(repr=False)
    display_name: str = attrs.field(repr=False)
    role: Role
    buys: bool
    sells: bool
    area: str
    place: str | None
    hidden: bool
    paused: bool
    vat_registered: bool
    language: str
    created_at: int
    closed_at: int | None

    @property
    def customer_number(self) -> int:
        """The number on their bills."""
        return CUSTOMER_NUMBER_BASE + self.person_id

    @property
    def is_staff(self) -> bool:
        """Whether it is an operator or an auditor."""
        return self.role is not Role.HOUSEHOLD


def add(connection: sa.Connection, **values: Any) -> int:
    """Add somebody and return the id."""
    result = connection.execute(sa.insert(t.people).values(**values))
    key = result.inserted_primary_key
    return int(key[0]) if key is not None else 0


def find(connection: sa.Connection, person_id: int) -> Person | None:
    """Return somebody by id."""
    return _one(connection, t.people.c.person_id == person_id)


def by_customer_number(connection: sa.Connection, number: int) -> Person | None:
    """Return whose bills bear a number."""
    person_id = number - CUSTOMER_NUMBER_BASE
    return find(connection, person_id) if 0 < person_id <= PERSON_ID_MAX else None


def by_email(connection: sa.Connection, email: str) -> Person | None:
    """Return whoever has that e-mail address; those who left have none."""
    return _one(connection, t.people.c.email == email)


def by_participant(connection: sa.Connection, participant: str) -> Person | None:
    """Return whom the journal knows by that pseudonym."""
    return _one(connection, t.people.c.participant == participant)


def password_hash(connection: sa.Connection, person_id: int) -> str | None:
    """Return the password's hash; None for those who left."""
    return connection.execute(
        sa.select(t.people.c.password_hash).where(t.people.c.person_id == person_id)
    ).scalar()


def everybody(connection: sa.Connection) -> list[Person]:
    """Return everybody who is here, in the order in which they came."""
    rows = connection.execute(
        sa.select(t.people).where(t.people.c.closed_at.is_(None)).order_by(t.people.c.person_id)
    )
    return [_person(row) for row in rows]


def change(connection: sa.Connection, person_id: int, **values: Any) -> None:
    """Change what is known of somebody."""
    connection.execute(
        sa.update(t.people).where(t.people.c.person_id == person_id).values(**values)
    )


def erase(connection: sa.Connection, person_id: int, now: int) -> None:
    """Forget who somebody was: only the pseudonym stays, with the day on which they left."""
    for table in (t.sessions, t.one_time_keys, t.tokens, t.claims, t.challenges, t.letters):
        connection.execute(sa.delete(table).where(table.c.person_id == person_id))
    change(
        connection,
        person_id,
        email=None,
        display_name=None,
        password_hash=None,
        place=None,
        hidden=True,
        paused=True,
        closed_at=now,
    )


def _one(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> Person | None:
    row = connection.execute(sa.select(t.people).where(condition)).one_or_none()
    return None if row is None else _person(row)


def _person(row: Any) -> Person:
    return Person(
        person_id=row.person_id,
        participant=row.participant,
        email=row.email or "",
        display_name=row.display_name or "",
        role=Role(row.role),
        buys=row.buys,
        sells=row.sells,
        area=row.area,
        place=row.place,
        hidden=row.hidden,
        paused=row.paused,
        vat_registered=row.vat_registered,
        language=row.language,
        created_at=row.created_at,
        closed_at=row.closed_at,
    )
