"""Many seeds, what came of them, and how to play one of them again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

import attrs

from sauma.testing.simulation.faults import Fault, Faults
from sauma.testing.simulation.rehearsal import Rehearsal, WorldFactory
from sauma.testing.simulation.simulation import Outcome, Simulation


@attrs.frozen(kw_only=True)
class Campaign:
    """What came of many seeds."""

    world: str
    seeds: int
    payments: int
    deaths: int
    happened: Counter[Fault]
    failed: tuple[Outcome, ...]
    seconds: float

    @property
    def wrong(self) -> Counter[str]:
        """In how many seeds each thing was wrong, by its first words."""
        kinds: Counter[str] = Counter()
        for outcome in self.failed:
            kinds.update({text.partition(":")[0] for text in outcome.wrong})
        return kinds

    def __str__(self) -> str:
        """Say it in a few lines, with the command that plays a failing seed again."""
        faults = ", ".join(f"{each.name.lower()} {n}" for each, n in _named(self.happened))
        lines = [
            f"{self.world}: {self.seeds} seeds, {self.payments} payments, {self.deaths} deaths, "
            f"{self.wrong['paid twice']} paid twice, {self.wrong['lost']} lost, "
            f"{self.wrong['booked, but unpaid']} booked but unpaid, {len(self.failed)} seeds wrong; "
            f"{self.seconds:.1f} s, {self.seeds / max(self.seconds, 1e-9):.1f} seeds/s",
            f"  {faults}",
            *(again(self.world, each) for each in self.failed),
        ]
        return "\n".join(lines)


def _named(happened: Counter[Fault]) -> Iterable[tuple[Fault, int]]:
    return sorted(((each, n) for each, n in happened.items() if n), key=lambda pair: pair[0].name)


def again(world: str, outcome: Outcome) -> str:
    """Return what went wrong with a seed, and the command that plays it again."""
    return (
        f"  seed {outcome.seed}: {'; '.join(outcome.wrong)}\n"
        f"    again: python -m sauma.testing.simulation {world} --seed {outcome.seed}"
    )


def run_campaign(
    new_world: WorldFactory,
    seeds: Iterable[int],
    *,
    name: str = "",
    faults: Faults | None = None,
    failures_max: int | None = None,
    seconds_max: float | None = None,
) -> Campaign:
    """Play seeds; stop early after so many failures or seconds."""
    rehearsal = Rehearsal.of(new_world)
    began = time.monotonic()
    payments = deaths = played = 0
    happened: Counter[Fault] = Counter()
    failed: list[Outcome] = []
    for seed in seeds:
        outcome = Simulation(new_world, seed, faults=faults, rehearsal=rehearsal).run()
        played += 1
        payments, deaths = payments + outcome.payments, deaths + outcome.deaths
        happened += outcome.happened
        if outcome.wrong:
            failed.append(outcome)
        if failures_max is not None and len(failed) >= failures_max:
            break
        if seconds_max is not None and time.monotonic() - began >= seconds_max:
            break
    return Campaign(
        world=name or getattr(new_world, "__name__", str(new_world)),
        seeds=played,
        payments=payments,
        deaths=deaths,
        happened=happened,
        failed=tuple(failed),
        seconds=time.monotonic() - began,
    )
