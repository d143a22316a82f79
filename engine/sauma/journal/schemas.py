"""Every table of the journal: what was given, what follows from it, what was signed.

Holders are participants, `@issuer` and `@clearing`; an account that nobody bound is `@outside`.
Accounts, GSRNs and signed bytes are not here: they lie in the vault, and a row has their salted digest.
A version, once used, never changes.
"""

from __future__ import annotations

from typing import Final

from sauma.journal.columns import (
    Column,
    blob,
    bytes32,
    fixed_bytes,
    flag,
    int32,
    int64,
    int256,
    text,
    uint8,
    unix_time,
)
from sauma.journal.registry import SchemaRegistry
from sauma.journal.tables import TableClass, TableSchema

NAME_BYTES: Final = 64
CAIP_BYTES: Final = 176

SCHEMAS: Final = SchemaRegistry()


def _input(name: str, *columns: Column, version: int = 1) -> TableSchema:
    return SCHEMAS.define(name, TableClass.INPUT, version=version, columns=columns)


def _derived(name: str, *columns: Column) -> TableSchema:
    return SCHEMAS.define(name, TableClass.DERIVED, version=1, columns=columns)


def _witnessed(name: str, *columns: Column) -> TableSchema:
    return SCHEMAS.define(name, TableClass.WITNESSED, version=1, columns=columns)


def _name(column: str) -> Column:
    return text(column, NAME_BYTES)


# --- given -----------------------------------------------------------------------------------------

RULEBOOKS: Final = _input("rulebooks", bytes32("rulebook_hash"), blob("body"))
CHAINS: Final = _input(
    "chains",
    text("chain_id", CAIP_BYTES),
    text("energy_asset", CAIP_BYTES),
    text("fee_asset", CAIP_BYTES, nullable=True),
    blob("settings"),
)
PARTICIPANTS: Final = _input("participants", _name("participant"))
BINDINGS: Final = _input(
    "bindings", _name("holder"), text("chain_id", CAIP_BYTES), bytes32("account_digest")
)
METERING_POINTS: Final = _input(
    "metering_points", bytes32("point_digest"), _name("participant"), _name("area")
)
PRICES: Final = _input(
    "prices",
    _name("participant"),
    _name("area"),
    uint8("side"),
    int64("price_micro"),
    unix_time("valid_from"),
)
_READING: Final = (
    bytes32("reading_id"),
    bytes32("point_digest"),
    unix_time("interval_start"),
    int64("imported_wh"),
    int64("exported_wh"),
    uint8("quality"),
    int32("version"),
)
READINGS_1: Final = _input("readings", *_READING, text("key", 512))
"""As it was before keys, which repeat, became blobs: each is stored once, and a row is a fifth as long."""
READINGS: Final = _input("readings", *_READING, blob("key"), version=2)
LATE_READINGS: Final = _input("late_readings", *_READING, blob("key"))
"""What came after its interval was cleared or its period settled; a correction takes it up."""
POSTED_OFFERS: Final = _input(
    "posted_offers",
    bytes32("offer_id"),
    _name("participant"),
    uint8("side"),
    int64("energy_wh"),
    int64("limit_micro"),
    text("key", 512),
)
CHAIN_TERMS: Final = _input(
    "chain_terms",
    text("chain_id", CAIP_BYTES),
    flag("nets"),
    int32("batch_instructions_max"),
    flag("atomic"),
    flag("needs_fees"),
    flag("clearing_signs"),
)
FEE_QUOTES: Final = _input("fee_quotes", _name("holder"), int64("units"))
OBSERVATIONS: Final = _input(
    "observations",
    text("chain_id", CAIP_BYTES),
    int64("rolled_back_to", nullable=True),
    int64("scanned_height"),
    bytes32("scanned_hash"),
    unix_time("scanned_time"),
    int64("final_height"),
    blob("cursor"),
)
CHAIN_EVENTS: Final = _input(
    "chain_events",
    text("chain_id", CAIP_BYTES),
    int64("height"),
    bytes32("block_hash"),
    unix_time("block_time"),
    bytes32("transaction_id"),
    fixed_bytes("reference", 30, nullable=True),
    flag("succeeded"),
    _name("fee_payer"),
    int256("fee_units"),
)
CHAIN_EFFECTS: Final = _input(
    "chain_effects",
    bytes32("transaction_id"),
    _name("holder"),
    text("asset", CAIP_BYTES),
    int256("delta_units"),
)
BURIALS: Final = _input(
    "burials",
    bytes32("transaction_id"),
    int64("final_height"),
    text("reason", 256),
)
ANCHOR_KEYS: Final = _input("anchor_keys", bytes32("anchor_id"), bytes32("key_digest"))
"""The digest of the key that salts an anchor's rows; the key itself lies in the vault."""
SUSPENSIONS: Final = _input(
    "suspensions", bytes32("item_id"), flag("is_transaction"), int32("deaths")
)
RESUMPTIONS: Final = _input("resumptions", bytes32("item_id"), text("reason", 256))

