"""The condition of a service: the figures that people watch, and whether it is ready."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs
import sqlalchemy as sa

from sauma.chain import BatchKind, batch_reference
from sauma.engine import Engine
from sauma.errors import StoreError
from sauma.intervals import from_unix
from sauma.service.backoff import Trouble
from sauma.service.settings import ServiceSettings
from sauma.store import carried, corrected, queries
from sauma.store import projections as p
from sauma.store.tables import journal_entries


@attrs.frozen(kw_only=True)
class Condition:
    """What the store says of the work that is left; ages are in seconds of the engine's clock."""

    open_intervals: int
    """Intervals with readings or offers that are not cleared."""
    unsettled_intervals: int
    """Cleared intervals that no settlement covers."""
    unfinished_settlements: int
    """Settlements that are not final and billed for everybody."""
    waiting_corrections: int
    """Late readings that no correction has taken up."""
    oldest_unsettled: datetime | None
    """Start of the oldest interval that is open, unsettled or in an unfinished settlement."""
    outbox_batches: int
    """Planned batches that no living transaction carries."""
    outbox_age_s: int
    """How long the oldest of them has waited."""
    unconfirmed_transactions: int
    """Signed and committed, and in no block."""
    unfinal_transactions: int
    """In a block that can still be undone."""
    scanned_height: int
    scanned_time: datetime | None
    """The time of the newest block that was read."""
    final_height: int


@attrs.frozen(kw_only=True)
class Readiness:
    """Whether a service does its work, check by check: None where a check passed, else why not."""

    checks: dict[str, str | None]

    @property
    def is_ready(self) -> bool:
        """Whether every check passed."""
        return not any(self.checks.values())


def read_condition(engine: Engine) -> Condition:
    """Read the figures in one state of the store."""
    now = engine.clock.now()
    chain_id = engine.venue.chain_id
    with engine.store.reading() as connection:
        open_ = queries.uncleared(connection, _END)
        unsettled = queries.unsettled(connection)
        unfinished = queries.unfinished_settlements(connection)
        corrections = corrected.waiting_count(connection)
        starts = [start for _, start in (*open_, *unsettled)]
        starts += [one.period_start for one in unfinished]
        batches, since = _outbox(connection, chain_id)
        states = _transaction_states(connection, chain_id)
        seen = connection.execute(
            sa.select(p.chain_states).where(p.chain_states.c.chain_id == chain_id)
        ).first()
    return Condition(
        open_intervals=len(open_),
        unsettled_intervals=len(unsettled),
        unfinished_settlements=len(unfinished),
        waiting_corrections=corrections,
        oldest_unsettled=from_unix(min(starts)) if starts else None,
        outbox_batches=batches,
        outbox_age_s=0 if since is None else max(0, int((now - since).total_seconds())),
        unconfirmed_transactions=states.get(p.STATE_COMMITTED, 0),
        unfinal_transactions=states.get(p.STATE_INCLUDED, 0),
        scanned_height=0 if seen is None else seen.scanned_height,
        scanned_time=from_unix(seen.scanned_time)
        if seen is not None and seen.scanned_time
        else None,
        final_height=0 if seen is None else seen.final_height,
    )


_END = (1 << 62) - 1


def _outbox(connection: sa.Connection, chain_id: str) -> tuple[int, datetime | None]:
    """Return how many planned batches nothing carries, and when the oldest was planned.

    A batch that the chain shows although no record of its transaction is left is carried.
    """
    unfinished = [one.settlement_id for one in queries.unfinished_settlements(connection)]
    waiting: dict[bytes, int] = {}
    for first in range(0, len(unfinished), carried.IDS_MAX):
        rows = connection.execute(
            sa.select(p.instructions.c.batch_id, p.instructions.c.sequence)
            .where(
                p.instructions.c.settlement_id.in_(unfinished[first : first + carried.IDS_MAX]),
                ~carried.is_carried(p.instructions.c.batch_id),
            )
            .distinct()
        )
        waiting |= {bytes(row.batch_id): row.sequence for row in rows}
    references = {batch_reference(one, BatchKind.SETTLEMENT): one for one in waiting}
    for event in carried.events_with(connection, chain_id, references):
        waiting.pop(references[bytes(event.reference)], None)
    if not waiting:
        return 0, None
    planned_at = connection.execute(
        sa.select(journal_entries.c.time).where(journal_entries.c.sequence == min(waiting.values()))
    ).scalar_one()
    return len(waiting), from_unix(planned_at)


def _transaction_states(connection: sa.Connection, chain_id: str) -> dict[int, int]:
    rows = connection.execute(
        sa.select(p.transactions.c.state, sa.func.count().label("number"))
        .where(
            p.transactions.c.chain_id == chain_id,
            p.transactions.c.state.in_((p.STATE_COMMITTED, p.STATE_INCLUDED)),
        )
        .group_by(p.transactions.c.state)
    )
    return {row.state: row.number for row in rows}


def read_readiness(
    engine: Engine,
    settings: ServiceSettings,
    troubles: tuple[Trouble, ...],
    wall_now: datetime,
) -> Readiness:
    """Check database, age of the chain's tip, outbox, and whether chain and journal agree."""
    try:
        condition = read_condition(engine)
    except StoreError as error:
        return Readiness(checks={"database": str(error)})
    checks: dict[str, str | None] = {"database": None, "chain": None, "outbox": None}
    if condition.scanned_time is None:
        checks["chain"] = "no block was read yet"
    else:
        age = wall_now - condition.scanned_time
        if age > settings.tip_age_max:
            age_s = age // timedelta(seconds=1)
            checks["chain"] = f"the newest block that was read is {age_s} s old"
    if timedelta(seconds=condition.outbox_age_s) > settings.outbox_age_max:
        checks["outbox"] = f"a planned batch has waited {condition.outbox_age_s} s"
    for trouble in troubles:
        if trouble.what in ("agreement", "ledger"):
            checks[trouble.what] = trouble.reason
    return Readiness(checks=checks)
