"""All metering points at hand: GSRN to number, and by number digest, area and participant."""

from __future__ import annotations

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
    finds more.
    """

    def __init__(self) -> None:
        """Begin without any; `refresh` reads them."""
        self._sequence = -1
        self.numbers: dict[str, int] = {}
        self.digests: NDArray[Any] = np.zeros(0, dtype="V32")
        self.areas: tuple[str, ...] = ()
        self.area: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.participants: tuple[str, ...] = ()
        self.participant: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._of_participant: dict[int, list[int]] = {}

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
        owners = np.unique(self.participant[numbers]).tolist()
        return [number for owner in owners for number in self._of_participant[owner]]

    def _read(self, connection: sa.Connection) -> None:
        rows = connection.execute(sa.select(p.metering_points)).all()
        self.numbers = {row.gsrn: number for number, row in enumerate(rows)}
        joined = b"".join(bytes(row.point_digest) for row in rows)
        self.digests = np.frombuffer(joined, dtype="V32")
        self.areas, self.area = _numbered([row.area for row in rows])
        self.participants, self.participant = _numbered([row.participant for row in rows])
        self._of_participant = {}
        for number, owner in enumerate(self.participant.tolist()):
            self._of_participant.setdefault(owner, []).append(number)


def _numbered(names: list[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    known = sorted(set(names))
    number = {name: index for index, name in enumerate(known)}
    return tuple(known), np.fromiter((number[name] for name in names), np.int64, len(names))