SESSION_STEPS: Final = _input(
    "session_steps",
    bytes32("session_id"),
    int32("number"),
    uint8("transition"),
    unix_time("judged_at"),
    flag("is_emulated"),
    bytes32("step_digest"),
)
"""Steps of sessions as they were asked for; terms and evidence lie in the vault."""
STANDING_STEPS: Final = _input(
    "standing_steps",
    bytes32("standing_id"),
    int32("number"),
    uint8("action"),
    unix_time("judged_at"),
    bytes32("step_digest"),
)
"""Actions on standing authorisations as they were asked for; terms and micro-sessions lie in the vault."""

# --- derived ---------------------------------------------------------------------------------------

POSITIONS: Final = _derived(
    "positions",
    _name("participant"),
    int64("imported_wh"),
    int64("exported_wh"),
    int64("own_use_wh"),
)
TRADES: Final = _derived(
    "trades",
    bytes32("trade_id"),
    _name("buyer"),
    _name("seller"),
    int64("energy_wh"),
    int64("price_micro"),
    bytes32("bid_id"),
    bytes32("ask_id"),
)
RESIDUALS: Final = _derived("residuals", _name("participant"), int64("bought_wh"), int64("sold_wh"))
OBLIGATIONS: Final = _derived(
    "obligations",
    bytes32("obligation_id"),
    bytes32("cause_id"),
    uint8("purpose"),
    uint8("good"),
    _name("debtor"),
    _name("creditor"),
    int64("units"),
)
SETTLEMENTS: Final = _derived(
    "settlements",
    bytes32("settlement_id"),
    text("chain_id", CAIP_BYTES),
    unix_time("period_start"),
    unix_time("period_end"),
    int64("obligation_count"),
    int64("energy_wh"),
    int64("moved_wh"),
)
INSTRUCTIONS: Final = _derived(
    "instructions",
    bytes32("instruction_id"),
    bytes32("settlement_id"),
    bytes32("batch_id"),
    int32("position"),
    uint8("kind"),
    int32("wave"),
    _name("authority"),
    _name("source"),
    _name("target"),
    text("asset_role", 16),
    int64("units"),
    flag("atomic"),
)
INSTRUCTION_PARENTS: Final = _derived(
    "instruction_parents", bytes32("instruction_id"), bytes32("parent_id")
)
INSTRUCTION_LEGS: Final = _derived(
    "instruction_legs", bytes32("instruction_id"), _name("holder"), int64("delta_units")
)
BILLS: Final = _derived(
    "bills",
    bytes32("bill_id"),
    int32("version"),
    bytes32("settlement_id"),
    _name("participant"),
    uint8("status"),
    int64("bought_wh"),
    int64("sold_wh"),
    int64("chain_received_wh"),
    int64("chain_sent_wh"),
    int64("owed_nano"),
    int64("carried_nano"),
    int64("owed_cents"),
    int64("carry_nano"),
)
BILL_LINES: Final = _derived(
    "bill_lines",
    bytes32("bill_id"),
    int32("version"),
    int32("position"),
    uint8("kind"),
    _name("counterparty"),
    int64("energy_wh"),
    int64("price_micro"),
    int64("amount_nano"),
)
CORRECTIONS: Final = _derived(
    "corrections",
    bytes32("correction_id"),
    bytes32("settlement_id"),
    int32("number"),
    int64("reading_count"),
    int64("bill_count"),
)
"""What corrects a settlement whose trades stand; `number` counts the corrections of a settlement."""
CORRECTED_READINGS: Final = _derived(
    "corrected_readings",
    bytes32("correction_id"),
    bytes32("reading_id"),
    _name("participant"),
    unix_time("interval_start"),
    uint8("outcome"),
    int64("imported_wh"),
    int64("exported_wh"),
    uint8("quality"),
    bytes32("old_reading_id", nullable=True),
    int64("old_imported_wh", nullable=True),
    int64("old_exported_wh", nullable=True),
    uint8("old_quality", nullable=True),
)
"""What became of each late reading, and which one counted before it."""
CORRECTED_POSITIONS: Final = _derived(
    "corrected_positions",
    bytes32("correction_id"),
    _name("participant"),
    unix_time("interval_start"),
    int64("imported_wh"),
    int64("exported_wh"),
    int64("own_use_wh"),
    int64("bought_wh"),
    int64("sold_wh"),
    int64("old_bought_wh"),
    int64("old_sold_wh"),
)
"""Positions that a correction changes, with what is bought from and sold to the supplier, new and old."""
ADJUSTING_OBLIGATIONS: Final = _derived(
    "adjusting_obligations",
    bytes32("obligation_id"),
    bytes32("cause_id"),
    unix_time("interval_start"),
    uint8("purpose"),
    uint8("good"),
    _name("debtor"),
    _name("creditor"),
    int64("units"),
)
ADJUSTING_BILLS: Final = _derived(
    "adjusting_bills",
    bytes32("bill_id"),
    bytes32("correction_id"),
    _name("participant"),
    bytes32("adjusted_bill_id", nullable=True),
    int64("old_nano"),
    int64("new_nano"),
    int64("owed_nano"),
    int64("carried_nano"),
    int64("owed_cents"),
    int64("carry_nano"),
)
"""`old_nano` is what was owed for the settlement with earlier corrections, `owed_nano` the difference."""
ADJUSTING_LINES: Final = _derived(
    "adjusting_lines",
    bytes32("bill_id"),
    int32("position"),
    uint8("kind"),
    _name("counterparty"),
    int64("energy_wh"),
    int64("price_micro"),
    int64("amount_nano"),
)
ANCHORS: Final = _derived(
    "anchors",
    bytes32("anchor_id"),
    text("chain_id", CAIP_BYTES),
    unix_time("period_start"),
    unix_time("period_end"),
    int64("bill_count"),
    int64("row_count"),
    bytes32("root"),
    bytes32("batch_id"),
    _name("authority"),
)
ANCHORED_BILLS: Final = _derived(
    "anchored_bills", bytes32("anchor_id"), bytes32("bill_id"), bytes32("bill_root")
)

