"""Playing seeds in a test: the figures are printed, and a failing seed with the command that repeats it."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterable
from pathlib import Path

from sauma.testing.simulation import Campaign, run_campaign
from sauma.testing.simulation.rehearsal import WorldFactory

ROOT = Path(__file__).parents[2]
FAILURES_MAX = 3


def name_of(world: type) -> str:
    """Return how the command line names a world."""
    path = Path(inspect.getfile(world)).resolve()
    if path.is_relative_to(ROOT / "tests"):
        return f"{path.relative_to(ROOT)}:{world.__name__}"
    return f"sauma.testing.simulation:{world.__name__}"


def play(world: WorldFactory, seeds: Iterable[int]) -> Campaign:
    """Play seeds; fail with what went wrong."""
    logger = logging.getLogger("sauma")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # a thousand warnings a second are for nobody
    try:
        campaign = run_campaign(world, seeds, name=name_of(world), failures_max=FAILURES_MAX)
    finally:
        logger.setLevel(level)
    print(campaign)
    assert not campaign.failed, str(campaign)
    return campaign
