"""Registered."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; the way back is a backup."""
    op.create_index(
        op.f("ix_bindings_chain_id_account"), "bindings", ["chain_id", "account"], unique=False
    )
    op.drop_index(op.f("ix_prices_area_of_row"), table_name="prices")
    op.create_index(
        op.f("ix_prices_area_of_row_participant"),
        "prices",
        ["area_of_row", "participant"],
        unique=False,
    )
