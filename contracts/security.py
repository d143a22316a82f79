"""Attack the contracts: forge's fuzz and invariant tests, halmos's proofs, then slither.

`python contracts/security.py` installs what it needs (npm packages as pinned, slither and halmos each in an
environment of its own) and fails when a test fails, when a proof does not hold, when slither finds
something above informational that `accepted.json` does not explain, or when that file explains what
is no longer found.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any, Final

from compile import CONTRACTS, NODE_MODULES, CompileError, install_packages, put_node_on_path

SLITHER: Final = "slither-analyzer==0.11.6"
HALMOS: Final = "halmos==0.3.3"
PROOFS: Final = "ProofsTest"
"""The contract whose `check_` functions halmos proves for every input."""
SOLVER_SECONDS: Final = 120
ACCEPTED: Final = CONTRACTS / "accepted.json"
SOURCES: Final = ("ledger", "escrow")
BELOW: Final = ("Informational", "Optimization")

Found = set[tuple[str, str]]
"""What was found: the detector and the function, `Contract.function`."""


class SecurityError(Exception):
    """A test failed, or something was found that nobody explained."""


def put_forge_on_path() -> None:
    """Prefer the pinned Foundry; it is packaged for this kind of machine or must be there already."""
    for folder in sorted(NODE_MODULES.glob("@foundry-rs/forge-*/bin")):
        os.environ["PATH"] = str(folder) + os.pathsep + os.environ["PATH"]
    if shutil.which("forge") is None:
        raise SecurityError("forge is not packaged for this machine: install Foundry")


def attack() -> None:
    """Run the fuzz and invariant tests."""
    if subprocess.run(["forge", "test"], cwd=CONTRACTS, check=False).returncode != 0:
        raise SecurityError("forge found a broken rule: see above")


def prove() -> None:
    """Prove what `Proofs.t.sol` states for every number, symbolically."""
    halmos = installed(HALMOS, "halmos")
    command = [
        str(halmos),
        "--contract",
        PROOFS,
        "--forge-build-out",
        ".forge/out",
        "--solver-timeout-assertion",
        f"{SOLVER_SECONDS}s",
    ]
    if subprocess.run(command, cwd=CONTRACTS, check=False).returncode != 0:
        raise SecurityError("halmos found a number for which a rule does not hold: see above")


def installed(requirement: str, command: str) -> Path:
    """Return the path of a tool, after installing it apart: such tools pin other libraries than we do."""
    environment = CONTRACTS / f".{command}"
    path = environment / "bin" / command
    if not path.exists():
        venv.create(environment, with_pip=True)
        python = str(environment / "bin" / "python")
        pip = [python, "-m", "pip", "install", "--quiet", requirement]
        if subprocess.run(pip, check=False).returncode != 0:
            raise SecurityError(f"{requirement} could not be installed: see above")
    return path


def findings() -> Found:
    """Return what slither finds above informational, in either contract."""
    return {found for folder in SOURCES for found in findings_in(folder)}


def findings_in(folder: str) -> Found:
    """Return what slither finds in the contracts of a folder: forge builds one at a time."""
    slither = installed(SLITHER, "slither")
    command = [str(slither), ".", "--config-file", "slither.config.json", "--json", "-"]
    environment = {**os.environ, "FOUNDRY_SRC": folder}
    done = subprocess.run(
        command, cwd=CONTRACTS, check=False, capture_output=True, text=True, env=environment
    )
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


def main() -> int:
    """Run everything; return the exit code."""
    try:
        put_node_on_path()
        install_packages()
        put_forge_on_path()
        attack()
        prove()
        found = findings()
        compare(found, explained())
    except (CompileError, SecurityError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"slither: {len(found)} findings, all explained in {ACCEPTED.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
