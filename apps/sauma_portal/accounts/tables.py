"""The tables of people, the same in SQLite and PostgreSQL; times are whole seconds since 1970."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from sauma.store.tables import NAMING

metadata: Final = sa.MetaData(naming_convention=NAMING)
VERSION_TABLE: Final = "portal_version"
"""Beside the store's own, so that both may lie in one database."""


def _person() -> sa.Column[int]:
    return sa.Column(
        "person_id", sa.Integer, sa.ForeignKey("portal_people.person_id"), nullable=False
    )


people: Final = sa.Table(
    "portal_people",
    metadata,
    sa.Column("person_id", sa.Integer, primary_key=True),
    sa.Column("participant", sa.String(64), nullable=False, unique=True),
    sa.Column("email", sa.String(254), nullable=True, unique=True),
    sa.Column("display_name", sa.String(60), nullable=True),
    sa.Column("password_hash", sa.String(255), nullable=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("buys", sa.Boolean, nullable=False),
    sa.Column("sells", sa.Boolean, nullable=False),
    sa.Column("area", sa.String(64), nullable=False),
    sa.Column("place", sa.String(8), nullable=True),
    sa.Column("hidden", sa.Boolean, nullable=False),
    sa.Column("paused", sa.Boolean, nullable=False),
    sa.Column("vat_registered", sa.Boolean, nullable=False),
    sa.Column("language", sa.String(2), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("closed_at", sa.BigInteger, nullable=True),
)
"""`place` is a square of the area's plan, never an address."""

sessions: Final = sa.Table(
    "portal_sessions",
    metadata,
    sa.Column("token_digest", sa.LargeBinary(32), primary_key=True),
    _person(),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("seen_at", sa.BigInteger, nullable=False),
    sa.Index(None, "person_id"),
)
"""Of a session only the digest of its token is kept: who reads the database can use none."""

one_time_keys: Final = sa.Table(
    "portal_one_time_keys",
    metadata,
    sa.Column("key_digest", sa.LargeBinary(32), primary_key=True),
    _person(),
    sa.Column("purpose", sa.String(16), nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("used_at", sa.BigInteger, nullable=True),
)

tokens: Final = sa.Table(
    "portal_tokens",
    metadata,
    sa.Column("token_id", sa.Integer, primary_key=True),
    _person(),
    sa.Column("token_digest", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("name", sa.String(60), nullable=False),
    sa.Column("scopes", sa.String(120), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
)

claims: Final = sa.Table(
    "portal_claims",
    metadata,
    sa.Column("claim_id", sa.Integer, primary_key=True),
    _person(),
    sa.Column("gsrn", sa.String(18), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("decided_at", sa.BigInteger, nullable=True),
)
"""Metering points that people say are theirs, until the operator has looked."""

challenges: Final = sa.Table(
    "portal_challenges",
    metadata,
    sa.Column("person_id", sa.Integer, sa.ForeignKey("portal_people.person_id"), primary_key=True),
    sa.Column("text", sa.String(200), nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
)
"""What somebody has to sign to prove that an address is theirs."""

letters: Final = sa.Table(
    "portal_letters",
    metadata,
    sa.Column("letter_id", sa.Integer, primary_key=True),
    _person(),
    sa.Column("recipient", sa.String(254), nullable=False),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)
"""The outbox: written with what causes it, sent afterwards, and erased when sent."""

trail: Final = sa.Table(
    "portal_trail",
    metadata,
    sa.Column("entry_id", sa.Integer, primary_key=True),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.String(64), nullable=False),
    sa.Column("action", sa.String(40), nullable=False),
    sa.Column("subject", sa.String(120), nullable=False),
    sa.Column("reason", sa.String(500), nullable=False),
)
"""Who of the staff did what, to whom, and why; only appended to."""
