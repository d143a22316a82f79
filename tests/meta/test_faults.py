"""The suite itself: each faulty chain is caught by the case that is named for its fault."""

from __future__ import annotations

import pytest

from sauma.errors import SaumaError
from sauma.testing import ChainSuite, MemoryHarness, World, cases_of, run_cases

from .faults import CODEC_FAULTS, FAULTS, world_with


@pytest.mark.parametrize("fault", [*FAULTS, *CODEC_FAULTS], ids=lambda each: each.__name__)
def test_a_fault_is_caught_by_its_case(fault: type) -> None:
    """A chain that breaks one promise fails the case that states this promise."""
    failures = run_cases(ChainSuite, lambda: world_with(fault), (fault.caught_by,))

    assert list(failures) == [fault.caught_by]
    assert isinstance(
        failures[fault.caught_by], AssertionError | SaumaError | pytest.fail.Exception
    )


def test_without_a_fault_nothing_is_caught() -> None:
    """The reference chain passes each of the cases that catch a fault."""
    named = tuple({each.caught_by for each in (*FAULTS, *CODEC_FAULTS)})
    failures = run_cases(ChainSuite, lambda: World(MemoryHarness()), named)

    assert failures == {}
    assert set(named) <= {each.case_id for each in cases_of(ChainSuite)}
