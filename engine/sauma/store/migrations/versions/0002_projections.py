"""Projections."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; the way back is a backup."""
    op.create_table(
        "bill_lines",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("bill_id", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.BigInteger(), nullable=False),
        sa.Column("counterparty", sa.String(length=64), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=False),
        sa.Column("price_micro", sa.BigInteger(), nullable=False),
        sa.Column("amount_nano", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_bill_lines")),
    )
    op.create_index(op.f("ix_bill_lines_bill_id"), "bill_lines", ["bill_id"], unique=False)
    op.create_table(
        "bills",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("bill_id", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("settlement_id", sa.LargeBinary(), nullable=False),
        sa.Column("participant", sa.String(length=64), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("bought_wh", sa.BigInteger(), nullable=False),
        sa.Column("sold_wh", sa.BigInteger(), nullable=False),
        sa.Column("chain_received_wh", sa.BigInteger(), nullable=False),
        sa.Column("chain_sent_wh", sa.BigInteger(), nullable=False),
        sa.Column("owed_nano", sa.BigInteger(), nullable=False),
        sa.Column("carried_nano", sa.BigInteger(), nullable=False),
        sa.Column("owed_cents", sa.BigInteger(), nullable=False),
        sa.Column("carry_nano", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_bills")),
    )
    op.create_index(op.f("ix_bills_bill_id"), "bills", ["bill_id"], unique=False)
    op.create_index(op.f("ix_bills_participant"), "bills", ["participant"], unique=False)
    op.create_index(op.f("ix_bills_settlement_id"), "bills", ["settlement_id"], unique=False)
    op.create_table(
        "bindings",
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("chain_id", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=176), nullable=False),
        sa.PrimaryKeyConstraint("holder", "chain_id", name=op.f("pk_bindings")),
    )
    op.create_table(
        "burials",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("transaction_id", sa.LargeBinary(), nullable=False),
        sa.Column("final_height", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_burials")),
    )
    op.create_table(
        "chain_effects",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("transaction_id", sa.LargeBinary(), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("asset", sa.String(length=176), nullable=False),
        sa.Column("delta_units", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_chain_effects")),
    )
    op.create_index(
        op.f("ix_chain_effects_transaction_id"), "chain_effects", ["transaction_id"], unique=False
    )
    op.create_table(
        "chain_events",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("chain_id", sa.String(length=176), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("block_time", sa.BigInteger(), nullable=False),
        sa.Column("transaction_id", sa.LargeBinary(), nullable=False),
        sa.Column("reference", sa.LargeBinary(), nullable=True),
        sa.Column("succeeded", sa.Boolean(), nullable=False),
        sa.Column("fee_payer", sa.String(length=64), nullable=False),
        sa.Column("fee_units", sa.String(length=80), nullable=False),
        sa.Column("retracted_by", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_chain_events")),
    )
    op.create_index(op.f("ix_chain_events_reference"), "chain_events", ["reference"], unique=False)
    op.create_index(
        op.f("ix_chain_events_transaction_id"), "chain_events", ["transaction_id"], unique=False
    )
    op.create_table(
        "chain_states",
        sa.Column("chain_id", sa.String(length=64), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("scanned_height", sa.BigInteger(), nullable=False),
        sa.Column("scanned_time", sa.BigInteger(), nullable=False),
        sa.Column("final_height", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", name=op.f("pk_chain_states")),
    )
    op.create_table(
        "chain_terms",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("chain_id", sa.String(length=176), nullable=False),
        sa.Column("nets", sa.Boolean(), nullable=False),
        sa.Column("batch_instructions_max", sa.BigInteger(), nullable=False),
        sa.Column("atomic", sa.Boolean(), nullable=False),
        sa.Column("needs_fees", sa.Boolean(), nullable=False),
        sa.Column("clearing_signs", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_chain_terms")),
    )
    op.create_table(
        "chains",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("chain_id", sa.String(length=176), nullable=False),
        sa.Column("energy_asset", sa.String(length=176), nullable=False),
        sa.Column("fee_asset", sa.String(length=176), nullable=True),
        sa.Column("settings", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_chains")),
    )
    op.create_table(
        "cleared_intervals",
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("interval_minutes", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("area", "interval_start", name=op.f("pk_cleared_intervals")),
    )
    op.create_table(
        "fee_quotes",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_fee_quotes")),
    )
    op.create_table(
        "instruction_legs",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("instruction_id", sa.LargeBinary(), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("delta_units", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_instruction_legs")),
    )
    op.create_index(
        op.f("ix_instruction_legs_instruction_id"),
        "instruction_legs",
        ["instruction_id"],
        unique=False,
    )
    op.create_table(
        "instruction_parents",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("instruction_id", sa.LargeBinary(), nullable=False),
        sa.Column("parent_id", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_instruction_parents")),
    )
    op.create_index(
        op.f("ix_instruction_parents_instruction_id"),
        "instruction_parents",
        ["instruction_id"],
        unique=False,
    )
    op.create_table(
        "instructions",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("instruction_id", sa.LargeBinary(), nullable=False),
        sa.Column("settlement_id", sa.LargeBinary(), nullable=False),
        sa.Column("batch_id", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.BigInteger(), nullable=False),
        sa.Column("wave", sa.BigInteger(), nullable=False),
        sa.Column("authority", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("asset_role", sa.String(length=16), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("atomic", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_instructions")),
    )
    op.create_index(op.f("ix_instructions_batch_id"), "instructions", ["batch_id"], unique=False)
    op.create_index(
        op.f("ix_instructions_instruction_id"), "instructions", ["instruction_id"], unique=False
    )
    op.create_index(
        op.f("ix_instructions_settlement_id"), "instructions", ["settlement_id"], unique=False
    )
    op.create_table(
        "metering_points",
        sa.Column("point_digest", sa.LargeBinary(), nullable=False),
        sa.Column("gsrn", sa.String(length=18), nullable=False),
        sa.Column("participant", sa.String(length=64), nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("point_digest", name=op.f("pk_metering_points")),
        sa.UniqueConstraint("gsrn", name=op.f("uq_metering_points_gsrn")),
    )
    op.create_index(op.f("ix_metering_points_area"), "metering_points", ["area"], unique=False)
    op.create_table(
        "obligations",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("obligation_id", sa.LargeBinary(), nullable=False),
        sa.Column("cause_id", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.BigInteger(), nullable=False),
        sa.Column("good", sa.BigInteger(), nullable=False),
        sa.Column("debtor", sa.String(length=64), nullable=False),
        sa.Column("creditor", sa.String(length=64), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_obligations")),
    )
    op.create_index(
        op.f("ix_obligations_area_interval_start"),
        "obligations",
        ["area", "interval_start"],
        unique=False,
    )
    op.create_table(
        "observations",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("chain_id", sa.String(length=176), nullable=False),
        sa.Column("rolled_back_to", sa.BigInteger(), nullable=True),
        sa.Column("scanned_height", sa.BigInteger(), nullable=False),
        sa.Column("scanned_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scanned_time", sa.BigInteger(), nullable=False),
        sa.Column("final_height", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_observations")),
    )
    op.create_table(
        "participants",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("participant", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_participants")),
    )
    op.create_index(
        op.f("ix_participants_participant"), "participants", ["participant"], unique=False
    )
    op.create_table(
        "positions",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("participant", sa.String(length=64), nullable=False),
        sa.Column("imported_wh", sa.BigInteger(), nullable=False),
        sa.Column("exported_wh", sa.BigInteger(), nullable=False),
        sa.Column("own_use_wh", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_positions")),
    )
    op.create_index(
        op.f("ix_positions_area_interval_start"),
        "positions",
        ["area", "interval_start"],
        unique=False,
    )
    op.create_table(
        "posted_offers",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("offer_id", sa.LargeBinary(), nullable=False),
        sa.Column("participant", sa.String(length=64), nullable=False),
        sa.Column("side", sa.BigInteger(), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=False),
        sa.Column("limit_micro", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=512), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_posted_offers")),
    )
    op.create_index(
        op.f("ix_posted_offers_area_interval_start"),
        "posted_offers",
        ["area", "interval_start"],
        unique=False,
    )
    op.create_table(
        "prices",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("participant", sa.String(length=64), nullable=False),
        sa.Column("area_of_row", sa.String(length=64), nullable=False),
        sa.Column("side", sa.BigInteger(), nullable=False),
        sa.Column("price_micro", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_prices")),
    )
    op.create_index(op.f("ix_prices_area_of_row"), "prices", ["area_of_row"], unique=False)
    op.create_table(
        "readings",
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
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_readings")),
    )
    op.create_index(
        op.f("ix_readings_interval_start_of_row"),
        "readings",
        ["interval_start_of_row"],
        unique=False,
    )
    op.create_table(
        "residuals",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("participant", sa.String(length=64), nullable=False),
        sa.Column("bought_wh", sa.BigInteger(), nullable=False),
        sa.Column("sold_wh", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_residuals")),
    )
    op.create_index(
        op.f("ix_residuals_area_interval_start"),
        "residuals",
        ["area", "interval_start"],
        unique=False,
    )
    op.create_table(
        "rulebooks",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("rulebook_hash", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_rulebooks")),
    )
    op.create_table(
        "settlements",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("settlement_id", sa.LargeBinary(), nullable=False),
        sa.Column("chain_id", sa.String(length=176), nullable=False),
        sa.Column("period_start", sa.BigInteger(), nullable=False),
        sa.Column("period_end", sa.BigInteger(), nullable=False),
        sa.Column("obligation_count", sa.BigInteger(), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=False),
        sa.Column("moved_wh", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_settlements")),
    )
    op.create_index(
        op.f("ix_settlements_settlement_id"), "settlements", ["settlement_id"], unique=False
    )
    op.create_table(
        "trades",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("trade_id", sa.LargeBinary(), nullable=False),
        sa.Column("buyer", sa.String(length=64), nullable=False),
        sa.Column("seller", sa.String(length=64), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=False),
        sa.Column("price_micro", sa.BigInteger(), nullable=False),
        sa.Column("bid_id", sa.LargeBinary(), nullable=False),
        sa.Column("ask_id", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_trades")),
    )
    op.create_index(
        op.f("ix_trades_area_interval_start"), "trades", ["area", "interval_start"], unique=False
    )
    op.create_table(
        "transaction_batches",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("transaction_id", sa.LargeBinary(), nullable=False),
        sa.Column("batch_id", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_transaction_batches")),
    )
    op.create_index(
        op.f("ix_transaction_batches_batch_id"), "transaction_batches", ["batch_id"], unique=False
    )
    op.create_index(
        op.f("ix_transaction_batches_transaction_id"),
        "transaction_batches",
        ["transaction_id"],
        unique=False,
    )
    op.create_table(
        "transaction_effects",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("transaction_id", sa.LargeBinary(), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("asset", sa.String(length=176), nullable=False),
        sa.Column("delta_units", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_transaction_effects")),
    )
    op.create_index(
        op.f("ix_transaction_effects_transaction_id"),
        "transaction_effects",
        ["transaction_id"],
        unique=False,
    )
    op.create_table(
        "transactions",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=True),
        sa.Column("transaction_id", sa.LargeBinary(), nullable=False),
        sa.Column("chain_id", sa.String(length=176), nullable=False),
        sa.Column("sender", sa.String(length=64), nullable=False),
        sa.Column("fee_payer", sa.String(length=64), nullable=False),
        sa.Column("fee_units_max", sa.String(length=80), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=True),
        sa.Column("prepared_at", sa.BigInteger(), nullable=False),
        sa.Column("raw_digest", sa.LargeBinary(), nullable=False),
        sa.Column("consumes", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("block_height", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", sa.LargeBinary(), nullable=True),
        sa.Column("block_time", sa.BigInteger(), nullable=True),
        sa.Column("succeeded", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("sequence", "row_number", name=op.f("pk_transactions")),
    )
    op.create_index(
        op.f("ix_transactions_chain_id_state"), "transactions", ["chain_id", "state"], unique=False
    )
    op.create_index(
        op.f("ix_transactions_transaction_id"), "transactions", ["transaction_id"], unique=False
    )
