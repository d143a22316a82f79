"""Suspensions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; the way back is a backup."""
    op.create_table(
        "attempts",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("tried", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "worker", name=op.f("pk_attempts")),
    )
    op.create_table(
        "deaths",
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("item", sa.LargeBinary(length=32), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("chain", "item", name=op.f("pk_deaths")),
    )
    op.create_table(
        "resumptions",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("item_id", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_resumptions")),
    )
    op.create_index(op.f("ix_resumptions_item_id"), "resumptions", ["item_id"], unique=False)
    op.create_table(
        "suspensions",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("item_id", sa.LargeBinary(), nullable=False),
        sa.Column("is_transaction", sa.Boolean(), nullable=False),
        sa.Column("deaths", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_suspensions")),
    )
    op.create_index(op.f("ix_suspensions_item_id"), "suspensions", ["item_id"], unique=False)
