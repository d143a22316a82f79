"""Options that several commands share, and their words of help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

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
TimeoutS: TypeAlias = Annotated[
    float, Parameter(name="--timeout", help="The longest silence of the node, in seconds.")
]

FOLDER_DEFAULT = Path("settlement")
TIMEOUT_S_DEFAULT = 20.0
