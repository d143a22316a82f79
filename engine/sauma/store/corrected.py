"""What the projections say of late readings and of corrections."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

import attrs
import sqlalchemy as sa

from sauma.billing import BillLine
from sauma.correcting import AdjustingBill, CorrectedReading, Metered, ReadingOutcome
from sauma.errors import InvalidInput, UnknownName
from sauma.intervals import from_unix
from sauma.readings import QUALITIES
from sauma.rulebook import Rulebook
from sauma.store import projections as p
from sauma.store import queries
from sauma.store.among import rows_among
from sauma.store.billed import line_of
from sauma.store.tables import journal_entries

# Built once: a correction asks these of every interval, and building one takes longer than running it.
_CLEARED = sa.select(p.cleared_intervals.c.interval_start, p.cleared_intervals.c.sequence).where(
    p.cleared_intervals.c.area == sa.bindparam("area"),
    p.cleared_intervals.c.interval_start >= sa.bindparam("first"),
    p.cleared_intervals.c.interval_start < sa.bindparam("after"),
)


def _of_points(query: sa.Select[Any], table: sa.Table) -> sa.Select[Any]:
    """Return a question about some points in an interval."""
    return query.where(
        table.c.interval_start_of_row == sa.bindparam("start"),
        table.c.point_digest.in_(sa.bindparam("points", expanding=True)),
    )


_IN_TIME = _of_points(sa.select(p.readings), p.readings)
_LATE = _of_points(
    sa.select(p.late_readings, journal_entries.c.time).join(
        journal_entries, journal_entries.c.sequence == p.late_readings.c.sequence
    ),
    p.late_readings,
)
_LATE_TAKEN = _LATE.where(p.late_readings.c.corrected_by <= sa.bindparam("taken_up_by"))
_LATE_POINTS = _of_points(sa.select(p.late_readings.c.point_digest), p.late_readings)
_LATE_POINTS_OPEN = _LATE_POINTS.where(p.late_readings.c.corrected_by.is_(None))
_LATE_POINTS_TAKEN = _LATE_POINTS.where(
    p.late_readings.c.corrected_by == sa.bindparam("taken_up_by")
)
_TRADES, _RESIDUALS = (
    sa.select(table).where(
        table.c.area == sa.bindparam("area"), table.c.interval_start == sa.bindparam("start")
    )
    for table in (p.trades, p.residuals)
)


@attrs.frozen(kw_only=True)
class LateReading:
    """One version of a reading of an interval, settled with it or late."""

    point_digest: bytes
    key: str
    version: int
    metered: Metered
    arrived: datetime | None
    """When it was taken; None for one that was settled with its interval."""
    is_new: bool
    """Whether it is what a correction is about: late, and in none before."""


def waiting(connection: sa.Connection) -> list[tuple[str, int, int, datetime]]:
    """Return what is settled and has late readings that no correction took up.

    Area and start of an interval, the entry of the settlement that it belongs to, and when the first
    late reading of it arrived; what no settlement covers yet is left out.
    """
    late, settled = p.open_corrections.c, p.settlements.c
    rows = connection.execute(
        sa.select(
            late.area,
            late.interval_start,
            late.arrived,
            sa.func.min(settled.sequence).label("sequence"),
        )
        .join(
            p.settlements,
            sa.and_(
                settled.area == late.area,
                settled.period_start <= late.interval_start,
                settled.period_end > late.interval_start,
            ),
        )
        .group_by(late.area, late.interval_start, late.arrived)
        .order_by(late.interval_start, late.area)
    )
    return [(row.area, row.interval_start, row.sequence, from_unix(row.arrived)) for row in rows]


def waiting_starts(connection: sa.Connection, area: str, start: int, end: int) -> list[int]:
    """Return the intervals of an area from `start` to before `end` that wait for a correction."""
    found = p.open_corrections.c
    rows = connection.execute(
        sa.select(found.interval_start)
        .where(found.area == area, found.interval_start >= start, found.interval_start < end)
        .order_by(found.interval_start)
    )
    return list(rows.scalars())


def late_starts(connection: sa.Connection, sequence: int) -> list[int]:
    """Return the intervals of the late readings that the correction of an entry took up."""
    late = p.late_readings.c
    rows = connection.execute(
        sa.select(late.interval_start_of_row).where(late.corrected_by == sequence).distinct()
    )
    return sorted(rows.scalars())


def late_points(
    connection: sa.Connection,
    interval_start: int,
    digests: Sequence[bytes],
    taken_up_by: int | None,
) -> set[bytes]:
    """Return those of some points with late readings that a correction took up, or none yet."""
    query = _LATE_POINTS_OPEN if taken_up_by is None else _LATE_POINTS_TAKEN
    asked = {"start": interval_start, "taken_up_by": taken_up_by}
    found: set[bytes] = set()
    for first in range(0, len(digests), queries.IDS_MAX):
        some = {**asked, "points": digests[first : first + queries.IDS_MAX]}
        found.update(bytes(digest) for digest in connection.execute(query, some).scalars())
    return found


def waiting_count(connection: sa.Connection) -> int:
    """Return how many late readings no correction took up yet."""
    return connection.execute(
        sa.select(sa.func.count()).where(p.late_readings.c.corrected_by.is_(None))
    ).scalar_one()


def rulebook_then(connection: sa.Connection, area: str, interval_start: int) -> Rulebook:
    """Return the rulebook that cleared an interval; that of its settlement if nothing was to clear.

    Raises `InvalidInput` for an interval that is neither cleared nor settled.
    """
    asked = {"area": area, "first": interval_start, "after": interval_start + 1}
    closed = connection.execute(_CLEARED, asked).first() or queries.settlement_covering(
        connection, area, interval_start
    )
    if closed is None:
        raise InvalidInput(
            f"the interval {interval_start} of {area} is open: it needs no correction"
        )
    return _before(queries.published_rulebooks(connection), closed.sequence)


def rulebooks_then(
    connection: sa.Connection, settlement: queries.SettlementRow, starts: Iterable[int]
) -> dict[int, Rulebook]:
    """Return the rulebook of each of a settlement's intervals, as `rulebook_then` does of one."""
    period = settlement.period
    asked = {"area": period.area, "first": period.start, "after": period.end}
    cleared = {row.interval_start: row.sequence for row in connection.execute(_CLEARED, asked)}
    published = queries.published_rulebooks(connection)
    return {start: _before(published, cleared.get(start, settlement.sequence)) for start in starts}


