"""Sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; the way back is a backup."""
    op.create_table(
        "session_batches",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("batch_id", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.Column("authority", sa.String(length=64), nullable=False),
        sa.Column("state", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_session_batches")),
    )
    op.create_index(
        op.f("ix_session_batches_batch_id"), "session_batches", ["batch_id"], unique=False
    )
    op.create_index(
        op.f("ix_session_batches_session_id"), "session_batches", ["session_id"], unique=False
    )
    op.create_table(
        "session_effects",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("batch_id", sa.LargeBinary(), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("asset", sa.String(length=176), nullable=False),
        sa.Column("delta_units", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_session_effects")),
    )
    op.create_index(
        op.f("ix_session_effects_batch_id"), "session_effects", ["batch_id"], unique=False
    )
    op.create_table(
        "session_steps",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("session_id", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("transition", sa.BigInteger(), nullable=False),
        sa.Column("judged_at", sa.BigInteger(), nullable=False),
        sa.Column("is_emulated", sa.Boolean(), nullable=False),
        sa.Column("step_digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_session_steps")),
    )
    op.create_index(
        op.f("ix_session_steps_session_id"), "session_steps", ["session_id"], unique=False
    )
