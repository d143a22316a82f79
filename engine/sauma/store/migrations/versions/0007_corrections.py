"""Corrections."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; the way back is a backup."""
    op.create_table(
        "adjusting_bills",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("bill_id", sa.LargeBinary(), nullable=False),
        sa.Column("correction_id", sa.LargeBinary(), nullable=False),
        sa.Column("participant", sa.String(length=64), nullable=False),
        sa.Column("adjusted_bill_id", sa.LargeBinary(), nullable=True),
        sa.Column("old_nano", sa.BigInteger(), nullable=False),
        sa.Column("new_nano", sa.BigInteger(), nullable=False),
        sa.Column("owed_nano", sa.BigInteger(), nullable=False),
        sa.Column("carried_nano", sa.BigInteger(), nullable=False),
        sa.Column("owed_cents", sa.BigInteger(), nullable=False),
        sa.Column("carry_nano", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_adjusting_bills")),
    )
    op.create_index(
        op.f("ix_adjusting_bills_adjusted_bill_id"),
        "adjusting_bills",
        ["adjusted_bill_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_adjusting_bills_bill_id"), "adjusting_bills", ["bill_id"], unique=False
    )
    op.create_index(
        op.f("ix_adjusting_bills_correction_id"), "adjusting_bills", ["correction_id"], unique=False
    )
    op.create_index(
        op.f("ix_adjusting_bills_participant"), "adjusting_bills", ["participant"], unique=False
    )
    op.create_table(
        "adjusting_lines",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("bill_id", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.BigInteger(), nullable=False),
        sa.Column("counterparty", sa.String(length=64), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=False),
        sa.Column("price_micro", sa.BigInteger(), nullable=False),
        sa.Column("amount_nano", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_adjusting_lines")),
    )
    op.create_index(
        op.f("ix_adjusting_lines_bill_id"), "adjusting_lines", ["bill_id"], unique=False
    )
    op.create_table(
        "adjusting_obligations",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("obligation_id", sa.LargeBinary(), nullable=False),
        sa.Column("cause_id", sa.LargeBinary(), nullable=False),
        sa.Column("interval_start_of_row", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.BigInteger(), nullable=False),
        sa.Column("good", sa.BigInteger(), nullable=False),
        sa.Column("debtor", sa.String(length=64), nullable=False),
        sa.Column("creditor", sa.String(length=64), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_adjusting_obligations")),
    )
    op.create_index(
        op.f("ix_adjusting_obligations_area"), "adjusting_obligations", ["area"], unique=False
    )
    op.create_table(
        "corrected_positions",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("correction_id", sa.LargeBinary(), nullable=False),
        sa.Column("participant", sa.String(length=64), nullable=False),
        sa.Column("interval_start_of_row", sa.BigInteger(), nullable=False),
        sa.Column("imported_wh", sa.BigInteger(), nullable=False),
        sa.Column("exported_wh", sa.BigInteger(), nullable=False),
        sa.Column("own_use_wh", sa.BigInteger(), nullable=False),
        sa.Column("bought_wh", sa.BigInteger(), nullable=False),
        sa.Column("sold_wh", sa.BigInteger(), nullable=False),
        sa.Column("old_bought_wh", sa.BigInteger(), nullable=False),
        sa.Column("old_sold_wh", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_corrected_positions")),
    )
    op.create_index(
        op.f("ix_corrected_positions_correction_id"),
        "corrected_positions",
        ["correction_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_corrected_positions_participant"),
        "corrected_positions",
        ["participant"],
        unique=False,
    )
    op.create_table(
        "corrected_readings",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("correction_id", sa.LargeBinary(), nullable=False),
        sa.Column("reading_id", sa.LargeBinary(), nullable=False),
        sa.Column("participant", sa.String(length=64), nullable=False),
        sa.Column("interval_start_of_row", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.BigInteger(), nullable=False),
        sa.Column("imported_wh", sa.BigInteger(), nullable=False),
        sa.Column("exported_wh", sa.BigInteger(), nullable=False),
        sa.Column("quality", sa.BigInteger(), nullable=False),
        sa.Column("old_reading_id", sa.LargeBinary(), nullable=True),
        sa.Column("old_imported_wh", sa.BigInteger(), nullable=True),
        sa.Column("old_exported_wh", sa.BigInteger(), nullable=True),
        sa.Column("old_quality", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_corrected_readings")),
    )
    op.create_index(
        op.f("ix_corrected_readings_correction_id"),
        "corrected_readings",
        ["correction_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_corrected_readings_participant"),
        "corrected_readings",
        ["participant"],
        unique=False,
    )
    op.create_table(
        "corrections",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("correction_id", sa.LargeBinary(), nullable=False),
        sa.Column("settlement_id", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("reading_count", sa.BigInteger(), nullable=False),
        sa.Column("bill_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_corrections")),
    )
    op.create_index(
        op.f("ix_corrections_settlement_id"), "corrections", ["settlement_id"], unique=False
    )
    op.add_column("late_readings", sa.Column("corrected_by", sa.BigInteger(), nullable=True))
    op.create_index(
        op.f("ix_late_readings_corrected_by"), "late_readings", ["corrected_by"], unique=False
    )
