"""Standing authorisations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; the way back is a backup."""
    op.create_table(
        "standing_steps",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("standing_id", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.BigInteger(), nullable=False),
        sa.Column("judged_at", sa.BigInteger(), nullable=False),
        sa.Column("step_digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_standing_steps")),
    )
    op.create_index(
        op.f("ix_standing_steps_standing_id"), "standing_steps", ["standing_id"], unique=False
    )
