"""A town whose readings come late: settled, corrected, and what came of it."""

from __future__ import annotations

import sqlalchemy as sa

from sauma.correcting import ReadingOutcome
from sauma.replay import replay
from sauma.store import corrected
from sauma.store import projections as p

from .town import Town

DAY_S = 86_400


def settled(town: Town, *quarters: int) -> Town:
    """The town with sunny quarters that are settled and billed; their energy has still to move."""
    for number in quarters or (0,):
        town.sunny(number)
    return billed(town)


def billed(town: Town) -> Town:
    town.plan()
    town.engine.issue_bills()
    return town


def late(town: Town, *readings, after_days: int = 0) -> int:
    """Readings come late, and the correction period in which they came is over."""
    town.clock.advance(seconds=after_days * DAY_S)
    town.engine.accept(readings, late=True)
    town.clock.advance(seconds=DAY_S)
    return town.engine.correct_due()


def owed(town: Town) -> dict[str, list[int]]:
    """What everybody's adjusting bills come to, in nano-units, oldest first."""
    found: dict[str, list[int]] = {}
    for one in town.engine.adjustments():
        found.setdefault(one.bill.participant, []).append(one.bill.owed_nano)
    return found


def replayed(town: Town) -> list[str]:
    """The findings of a replay; none is what is wanted."""
    report = replay(town.engine.store, codec=town.venue.codec, chain=town.chain)
    return [str(finding) for finding in report.findings]


def rows_of(town: Town, table: sa.Table) -> list[tuple]:
    """Everything that a projection holds."""
    with town.engine.store.reading() as connection:
        return [tuple(row) for row in connection.execute(sa.select(table))]


def outcomes(town: Town) -> list[tuple[int, ReadingOutcome]]:
    """Version and outcome of every late reading, in the order of corrections."""
    with town.engine.store.reading() as connection:
        versions = dict(
            connection.execute(
                sa.select(p.late_readings.c.reading_id, p.late_readings.c.version)
            ).all()
        )
        return [
            (versions[one.new.reading_id], one.outcome)
            for _, one in corrected.corrected_readings(connection)
        ]
