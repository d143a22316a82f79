"""What a folder knows of the contract that was deployed for it on somebody's node."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sauma.errors import InvalidInput, SaumaError
from sauma_ethereum.deployment import Deployment
from sauma_ethereum.settings import EthereumSettings

FORMAT: Final = "sauma-ethereum-contract-1"


def read_contract(path: Path) -> EthereumSettings:
    """Return the settings of a contract; raises `InvalidInput` while it is still being deployed."""
    settings = _read(path).get("settings")
    if settings is None:
        raise InvalidInput(
            f"the contract of {path} is not deployed yet: run `sauma ethereum deploy` again"
        )
    return EthereumSettings.from_facts(settings)


def read_deployment(path: Path) -> Deployment | None:
    """Return what was signed and may not be included yet; None where nothing was begun."""
    if not path.is_file():
        return None
    try:
        return Deployment.from_facts(_read(path)["deployment"])
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, SaumaError):
            raise
        raise InvalidInput(f"{path} has no deployment: restore it from a copy") from error


def write_contract(path: Path, deployment: Deployment, settings: EthereumSettings | None) -> None:
    """Write down what is being deployed, and once it stands, its settings; whole or not at all."""
    document: Mapping[str, Any] = {
        "format": FORMAT,
        "deployment": deployment.to_facts(),
        "settings": None if settings is None else settings.to_facts(),
    }
    making = path.with_name(path.name + ".new")
    with making.open("w", encoding="utf-8") as file:
        file.write(json.dumps(document, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    making.replace(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        document = None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InvalidInput(f"{path} tells of no contract: restore it from a copy")
    return document