SESSION_BATCHES: Final = _derived(
    "session_batches",
    bytes32("batch_id"),
    bytes32("session_id"),
    int32("number"),
    int32("part"),
    _name("authority"),
    uint8("state"),
)
"""What a step asks of the chain, a batch for each who signs; `state` is the session's after it.

A charge of several standing authorisations is one batch, with a row for each.
"""
SESSION_EFFECTS: Final = _derived(
    "session_effects",
    bytes32("batch_id"),
    _name("holder"),
    text("asset", CAIP_BYTES),
    int64("delta_units"),
)

# --- witnessed -------------------------------------------------------------------------------------

TRANSACTIONS: Final = _witnessed(
    "transactions",
    bytes32("transaction_id"),
    text("chain_id", CAIP_BYTES),
    _name("sender"),
    _name("fee_payer"),
    int256("fee_units_max"),
    int64("valid_until", nullable=True),
    int64("prepared_at"),
    bytes32("raw_digest"),
    blob("consumes"),
)
TRANSACTION_BATCHES: Final = _witnessed(
    "transaction_batches", bytes32("transaction_id"), bytes32("batch_id")
)
TRANSACTION_EFFECTS: Final = _witnessed(
    "transaction_effects",
    bytes32("transaction_id"),
    _name("holder"),
    text("asset", CAIP_BYTES),
    int256("delta_units"),
)
