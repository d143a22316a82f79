"""Compiled contracts, so that nobody needs a compiler to deploy or check them.

The files are written by `contracts/compile.py` and compared with the sources by `make check`.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final

import attrs

from sauma.errors import InvalidInput

ARTIFACTS: Final = ("SaumaEscrow", "SaumaLedger", "TestMoney")


@attrs.frozen(kw_only=True, eq=False)
class Artifact:
    """One compiled contract."""

    name: str
    compiler: str
    source_hash: str
    """SHA-256 of sources, pinned packages and compiler settings."""
    abi: tuple[dict[str, Any], ...]
    bytecode: bytes
    """What is deployed; constructor arguments follow it."""
    deployed_bytecode: bytes
    """What stands on the chain afterwards, with zeros where immutables are written."""
    immutable_places: tuple[tuple[int, int], ...]
    """Start and length of what the constructor writes into the deployed code."""
    storage_layout: dict[str, Any]

    def matches(self, code: bytes) -> bool:
        """Tell whether code found on a chain is this contract, whatever its immutables are."""
        if len(code) != len(self.deployed_bytecode):
            return False
        masked = bytearray(code)
        for start, length in self.immutable_places:
            masked[start : start + length] = bytes(length)
        return bytes(masked) == self.deployed_bytecode


@cache
def load_artifact(name: str) -> Artifact:
    """Return the artefact of a contract; raises `InvalidInput` for a name that is not shipped."""
    if name not in ARTIFACTS:
        raise InvalidInput(f"no artefact is named {name!r}: there are {', '.join(ARTIFACTS)}")
    facts = json.loads(files(__name__).joinpath(f"{name}.json").read_bytes())
    return Artifact(
        name=facts["name"],
        compiler=facts["compiler"],
        source_hash=facts["source_hash"],
        abi=tuple(facts["abi"]),
        bytecode=bytes.fromhex(facts["bytecode"]),
        deployed_bytecode=bytes.fromhex(facts["deployed_bytecode"]),
        immutable_places=tuple((start, length) for start, length in facts["immutable_places"]),
        storage_layout=facts["storage_layout"],
    )
