"""Open intervals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; the way back is a backup."""
    op.create_table(
        "late_readings",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("reading_id", sa.LargeBinary(), nullable=False),
        sa.Column("point_digest", sa.LargeBinary(), nullable=False),
        sa.Column("interval_start_of_row", sa.BigInteger(), nullable=False),
        sa.Column("imported_wh", sa.BigInteger(), nullable=False),
        sa.Column("exported_wh", sa.BigInteger(), nullable=False),
        sa.Column("quality", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=512), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_late_readings")),
    )
    op.create_index(
        op.f("ix_late_readings_interval_start_of_row_point_digest"),
        "late_readings",
        ["interval_start_of_row", "point_digest"],
        unique=False,
    )
    op.create_table(
        "open_intervals",
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("area", "interval_start", name=op.f("pk_open_intervals")),
    )
    op.add_column("cleared_intervals", sa.Column("settled_by", sa.BigInteger(), nullable=True))
    op.create_index(
        op.f("ix_cleared_intervals_settled_by"), "cleared_intervals", ["settled_by"], unique=False
    )
    op.drop_index(op.f("ix_readings_interval_start_of_row"), table_name="readings")
    op.create_index(
        op.f("ix_readings_interval_start_of_row_point_digest"),
        "readings",
        ["interval_start_of_row", "point_digest"],
        unique=False,
    )
    op.add_column(
        "settlements", sa.Column("least_status", sa.Integer(), nullable=False, server_default="0")
    )
    op.create_index(
        op.f("ix_settlements_area_period_start"),
        "settlements",
        ["area", "period_start"],
        unique=False,
    )
    op.create_index(
        op.f("ix_settlements_least_status"), "settlements", ["least_status"], unique=False
    )
