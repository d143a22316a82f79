"""Play seeds in a world, or one of them again.

::

    python -m sauma.testing.simulation sauma.testing.simulation:MemoryWorld --seeds 0 300
    python -m sauma.testing.simulation sauma.testing.simulation:MemoryWorld --seed 17
"""

from __future__ import annotations

import argparse
import logging
import sys
from importlib import import_module, util
from pathlib import Path

from sauma.errors import InvalidInput
from sauma.testing.simulation.campaign import run_campaign
from sauma.testing.simulation.rehearsal import WorldFactory
from sauma.testing.simulation.simulation import Simulation


def find_world(name: str) -> WorldFactory:
    """Return the world that `module:name` or `path.py:name` names."""
    place, _, attribute = name.rpartition(":")
    if place.endswith(".py"):
        spec = util.spec_from_file_location(Path(place).stem, place)
        if spec is None or spec.loader is None:
            raise InvalidInput(f"{place} cannot be imported: name a Python file")
        module = util.module_from_spec(spec)
        sys.modules[spec.name] = module
        sys.path.insert(
            0, str(Path(place).parent)
        )  # as for a script: its neighbours can be imported
        spec.loader.exec_module(module)
    else:
        module = import_module(place)
    found: WorldFactory = getattr(module, attribute)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Play one seed, with its trace, or many; exit 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("world", help="module:name or path.py:name of a world")
    parser.add_argument("--seed", type=int, help="play this one and tell what happened")
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 300), metavar=("FROM", "TO"))
    parser.add_argument("--seconds", type=float, help="stop after so long")
    chosen = parser.parse_args(arguments)
    logging.getLogger("sauma").setLevel(logging.CRITICAL)
    new_world = find_world(chosen.world)
    if chosen.seed is not None:
        outcome = Simulation(new_world, chosen.seed).run()
        sys.stdout.write("\n".join([*outcome.trace, *outcome.wrong, ""]))
        return 1 if outcome.wrong else 0
    campaign = run_campaign(
        new_world, range(*chosen.seeds), name=chosen.world, seconds_max=chosen.seconds
    )
    sys.stdout.write(f"{campaign}\n")
    return 1 if campaign.failed else 0


if __name__ == "__main__":
    sys.exit(main())
