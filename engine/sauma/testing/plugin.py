"""The pytest plugin of the chain suite: at the end of a run, what each chain promises and showed.

It only reads what the suite's fixture recorded in the reports, so it works with pytest-xdist too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sauma.testing.matrix import Matrix

_PLUGIN = "sauma-chain-matrix"


class MatrixReporter:
    """Collects outcomes, and prints the matrix when there are any."""

    def __init__(self) -> None:
        """Start without outcomes."""
        self._matrix: Matrix | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a case ended: by its call, or by a set-up or tear-down that failed."""
        for name, facts in report.user_properties:
            if name == "sauma_case" and isinstance(facts, dict):
                self._note(report, facts)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the matrix."""
        if self._matrix is None:
            return
        terminalreporter.section("chains and what they promise")
        for line in self._matrix.lines():
            terminalreporter.write_line(line)

    def _note(self, report: pytest.TestReport, facts: dict[str, Any]) -> None:
        if report.when == "call" or report.failed:
            self._loaded().note(facts, report.outcome, _reason(report))

    def _loaded(self) -> Matrix:
        """Return the matrix; runs of pytest without a chain suite never import it."""
        if self._matrix is None:
            from sauma.testing.matrix import Matrix

            self._matrix = Matrix()
        return self._matrix


def pytest_configure(config: pytest.Config) -> None:
    """Take part in a run."""
    if not config.pluginmanager.has_plugin(_PLUGIN):
        config.pluginmanager.register(MatrixReporter(), _PLUGIN)


def _reason(report: pytest.TestReport) -> str:
    if report.skipped and isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return ""
