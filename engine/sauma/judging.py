"""Readings judged against what is known: new, known, late, or refused; in columns, row by row."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Final

import attrs
import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from sauma.errors import Conflict, InvalidInput, UnknownName
from sauma.intervals import Interval
from sauma.journal import Table, TableSchema
from sauma.journal import schemas as journal
from sauma.readings import Fault, ReadingColumns, reading_ids, value_faults
from sauma.rulebook import Rulebook
from sauma.store import corrected, queries
from sauma.store.points import Points
from sauma.units import ENERGY_WH_MAX

UNKNOWN_POINT: Final = "unknown_point"
CONFLICT: Final = "conflict"


class Verdict(enum.IntEnum):
    """What becomes of a reading."""

    NEW = 0
    KNOWN = 1
    """It was taken before, with the same contents: nothing to do."""
    LATE = 2
    """Its interval is cleared or settled: trades stand, and a correction takes the reading up."""
    REFUSED = 3


@attrs.frozen(kw_only=True, eq=False)
class Judgement:
    """The verdict on each row; `faults` says why, for each row that is refused."""

    columns: ReadingColumns
    verdicts: NDArray[np.uint8]
    faults: Mapping[int, Fault]
    reading_ids: Sequence[bytes]
    numbers: NDArray[np.int64]
    """The number of each row's metering point, -1 for one that nobody registered."""
    lateness: Mapping[int, str]
    """For each late row the words that say why."""

    def rows(self, verdict: Verdict) -> list[int]:
        """Return the rows with a verdict."""
        return np.flatnonzero(self.verdicts == verdict).tolist()

    def tables(self, points: Points) -> list[Table]:
        """Return the journal tables of what is new and of what came late."""
        tables = []
        for verdict, schema in (
            (Verdict.NEW, journal.READINGS),
            (Verdict.LATE, journal.LATE_READINGS),
        ):
            rows = np.flatnonzero(self.verdicts == verdict)
            if len(rows):
                tables.append(self._table(schema, rows, points))
        return tables

    def _table(self, schema: TableSchema, rows: NDArray[np.int64], points: Points) -> Table:
        columns, chosen = self.columns, rows.tolist()
        return Table.from_columns(
            schema,
            {
                "reading_id": np.frombuffer(
                    b"".join([self.reading_ids[row] for row in chosen]), dtype="V32"
                ),
                "point_digest": points.digests[self.numbers[rows]],
                "interval_start": columns.interval_start[rows],
                "imported_wh": columns.imported_wh[rows],
                "exported_wh": columns.exported_wh[rows],
                "quality": columns.quality[rows],
                "version": columns.version[rows],
                "key": [columns.key[row].encode() for row in chosen],
            },
        )

    def check_all_taken(self, *, late: bool = False) -> None:
        """Raise the error of the first row that is refused, or late unless that is allowed."""
        bad = np.flatnonzero(self.verdicts >= (Verdict.REFUSED if late else Verdict.LATE))
        if not len(bad):
            return
        row = int(bad[0])
        fault = self.faults.get(row)
        if fault is None:
            raise InvalidInput(
                f"{self.lateness[row]}; none of these readings was taken, say that they are late if "
                "they are corrections"
            )
        kinds = {UNKNOWN_POINT: UnknownName, CONFLICT: Conflict}
        raise kinds.get(fault.code, InvalidInput)(f"{fault.message}; none of them was taken")


def judge_readings(
    connection: sa.Connection,
    rulebook: Rulebook,
    points: Points,
    columns: ReadingColumns,
    *,
    arrived: datetime | None = None,
) -> Judgement:
    """Judge every row by itself and beside the others; writes nothing.

    Two rows with one id are one reading when they say the same, else the second is a conflict.  With
    `arrived`, a late row's words say whether it comes within the correction window.
    """
    judge = _Judge(connection, rulebook, points.refresh(connection), columns, arrived)
    return judge.judge()


