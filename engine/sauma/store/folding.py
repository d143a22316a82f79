"""Folding entries of the journal into the projections.

Rows are inserted as they are; what several entries say together is brought up to each: who holds which
account, what is open, and, in `observing`, where a transaction stands and how far a chain was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, Final

import sqlalchemy as sa

from sauma.errors import StoreDamaged
from sauma.intervals import to_unix
from sauma.journal import ColumnKind, SealedEntry, SealedTable
from sauma.journal import schemas as journal
from sauma.store.inserting import insert_columns
from sauma.store.observing import fold_burial, fold_observation, rows_of
from sauma.store.projections import (
    STATE_COMMITTED,
    WRITTEN,
    anchored_bills,
    bills,
    bindings,
    cleared_intervals,
    corrected_readings,
    late_readings,
    metering_points,
    open_corrections,
    open_intervals,
    open_session_batches,
    posted_offers,
    readings,
    session_batches,
    settlements,
    unanchored_settlements,
)
from sauma.store.tables import metadata, vault

IDS_MAX: Final = 500
"""How many digests one select is given."""

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
        elif column.kind is ColumnKind.BLOB and (sealed.name, column.name) in WRITTEN:
            values = _decoded(values)
        columns[f"{column.name}_of_row" if placed else column.name] = values
    insert_columns(connection, target, columns, sealed.row_count)


def _decoded(texts: list[bytes]) -> list[str]:
    known = {text: text.decode() for text in set(texts)}
    return [known[text] for text in texts]


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
    )
    _open(connection, open_intervals, metered, cleared_intervals)


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
    offered = sa.select(posted_offers.c.area, posted_offers.c.interval_start).where(
        posted_offers.c.sequence == entry.sequence
    )
    _open(connection, open_intervals, offered, cleared_intervals)


def _fold_settlement(connection: sa.Connection, entry: SealedEntry) -> None:
    """Mark the intervals that a settlement is the first to cover."""
    for row in rows_of(entry, "settlements"):
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
    """Note the least status of the bills of a settlement as they stand, and that they wait for an anchor."""
    first = sa.select(bills.c.settlement_id).where(
        bills.c.sequence == entry.sequence, bills.c.version == 1
    )
    _open(connection, unanchored_settlements, first)
    for settlement in {row["settlement_id"] for row in rows_of(entry, "bills")}:
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


def _open(
    connection: sa.Connection, target: sa.Table, found: sa.Select[Any], *unless: sa.Table
) -> None:
    """Insert the keys that were found into a table of what is open, unless they are in it or in others."""
    keys = found.distinct().subquery()
    names = [column.name for column in keys.c]
    missing = sa.select(*keys.c).where(
        *(
            ~sa.exists().where(*(table.c[name] == keys.c[name] for name in names))
            for table in (target, *unless)
        )
    )
    connection.execute(sa.insert(target).from_select(names, missing))


def _fold_anchored(connection: sa.Connection, entry: SealedEntry) -> None:
    """Forget the settlements of which every first bill has its anchor now."""
    covered = (
        sa.select(bills.c.settlement_id)
        .join(anchored_bills, anchored_bills.c.bill_id == bills.c.bill_id)
        .where(anchored_bills.c.sequence == entry.sequence)
    )
    is_left = sa.exists().where(
        bills.c.settlement_id == unanchored_settlements.c.settlement_id,
        bills.c.version == 1,
        ~sa.exists().where(anchored_bills.c.bill_id == bills.c.bill_id),
    )
    connection.execute(
        sa.delete(unanchored_settlements).where(
            unanchored_settlements.c.settlement_id.in_(covered), ~is_left
        )
    )


def _fold_session_batches(connection: sa.Connection, entry: SealedEntry) -> None:
    """Open the batches of a step."""
    steps = sa.select(session_batches.c.batch_id).where(
        session_batches.c.sequence == entry.sequence
    )
    _open(connection, open_session_batches, steps)


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


_FOLDS: Final = {
    "bindings": _fold_bindings,
    "metering_points": _fold_metering_points,
    "observations": fold_observation,
    "burials": fold_burial,
    "readings": _fold_readings,
    "late_readings": _fold_late,
    "posted_offers": _fold_offers,
    "settlements": _fold_settlement,
    "bills": _fold_bills,
    "anchored_bills": _fold_anchored,
    "session_batches": _fold_session_batches,
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
            "unanchored_settlements",
            "open_session_batches",
            "chain_states",
        )
    )

    def project(self, connection: sa.Connection, entry: SealedEntry) -> None:
        """Fold one entry; called inside the transaction that appends it."""
        project(connection, entry)


PROJECTORS: Final = (JournalProjector(),)
