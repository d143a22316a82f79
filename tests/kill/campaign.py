"""A campaign: so many kills, and what came of the settlements.

    python tests/kill/campaign.py --points 15 --moments 15      # so many deaths of either kind
    python tests/kill/campaign.py --sweep --points 700          # every fail point of one variant
    python tests/kill/campaign.py --hasty --points 1            # to see it go wrong
    python tests/kill/campaign.py --story none:point:7:212      # one story again

Each story that goes wrong is printed with its faults and the command that tells it again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs
from scenario import VARIANTS
from stories import MOMENT, POINT, Story, Teller, Told

SWEPT: Final = "per_pair"
"""The variant of which a sweep visits every fail point."""
STEPWISE: Final = tuple(name for name, variant in VARIANTS.items() if not variant.timer)
PAID_TWICE: Final = re.compile(r"on the chain (twice|\d+ times)")
"""How examination and engine say so."""
FAULTS_SHOWN_MAX: Final = 10
PROGRESS_KILLS: Final = 100
STALLED_MAX: Final = 50
"""So many stories in a row without a death: something else is wrong."""


@attrs.frozen(kw_only=True)
class Summary:
    """What a campaign did and found."""

    kills: int
    kills_at_points: int
    settlements: int
    resumed: int
    batches: int
    resigned: int
    """How many transactions were proved dead and their batches signed anew."""
    suspended: int
    """How many things were suspended because processes died of them five times, and tried again."""
    points_swept: int
    points_to_sweep: int
    paid_twice: int
    lost: int
    """In how many settlements a batch stands on the chain twice, or never."""
    wrong: int
    """How many settlements had any fault at all."""
    seconds: int

    @classmethod
    def of(cls, told: list[Told], to_sweep: int, seconds: float) -> Summary:
        """Count what came of stories."""
        at_points = [one for one in told if one.story.kind == POINT]
        return cls(
            kills=sum(one.kills for one in told),
            kills_at_points=sum(one.kills for one in at_points),
            settlements=len(told),
            resumed=sum(one.kills > 0 for one in told),
            batches=sum(one.result["batches"] for one in told),
            resigned=sum(one.result["buried"] for one in told),
            suspended=sum(one.result["suspended"] for one in told),
            points_swept=len(_visited(told)) if to_sweep else 0,
            points_to_sweep=to_sweep,
            paid_twice=sum(bool(PAID_TWICE.search(str(one.faults))) for one in told),
            lost=sum("not on the chain: lost" in str(one.faults) for one in told),
            wrong=sum(bool(one.faults) for one in told),
            seconds=round(seconds),
        )

    def __str__(self) -> str:
        """Say it in one line."""
        swept = f", {self.points_swept} of {self.points_to_sweep} fail points swept"
        return (
            f"{self.kills} kills ({self.kills_at_points} at fail points, "
            f"{self.kills - self.kills_at_points} at random moments"
            f"{swept if self.points_to_sweep else ''}) in {self.settlements} settlements of "
            f"{self.batches} batches; resumed {self.resumed}, signed anew {self.resigned}, "
            f"suspended and tried again {self.suspended}, paid twice {self.paid_twice}, "
            f"lost {self.lost}, wrong {self.wrong}; {self.seconds} s"
        )


def _visited(told: list[Told]) -> set[int]:
    """Return the fail points of the swept variant at which a first life ended."""
    return {
        one.story.first
        for one in told
        if one.story.variant.name == SWEPT and one.story.first and one.kills
    }


def sweeping_stories(teller: Teller, draw: random.Random) -> Iterator[Story]:
    """Visit every fail point of one variant, in a drawn order."""
    variant = VARIANTS[SWEPT]
    points = list(range(1, len(teller.undisturbed(variant).points) + 1))
    draw.shuffle(points)
    for first in points:
        yield Story(variant=variant, kind=POINT, seed=draw.getrandbits(32), first=first)


def point_stories(teller: Teller, draw: random.Random) -> Iterator[Story]:
    """Draw fail points of every variant, most at commits and where money leaves."""
    for name in itertools.cycle(STEPWISE):
        points = teller.undisturbed(VARIANTS[name]).points
        wanted = draw.choice(("commit", "/transaction/announce", ""))
        matching = [n for n, point in enumerate(points, 1) if point.startswith(wanted)]
        yield Story(
            variant=VARIANTS[name],
            kind=POINT,
            seed=draw.getrandbits(32),
            first=draw.choice(matching),
        )


def hasty_stories(teller: Teller, draw: random.Random) -> Iterator[Story]:
    """Kill where a hasty life has sent, and nothing of it is committed yet."""
    for name in itertools.cycle(STEPWISE):
        points = teller.undisturbed(VARIANTS[name]).points
        sent = points.index("/transaction/announce:answered")
        first = points.index("commit:before", sent) + 1
        yield Story(variant=VARIANTS[name], kind=POINT, seed=draw.getrandbits(32), first=first)


def moment_stories(draw: random.Random) -> Iterator[Story]:
    """Take every variant in turn; its process is killed at random moments."""
    for name in itertools.cycle(VARIANTS):
        yield Story(variant=VARIANTS[name], kind=MOMENT, seed=draw.getrandbits(32))


def tell_until(teller: Teller, stories: Iterator[Story], kills: float) -> list[Told]:
    """Tell stories until so many processes were killed, or until the stories end."""
    told: list[Told] = []
    done = stalled = 0
    while done < kills and (story := next(stories, None)) is not None:
        try:
            one = teller.tell(story)
        except Exception as error:
            error.add_note(f"in story {story}")
            raise
        _report_faults(one)
        told.append(one)
        done += one.kills
        if done // PROGRESS_KILLS > (done - one.kills) // PROGRESS_KILLS:
            print(f"{done} kills, {len(told)} settlements", file=sys.stderr, flush=True)
        stalled = 0 if one.kills else stalled + 1
        if stalled > STALLED_MAX:
            raise RuntimeError(f"{STALLED_MAX} stories in a row came to their end before the kill")
    return told


def _report_faults(told: Told) -> None:
    if told.faults:
        shown = told.faults[:FAULTS_SHOWN_MAX]
        print(f"story {told.story} went wrong:", *shown, sep="\n  ", file=sys.stderr)
        hasty = " --hasty" * told.hasty
        print(f"again: python {__file__} --story {told.story}{hasty}", file=sys.stderr, flush=True)


def run(teller: Teller, chosen: argparse.Namespace) -> list[Told]:
    """Tell the stories of a campaign."""
    if chosen.story:
        return tell_until(teller, iter([Story.parse(chosen.story)]), 1)
    draw = random.Random(chosen.seed)
    if teller.hasty:
        return tell_until(teller, hasty_stories(teller, draw), chosen.points)
    told: list[Told] = []
    if chosen.sweep:
        told = tell_until(teller, sweeping_stories(teller, draw), float("inf"))
    remaining = chosen.points - sum(one.kills for one in told)
    told += tell_until(teller, point_stories(teller, draw), remaining)
    return told + tell_until(teller, moment_stories(draw), chosen.moments)


def main() -> int:
    """Run a campaign or one story; exit 1 when anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--points", type=int, default=15, help="kills at fail points")
    parser.add_argument("--moments", type=int, default=15, help="kills at random moments")
    parser.add_argument("--sweep", action="store_true", help=f"every fail point of {SWEPT}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hasty", action="store_true", help="lives that send before they commit")
    parser.add_argument("--story", help="tell only this one")
    parser.add_argument("--folder", type=Path, help="where stores and chains lie")
    parser.add_argument("--json", action="store_true", help="the summary as JSON")
    chosen = parser.parse_args()
    folder = chosen.folder or Path(tempfile.mkdtemp(prefix="sauma-kill-"))
    teller = Teller(folder, hasty=chosen.hasty)
    began = time.monotonic()
    told = run(teller, chosen)
    to_sweep = len(teller.undisturbed(VARIANTS[SWEPT]).points) if chosen.sweep else 0
    found = Summary.of(told, to_sweep, time.monotonic() - began)
    print(json.dumps(attrs.asdict(found)) if chosen.json else found)
    if found.wrong:
        print(f"what the wrong stories left lies in {folder}", file=sys.stderr)
    elif chosen.folder is None:
        shutil.rmtree(folder)
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
