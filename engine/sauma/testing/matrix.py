"""The chain × capability matrix: what each chain declares, and what its cases showed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

import attrs

from sauma.chain import Capabilities, Support

CAPABILITIES: Final = tuple(
    field.name for field in attrs.fields(Capabilities) if field.type in (Support, "Support")
)
"""What a chain may declare or not, in the order of the port."""

PROMISES: Final = (
    "declaration",
    "conservation",
    "prepare",
    "refusal",
    "quote",
    "codec",
    "broadcast",
    "outstanding",
    "status",
    "finality",
    "expiry",
    "events",
    "balance",
    "undeclared",
    "reference chain",
)
"""What every chain promises, whatever it declares."""

NOTHING: Final = "·"


@attrs.frozen(kw_only=True)
class Noted:
    """How one case ended on one chain."""

    case_id: str
    name: str
    outcome: str
    """passed, failed or skipped, as pytest says."""
    support: str
    absent: tuple[str, ...]
    reason: str


class Matrix:
    """Outcomes by chain and by row; a later outcome of a case replaces an earlier one."""

    def __init__(self) -> None:
        """Start empty."""
        self._noted: dict[tuple[str, str], dict[str, Noted]] = defaultdict(dict)
        self._chains: list[str] = []

    @property
    def is_empty(self) -> bool:
        """Tell whether no case was run."""
        return not self._chains

    def note(self, facts: Mapping[str, Any], outcome: str, reason: str = "") -> None:
        """Note how a case ended."""
        chain = str(facts["chain"])
        if chain not in self._chains:
            self._chains.append(chain)
        noted = Noted(
            case_id=str(facts["case_id"]),
            name=str(facts["name"]),
            outcome=outcome,
            support=str(facts["support"]),
            absent=tuple(facts["absent"]),
            reason=reason,
        )
        cases = self._noted[chain, str(facts["row"])]
        earlier = cases.get(noted.case_id)
        if earlier is None or earlier.outcome != "failed":
            cases[noted.case_id] = noted

    def lines(self) -> list[str]:
        """Return the matrix as text: the table, then by name what failed and what was not run."""
        chains = sorted(self._chains)
        rows = [["", *chains]]
        for row in (*CAPABILITIES, *PROMISES):
            cells = [_cell(self._noted.get((chain, row), {})) for chain in chains]
            if any(cell != NOTHING for cell in cells):
                rows.append([row.replace("_", " "), *cells])
        widths = [max(len(line[column]) for line in rows) for column in range(len(chains) + 1)]
        table = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in rows
        ]
        return [*table, *self._by_name("failed"), *self._by_name("skipped")]

    def _by_name(self, outcome: str) -> list[str]:
        found = [
            f"{chain}: {'FAILED' if outcome == 'failed' else 'not run'} {each.case_id} "
            f"{each.name.replace('_', ' ')}"
            + (f" ({each.reason.removeprefix('not run: ')})" if each.reason else "")
            for (chain, _), cases in sorted(self._noted.items())
            for each in cases.values()
            if each.outcome == outcome
        ]
        return ["", *found] if found else []


def _cell(cases: Mapping[str, Noted]) -> str:
    """Return what a chain declares in a row, and how many cases passed, were refused, failed."""
    if not cases:
        return NOTHING
    noted = list(cases.values())
    passed = [each for each in noted if each.outcome == "passed"]
    refused = sum(1 for each in passed if each.absent)
    counts = (
        (len(passed) - refused, "shown"),
        (refused, "refused"),
        (sum(1 for each in noted if each.outcome == "failed"), "FAILED"),
        (sum(1 for each in noted if each.outcome == "skipped"), "not run"),
    )
    told = ", ".join(f"{count} {word}" for count, word in counts if count)
    support = noted[0].support
    return f"{support}: {told}" if support else told
