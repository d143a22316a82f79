"""Taking readings in batches: what is sound is committed, what is not is refused row by row.

`Desk.accept` takes all or nothing, as a file is imported; meters send what they have, and one bad row
must not keep back the others.  What comes after its interval was closed is kept on record, late.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from sauma.clock import Clock
from sauma.desk import READINGS_ACCEPTED, READINGS_CAME_LATE, in_force
from sauma.journal import schemas as journal
from sauma.judging import Judgement, Verdict, judge_readings
from sauma.readings import Fault, ReadingColumns
from sauma.store import Store
from sauma.store.points import Points


@attrs.frozen(kw_only=True)
class Taken:
    """What became of one batch, in rows counted from 0."""

    new: int
    known: int
    late: dict[int, str]
    """Kept on record, with what follows from them: trades stand, a correction settles the difference."""
    refused: dict[int, Fault]


class ReadingDesk:
    """Takes readings into a store by itself: no chain is needed, and another process may settle.

    Committed is what it returned from: then the readings are on the disk.
    """

    def __init__(self, store: Store, *, clock: Clock) -> None:
        """Work on an open store."""
        self._store = store
        self._clock = clock
        self._points = Points()

    def take(self, batches: Sequence[ReadingColumns]) -> list[Taken]:
        """Take batches in one transaction and say of each what became of it.

        Raises `StoreError` when nothing could be written; then all of it may be sent again.
        """
        columns = ReadingColumns.joined(batches)
        with self._store.transaction() as transaction:
            connection = transaction.connection
            rulebook = in_force(connection)
            judgement = judge_readings(
                connection, rulebook, self._points, columns, arrived=self._clock.now()
            )
            for table in judgement.tables(self._points):
                late = table.schema == journal.LATE_READINGS
                transaction.append(
                    kind=READINGS_CAME_LATE if late else READINGS_ACCEPTED,
                    time=self._clock.now(),
                    tables=[table],
                    rulebook_hash=rulebook.rulebook_hash,
                )
        return _by_batch(judgement, [len(batch) for batch in batches])

    def points(self) -> Points:
        """Return the registered metering points as they are now."""
        with self._store.reading() as connection:
            return self._points.refresh(connection)


def _by_batch(judgement: Judgement, lengths: Sequence[int]) -> list[Taken]:
    taken = []
    first = 0
    for length in lengths:
        after = first + length
        counts = np.bincount(judgement.verdicts[first:after], minlength=len(Verdict))
        taken.append(
            Taken(
                new=int(counts[Verdict.NEW]),
                known=int(counts[Verdict.KNOWN]),
                late={
                    row - first: why
                    for row, why in judgement.lateness.items()
                    if first <= row < after
                },
                refused={
                    row - first: fault
                    for row, fault in judgement.faults.items()
                    if first <= row < after
                },
            )
        )
        first = after
    return taken