def _before(published: Sequence[tuple[int, Rulebook]], sequence: int) -> Rulebook:
    """Return the rulebook that was in force when an entry was made."""
    return published[bisect_left(published, sequence, key=itemgetter(0)) - 1][1]


def is_billed(connection: sa.Connection, settlement: queries.SettlementRow) -> bool:
    """Tell whether a settlement has its bills, or owes nothing so that it gets none."""
    if not settlement.obligation_count:
        return True
    found = connection.execute(
        sa.select(p.bills.c.sequence)
        .where(p.bills.c.settlement_id == settlement.settlement_id)
        .limit(1)
    )
    return found.first() is not None


def all_readings(
    connection: sa.Connection,
    interval_start: int,
    digests: Sequence[bytes],
    taken_up_by: int | None,
) -> list[LateReading]:
    """Return every version of the readings of some points in an interval, late ones too.

    With the entry of a correction, what it took up is new, and what came after it is left out.
    """
    found = []
    late = _LATE if taken_up_by is None else _LATE_TAKEN
    for query, is_late in ((_IN_TIME, False), (late, True)):
        asked = {"start": interval_start, "taken_up_by": taken_up_by}
        for first in range(0, len(digests), queries.IDS_MAX):
            asked_of = {**asked, "points": digests[first : first + queries.IDS_MAX]}
            found += [
                LateReading(
                    point_digest=bytes(row.point_digest),
                    key=row.key,
                    version=row.version,
                    metered=Metered(
                        reading_id=bytes(row.reading_id),
                        imported_wh=row.imported_wh,
                        exported_wh=row.exported_wh,
                        quality=QUALITIES[row.quality],
                    ),
                    arrived=from_unix(row.time) if is_late else None,
                    is_new=is_late and row.corrected_by == taken_up_by,
                )
                for row in connection.execute(query, asked_of)
            ]
    return found


def points_of(connection: sa.Connection, area: str) -> dict[str, list[bytes]]:
    """Return the digests of the metering points of each participant of an area."""
    points = p.metering_points.c
    found: dict[str, list[bytes]] = defaultdict(list)
    for row in connection.execute(
        sa.select(points.participant, points.point_digest).where(points.area == area)
    ):
        found[row.participant].append(bytes(row.point_digest))
    return found


