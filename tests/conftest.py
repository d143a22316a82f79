"""What holds for all tests: the long ones run only when they are asked for by their mark.

Hypothesis draws the same examples in every run, so that a run says the same to everybody. `pytest
--hypothesis-profile=exploring` draws others each time; the long runs do, too.
"""

import gc
import sys

from hypothesis import HealthCheck, settings

RECURSION_LIMIT = sys.getrecursionlimit()
TIMELESS = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
"""How long an example takes says something about the machine, not about the code."""

GARBAGE_OBJECTS = 50_000
"""After how many new objects garbage is looked for."""

settings.register_profile("exploring", **TIMELESS)
settings.register_profile("repeatable", derandomize=True, **TIMELESS)


def pytest_configure(config):
    """Choose how examples are drawn, unless the command line does."""
    if not config.getoption("--hypothesis-profile", None):
        is_long = "soak" in config.getoption("markexpr", "")
        settings.load_profile("exploring" if is_long else "repeatable")


FIRST = (
    "tests/portal/test_browser.py",
    "tests/kill/",
    "tests/simulation/",
    "tests/soak/",
    "tests/suite/",
    "tests/project/",
)
"""Where single files take long: workers begin with them, so that none is left alone with one at the end."""


def pytest_collection_modifyitems(config, items):
    """Begin with the longest; leave out what is marked `soak`, unless `-m` names that mark."""
    items.sort(key=lambda item: not item.nodeid.startswith(FIRST))
    if "soak" in config.getoption("markexpr", ""):
        return
    long_ones = [item for item in items if item.get_closest_marker("soak")]
    if long_ones:
        config.hook.pytest_deselected(items=long_ones)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]


def pytest_collection_finish(session):
    """Spare the garbage collector what tests and imports hold for the whole run: a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, *gc.get_threshold()[1:])


def pytest_runtest_setup(item):
    """Keep the interpreter's own recursion limit: py-evm raises it for the process that imports it."""
    sys.setrecursionlimit(RECURSION_LIMIT)
