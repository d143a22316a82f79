"""Live totals: what somebody has imported and exported so far today, read from the store.

They come from what is committed and nothing else, so they are right after a restart too.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs
import sqlalchemy as sa

from sauma.intervals import find_zone, to_unix
from sauma.store import projections as p


@attrs.frozen(kw_only=True)
class EnergyTotals:
    """The energy of a participant in a local day so far; each reading in its newest version."""

    participant: str
    day: str
    imported_wh: int
    exported_wh: int
    readings: int
    estimated: int
    missing: int
    latest_start: int | None
    """Seconds since 1970 of the newest interval that has a reading."""


def live_totals(
    connection: sa.Connection, participant: str, now: datetime, zone: str
) -> EnergyTotals:
    """Return a participant's totals of the local day in which `now` lies."""
    local = now.astimezone(find_zone(zone))
    first = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    start, end = to_unix(first), to_unix(first + timedelta(days=1))
    newest: dict[tuple[bytes, int, str], tuple[int, int, int, int]] = {}
    columns = p.readings.c
    for row in connection.execute(
        sa.select(
            columns.point_digest,
            columns.interval_start_of_row,
            columns.key,
            columns.version,
            columns.imported_wh,
            columns.exported_wh,
            columns.quality,
        )
        .join(p.metering_points, p.metering_points.c.point_digest == columns.point_digest)
        .where(
            p.metering_points.c.participant == participant,
            columns.interval_start_of_row >= start,
            columns.interval_start_of_row < end,
        )
    ):
        identity = (bytes(row[0]), row[1], row[2])
        if identity not in newest or newest[identity][0] < row[3]:
            newest[identity] = (row[3], row[4], row[5], row[6])
    found = list(newest.values())
    return EnergyTotals(
        participant=participant,
        day=local.date().isoformat(),
        imported_wh=sum(one[1] for one in found),
        exported_wh=sum(one[2] for one in found),
        readings=len(found),
        estimated=sum(one[3] == 1 for one in found),
        missing=sum(one[3] == 2 for one in found),
        latest_start=max((start for _, start, _ in newest), default=None),
    )
