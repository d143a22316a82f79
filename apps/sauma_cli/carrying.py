"""Carrying what is planned to the chain, block by block, until it is included or final."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from typing import Final

import attrs
import sqlalchemy as sa

from sauma.dispatch import Held, Progress
from sauma.engine import Engine
from sauma.errors import Unavailable
from sauma.store import projections as p
from sauma_cli.sites import Site

SILENCES_MAX: Final = 5
"""How often in a row a node may not answer before the command gives up; nothing is lost by that."""
SILENCE_PAUSE_S: Final = 1.0


class Goal(enum.Enum):
    """How far to carry."""

    INCLUDED = "included"
    FINAL = "final"


@attrs.frozen(kw_only=True)
class Carried:
    """How far everything came, and what could not leave."""

    height: int
    final: bool
    held: tuple[Held, ...] = ()


Watch = Callable[[Progress, int], None]
"""Hears of each round, and how many blocks are missing until all of it is final (0: not all moved)."""


def carry(engine: Engine, site: Site, *, goal: Goal, watch: Watch) -> Carried:
    """Step and let blocks pass until the goal is reached, or until what is left cannot leave.

    May be interrupted anywhere and called again.  Raises `Unavailable` when the node stays silent.
    """
    while True:
        progress = _step(engine, site)
        height = progress.blocks_read_to
        if engine.finished:
            watch(progress, 0)
            return Carried(height=height, final=True)
        missing = _blocks_to_finality(engine, site, height)
        is_stuck = bool(progress.held) and not missing and not _is_anything_out(engine)
        if is_stuck and not progress.signed and not progress.events:
            return _finalise_rest(engine, site, progress, goal, watch)
        watch(progress, missing)
        if missing and goal is Goal.INCLUDED:
            return Carried(height=height, final=False)
        site.pass_blocks(max(1, missing))


def _finalise_rest(
    engine: Engine, site: Site, progress: Progress, goal: Goal, watch: Watch
) -> Carried:
    """Let what moved become final; what is held stays with its reasons."""
    held = progress.held
    target = progress.blocks_read_to + site.venue.chain.capabilities.finality_blocks
    while goal is Goal.FINAL and (missing := target - progress.blocks_read_to) > 0:
        watch(progress, missing)
        site.pass_blocks(missing)
        progress = _step(engine, site)
    return Carried(height=progress.blocks_read_to, final=False, held=held)


def _step(engine: Engine, site: Site) -> Progress:
    """Do a round; a node that does not answer is asked again a few times, where it is not ours."""
    silences = 0
    while True:
        try:
            return engine.step()
        except Unavailable:
            silences += 1
            if site.makes_blocks or silences >= SILENCES_MAX:
                raise
            time.sleep(SILENCE_PAUSE_S)


def _blocks_to_finality(engine: Engine, site: Site, height: int) -> int:
    """Return how many more blocks make all of it final; 0 while something has still to move."""
    if not engine.moved:
        return 0
    with engine.store.reading() as connection:
        newest = connection.execute(
            sa.select(sa.func.max(p.transactions.c.block_height)).where(
                p.transactions.c.state == p.STATE_INCLUDED
            )
        ).scalar()
    final_at = (newest or height) + site.venue.chain.capabilities.finality_blocks - 1
    return max(1, final_at - height)


def _is_anything_out(engine: Engine) -> bool:
    """Tell whether signed transactions wait to be included."""
    with engine.store.reading() as connection:
        return (
            connection.execute(
                sa.select(p.transactions.c.sequence)
                .where(p.transactions.c.state == p.STATE_COMMITTED)
                .limit(1)
            ).first()
            is not None
        )
