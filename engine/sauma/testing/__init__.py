"""What tests of sauma, and of anything built on it, need: public, for third parties too.

`ManualClock` needs nothing.  `ChainSuite` and what belongs to it are loaded when first used, because
they need pytest and Hypothesis: install `sauma[test]`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sauma.testing.clock import ManualClock

if TYPE_CHECKING:
    from sauma.testing.cases import Case, cases_of, run_cases
    from sauma.testing.harness import Ability, Harness
    from sauma.testing.memory import Delegating, MemoryHarness
    from sauma.testing.reading import Reading
    from sauma.testing.suite import ChainSuite
    from sauma.testing.world import World, state_hash

__all__ = [
    "Ability",
    "Case",
    "ChainSuite",
    "Delegating",
    "Harness",
    "ManualClock",
    "MemoryHarness",
    "Reading",
    "World",
    "cases_of",
    "run_cases",
    "state_hash",
]

_MODULES = {
    "Ability": "harness",
    "Case": "cases",
    "ChainSuite": "suite",
    "Delegating": "memory",
    "Harness": "harness",
    "MemoryHarness": "memory",
    "Reading": "reading",
    "World": "world",
    "cases_of": "cases",
    "run_cases": "cases",
    "state_hash": "world",
}
_REWRITTEN = (
    "sauma.testing.suite",
    "sauma.testing.world",
    "sauma.testing.cases",
    "sauma.testing.charging",
)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, with pytest's explanations of its asserts."""
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _explain_asserts()
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})


def _explain_asserts() -> None:
    import sys

    import pytest

    pytest.register_assert_rewrite(*(each for each in _REWRITTEN if each not in sys.modules))
