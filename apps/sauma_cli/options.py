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
Agreement: TypeAlias = Annotated[
    int | None,
    Parameter(help="NEM: so many nodes must have the same block before it counts as final."),
]
Floats: TypeAlias = Annotated[
    int | None,
    Parameter(help="NEM, new folder: so many further accounts issue, each in a lane of its own."),
]
Delegates: TypeAlias = Annotated[
    tuple[str, ...],
    Parameter(
        negative="",
        help="NEM: NAME=KEY, a participant and the public key of its account, which lets the issuer's "
        "key sign; repeat for each.",
    ),
]
Hourly: TypeAlias = Annotated[
    Literal["refuse", "split"], Parameter(help="What to do with hourly Datahub values.")
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
