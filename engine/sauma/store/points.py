"""All metering points at hand: GSRN to number, and by number digest, area and participant."""

from __future__ import annotations

from array import array
from typing import Any, Final

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from sauma.store import projections as p
from sauma.store.tables import journal_entries

REGISTERED: Final = "metering_points_registered"


class Points:
    """The registered metering points as columns, read again only when the journal has new ones.

    Points are numbered from 0 in no particular order; a number holds until the next `refresh` that
    finds more.  So are areas and participants.
    """

    def __init__(self) -> None:
        """Begin without any; `refresh` reads them."""
        self._sequence = -1
        self.numbers: dict[str, int] = {}
        self.digests: NDArray[Any] = np.zeros(0, dtype="V32")
        self.areas: tuple[str, ...] = ()
        self.area: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.participant: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._by_participant: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._first: NDArray[np.int64] = np.zeros(1, dtype=np.int64)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.numbers)

    def refresh(self, connection: sa.Connection) -> Points:
        """Bring the columns up to what the connection sees, and return them."""
        newest = connection.execute(
            sa.select(sa.func.max(journal_entries.c.sequence)).where(
                journal_entries.c.kind == REGISTERED
            )
        ).scalar()
        newest = newest or 0
        if newest != self._sequence:
            self._read(connection)
            self._sequence = newest
        return self

    def siblings(self, numbers: NDArray[np.int64]) -> list[int]:
        """Return the points of every participant that has one of these, each once."""
        owners = np.unique(self.participant[numbers])
        first = self._first[owners]
        counts = self._first[owners + 1] - first
        before = np.cumsum(counts) - counts
        places = np.arange(counts.sum()) + np.repeat(first - before, counts)
        found: list[int] = self._by_participant[places].tolist()
        return found

    def _read(self, connection: sa.Connection) -> None:
        """Read row by row: of a city, rows and names at once would take more room than the columns."""
        columns = p.metering_points.c
        areas: dict[str, int] = {}
        participants: dict[str, int] = {}
        numbers: dict[str, int] = {}
        digests, area, participant = bytearray(), array("q"), array("q")
        for gsrn, digest, name, owner in connection.execute(
            sa.select(columns.gsrn, columns.point_digest, columns.area, columns.participant)
        ):
            numbers[gsrn] = len(numbers)
            digests += digest
            area.append(areas.setdefault(name, len(areas)))
            participant.append(participants.setdefault(owner, len(participants)))
        self.numbers, self.areas = numbers, tuple(areas)
        self.digests = np.frombuffer(bytes(digests), dtype="V32")
        self.area = np.frombuffer(area, dtype=np.int64)
        self.participant = np.frombuffer(participant, dtype=np.int64)
        self._by_participant = np.argsort(self.participant, kind="stable")
        counts = np.bincount(self.participant, minlength=len(participants))
        self._first = np.concatenate(([0], np.cumsum(counts)))