class _Judge:
    """One judging: the verdicts so far, and what is known of the intervals and points concerned."""

    def __init__(
        self,
        connection: sa.Connection,
        rulebook: Rulebook,
        points: Points,
        columns: ReadingColumns,
        arrived: datetime | None,
    ) -> None:
        self._connection = connection
        self._arrived = arrived
        self._minutes = rulebook.interval_minutes
        self._points = points
        self._columns = columns
        self._faults = value_faults(columns, self._minutes)
        numbers = points.numbers
        self._numbers = np.fromiter(
            (numbers.get(point, -1) for point in columns.metering_point),
            dtype=np.int64,
            count=len(columns),
        )
        self._verdicts = np.zeros(len(columns), dtype=np.uint8)
        self._lateness: dict[int, str] = {}

    def judge(self) -> Judgement:
        columns = self._columns
        for row in np.flatnonzero(self._numbers < 0).tolist():
            self._faults[row] = Fault(
                field="metering_point",
                code=UNKNOWN_POINT,
                message=f"metering point {columns.metering_point[row]} is not registered: register it "
                "with its participant and area, then send the readings again",
            )
        self._refuse_faulty()
        ids = reading_ids(columns, self._minutes)
        known = self._known()
        self._compare(ids, known)
        self._mark_late()
        self._check_positions(known)
        self._refuse_faulty()
        return Judgement(
            columns=columns,
            verdicts=self._verdicts,
            faults=self._faults,
            reading_ids=ids,
            numbers=self._numbers,
            lateness=self._lateness,
        )

    def _refuse_faulty(self) -> None:
        self._verdicts[[*self._faults]] = Verdict.REFUSED

    def _known(self) -> dict[int, list[queries.KnownReading]]:
        """Return what is known of every point of the participants concerned, by interval start."""
        sound = self._verdicts != Verdict.REFUSED
        starts, numbers = self._columns.interval_start[sound], self._numbers[sound]
        known = {}
        for start in np.unique(starts).tolist():
            concerned = self._points.siblings(numbers[starts == start])
            digests = [one.tobytes() for one in self._points.digests[concerned]]
            known[start] = queries.known_readings(self._connection, start, digests)
        return known

    def _compare(self, ids: list[bytes], known: Mapping[int, list[queries.KnownReading]]) -> None:
        """Find what was taken before, or comes twice here."""
        contents = {one.reading_id: one.contents for every in known.values() for one in every}
        seen: dict[bytes, int] = {}
        for row, identity in enumerate(ids):
            if row in self._faults:
                continue
            before = contents.get(identity)
            if before is None:
                first = seen.setdefault(identity, row)
                if first == row:
                    continue
                before = self._columns.contents(first)
            if before == self._columns.contents(row):
                self._verdicts[row] = Verdict.KNOWN
            else:
                self._faults[row] = self._conflict(row, before)

    def _conflict(self, row: int, before: tuple[int, int, int]) -> Fault:
        one = self._columns.reading(row, self._minutes)
        return Fault(
            field="key",
            code=CONFLICT,
            message=f"the reading {one.key!r} of {one.metering_point} at {one.interval} version "
            f"{one.version} is known as {before[0]} Wh in and {before[1]} Wh out, "
            f"not {one.imported_wh} and {one.exported_wh}, or is of another quality: these are other "
            "contents, correct them with a higher version",
        )

    def _mark_late(self) -> None:
        """Find what comes after its interval was cleared or its period settled."""
        new = np.flatnonzero(self._verdicts == Verdict.NEW)
        places = defaultdict(list)
        areas = self._points.area[self._numbers[new]].tolist()
        for row, area, start in zip(
            new.tolist(), areas, self._columns.interval_start[new].tolist(), strict=True
        ):
            if row not in self._faults:
                places[area, start].append(row)
        names = self._points.areas
        concerned: dict[int, list[str]] = defaultdict(list)
        for area, start in places:
            concerned[start].append(names[area])
        closed = {
            start: queries.closed_areas(self._connection, areas, start)
            for start, areas in concerned.items()
        }
        for (area, start), rows in places.items():
            if names[area] not in closed[start]:
                continue
            why = lateness(
                self._connection,
                self._points.areas[area],
                Interval.from_start_unix(start, self._minutes),
                self._arrived,
            )
            if why is not None:
                self._verdicts[rows] = Verdict.LATE
                self._lateness |= dict.fromkeys(rows, why)

    def _check_positions(self, known: Mapping[int, list[queries.KnownReading]]) -> None:
        """Refuse what would add up to more than a participant's position can hold.

        Every version counts, which is more than the newest ones are; so who is near the limit has to
        correct in steps.
        """
        new = np.flatnonzero(np.isin(self._verdicts, (Verdict.NEW, Verdict.LATE)))
        fields = ("imported_wh", "exported_wh")
        flows = [getattr(self._columns, field)[new] for field in fields]
        before = [sum(one.contents[way] for one in chain(*known.values())) for way in (0, 1)]
        if (
            max(int(flow.sum()) + wh for flow, wh in zip(flows, before, strict=True))
            <= ENERGY_WH_MAX
        ):
            return
        owners = self._points.participant
        owner = {
            self._points.digests[number].tobytes(): int(owners[number])
            for number in self._points.siblings(self._numbers[new])
        }
        sums: dict[tuple[int, int, int], int] = defaultdict(int)
        for start, every in known.items():
            for one in every:
                for way in (0, 1):
                    sums[owner.get(one.point_digest, -1), start, way] += one.contents[way]
        for row in new.tolist():
            place = int(owners[self._numbers[row]]), int(self._columns.interval_start[row])
            for way, field in enumerate(fields):
                sums[*place, way] += int(getattr(self._columns, field)[row])
                if (total := sums[*place, way]) > ENERGY_WH_MAX:
                    text = f"{field} of the participant adds up to {total} Wh: it must be between 0 and"
                    self._faults[row] = Fault(
                        field=field, code="too_much", message=f"{text} {ENERGY_WH_MAX}"
                    )


def lateness(
    connection: sa.Connection, area: str, interval: Interval, arrived: datetime | None = None
) -> str | None:
    """Return why a reading of an interval comes too late to be settled with it; None when it does not.

    With `arrived`, the words also say what follows.
    """
    if queries.is_cleared(connection, area, interval):
        state = "is cleared"
    elif queries.is_settled(connection, area, interval.start_unix):
        state = "lies in a period that is settled"
    else:
        return None
    words = (
        f"the interval {interval} of {area} {state}: a reading that comes later cannot change it"
    )
    if arrived is None:
        return words
    rulebook = corrected.rulebook_then(connection, area, interval.start_unix)
    if rulebook.corrects(interval, arrived):
        return f"{words}, it is settled by a correction"
    return (
        f"{words}, and the correction window of {rulebook.correction_window_days} days is over: it is "
        "kept on record and changes no bill"
    )
