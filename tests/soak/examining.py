"""What must hold when an installation has come to rest: nothing lost, nothing twice, replay agrees."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import sqlalchemy as sa

from sauma.chain import BatchKind, Chain, Cursor, batch_reference
from sauma.replay import replay
from sauma.store import Store, queries
from sauma.store import projections as p
from sauma_cli.folder import Folder
from sauma_cli.sites import codec_of
from sauma_nem import NemChain, NemSettings, NodeClient


def faults_of(folder: Path, url: str, points: list[str], minutes: int = 15) -> list[str]:
    """Return everything that is not as it should be."""
    stored = Folder(folder).stored_chain()
    assert stored is not None
    chain = NemChain(NemSettings.from_facts(stored.settings), NodeClient(url))
    with Store.open(folder / "store.sqlite") as store:
        report = replay(store, codec=codec_of(stored), chain=chain)
        with store.reading() as connection:
            return [
                *map(str, report.findings),
                *_interval_faults(connection, minutes),
                *_reading_faults(connection, points),
                *_reference_faults(connection, chain),
            ]


def _interval_faults(connection: sa.Connection, minutes: int) -> list[str]:
    """Every interval from the first to the last is cleared and settled once, in each area."""
    found = []
    rows = connection.execute(sa.select(p.cleared_intervals)).all()
    settled = Counter(
        (row.area, row.period_start) for row in connection.execute(sa.select(p.settlements))
    )
    by_area: dict[str, set[int]] = {}
    for row in rows:
        by_area.setdefault(row.area, set()).add(row.interval_start)
        if settled[row.area, row.interval_start] != 1:
            times = settled[row.area, row.interval_start]
            found.append(f"{row.area} {row.interval_start} is settled {times} times")
    for area, starts in by_area.items():
        for start in range(min(starts), max(starts), minutes * 60):
            if start not in starts:
                found.append(f"{area} {start} was lost")
    found += [f"{one} is still open" for one in queries.uncleared(connection, 1 << 62)]
    found += [f"{one} is unfinished" for one in queries.unfinished_settlements(connection)]
    return found


def _reading_faults(connection: sa.Connection, points: list[str]) -> list[str]:
    """Every point has one reading in every cleared interval, on time or late, and none twice."""
    seen: Counter[tuple[str, int]] = Counter()
    for table in (p.readings, p.late_readings):
        for row in connection.execute(
            sa.select(p.metering_points.c.gsrn, table.c.interval_start_of_row).join(
                p.metering_points, p.metering_points.c.point_digest == table.c.point_digest
            )
        ):
            seen[row[0], row[1]] += 1
    last = max(start for _, start in seen)
    starts = sorted({start for _, start in seen if start < last})
    return [
        f"{gsrn} has {seen[gsrn, start]} readings of {start}"
        for gsrn in points
        for start in starts
        if seen[gsrn, start] != 1
    ]


def _reference_faults(connection: sa.Connection, chain: Chain) -> list[str]:
    """Each planned batch is on the chain once, read from its first block."""
    planned = {
        batch_reference(bytes(one), BatchKind.SETTLEMENT)
        for one in connection.execute(sa.select(p.instructions.c.batch_id).distinct()).scalars()
    }
    seen: Counter[bytes] = Counter()
    cursor, more = Cursor(), True
    while more:
        page = chain.events(cursor)
        seen.update(event.reference for event in page.events if event.reference in planned)
        cursor, more = page.cursor, page.more
    return [
        *(f"{one.hex()} was paid {n} times" for one, n in seen.items() if n > 1),
        *(f"{one.hex()} was never paid" for one in sorted(planned - set(seen))),
    ]
