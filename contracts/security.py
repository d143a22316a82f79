"""Attack the contracts: forge's fuzz and invariant tests, halmos's proofs, then slither.

`python contracts/security.py` installs what it needs (see `tooling.py`), says what it does and how long
each stage took, and fails when the artefacts are not of these sources, a test fails, a proof does not
hold, slither finds something above informational that `accepted.json` does not explain, or that file
explains what is no longer found.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, Final

from compile import (
    ARTIFACTS,
    CONTRACTS,
    SHIPPED,
    CompileError,
    install_packages,
    own_sources,
    put_node_on_path,
    source_hash,
)
from tooling import SecurityError, installed, put_forge_on_path, run, stage, tell

PROOFS: Final = "ProofsTest"
"""The contract whose `check_` functions halmos proves for every input."""
SOLVER_SECONDS: Final = 300
ACCEPTED: Final = CONTRACTS / "accepted.json"
SOURCES: Final = ("ledger", "escrow")
BELOW: Final = ("Informational", "Optimization")

Found = set[tuple[str, str]]
"""What was found: the detector and the function, `Contract.function`."""


def prepare() -> None:
    """Install the pinned packages, and see that what is attacked was compiled from these sources."""
    put_node_on_path()
    install_packages()
    put_forge_on_path()
    digest = source_hash(own_sources())
    for name in SHIPPED:
        artifact = json.loads((ARTIFACTS / f"{name}.json").read_text())
        if artifact["source_hash"] != digest:
            raise SecurityError(
                f"{name}.json is of other sources: run `make contracts`, then this again"
            )


def attack() -> None:
    """Run the fuzz and invariant tests against the artefacts, and those of the arithmetic."""
    for profile in ("default", "proofs"):
        if run(["forge", "test"], profile=profile).returncode != 0:
            raise SecurityError("forge found a broken rule: see above")


def prove() -> None:
    """Prove what `Proofs.t.sol` states for every number, symbolically."""
    command = [
        str(installed("halmos")),
        "--contract",
        PROOFS,
        "--forge-build-out",
        ".forge/proofs",
        "--solver-timeout-assertion",
        f"{SOLVER_SECONDS}s",
    ]
    if run(command, profile="proofs").returncode != 0:
        raise SecurityError(
            "a proof does not hold, or could not be made: see what halmos says above"
        )


def analyse() -> None:
    """Have slither read the sources, and compare what it finds with what is explained."""
    found = {each for folder in SOURCES for each in findings_in(folder)}
    compare(found, explained())
    tell(f"slither: {len(found)} findings, all explained in {ACCEPTED.name}")


def findings_in(folder: str) -> Found:
    """Return what slither finds above informational in the contracts of a folder: forge builds one."""
    command = [str(installed("slither")), "."]
    command += ["--config-file", "slither.config.json", "--json", "-"]
    done = run(command, profile="slither", capture=True, FOUNDRY_SRC=folder)
    try:
        answer = json.loads(done.stdout)
    except json.JSONDecodeError:
        raise SecurityError(f"slither gave no report:\n{done.stderr}") from None
    if not answer["success"]:
        raise SecurityError(f"slither could not read the contracts: {answer['error']}")
    detected = answer["results"].get("detectors", ())
    return {(each["check"], place(each)) for each in detected if each["impact"] not in BELOW}


def place(finding: dict[str, Any]) -> str:
    """Return the contract and function that a finding is about."""
    for element in finding["elements"]:
        if element["type"] == "function":
            return f"{element['type_specific_fields']['parent']['name']}.{element['name']}"
    names = [element["name"] for element in finding["elements"]]
    return ".".join(names) or finding["description"]


def explained() -> Found:
    """Return what `accepted.json` explains."""
    accepted = json.loads(ACCEPTED.read_text())
    return {(check, where) for check, entry in accepted.items() for where in entry["where"]}


def compare(found: Found, known: Found) -> None:
    """Refuse what is not explained, and explanations of nothing."""
    lines = [f"not explained: {check} in {where}" for check, where in sorted(found - known)]
    lines += [f"no longer found: {check} in {where}" for check, where in sorted(known - found)]
    if lines:
        raise SecurityError("\n".join(lines) + f"\nfix the contract, or {ACCEPTED.name}")


STAGES: Final[tuple[tuple[str, Callable[[], None]], ...]] = (
    ("packages, and artefacts of these sources", prepare),
    ("forge: fuzz and invariant tests of what is shipped", attack),
    ("halmos: proofs of the arithmetic", prove),
    ("slither: known faults", analyse),
)


def main() -> int:
    """Run everything; return the exit code."""
    try:
        for number, (what, do) in enumerate(STAGES, start=1):
            with stage(number, len(STAGES), what):
                do()
    except (CompileError, SecurityError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    tell("nothing is open but what is explained")
    return 0


if __name__ == "__main__":
    sys.exit(main())
