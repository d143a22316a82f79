"""What must be true in the end, whatever happened on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from sauma.billing import BillStatus
from sauma.chain import Chain, Support
from sauma.dispatch.suspending import DEATHS_MAX
from sauma.engine import Engine
from sauma.errors import SaumaError
from sauma.store import projections, tables
from sauma.testing.simulation.faults import Fault
from sauma.testing.simulation.line import Line
from sauma.testing.simulation.rehearsal import (
    Rehearsal,
    balances_of,
    bills_of,
    references_on,
)
from sauma.testing.simulation.world import SimulatedWorld

PAID_TWICE = "paid twice"
LOST = "lost"
UNPAID = "booked, but unpaid"
SUSPENDED = "suspended without cause"
INTERRUPTING: Final = (Fault.DIED, Fault.OVERTAKEN, Fault.DISK_FULL, Fault.DISK_BROKEN)
"""What keeps a process from ending what it tries, so that the next must think that it died of it."""


def examine(
    engine: Engine,
    world: SimulatedWorld,
    rehearsal: Rehearsal,
    *,
    sent: Sequence[bytes],
    was_restored: bool,
    rebuilds: bool,
    happened: Counter[Fault],
) -> list[str]:
    """Return everything that is not as in the run in which nothing went wrong."""
    chain = world.venue(Line()).chain
    wrong = [*_payments(engine, references_on(chain), rehearsal), *_repeated(chain, was_restored)]
    if balances_of(world, engine) != rehearsal.balances:
        wrong.append(f"balances {balances_of(world, engine)} instead of {rehearsal.balances}")
    if bills_of(engine) != rehearsal.bills:
        wrong.append("bills are not those of the undisturbed run")
    if not was_restored:
        wrong += _unkept(engine, sent)
    wrong += _needlessly_suspended(engine, happened)
    try:
        engine.agreement()
    except SaumaError as error:
        wrong.append(f"chain, journal and bills disagree: {error}")
    if rebuilds and not _rebuilt_equals_live(engine):
        wrong.append("the projections are not those that the journal gives")
    return wrong


def _rebuilt_equals_live(engine: Engine) -> bool:
    live = engine.store.projection_digest()
    engine.store.rebuild_projections()
    return engine.store.projection_digest() == live


def _payments(engine: Engine, on_chain: Counter[bytes], rehearsal: Rehearsal) -> list[str]:
    """Compare which references stand on the chain with what was planned and what was billed as final."""
    is_billed = all(one.bill.status is BillStatus.FINAL for one in engine.statements())
    missing = UNPAID if is_billed else LOST
    return [
        *(f"{missing}: {one.hex()}" for one in sorted(rehearsal.references - set(on_chain))),
        *(f"not planned: {one.hex()}" for one in sorted(set(on_chain) - rehearsal.references)),
        *([] if engine.finished else [f"{LOST}: not everything is final"]),
    ]


def _repeated(chain: Chain, was_restored: bool) -> list[str]:
    """Say what stands on the chain more than once.

    A chain that knows batches may take the statement of a root again from somebody whose record of it is
    lost: it says the same, and moves nothing.
    """
    may_restate = was_restored and chain.capabilities.idempotency is Support.NATIVE
    found = references_on(chain, only_moving=may_restate)
    return [f"{PAID_TWICE}: {one.hex()}, {n} times" for one, n in found.items() if n > 1]


def _unkept(engine: Engine, sent: Sequence[bytes]) -> list[str]:
    """Whatever was sent is in the store, byte for byte."""
    rows = engine.store.query(sa.select(tables.vault.c.content).where(tables.vault.c.kind == "raw"))
    kept = {bytes(row.content) for row in rows}
    return [f"bytes were sent that no store keeps: {raw.hex()[:40]}" for raw in {*sent} - kept]


def _needlessly_suspended(engine: Engine, happened: Counter[Fault]) -> list[str]:
    """Say what was suspended, resumed or not, though processes did not die of it often enough."""
    interruptions = sum(happened[each] for each in INTERRUPTING)
    item_id = projections.suspensions.c.item_id
    often = sa.select(item_id, sa.func.count().label("times")).group_by(item_id)
    return [
        f"{SUSPENDED}: {row.item_id.hex()}, {row.times} times after {interruptions} interruptions"
        for row in engine.store.query(often)
        if row.times * DEATHS_MAX > interruptions
    ]
