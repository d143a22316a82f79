"""The whole test of an adapter: every case of the suite, inherited."""

from __future__ import annotations

import pytest
from template_harness import TemplateHarness

from sauma.testing import ChainSuite, Harness


class TestTemplate(ChainSuite):
    """Every case, on the template's chain."""

    @pytest.fixture
    def harness(self) -> Harness:
        """Begin a new chain."""
        return TemplateHarness()