def traded(connection: sa.Connection, area: str, interval_start: int) -> dict[str, tuple[int, int]]:
    """Return what each participant bought from and sold to others in an interval, and to itself."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in connection.execute(_TRADES, {"area": area, "start": interval_start}):
        sums[row.buyer][0] += row.energy_wh
        sums[row.seller][1] += row.energy_wh
    return {name: (bought, sold) for name, (bought, sold) in sums.items()}


def settled_residuals(
    connection: sa.Connection, area: str, interval_start: int
) -> dict[str, tuple[int, int]]:
    """Return what was settled between participants and the supplier for an interval."""
    rows = connection.execute(_RESIDUALS, {"area": area, "start": interval_start})
    return {row.participant: (row.bought_wh, row.sold_wh) for row in rows}


def made(connection: sa.Connection, correction_id: bytes) -> tuple[int, queries.SettlementRow]:
    """Return the entry of a correction and the settlement that it corrects.

    Raises `UnknownName` for one that was never made.
    """
    row = connection.execute(
        sa.select(p.corrections).where(p.corrections.c.correction_id == correction_id)
    ).first()
    if row is None:
        raise UnknownName(f"the correction {correction_id.hex()} was never made")
    return row.sequence, queries.settlement(connection, bytes(row.settlement_id))


def correction_count(connection: sa.Connection, settlement_id: bytes) -> int:
    """Return how often a settlement was corrected."""
    return connection.execute(
        sa.select(sa.func.count()).where(p.corrections.c.settlement_id == settlement_id)
    ).scalar_one()


def adjusting_bills(
    connection: sa.Connection, *conditions: sa.ColumnElement[bool]
) -> list[tuple[Any, AdjustingBill]]:
    """Return adjusting bills with their rows, which have what names their correction, oldest first."""
    rows = connection.execute(
        sa.select(
            p.adjusting_bills,
            p.corrections.c.settlement_id,
            p.corrections.c.number,
            journal_entries.c.time,
        )
        .join(p.corrections, p.corrections.c.correction_id == p.adjusting_bills.c.correction_id)
        .join(journal_entries, journal_entries.c.sequence == p.adjusting_bills.c.sequence)
        .where(*conditions)
        .order_by(p.adjusting_bills.c.sequence, p.adjusting_bills.c.row_number)
    ).all()
    lines = _lines(connection, [bytes(row.bill_id) for row in rows])
    return [
        (
            row,
            AdjustingBill(
                correction_id=bytes(row.correction_id),
                participant=row.participant,
                adjusted_bill_id=None
                if row.adjusted_bill_id is None
                else bytes(row.adjusted_bill_id),
                lines=tuple(lines[bytes(row.bill_id)]),
                old_nano=row.old_nano,
                owed_nano=row.owed_nano,
                carried_nano=row.carried_nano,
                owed_cents=row.owed_cents,
                carry_nano=row.carry_nano,
            ),
        )
        for row in rows
    ]


def _lines(connection: sa.Connection, bill_ids: Sequence[bytes]) -> dict[bytes, list[BillLine]]:
    found: dict[bytes, list[BillLine]] = defaultdict(list)
    lines = p.adjusting_lines.c
    query = sa.select(p.adjusting_lines).order_by(lines.sequence, lines.row_number)
    for row in rows_among(connection, query, lines.bill_id, bill_ids):
        found[bytes(row.bill_id)].append(line_of(row))
    return found


def corrected_readings(
    connection: sa.Connection, *conditions: sa.ColumnElement[bool]
) -> list[tuple[bytes, CorrectedReading]]:
    """Return what became of late readings, each with its correction, oldest first."""
    rows = connection.execute(
        sa.select(p.corrected_readings)
        .where(*conditions)
        .order_by(p.corrected_readings.c.sequence, p.corrected_readings.c.row_number)
    )
    return [(bytes(row.correction_id), _corrected(row)) for row in rows]


def _corrected(row: Any) -> CorrectedReading:
    old = None
    if row.old_reading_id is not None:
        old = Metered(
            reading_id=bytes(row.old_reading_id),
            imported_wh=row.old_imported_wh,
            exported_wh=row.old_exported_wh,
            quality=QUALITIES[row.old_quality],
        )
    return CorrectedReading(
        participant=row.participant,
        interval_start=row.interval_start_of_row,
        outcome=ReadingOutcome(row.outcome),
        new=Metered(
            reading_id=bytes(row.reading_id),
            imported_wh=row.imported_wh,
            exported_wh=row.exported_wh,
            quality=QUALITIES[row.quality],
        ),
        old=old,
    )


def carried_nano(connection: sa.Connection, participant: str) -> int:
    """Return what a participant's newest adjusting bill left to carry."""
    found = connection.execute(
        sa.select(p.adjusting_bills.c.carry_nano)
        .where(p.adjusting_bills.c.participant == participant)
        .order_by(p.adjusting_bills.c.sequence.desc())
        .limit(1)
    ).scalar()
    return found or 0


def owed_so_far(
    connection: sa.Connection, settlement_id: bytes, participants: Iterable[str]
) -> dict[str, tuple[bytes | None, int]]:
    """Return each participant's bill for a settlement, and what it owes with earlier corrections."""
    wanted = set(participants)
    found: dict[str, tuple[bytes | None, int]] = dict.fromkeys(wanted, (None, 0))
    for row in connection.execute(
        sa.select(p.bills).where(p.bills.c.settlement_id == settlement_id, p.bills.c.version == 1)
    ):
        if row.participant in wanted:
            found[row.participant] = bytes(row.bill_id), row.owed_nano
    for row, bill in adjusting_bills(connection, p.corrections.c.settlement_id == settlement_id):
        if row.participant in wanted:
            identity, owed_nano = found[row.participant]
            found[row.participant] = identity, owed_nano + bill.owed_nano
    return found
