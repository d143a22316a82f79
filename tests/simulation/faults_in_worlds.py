"""Which fault is played in which world, why one cannot occur in another, and the table of both."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ethereum_worlds import AnvilWorld, EthTesterWorld
from nem_over_http import NemHttpWorld
from worlds import SignedMemoryWorld

from sauma.testing.simulation.rehearsal import WorldFactory

WORLDS: Mapping[str, WorldFactory] = {
    "memory": SignedMemoryWorld,
    "nem": NemHttpWorld,
    "eth-tester": EthTesterWorld,
    "anvil": AnvilWorld,
}
_FOREVER = "transactions are valid for ever: only a taken nonce kills them"
NOT_IN: Mapping[str, Mapping[str, str]] = {
    "test_27_a_deadline_passes_while_the_node_lags": {
        "eth-tester": _FOREVER,
        "anvil": _FOREVER,
    },
    "test_23_a_deadline_is_missed": {"eth-tester": _FOREVER, "anvil": _FOREVER},
    "test_22_a_nonce_is_said_to_be_too_low": {
        "nem": "there are no nonces; it says NEUTRAL, which is played as fault 22 of what is known",
    },
    "test_32_a_sibling_takes_the_nonce": {
        "nem": "there are no nonces: nothing else can take the place of a transaction",
    },
    "test_35_a_transaction_is_included_and_fails": {
        "memory": "a block holds only what succeeds; the rest waits, or is dead",
        "nem": "a block holds only what succeeds; the rest waits until its deadline",
    },
    "test_31_undone_blocks_give_back_what_they_had": {
        "eth-tester": "a node forgets what undone blocks had: played as fault 33",
        "anvil": "a node forgets what undone blocks had: played as fault 33",
    },
}
ELSEWHERE: Mapping[str, str] = {
    "14 the journal is damaged, or its end is torn": "tests/store/test_crash.py",
    "37 logs are missing for a block": "tests/ethereum/test_mishaps.py",
    "38 the node has forgotten old blocks": "tests/nem/adapter/test_tracking.py",
    "42 the same input again": "tests/engine/test_settling.py",
    "43 the same key with other contents": "tests/market/test_positions.py",
    "44 two true equal readings": "tests/market/test_positions.py",
    "46 what is below a cent is carried": "tests/engine/test_settling.py",
    "47 amounts out of bounds": "tests/core/test_units.py",
    "52 a store of another version": "tests/store/test_migrations.py",
    "53 an anchor is undone": "tests/engine/test_anchors.py",
}
"""Faults that reach a sender through something else, and where that is tested."""
CANNOT: Mapping[str, str] = {
    "40 a subscription stops silently": "nothing subscribes: every step asks",
}
_TEST = re.compile(r"^def (test_(?:\d\d_)+\w+)\(stage", re.MULTILINE)
_NAME = re.compile(r"::(test_\w+)\[([\w-]+)")
_SHOWN = {"passed": "ok", "failed": "FAILED"}


def documented_table() -> str:
    """Return the table of the manual, in Markdown, from the tests themselves."""
    tests = sorted(
        name
        for path in Path(__file__).parent.glob("test_named_*.py")
        for name in _TEST.findall(path.read_text("utf-8"))
    )
    lines = [
        f"| fault | {' | '.join(WORLDS)} |",
        f"| --- |{' --- |' * len(WORLDS)}",
    ]
    reasons: dict[str, int] = {}
    for test in tests:
        cannot = NOT_IN.get(test, {})
        cells = [
            f"– ({reasons.setdefault(cannot[world], len(reasons) + 1)})" if world in cannot else "✓"
            for world in WORLDS
        ]
        lines.append(f"| {_words(test)} | {' | '.join(cells)} |")
    lines += ["", *(f"- ({n}) cannot occur: {reason}" for reason, n in reasons.items())]
    lines += [f"- {fault}: `{place}`" for fault, place in ELSEWHERE.items()]
    lines += [f"- {fault}: cannot occur, {reason}" for fault, reason in CANNOT.items()]
    return "\n".join(lines)


def _words(test: str) -> str:
    return test.removeprefix("test_").replace("_", " ")


def table_of(played: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Return the lines of the table: a fault a line, a column for each world."""
    cells: dict[str, dict[str, str]] = defaultdict(dict)
    for node_id, outcome in played:
        found = _NAME.search(node_id)
        if found:
            world = next(name for name in WORLDS if found[2].startswith(name))
            known = cells[found[1]].get(world, "ok")
            cells[found[1]][world] = _SHOWN[outcome] if known == "ok" else known
    yield "".join(["fault".ljust(66), *(name.ljust(12) for name in WORLDS)])
    reasons: dict[str, int] = {}
    for test in sorted(cells):
        row = [_words(test).ljust(66)]
        for world in WORLDS:
            reason = NOT_IN.get(test, {}).get(world)
            if reason is not None:
                row.append(f"- ({reasons.setdefault(reason, len(reasons) + 1)})".ljust(12))
            else:
                row.append(cells[test].get(world, "not run").ljust(12))
        yield "".join(row)
    for reason, number in reasons.items():
        yield f"({number}) cannot occur: {reason}"
