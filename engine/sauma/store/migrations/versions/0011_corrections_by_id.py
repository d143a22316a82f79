"""Corrections by id."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; the way back is a backup."""
    op.create_index(
        op.f("ix_corrections_correction_id"), "corrections", ["correction_id"], unique=False
    )
