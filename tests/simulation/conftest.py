"""The stage on which a test plays, in each world; and the table of what was played where."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from faults_in_worlds import NOT_IN, WORLDS, table_of
from playing import FIGURES, sums, told
from stage import Stage

from sauma.testing.simulation.rehearsal import work_folder


@pytest.fixture
def stage(request):
    """A stage in one world."""
    with work_folder() as folder:
        made = Stage(WORLDS[request.param], folder)
        yield made
        made.close()


def pytest_generate_tests(metafunc):
    """Play a fault in every world in which it can occur."""
    if "stage" in metafunc.fixturenames:
        cannot = NOT_IN.get(metafunc.function.__name__, {})
        metafunc.parametrize(
            "stage", [name for name in WORLDS if name not in cannot], indirect=True
        )


class Telling:
    """Tells what a slice of a long run played as soon as it has ended."""

    def __init__(self, config):
        self.config = config
        self.played = []

    def pytest_runtest_logreport(self, report):
        """Print a line for a test that says what it played."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        figures = dict(report.user_properties).get(FIGURES)
        if report.when == "call" and figures and reporter:
            self.played.append(figures)
            reporter.ensure_newline()
            reporter.write_line(told(figures))

    def pytest_terminal_summary(self, terminalreporter):
        """Print the figures of all slices together."""
        if self.played:
            terminalreporter.section("seeds")
            for figures in sums(self.played):
                terminalreporter.write_line(told(figures))


def pytest_configure(config):
    """Have long runs tell their figures, where the results of all processes come together."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Telling(config), "sauma-simulation-telling")


def pytest_terminal_summary(terminalreporter):
    """Print the table of faults and worlds."""
    played = [
        (report.nodeid, outcome)
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, ())
        if "/test_named_" in report.nodeid and report.when == "call"
    ]
    if played:
        terminalreporter.section("faults of the sender, by adapter")
        for line in table_of(played):
            terminalreporter.write_line(line)
