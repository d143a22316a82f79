"""Which fault is played in which world, why one cannot occur in another, and the table of both."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

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
_NAME = re.compile(r"::(test_\w+)\[([\w-]+)")
_SHOWN = {"passed": "ok", "failed": "FAILED"}


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
        row = [test.removeprefix("test_").replace("_", " ").ljust(66)]
        for world in WORLDS:
            reason = NOT_IN.get(test, {}).get(world)
            if reason is not None:
                row.append(f"- ({reasons.setdefault(reason, len(reasons) + 1)})".ljust(12))
            else:
                row.append(cells[test].get(world, "not run").ljust(12))
        yield "".join(row)
    for reason, number in reasons.items():
        yield f"({number}) cannot occur: {reason}"
