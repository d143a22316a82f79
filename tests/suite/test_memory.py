"""The chain suite on the reference chain."""

from __future__ import annotations

import pytest

from sauma.testing import ChainSuite, Harness, MemoryHarness


class TestMemory(ChainSuite):
    """Every case, on the reference chain."""

    @pytest.fixture
    def harness(self) -> Harness:
        """A new chain."""
        return MemoryHarness()
