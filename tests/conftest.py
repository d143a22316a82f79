"""What holds for all tests: the long ones run only when they are asked for by their mark."""

import sys

RECURSION_LIMIT = sys.getrecursionlimit()


def pytest_collection_modifyitems(config, items):
    """Leave out what is marked `soak`, unless `-m` names that mark."""
    if "soak" in config.getoption("markexpr", ""):
        return
    long_ones = [item for item in items if item.get_closest_marker("soak")]
    if long_ones:
        config.hook.pytest_deselected(items=long_ones)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]


def pytest_runtest_setup(item):
    """Keep the interpreter's own recursion limit: py-evm raises it for the process that imports it."""
    sys.setrecursionlimit(RECURSION_LIMIT)
