"""From readings that came late to what they change of a settlement, and to adjusting bills.

By the rules of that day: each interval is corrected by the rulebook that cleared it, which also says
until when.  Trades are read and never made again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

import attrs
import sqlalchemy as sa

from sauma.billing import BillLine
from sauma.correcting import (
    AdjustingBill,
    CorrectedPosition,
    CorrectedReading,
    ReadingOutcome,
    Standing,
    adjusting_lines,
    correction_cause,
    correction_id,
    make_adjusting_bill,
)
from sauma.errors import Disagreement
from sauma.intervals import Interval
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.readings import QUALITIES
from sauma.rulebook import Rulebook, Supplier
from sauma.settlement import Obligation, Residual, residual_obligations
from sauma.steps.billing import line_columns
from sauma.store import corrected, queries
from sauma.store.corrected import LateReading

SETTLEMENT_CORRECTED: Final = "settlement_corrected"


def due_corrections(
    connection: sa.Connection, rulebook: Rulebook, now: datetime
) -> list[tuple[str, Interval]]:
    """Return area and one late interval of each billed settlement that can be corrected now.

    That is when the correction period of its oldest late reading is over.
    """
    closes: dict[datetime, datetime] = {}
    ready: dict[int, tuple[str, int]] = {}
    for area, start, sequence, arrived in corrected.waiting(connection):
        if arrived not in closes:
            closes[arrived] = rulebook.correction_closes(arrived)
        if closes[arrived] <= now:
            ready.setdefault(sequence, (area, start))
    due = []
    for area, start in ready.values():
        settlement = queries.settlement_covering(connection, area, start)
        if settlement is not None and corrected.is_billed(connection, settlement):
            due.append((area, Interval.from_start_unix(start, rulebook.interval_minutes)))
    return due


def first_interval(settlement: queries.SettlementRow, rulebook: Rulebook) -> Interval:
    """Return the first interval of a settlement's period: what entries about it are placed at."""
    return Interval.from_start_unix(settlement.period_start, rulebook.interval_minutes)


def correct_settlement(connection: sa.Connection, settlement: queries.SettlementRow) -> list[Table]:
    """Return what the late readings on record change of a settlement; no tables when there are none.

    Every late reading is taken up by just one correction, also one that comes to nothing.
    """
    starts = corrected.waiting_starts(
        connection, settlement.area, settlement.period_start, settlement.period_end
    )
    found = _correct_intervals(connection, settlement, starts, taken_up_by=None)
    if not found.readings:
        return []
    number = corrected.correction_count(connection, settlement.settlement_id) + 1
    identity = correction_id(settlement.settlement_id, number)
    owed = _owed(found, identity)
    bills = _bills(connection, settlement.settlement_id, identity, found, owed)
    summary = (identity, settlement.settlement_id, number, len(found.readings), len(bills))
    return [
        Table.from_rows(journal.CORRECTIONS, [summary]),
        Table.from_rows(
            journal.CORRECTED_READINGS, [_reading_row(identity, one) for one in found.readings]
        ),
        Table.from_rows(
            journal.CORRECTED_POSITIONS, [_position_row(identity, one) for one in found.positions]
        ),
        Table.from_rows(journal.ADJUSTING_OBLIGATIONS, [_owed_row(*one) for one in owed]),
        Table.from_rows(journal.ADJUSTING_BILLS, [_bill_row(one) for one in bills]),
        Table.from_rows(journal.ADJUSTING_LINES, [row for one in bills for row in _line_rows(one)]),
    ]


def lines_again(connection: sa.Connection, correction: bytes) -> dict[str, tuple[BillLine, ...]]:
    """Return the lines of a correction that was made, computed anew from readings, trades and rules."""
    sequence, settlement = corrected.made(connection, correction)
    starts = corrected.late_starts(connection, sequence)
    found = _correct_intervals(connection, settlement, starts, taken_up_by=sequence)
    return adjusting_lines(found.differences, [one for _, one in _owed(found, correction)])


