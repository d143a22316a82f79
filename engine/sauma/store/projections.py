"""Projections: the journal as relational tables, for questions.

Each journal table becomes a table of the same name and columns, with the entry's sequence, the row's
number, and the header's area and interval.  A few tables fold what several entries say: who holds
which account, where a transaction stands, how far a chain was read.  All of them are rebuilt by
folding the journal again; nothing here is a truth of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from sauma.errors import StoreDamaged
from sauma.intervals import to_unix
from sauma.journal import ColumnKind, SealedEntry, SealedTable, TableSchema
from sauma.journal import schemas as journal
from sauma.store.inserting import insert_columns
from sauma.store.tables import metadata, vault

IDS_MAX: Final = 500
"""How many digests one select is given."""
STATE_COMMITTED: Final = 1
STATE_INCLUDED: Final = 2
STATE_FINAL: Final = 3
STATE_DEAD: Final = 4


_WRITTEN: Final = {("readings", "key"): 512, ("late_readings", "key"): 512}
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
    if (schema.name, name) in _WRITTEN:
        return sa.String(_WRITTEN[schema.name, name])
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
corrections = _mirror(journal.CORRECTIONS, _index("settlement_id"))
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
chain_states = sa.Table(
    "chain_states",
    metadata,
    sa.Column("chain_id", sa.String(64), primary_key=True),
    sa.Column("cursor", sa.Text, nullable=False),
    sa.Column("scanned_height", sa.BigInteger, nullable=False),
    sa.Column("scanned_time", sa.BigInteger, nullable=False),
    sa.Column("final_height", sa.BigInteger, nullable=False),
)

_FOLDED: Final = {"bindings", "metering_points"}
"""Journal tables whose projection has another shape than their rows."""


def project(connection: sa.Connection, entry: SealedEntry) -> None:
    """Fold one entry into the projections; called inside the transaction that appends it.

    Tables of a schema that another package defined are left alone.
    """
    for sealed in entry.tables:
        if sealed.name in _FOLDED or sealed.schema not in _KNOWN:
            continue
        _insert_rows(connection, entry, sealed)
    for name in sorted(_FOLDS.keys() & {sealed.name for sealed in entry.tables}):
        _FOLDS[name](connection, entry)
    if entry.kind == "interval_cleared":
        _fold_clearing(connection, entry)


_KNOWN: Final = frozenset(journal.SCHEMAS)


_STARTING_VALUES: Final[Mapping[str, Mapping[str, Any]]] = {
    "transactions": {
        "state": STATE_COMMITTED,
        "block_height": None,
        "block_hash": None,
        "block_time": None,
        "succeeded": None,
    },
    "chain_events": {"retracted_by": None},
    "late_readings": {"corrected_by": None},
    "settlements": {"least_status": 0},
}


def _insert_rows(connection: sa.Connection, entry: SealedEntry, sealed: SealedTable) -> None:
    """Insert the rows of a table, column by column."""
    interval = entry.header.interval
    target = metadata.tables[sealed.name]
    columns: dict[str, Iterable[Any]] = {
        "sequence": repeat(entry.sequence),
        "row_number": range(sealed.row_count),
        "area": repeat(entry.header.area),
        "interval_start": repeat(interval.start_unix if interval is not None else None),
    }
    for name, value in _STARTING_VALUES.get(sealed.name, {}).items():
        columns[name] = repeat(value)
    for column in sealed.schema.columns:
        placed = column.name in ("area", "interval_start")
        values = sealed.table.values(column.name)
        if column.kind is ColumnKind.INT256:
            values = [None if value is None else str(value) for value in values]
        elif column.kind is ColumnKind.BLOB and (sealed.name, column.name) in _WRITTEN:
            values = _decoded(values)
        columns[f"{column.name}_of_row" if placed else column.name] = values
    insert_columns(connection, target, columns, sealed.row_count)


def _decoded(texts: list[bytes]) -> list[str]:
    known = {text: text.decode() for text in set(texts)}
    return [known[text] for text in texts]


def _table(entry: SealedEntry, name: str) -> list[dict[str, Any]]:
    for sealed in entry.tables:
        if sealed.name == name:
            return list(sealed.table.dicts())
    return []


def _vaulted(connection: sa.Connection, digests: Sequence[bytes], what: str) -> list[str]:
    """Return what the vault keeps under digests, in their order."""
    found: dict[bytes, str] = {}
    for first in range(0, len(digests), IDS_MAX):
        rows = connection.execute(
            sa.select(vault.c.digest, vault.c.content).where(
                vault.c.digest.in_(digests[first : first + IDS_MAX])
            )
        )
        found |= {bytes(row.digest): bytes(row.content).decode() for row in rows}
    for digest in digests:
        if digest not in found:
            raise StoreDamaged(
                f"the vault has no {what} with digest {digest.hex()}: it was erased or never stored"
            )
    return [found[digest] for digest in digests]


def _fold_bindings(connection: sa.Connection, entry: SealedEntry) -> None:
    given = entry.table("bindings")
    accounts = _vaulted(connection, given.values("account_digest"), "account")
    columns = {name: given.values(name) for name in ("holder", "chain_id")}
    insert_columns(connection, bindings, {**columns, "account": accounts}, len(given))


def _fold_metering_points(connection: sa.Connection, entry: SealedEntry) -> None:
    given = entry.table("metering_points")
    gsrns = _vaulted(connection, given.values("point_digest"), "metering point")
    columns = {name: given.values(name) for name in given.schema.column_names}
    insert_columns(connection, metering_points, {**columns, "gsrn": gsrns}, len(given))


def _fold_clearing(connection: sa.Connection, entry: SealedEntry) -> None:
    interval = entry.header.interval
    if interval is None:
        raise StoreDamaged(f"entry {entry.sequence} clears no interval")
    connection.execute(
        sa.insert(cleared_intervals),
        {
            "area": entry.header.area,
            "interval_start": interval.start_unix,
            "interval_minutes": interval.minutes,
            "sequence": entry.sequence,
            "settled_by": None,
        },
    )
    connection.execute(
        sa.delete(open_intervals).where(
            open_intervals.c.area == entry.header.area,
            open_intervals.c.interval_start == interval.start_unix,
        )
    )


def _fold_readings(connection: sa.Connection, entry: SealedEntry) -> None:
    """Open the intervals that new readings are of."""
    metered = (
        sa.select(metering_points.c.area, readings.c.interval_start_of_row.label("interval_start"))
        .join(metering_points, metering_points.c.point_digest == readings.c.point_digest)
        .where(readings.c.sequence == entry.sequence)
        .distinct()
    )
    _open(connection, metered)


def _fold_late(connection: sa.Connection, entry: SealedEntry) -> None:
    """Note what late readings wait to be corrected by."""
    keys = (
        sa.select(
            metering_points.c.area, late_readings.c.interval_start_of_row.label("interval_start")
        )
        .join(metering_points, metering_points.c.point_digest == late_readings.c.point_digest)
        .where(late_readings.c.sequence == entry.sequence)
        .distinct()
        .subquery()
    )
    arrived = sa.literal(to_unix(entry.header.time), sa.BigInteger)
    new = sa.select(keys.c.area, keys.c.interval_start, arrived).where(
        ~sa.exists().where(
            open_corrections.c.area == keys.c.area,
            open_corrections.c.interval_start == keys.c.interval_start,
        )
    )
    columns = ["area", "interval_start", "arrived"]
    connection.execute(sa.insert(open_corrections).from_select(columns, new))


def _fold_offers(connection: sa.Connection, entry: SealedEntry) -> None:
    """Open the interval that new offers are for."""
    _open(
        connection,
        sa.select(posted_offers.c.area, posted_offers.c.interval_start)
        .where(posted_offers.c.sequence == entry.sequence)
        .distinct(),
    )


def _open(connection: sa.Connection, found: sa.Select[Any]) -> None:
    """Note intervals as open, unless they are or were cleared."""
    keys = found.subquery()
    missing = sa.select(keys.c.area, keys.c.interval_start).where(
        *(
            ~sa.exists().where(
                table.c.area == keys.c.area, table.c.interval_start == keys.c.interval_start
            )
            for table in (open_intervals, cleared_intervals)
        )
    )
    connection.execute(sa.insert(open_intervals).from_select(["area", "interval_start"], missing))


def _fold_settlement(connection: sa.Connection, entry: SealedEntry) -> None:
    """Mark the intervals that a settlement is the first to cover."""
    for row in _table(entry, "settlements"):
        connection.execute(
            sa.update(cleared_intervals)
            .where(
                cleared_intervals.c.area == entry.header.area,
                cleared_intervals.c.interval_start >= row["period_start"],
                cleared_intervals.c.interval_start < row["period_end"],
                cleared_intervals.c.settled_by.is_(None),
            )
            .values(settled_by=entry.sequence)
        )


def _fold_bills(connection: sa.Connection, entry: SealedEntry) -> None:
    """Note the least status of the bills of a settlement as they stand."""
    for settlement in {row["settlement_id"] for row in _table(entry, "bills")}:
        newest: dict[str, int] = {}
        for row in connection.execute(_BILL_STATUSES, {"of_settlement": settlement}):
            newest[row.participant] = row.status
        connection.execute(
            _REACH, {"of_settlement": settlement, "least_status": min(newest.values())}
        )


_BILL_STATUSES: Final = (
    sa.select(bills.c.participant, bills.c.status)
    .where(bills.c.settlement_id == sa.bindparam("of_settlement"))
    .order_by(bills.c.sequence)
)
_REACH: Final = (
    sa.update(settlements)
    .where(settlements.c.settlement_id == sa.bindparam("of_settlement"))
    .values(least_status=sa.bindparam("least_status"))
)


def _fold_corrected(connection: sa.Connection, entry: SealedEntry) -> None:
    """Mark the late readings that a correction took up: all that there were of its intervals."""
    taken = corrected_readings.c
    late = late_readings.c
    connection.execute(
        sa.update(late_readings)
        .where(
            late.interval_start_of_row.in_(
                sa.select(taken.interval_start_of_row).where(taken.sequence == entry.sequence)
            ),
            late.reading_id.in_(
                sa.select(taken.reading_id).where(taken.sequence == entry.sequence)
            ),
        )
        .values(corrected_by=entry.sequence)
    )
    connection.execute(
        sa.delete(open_corrections).where(
            open_corrections.c.area == entry.header.area,
            open_corrections.c.interval_start.in_(
                sa.select(taken.interval_start_of_row).where(taken.sequence == entry.sequence)
            ),
        )
    )


def _fold_observation(connection: sa.Connection, entry: SealedEntry) -> None:
    """Move the cursor; take back what was rolled back; mark what was included and what is final."""
    for row in _table(entry, "observations"):
        chain_id = row["chain_id"]
        if row["rolled_back_to"] is not None:
            _retract(connection, chain_id, row["rolled_back_to"], entry.sequence)
        included = [
            {
                "of_chain": chain_id,
                "of_transaction": event["transaction_id"],
                "block_height": event["height"],
                "block_hash": event["block_hash"],
                "block_time": event["block_time"],
                "succeeded": event["succeeded"],
            }
            for event in _table(entry, "chain_events")
        ]
        if included:
            connection.execute(_INCLUDE, included)
        connection.execute(_FINALISE, {"of_chain": chain_id, "final": row["final_height"]})
        state = {
            "cursor": row["cursor"].decode(),
            "scanned_height": row["scanned_height"],
            "scanned_time": row["scanned_time"],
            "final_height": row["final_height"],
        }
        if not connection.execute(_MOVE_STATE, {"of_chain": chain_id, **state}).rowcount:
            connection.execute(_BEGIN_STATE, {"chain_id": chain_id, **state})


_INCLUDE: Final = (
    sa.update(transactions)
    .where(
        transactions.c.chain_id == sa.bindparam("of_chain"),
        transactions.c.transaction_id == sa.bindparam("of_transaction"),
    )
    .values(
        state=STATE_INCLUDED,
        block_height=sa.bindparam("block_height"),
        block_hash=sa.bindparam("block_hash"),
        block_time=sa.bindparam("block_time"),
        succeeded=sa.bindparam("succeeded"),
    )
)
_FINALISE: Final = (
    sa.update(transactions)
    .where(
        transactions.c.chain_id == sa.bindparam("of_chain"),
        transactions.c.state == STATE_INCLUDED,
        transactions.c.block_height <= sa.bindparam("final"),
    )
    .values(state=STATE_FINAL)
)
_MOVE_STATE: Final = (
    sa.update(chain_states)
    .where(chain_states.c.chain_id == sa.bindparam("of_chain"))
    .values(
        cursor=sa.bindparam("cursor"),
        scanned_height=sa.bindparam("scanned_height"),
        scanned_time=sa.bindparam("scanned_time"),
        final_height=sa.bindparam("final_height"),
    )
)
_BEGIN_STATE: Final = sa.insert(chain_states)


def _retract(connection: sa.Connection, chain_id: str, height: int, sequence: int) -> None:
    connection.execute(
        sa.update(chain_events)
        .where(
            chain_events.c.chain_id == chain_id,
            chain_events.c.height > height,
            chain_events.c.retracted_by.is_(None),
            chain_events.c.sequence < sequence,
        )
        .values(retracted_by=sequence)
    )
    connection.execute(
        sa.update(transactions)
        .where(transactions.c.chain_id == chain_id, transactions.c.block_height > height)
        .values(
            state=STATE_COMMITTED,
            block_height=None,
            block_hash=None,
            block_time=None,
            succeeded=None,
        )
    )


def _fold_burial(connection: sa.Connection, entry: SealedEntry) -> None:
    for row in _table(entry, "burials"):
        connection.execute(
            sa.update(transactions)
            .where(
                transactions.c.transaction_id == row["transaction_id"],
                transactions.c.state == STATE_COMMITTED,
            )
            .values(state=STATE_DEAD)
        )


_FOLDS: Final = {
    "bindings": _fold_bindings,
    "metering_points": _fold_metering_points,
    "observations": _fold_observation,
    "burials": _fold_burial,
    "readings": _fold_readings,
    "late_readings": _fold_late,
    "posted_offers": _fold_offers,
    "settlements": _fold_settlement,
    "bills": _fold_bills,
    "corrected_readings": _fold_corrected,
}


class JournalProjector:
    """The projection of every journal table, and of what several of them say together."""

    name: Final = "journal"
    tables: Final = tuple(
        metadata.tables[name]
        for name in (
            *dict.fromkeys(schema.name for schema in journal.SCHEMAS),
            "cleared_intervals",
            "open_intervals",
            "open_corrections",
            "chain_states",
        )
    )

    def project(self, connection: sa.Connection, entry: SealedEntry) -> None:
        """Fold one entry; called inside the transaction that appends it."""
        project(connection, entry)


PROJECTORS: Final = (JournalProjector(),)
