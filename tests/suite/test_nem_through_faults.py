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


class TestNemThroughLoudFaults(ChainSuite):
    """Every case, while answers are lost, late, cut, refused: for a caller that repeats its question."""

    @pytest.fixture
    def harness(self) -> Iterator[Harness]:
        """A new node."""
        with a_troubled_harness(LOUD, Stubborn) as made:
            yield made


class TestNemThroughLies(ChainSuite):
    """Every case, while answers are wrong and look right: for a caller that believes two of three."""

    @pytest.fixture
    def harness(self) -> Iterator[Harness]:
        """A new node."""
        with a_troubled_harness(LYING, Distrustful) as made:
            yield made


@pytest.mark.soak
class TestNemThroughEachFault(ChainSuite):
    """Every case with every fault alone, on every third question."""

    @pytest.fixture(params=ALONE)
    def harness(self, request: pytest.FixtureRequest) -> Iterator[Harness]:
        """A new node."""
        with a_troubled_harness(*request.param) as made:
            yield made