@attrs.frozen(kw_only=True)
class _Found:
    """What late readings change, by the rulebook of each interval."""

    readings: Sequence[CorrectedReading]
    positions: Sequence[CorrectedPosition]
    rulebooks: Mapping[int, Rulebook]

    @property
    def changes(self) -> list[tuple[int, Residual]]:
        """What more is bought from and sold to the supplier, with the interval; nothing is left out."""
        found = [(one.interval_start, one.difference) for one in self.positions]
        return [(start, one) for start, one in found if one.bought_wh or one.sold_wh]

    @property
    def differences(self) -> list[tuple[Residual, Supplier]]:
        """The same, each with the supplier of that interval's rulebook."""
        return [(one, self.rulebooks[start].supplier) for start, one in self.changes]


def _owed(found: _Found, identity: bytes) -> list[tuple[int, Obligation]]:
    return [
        (start, owed)
        for start, change in found.changes
        for owed in residual_obligations(
            change, correction_cause(identity, start), found.rulebooks[start]
        )
    ]


def _correct_intervals(
    connection: sa.Connection,
    settlement: queries.SettlementRow,
    starts: Sequence[int],
    *,
    taken_up_by: int | None,
) -> _Found:
    readings: list[CorrectedReading] = []
    positions: list[CorrectedPosition] = []
    own = queries.own_starts(connection, settlement.period, starts)
    rulebooks = corrected.rulebooks_then(connection, settlement, own)
    points = corrected.points_of(connection, settlement.area) if own else {}
    for start in own:
        found = _correct_interval(
            connection, settlement.area, start, rulebooks[start], points, taken_up_by
        )
        readings += found[0]
        positions += found[1]
    return _Found(readings=readings, positions=positions, rulebooks=rulebooks)


def _correct_interval(
    connection: sa.Connection,
    area: str,
    start: int,
    rulebook: Rulebook,
    points: Mapping[str, Sequence[bytes]],
    taken_up_by: int | None,
) -> tuple[list[CorrectedReading], list[CorrectedPosition]]:
    interval = Interval.from_start_unix(start, rulebook.interval_minutes)
    every = [digest for own in points.values() for digest in own]
    late = corrected.late_points(connection, start, every, taken_up_by)
    concerned = sorted(name for name, own in points.items() if not late.isdisjoint(own))
    digests = [digest for name in concerned for digest in points[name]]
    known: dict[bytes, list[LateReading]] = defaultdict(list)
    for one in corrected.all_readings(connection, start, digests, taken_up_by):
        known[one.point_digest].append(one)
    traded = corrected.traded(connection, area, start)
    settled = corrected.settled_residuals(connection, area, start)
    readings: list[CorrectedReading] = []
    positions: list[CorrectedPosition] = []
    for participant in concerned:
        own = [one for digest in points[participant] for one in known[digest]]
        valid = [
            one for one in own if one.arrived is None or rulebook.corrects(interval, one.arrived)
        ]
        old, new = _newest(one for one in valid if not one.is_new), _newest(valid)
        readings += [
            _outcome(participant, start, one, old, new, is_valid=one in valid)
            for one in sorted(own, key=_order)
            if one.is_new
        ]
        parts = traded.get(participant, (0, 0))
        first = _newest(one for one in own if one.arrived is None)
        _check_settled(
            participant, interval, _stand(first, rulebook, parts), settled.get(participant, (0, 0))
        )
        position = CorrectedPosition(
            participant=participant,
            interval_start=start,
            new=_stand(new, rulebook, parts),
            old=_stand(old, rulebook, parts),
        )
        if position.new != position.old:
            positions.append(position)
    return readings, positions


_Counting = dict[tuple[bytes, str], LateReading]
"""The version that counts of each reading, by point and key."""


def _newest(readings: Iterable[LateReading]) -> _Counting:
    newest: _Counting = {}
    for one in readings:
        known = newest.setdefault((one.point_digest, one.key), one)
        if known.version < one.version:
            newest[one.point_digest, one.key] = one
    return newest


