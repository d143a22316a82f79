"""People."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; the way back is a backup."""
    op.create_table(
        "portal_people",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("participant", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("display_name", sa.String(length=60), nullable=True),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("buys", sa.Boolean(), nullable=False),
        sa.Column("sells", sa.Boolean(), nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(length=8), nullable=True),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("vat_registered", sa.Boolean(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_portal_people")),
        sa.UniqueConstraint("email", name=op.f("uq_portal_people_email")),
        sa.UniqueConstraint("participant", name=op.f("uq_portal_people_participant")),
    )
    op.create_table(
        "portal_trail",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_portal_trail")),
    )
    op.create_table(
        "portal_challenges",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(length=200), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["portal_people.person_id"], name=op.f("fk_portal_challenges_person_id")
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_portal_challenges")),
    )
    op.create_table(
        "portal_claims",
        sa.Column("claim_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("gsrn", sa.String(length=18), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["portal_people.person_id"], name=op.f("fk_portal_claims_person_id")
        ),
        sa.PrimaryKeyConstraint("claim_id", name=op.f("pk_portal_claims")),
    )
    op.create_table(
        "portal_letters",
        sa.Column("letter_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["portal_people.person_id"], name=op.f("fk_portal_letters_person_id")
        ),
        sa.PrimaryKeyConstraint("letter_id", name=op.f("pk_portal_letters")),
    )
    op.create_table(
        "portal_one_time_keys",
        sa.Column("key_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["portal_people.person_id"],
            name=op.f("fk_portal_one_time_keys_person_id"),
        ),
        sa.PrimaryKeyConstraint("key_digest", name=op.f("pk_portal_one_time_keys")),
    )
    op.create_table(
        "portal_sessions",
        sa.Column("token_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["portal_people.person_id"], name=op.f("fk_portal_sessions_person_id")
        ),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_portal_sessions")),
    )
    op.create_index(
        op.f("ix_portal_sessions_person_id"), "portal_sessions", ["person_id"], unique=False
    )
    op.create_table(
        "portal_tokens",
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("scopes", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["portal_people.person_id"], name=op.f("fk_portal_tokens_person_id")
        ),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_portal_tokens")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_portal_tokens_token_digest")),
    )
