"""Projections: the journal as relational tables, for questions; `folding` fills them.

Each journal table becomes a table of the same name and columns, with the entry's sequence, the row's
number, and the header's area and interval.  A few tables fold what several entries say: who holds
which account, where a transaction stands, how far a chain was read.  All of them are rebuilt by
folding the journal again; nothing here is a truth of its own.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from sauma.journal import ColumnKind, TableSchema
from sauma.journal import schemas as journal
from sauma.store.tables import metadata

STATE_COMMITTED: Final = 1
STATE_INCLUDED: Final = 2
STATE_FINAL: Final = 3
STATE_DEAD: Final = 4

WRITTEN: Final = {("readings", "key"): 512, ("late_readings", "key"): 512}
"""Blobs that hold text, and how many UTF-8 bytes of it."""


class WideInteger(TypeDecorator[int]):
    """An integer of up to 256 bits, kept as decimal text because databases stop at 64."""

    impl = sa.String(80)
    cache_ok = True

    def process_bind_param(self, value: int | None, _dialect: Any) -> str | None:
        """Write the integer."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, _dialect: Any) -> int | None:
        """Read the integer."""
        return None if value is None else int(value)


def _type_of(schema: TableSchema, name: str) -> sa.types.TypeEngine[Any]:
    column = schema.column(name)
    if column.kind is ColumnKind.TEXT:
        return sa.String(column.width_bytes)
    if (schema.name, name) in WRITTEN:
        return sa.String(WRITTEN[schema.name, name])
    if column.kind in (ColumnKind.BYTES, ColumnKind.BLOB):
        return sa.LargeBinary()
    if column.kind is ColumnKind.FLAG:
        return sa.Boolean()
    if column.kind is ColumnKind.INT256:
        return WideInteger()
    return sa.BigInteger()


