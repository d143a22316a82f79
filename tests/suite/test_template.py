"""The template adapter passes the suite as a third party would run it."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from sauma.testing import ChainSuite, Harness

FOLDER = Path(__file__).parents[2] / "examples" / "template_adapter"


class TestTemplate(ChainSuite):
    """Every case, on the chain of `examples/template_adapter`."""

    @pytest.fixture
    def harness(self, monkeypatch: pytest.MonkeyPatch) -> Harness:
        """A new ledger."""
        monkeypatch.syspath_prepend(FOLDER)
        harness: Harness = importlib.import_module("template_harness").TemplateHarness()
        return harness
