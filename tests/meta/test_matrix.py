"""What a run of the suite reports: the matrix, what failed and what was not run, by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from sauma.testing import ChainSuite, cases_of

pytest_plugins = ["pytester"]

MANUAL = Path(__file__).parents[2] / "docs" / "howto-adapter.md"

HEAD = """
from pathlib import Path

import pytest
from sauma.chain import Support
from sauma.testing import Ability, ChainSuite, Delegating, MemoryHarness
"""

FAULTY = """
class Generous(Delegating):
    def head(self):
        head = self.inner.head()
        return type(head)(newest=head.newest, final_height=head.newest.height)

class GenerousHarness(MemoryHarness):
    def __init__(self):
        super().__init__()
        self.chain = Generous(self.link)

class TestGenerous(ChainSuite):
    @pytest.fixture
    def harness(self):
        return GenerousHarness()
"""

CLUMSY = """
class ClumsyHarness(MemoryHarness):
    cannot = {Ability.LOSE_ANSWERS: "the node is in this process"}

class TestClumsy(ChainSuite):
    @pytest.fixture
    def harness(self):
        return ClumsyHarness()
"""

BARE = """
class TestBare(ChainSuite):
    pass
"""


def run(pytester: pytest.Pytester, body: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(HEAD + body)
    arguments = ("-p", "sauma.testing.plugin", "-p", "no:cacheprovider", *options)
    return pytester.runpytest_inprocess(*arguments)


def test_a_broken_promise_is_named(pytester: pytest.Pytester) -> None:
    """The matrix has a column for the chain, and names the case that failed, with its rule above."""
    result = run(pytester, FAULTY, "-k", "cs153 or cs220")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*CS-153: Included is final from the declared number*",
            "*chains and what they promise*",
            "*generous*",
            "hold *native: 1 shown",
            "finality *depth: 1 FAILED",
            "generous: FAILED CS-153 final at the declared depth",
        ]
    )


def test_what_a_harness_cannot_do_is_named(pytester: pytest.Pytester) -> None:
    """A case that the harness cannot make happen is not passed: it is not run, by name, with why."""
    result = run(pytester, CLUMSY, "-k", "cs142 or cs143")

    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "broadcast *1 shown, 1 not run",
            "clumsy: not run CS-143 a lost answer says nothing (the harness cannot*in this process)",
        ]
    )


def test_a_suite_needs_a_harness(pytester: pytest.Pytester) -> None:
    """A suite without a harness passes nothing, and says what it needs."""
    result = run(pytester, BARE)

    result.assert_outcomes(errors=len(cases_of(ChainSuite)))
    result.stdout.fnmatch_lines(["*NotImplementedError: TestBare needs a fixture `harness`*"])


def test_numbers_name_one_rule_each() -> None:
    """Each case has a number of its own, and a rule."""
    cases = cases_of(ChainSuite)

    assert len({each.case_id for each in cases}) == len(cases)
    assert all(each.rule for each in cases)


def test_a_run_without_chains_prints_no_matrix(pytester: pytest.Pytester) -> None:
    """The plugin is silent where no chain is tested."""
    result = run(pytester, "def test_nothing():\n    pass\n")

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*chains and what they promise*")


def test_the_manual_lists_every_case() -> None:
    """The manual for adapters has each case, with its number and what it is about."""
    text = MANUAL.read_text(encoding="utf-8")
    listed = [line for line in text.splitlines() if line.startswith("| CS-")]

    assert [line.split(" | ")[0].removeprefix("| ") for line in listed] == [
        each.case_id for each in cases_of(ChainSuite)
    ]
    for line, each in zip(listed, cases_of(ChainSuite), strict=True):
        rule = " ".join(each.rule.split("\n\n")[0].split())
        assert line == f"| {each.case_id} | {each.row.replace('_', ' ')} | {rule} |"