def _order(one: LateReading) -> tuple[bytes, str, int]:
    return one.point_digest, one.key, one.version


def _outcome(
    participant: str,
    start: int,
    late: LateReading,
    old: _Counting,
    new: _Counting,
    *,
    is_valid: bool,
) -> CorrectedReading:
    identity = late.point_digest, late.key
    outcome = ReadingOutcome.OVERTAKEN
    if not is_valid:
        outcome = ReadingOutcome.BEYOND_WINDOW
    elif new[identity] is late:
        outcome = ReadingOutcome.COUNTED
    before = old.get(identity)
    return CorrectedReading(
        participant=participant,
        interval_start=start,
        outcome=outcome,
        new=late.metered,
        old=None if before is None else before.metered,
    )


def _stand(counting: _Counting, rulebook: Rulebook, traded: tuple[int, int]) -> Standing:
    imported_wh = sum(one.metered.imported_wh for one in counting.values())
    exported_wh = sum(one.metered.exported_wh for one in counting.values())
    return Standing(
        imported_wh=imported_wh,
        exported_wh=exported_wh,
        own_use_wh=min(imported_wh, exported_wh) if rulebook.own_use_first else 0,
        traded_in_wh=traded[0],
        traded_out_wh=traded[1],
    )


def _check_settled(
    participant: str, interval: Interval, first: Standing, settled: tuple[int, int]
) -> None:
    """Raise `Disagreement` unless the rule gives what was settled, from what was known then."""
    if first.left_wh != settled:
        raise Disagreement(
            f"{participant} settled {settled} Wh with the supplier at {interval}, its readings and "
            f"trades give {first.left_wh}: correct nothing"
        )


def _bills(
    connection: sa.Connection,
    settlement_id: bytes,
    identity: bytes,
    found: _Found,
    owed: Sequence[tuple[int, Obligation]],
) -> list[AdjustingBill]:
    lines = adjusting_lines(found.differences, [one for _, one in owed])
    before = corrected.owed_so_far(connection, settlement_id, lines)
    return [
        make_adjusting_bill(
            correction=identity,
            participant=participant,
            adjusted_bill_id=before[participant][0],
            lines=own,
            old_nano=before[participant][1],
            carried_nano=corrected.carried_nano(connection, participant),
        )
        for participant, own in lines.items()
    ]


def _reading_row(identity: bytes, one: CorrectedReading) -> tuple[object, ...]:
    new, old = one.new, one.old
    replaced = (
        (None, None, None, None)
        if old is None
        else (old.reading_id, old.imported_wh, old.exported_wh, QUALITIES.index(old.quality))
    )
    return (
        identity,
        new.reading_id,
        one.participant,
        one.interval_start,
        int(one.outcome),
        new.imported_wh,
        new.exported_wh,
        QUALITIES.index(new.quality),
        *replaced,
    )


def _position_row(identity: bytes, one: CorrectedPosition) -> tuple[object, ...]:
    return (
        identity,
        one.participant,
        one.interval_start,
        one.new.imported_wh,
        one.new.exported_wh,
        one.new.own_use_wh,
        *one.new.left_wh,
        *one.old.left_wh,
    )


def _owed_row(start: int, one: Obligation) -> tuple[object, ...]:
    return (
        one.obligation_id,
        one.cause_id,
        start,
        int(one.purpose),
        int(one.good),
        one.debtor,
        one.creditor,
        one.units,
    )


def _bill_row(one: AdjustingBill) -> tuple[object, ...]:
    return (
        one.bill_id,
        one.correction_id,
        one.participant,
        one.adjusted_bill_id,
        one.old_nano,
        one.new_nano,
        one.owed_nano,
        one.carried_nano,
        one.owed_cents,
        one.carry_nano,
    )


def _line_rows(bill: AdjustingBill) -> list[tuple[object, ...]]:
    return [(bill.bill_id, *columns) for columns in line_columns(bill.lines)]
