"""What is on its way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; the way back is a backup."""
    op.create_table(
        "open_session_batches",
        sa.Column("batch_id", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_open_session_batches")),
    )
    op.create_table(
        "unanchored_settlements",
        sa.Column("settlement_id", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("settlement_id", name=op.f("pk_unanchored_settlements")),
    )
