"""Anchors."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; the way back is a backup."""
    op.create_table(
        "anchor_keys",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("anchor_id", sa.LargeBinary(), nullable=False),
        sa.Column("key_digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_anchor_keys")),
    )
    op.create_table(
        "anchored_bills",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("anchor_id", sa.LargeBinary(), nullable=False),
        sa.Column("bill_id", sa.LargeBinary(), nullable=False),
        sa.Column("bill_root", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_anchored_bills")),
    )
    op.create_index(
        op.f("ix_anchored_bills_anchor_id"), "anchored_bills", ["anchor_id"], unique=False
    )
    op.create_index(op.f("ix_anchored_bills_bill_id"), "anchored_bills", ["bill_id"], unique=False)
    op.create_table(
        "anchors",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("anchor_id", sa.LargeBinary(), nullable=False),
        sa.Column("chain_id", sa.String(length=176), nullable=False),
        sa.Column("period_start", sa.BigInteger(), nullable=False),
        sa.Column("period_end", sa.BigInteger(), nullable=False),
        sa.Column("bill_count", sa.BigInteger(), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("batch_id", sa.LargeBinary(), nullable=False),
        sa.Column("authority", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_anchors")),
    )
    op.create_index(op.f("ix_anchors_anchor_id"), "anchors", ["anchor_id"], unique=False)
    op.create_index(op.f("ix_anchors_batch_id"), "anchors", ["batch_id"], unique=False)