def _mirror(schema: TableSchema, *extra: sa.schema.SchemaItem) -> sa.Table:
    """Return the table that holds the rows of a journal table."""
    return sa.Table(
        schema.name,
        metadata,
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("row_number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("area", sa.String(64), nullable=False),
        sa.Column("interval_start", sa.BigInteger, nullable=True),
        *(
            sa.Column(
                f"{column.name}_of_row"
                if column.name in ("area", "interval_start")
                else column.name,
                _type_of(schema, column.name),
                nullable=column.nullable,
            )
            for column in schema.columns
        ),
        *extra,
    )


def _index(*columns: str) -> sa.Index:
    return sa.Index(None, *columns)


rulebooks = _mirror(journal.RULEBOOKS)
chains = _mirror(journal.CHAINS)
participants = _mirror(journal.PARTICIPANTS, _index("participant"))
prices = _mirror(journal.PRICES, _index("area_of_row", "participant"))
readings = _mirror(journal.READINGS, _index("interval_start_of_row", "point_digest"))
late_readings = _mirror(
    journal.LATE_READINGS,
    sa.Column("corrected_by", sa.BigInteger, nullable=True),
    _index("interval_start_of_row", "point_digest"),
    _index("corrected_by"),
)
"""`corrected_by` is the entry of the correction that took a late reading up."""
posted_offers = _mirror(journal.POSTED_OFFERS, _index("area", "interval_start"))
positions = _mirror(journal.POSITIONS, _index("area", "interval_start"))
trades = _mirror(journal.TRADES, _index("area", "interval_start"))
residuals = _mirror(journal.RESIDUALS, _index("area", "interval_start"))
obligations = _mirror(journal.OBLIGATIONS, _index("area", "interval_start"))
chain_terms = _mirror(journal.CHAIN_TERMS)
fee_quotes = _mirror(journal.FEE_QUOTES)
settlements = _mirror(
    journal.SETTLEMENTS,
    sa.Column("least_status", sa.Integer, nullable=False),
    _index("settlement_id"),
    _index("area", "period_start"),
    _index("least_status"),
)
instructions = _mirror(
    journal.INSTRUCTIONS,
    _index("settlement_id"),
    _index("batch_id"),
    _index("instruction_id"),
)
instruction_parents = _mirror(journal.INSTRUCTION_PARENTS, _index("instruction_id"))
instruction_legs = _mirror(journal.INSTRUCTION_LEGS, _index("instruction_id"))
transactions = _mirror(
    journal.TRANSACTIONS,
    sa.Column("state", sa.Integer, nullable=False),
    sa.Column("block_height", sa.BigInteger, nullable=True),
    sa.Column("block_hash", sa.LargeBinary, nullable=True),
    sa.Column("block_time", sa.BigInteger, nullable=True),
    sa.Column("succeeded", sa.Boolean, nullable=True),
    _index("transaction_id"),
    _index("chain_id", "state"),
)
transaction_batches = _mirror(
    journal.TRANSACTION_BATCHES,
    _index("transaction_id"),
    _index("batch_id"),
)
transaction_effects = _mirror(journal.TRANSACTION_EFFECTS, _index("transaction_id"))
chain_events = _mirror(
    journal.CHAIN_EVENTS,
    sa.Column("retracted_by", sa.BigInteger, nullable=True),
    _index("reference"),
    _index("transaction_id"),
)
chain_effects = _mirror(journal.CHAIN_EFFECTS, _index("transaction_id"))
burials = _mirror(journal.BURIALS)
suspensions = _mirror(journal.SUSPENSIONS, _index("item_id"))
resumptions = _mirror(journal.RESUMPTIONS, _index("item_id"))
observations = _mirror(journal.OBSERVATIONS)
bills = _mirror(journal.BILLS, _index("bill_id"), _index("participant"), _index("settlement_id"))
bill_lines = _mirror(journal.BILL_LINES, _index("bill_id"))
session_steps = _mirror(journal.SESSION_STEPS, _index("session_id"))
standing_steps = _mirror(journal.STANDING_STEPS, _index("standing_id"))
session_batches = _mirror(journal.SESSION_BATCHES, _index("batch_id"), _index("session_id"))
session_effects = _mirror(journal.SESSION_EFFECTS, _index("batch_id"))
corrections = _mirror(journal.CORRECTIONS, _index("settlement_id"), _index("correction_id"))
corrected_readings = _mirror(
    journal.CORRECTED_READINGS, _index("correction_id"), _index("participant")
)
corrected_positions = _mirror(
    journal.CORRECTED_POSITIONS, _index("correction_id"), _index("participant")
)
adjusting_obligations = _mirror(journal.ADJUSTING_OBLIGATIONS, _index("area"))
adjusting_bills = _mirror(
    journal.ADJUSTING_BILLS,
    _index("bill_id"),
    _index("correction_id"),
    _index("participant"),
    _index("adjusted_bill_id"),
)
adjusting_lines = _mirror(journal.ADJUSTING_LINES, _index("bill_id"))
anchor_keys = _mirror(journal.ANCHOR_KEYS)
anchors = _mirror(journal.ANCHORS, _index("batch_id"), _index("anchor_id"))
anchored_bills = _mirror(journal.ANCHORED_BILLS, _index("bill_id"), _index("anchor_id"))

bindings = sa.Table(
    "bindings",
    metadata,
    sa.Column("holder", sa.String(64), primary_key=True),
    sa.Column("chain_id", sa.String(64), primary_key=True),
    sa.Column("account", sa.String(176), nullable=False),
    _index("chain_id", "account"),
)
metering_points = sa.Table(
    "metering_points",
    metadata,
    sa.Column("point_digest", sa.LargeBinary, primary_key=True),
    sa.Column("gsrn", sa.String(18), nullable=False, unique=True),
    sa.Column("participant", sa.String(64), nullable=False),
    sa.Column("area", sa.String(64), nullable=False, index=True),
)
cleared_intervals = sa.Table(
    "cleared_intervals",
    metadata,
    sa.Column("area", sa.String(64), primary_key=True),
    sa.Column("interval_start", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("interval_minutes", sa.Integer, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("settled_by", sa.BigInteger, nullable=True),
    _index("settled_by"),
)
"""`settled_by` is the entry of the first settlement that covers the interval."""
open_intervals = sa.Table(
    "open_intervals",
    metadata,
    sa.Column("area", sa.String(64), primary_key=True),
    sa.Column("interval_start", sa.BigInteger, primary_key=True, autoincrement=False),
)
"""What has readings or offers and is not cleared."""
open_corrections = sa.Table(
    "open_corrections",
    metadata,
    sa.Column("area", sa.String(64), primary_key=True),
    sa.Column("interval_start", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("arrived", sa.BigInteger, nullable=False),
)
"""What has late readings that no correction took up, and when the first of them arrived."""
unanchored_settlements = sa.Table(
    "unanchored_settlements",
    metadata,
    sa.Column("settlement_id", sa.LargeBinary, primary_key=True),
)
"""What has first bills that no anchor covers."""
open_session_batches = sa.Table(
    "open_session_batches",
    metadata,
    sa.Column("batch_id", sa.LargeBinary, primary_key=True),
)
"""The batches of sessions that no final transaction carries."""
chain_states = sa.Table(
    "chain_states",
    metadata,
    sa.Column("chain_id", sa.String(64), primary_key=True),
    sa.Column("cursor", sa.Text, nullable=False),
    sa.Column("scanned_height", sa.BigInteger, nullable=False),
    sa.Column("scanned_time", sa.BigInteger, nullable=False),
    sa.Column("final_height", sa.BigInteger, nullable=False),
)
