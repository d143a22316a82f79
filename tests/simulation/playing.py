"""Playing seeds in a test: the figures are printed, and a failing seed with the command that repeats it."""

from __future__ import annotations

import inspect
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from sauma.testing.simulation import Campaign, run_campaign
from sauma.testing.simulation.rehearsal import WorldFactory

ROOT = Path(__file__).parents[2]
FAILURES_MAX = 3
FIGURES = "figures of seeds"
"""The property of a test that says what it played, also across processes."""


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


def figures_of(campaign: Campaign) -> dict[str, int | str]:
    """Return what a campaign played as plain numbers."""
    return {
        "world": campaign.world.rpartition(":")[2],
        "seeds": campaign.seeds,
        "payments": campaign.payments,
        "deaths": campaign.deaths,
        "faults struck": campaign.happened.total(),
        "wrong": len(campaign.failed),
        "seconds": round(campaign.seconds),
    }


def told(figures: Mapping[str, int | str]) -> str:
    """Return figures as a line."""
    numbers = ", ".join(f"{n:,} {what}" for what, n in figures.items() if what != "world")
    return f"{figures['world']}: {numbers}"


def sums(parts: Iterable[Mapping[str, int | str]]) -> list[dict[str, int | str]]:
    """Return the figures of each world, and of all."""
    totals: dict[str, Counter[str]] = {}
    for part in parts:
        numbers = {what: int(n) for what, n in part.items() if what != "world"}
        for name in (str(part["world"]), "together"):
            known = totals.setdefault(name, Counter(dict.fromkeys(numbers, 0)))
            known.update(numbers)
    together = totals.pop("together", None)
    every = [*sorted(totals.items()), *([("together", together)] if together else [])]
    return [{"world": name, **numbers} for name, numbers in every]
