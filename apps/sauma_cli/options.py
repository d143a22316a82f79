"""Options that several commands share, and their words of help."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from sauma.errors import InvalidInput

ChainName: TypeAlias = Literal["nem", "ethereum", "memory"]
NetworkName: TypeAlias = Literal["mainnet", "testnet", "mijin"]

Json: TypeAlias = Annotated[
    bool,
    Parameter(name="--json", negative="", help="Print one JSON document and nothing else."),
]
Verbose: TypeAlias = Annotated[
    bool, Parameter(name="--verbose", negative="", help="Show events on standard error.")
]
FolderOption: TypeAlias = Annotated[
    Path, Parameter(name="--folder", help="Where journal, keys and bills are kept.")
]
FolderArgument: TypeAlias = Annotated[
    Path, Parameter(name="FOLDER", help="A folder that `sauma settle` or `sauma demo` made.")
]
Node: TypeAlias = Annotated[
    str | None,
    Parameter(
        name="--node",
        help="URL of a node, such as http://127.0.0.1:7890 for NEM; without it the folder has its own.",
    ),
]
Nodes: TypeAlias = Annotated[
    tuple[str, ...],
    Parameter(
        name="--node",
        negative="",
        help="URL of a node, such as http://127.0.0.1:7890 for NEM; repeat for each, the first is asked "
        "first; without any the folder has its own.",
    ),
]
TimeoutS: TypeAlias = Annotated[
    float, Parameter(name="--timeout", help="The longest silence of the node, in seconds.")
]


def named_keys(given: Sequence[str]) -> dict[str, str]:
    """Return the public keys by participant of options such as `anna=0a1b…`."""
    named: dict[str, str] = {}
    for each in given:
        name, sign, digits = each.partition("=")
        if not sign:
            raise InvalidInput(f"--delegate {each!r} must be a participant, '=' and a public key")
        if named.get(name, digits) != digits:
            raise InvalidInput(f"--delegate names two public keys of {name}: leave one out")
        named[name] = digits
    return named


def one_node(url: str | None) -> tuple[str, ...]:
    """Return a node that was named, as the nodes of a choice."""
    return () if url is None else (url,)


FOLDER_DEFAULT = Path("settlement")
TIMEOUT_S_DEFAULT = 20.0
