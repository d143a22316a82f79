"""The chain suite on a NEM node that goes wrong on every third question."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sauma.testing import ChainSuite, Harness

from .through_faults import LOUD, LYING, Distrustful, Stubborn, a_troubled_harness

ALONE = [
    *(pytest.param(((fault,), Stubborn), id=f"{fault}") for fault in LOUD),
    *(pytest.param(((fault,), Distrustful), id=f"{fault}") for fault in LYING),
]


class TestNemThroughFaults(ChainSuite):
    """Every case with every fault: answers lost, late, cut, refused, or wrong though they look right.

    The caller repeats its question, and believes what it hears twice.
    """

    @pytest.fixture
    def harness(self) -> Iterator[Harness]:
        """A new node."""
        with a_troubled_harness((*LOUD, *LYING), Distrustful) as made:
            yield made


@pytest.mark.soak
class TestNemThroughEachFault(ChainSuite):
    """Every case with every fault alone, on every third question."""

    @pytest.fixture(params=ALONE)
    def harness(self, request: pytest.FixtureRequest) -> Iterator[Harness]:
        """A new node."""
        with a_troubled_harness(*request.param) as made:
            yield made
