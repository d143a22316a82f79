"""Towns that are closed when a test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .town import Town, undisturbed, work_folder


@pytest.fixture
def make_town() -> Iterator[Callable[..., Town]]:
    """Build towns, each in a folder of its own."""
    towns: list[Town] = []
    with work_folder() as root:

        def make(**settings: Any) -> Town:
            folder = root / f"town-{len(towns)}"
            folder.mkdir()
            towns.append(Town(folder, **settings))
            return towns[-1]

        yield make
        for one in towns:
            one.engine.close()


@pytest.fixture
def town(make_town: Callable[..., Town]) -> Town:
    """The town with the seed's rulebook."""
    return make_town()


@pytest.fixture
def sunny(town: Town) -> Town:
    """The town with a planned sunny quarter."""
    town.sunny()
    town.plan()
    return town


@pytest.fixture(scope="module")
def calm() -> Iterator[Town]:
    """What the sunny quarter comes to when nothing goes wrong."""
    with work_folder() as root:
        town = undisturbed(root / "calm")
        yield town
        town.engine.close()
