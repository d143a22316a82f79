"""The chain suite on NEM."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sauma.testing import ChainSuite, Harness

from .nem_harness import a_harness


class TestNem(ChainSuite):
    """Every case, on NEM over HTTP."""

    @pytest.fixture
    def harness(self) -> Iterator[Harness]:
        """A new node."""
        with a_harness() as made:
            yield made
