"""A story: one settlement whose process is killed again and again until a life comes to its end.

The text of a story, `variant:moment:seed` or `variant:point:seed:first`, says which deaths it will
have and what happens on the chain meanwhile; so a story that went wrong can be told again.
"""

from __future__ import annotations

import gc
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs
from fail_points import FailPoints
from processes import KILLED, Child, NodeProcess
from scenario import (
    EXPIRED_BLOCKS,
    FINALITY_BLOCKS,
    VARIANTS,
    Variant,
    control,
    examine,
    live,
    make_chain_file,
)

BLOCK_SECONDS: Final = 0.03
DEATHS: Final = (1, 2, 4, 8)
"""How often the process of a story may die, each as likely."""
FORK_DEPTH_MAX: Final = FINALITY_BLOCKS - 2
POINT, MOMENT = "point", "moment"
WARMING: Final = VARIANTS["per_pair"]
NOTHING: Final = {"batches": 0, "buried": 0, "suspended": 0}
"""What is counted of a settlement that failed."""


@attrs.frozen(kw_only=True)
class Story:
    """Which settlement, how its process dies (at fail points or at random moments), by which seed."""

    variant: Variant
    kind: str
    seed: int
    first: int | None = None
    """The fail point of the first death, counted from 1."""

    @classmethod
    def parse(cls, text: str) -> Story:
        """Read the text of a story."""
        variant, kind, seed, *first = text.split(":")
        return cls(
            variant=VARIANTS[variant],
            kind=kind,
            seed=int(seed),
            first=int(first[0]) if first else None,
        )

    def __str__(self) -> str:
        """Return the text of the story."""
        first = "" if self.first is None else f":{self.first}"
        return f"{self.variant.name}:{self.kind}:{self.seed}{first}"


@attrs.frozen(kw_only=True)
class Undisturbed:
    """The settlement without a death: what must come of it, and the fail points that it passes."""

    result: dict[str, Any]
    points: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Told:
    """What came of a story; without faults it ended as the undisturbed one does."""

    story: Story
    hasty: bool
    kills: int
    seconds: float
    result: dict[str, Any]
    faults: tuple[str, ...]


class Failed(RuntimeError):
    """A process that was not killed ended with an error."""


class Teller:
    """The warm parent: everything is loaded, nothing is open, one thread."""

    def __init__(self, folder: Path, *, hasty: bool = False) -> None:
        """Work in a folder, best one in memory.  `hasty` lives send before they commit."""
        self._folder = folder
        self.hasty = hasty
        self._begun = 0
        self._chain_file = folder / "template.chain"
        _returned(Child(lambda: make_chain_file(self._chain_file)), "the template")
        self._undisturbed: dict[str, Undisturbed] = {}
        self._seconds: dict[str, float] = {}
        self._warm_up()
        gc.freeze()  # no child looks through what its parent holds

    def undisturbed(self, variant: Variant) -> Undisturbed:
        """Settle once without a death, and remember what came of it."""
        if variant.name not in self._undisturbed:
            self._undisturbed[variant.name] = self._settle_undisturbed(variant)
        return self._undisturbed[variant.name]

    def tell(self, story: Story) -> Told:
        """Let the process of a settlement die as the story wants, then compare."""
        expected = self.undisturbed(story.variant)
        began = time.monotonic()
        folder, node = self._begin(story.variant)
        kills, result = 0, NOTHING
        try:
            for code in self._lives(story, expected, folder, node.url):
                kills += code == KILLED
            result = _examined(folder, node.url, story.variant)
            faults = [*result["faults"], *differences(expected.result["same"], result["same"])]
        except Failed as error:
            faults = [str(error)]
        finally:
            node.stop()
        if not faults:
            shutil.rmtree(folder)
        return Told(
            story=story,
            hasty=self.hasty,
            kills=kills,
            seconds=time.monotonic() - began,
            result=result,
            faults=tuple(faults),
        )

    def _warm_up(self) -> None:
        """Settle and examine once in this process: hardly a child loads a module or compiles a statement."""
        folder, node = self._begin(WARMING)
        try:
            live(folder, node.url, WARMING)
            examine(folder, node.url, WARMING)
        finally:
            node.stop()
        shutil.rmtree(folder)

    def _begin(self, variant: Variant) -> tuple[Path, NodeProcess]:
        self._begun += 1
        folder = self._folder / f"settlement-{self._begun}"
        folder.mkdir()
        shutil.copy(self._chain_file, folder / "node.chain")
        seconds = BLOCK_SECONDS if variant.timer else None
        return folder, NodeProcess(folder / "node.chain", block_seconds=seconds)

    def _settle_undisturbed(self, variant: Variant) -> Undisturbed:
        folder, node = self._begin(variant)

        def work() -> list[str]:
            points = FailPoints(None)
            points.install()
            live(folder, node.url, variant, hasty=self.hasty)
            return points.passed

        try:
            began = time.monotonic()
            points = _returned(Child(work), f"the undisturbed {variant.name}")
            self._seconds[variant.name] = time.monotonic() - began
            result = _examined(folder, node.url, variant)
        finally:
            node.stop()
        if result["faults"]:
            raise Failed(f"{variant.name} goes wrong undisturbed: {result['faults']}")
        shutil.rmtree(folder)
        return Undisturbed(result=result, points=tuple(points))

    def _lives(self, story: Story, expected: Undisturbed, folder: Path, url: str) -> Iterator[int]:
        """Give the settlement lives until one comes to its end; yield how each ended."""
        draw = random.Random(str(story))
        deaths = draw.choice(DEATHS)
        for number in range(deaths):
            if story.kind == POINT:
                # A later life has less to do, so its points lie nearer.
                drawn = draw.randint(1, len(expected.points) // 2)
                fatal = story.first if story.first and not number else drawn
                child = self._life(folder, url, story.variant, fatal=fatal)
            else:
                child = self._life(folder, url, story.variant)
                began = time.monotonic()
                child.kill_after(draw.random() * self._seconds[story.variant.name])
            ended = child.end()
            if ended.code not in (0, KILLED):
                raise Failed(f"life {number + 1} of {story} failed: {ended.error}")
            yield ended.code
            if ended.code == 0:
                if story.kind == MOMENT and number == 0:
                    # The machine has less to do than before; look for moments in what it takes now.
                    self._seconds[story.variant.name] = time.monotonic() - began
                return
            _pass_time(draw, url)
        last = self._life(folder, url, story.variant, resumes=True)
        _returned(last, f"the last life of {story}")
        yield 0

    def _life(
        self,
        folder: Path,
        url: str,
        variant: Variant,
        *,
        fatal: int | None = None,
        resumes: bool = False,
    ) -> Child:
        def work() -> None:
            if fatal is not None:
                FailPoints(fatal).install()
            live(folder, url, variant, hasty=self.hasty, resumes=resumes)

        return Child(work)


def _pass_time(draw: random.Random, url: str) -> None:
    """Let happen on the chain what may happen while nobody settles; mostly only seconds pass.

    What is signed later is another transaction then, and would land beside the first.
    """
    control(url, "time", advance=draw.randint(1, 20))
    what = draw.randrange(10)
    if what in (5, 6):
        control(url, "mine", blocks=draw.randint(1, FINALITY_BLOCKS))
    elif what in (7, 8):
        control(url, "mine", blocks=EXPIRED_BLOCKS)
    elif what == 9:
        control(url, "fork", depth=draw.randint(1, FORK_DEPTH_MAX))


def _examined(folder: Path, url: str, variant: Variant) -> dict[str, Any]:
    child = Child(lambda: examine(folder, url, variant))
    result: dict[str, Any] = _returned(child, f"the examination of {variant.name}")
    return result


def _returned(child: Child, what: str) -> Any:
    """Return what a process returned that nobody killed."""
    ended = child.end()
    if ended.code != 0:
        raise Failed(f"{what} failed with {ended.code}: {ended.error}")
    return ended.returned


def differences(expected: Any, found: Any, place: str = "") -> list[str]:
    """Return where two JSON values differ."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return [
            one
            for key in sorted({*expected, *found})
            for one in differences(expected.get(key), found.get(key), f"{place}/{key}")
        ]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [
            one
            for number, (left, right) in enumerate(zip(expected, found, strict=True))
            for one in differences(left, right, f"{place}/{number}")
        ]
    return [] if expected == found else [f"{place} is {found!r} instead of {expected!r}"]
