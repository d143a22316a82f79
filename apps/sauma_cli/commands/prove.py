"""`sauma prove`: the proof of one bill, as a document that its customer can have checked by anybody."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.markup import escape

from sauma.errors import InvalidInput, StoreError
from sauma.proving import find_bill, prove_bill
from sauma.store import Store
from sauma_cli.folder import Folder
from sauma_cli.logging_setup import configure_logging
from sauma_cli.options import FOLDER_DEFAULT, FolderOption, Json, Verbose
from sauma_cli.rendering import count, short
from sauma_cli.screen import Screen


def prove(
    bill: Annotated[str, Parameter(name="BILL", help="Its id, as `sauma bills` shows it.")],
    /,
    *,
    folder: FolderOption = FOLDER_DEFAULT,
    to: Annotated[
        Path | None,
        Parameter(help="The file to write; the bill's id and .proof.json unless named."),
    ] = None,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Write the proof that a bill is under a root on the chain: its rows, salts and path, no others'.

    Exit code 1 while the bill is not anchored in a block.
    """
    configure_logging(verbose=verbose)
    screen = Screen(as_json=json)
    place = Folder(folder)
    with (
        place.looking(),
        Store.open(place.store, read_only=True) as store,
        store.reading() as connection,
    ):
        identity = find_bill(connection, bill)
        proof = prove_bill(connection, identity)
    target = to if to is not None else Path(f"{identity.hex()[:16]}.proof.json")
    if target.is_dir():
        raise InvalidInput(f"{target} is a folder: name a file with --to")
    try:
        target.write_text(proof.to_json(), encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror}") from error
    screen.show(
        f"[bold]proof[/] of bill {identity.hex()[:16]}: {count(len(proof.rows), 'row')}, "
        f"{32 * len(proof.path)} bytes of hashes to the root over {count(proof.size, 'bill')}",
        f"  anchored in block {proof.height} by transaction {short(proof.transaction_id)}",
        f"  written to {escape(str(target))}: sauma verify {escape(str(target))}",
    )
    screen.finish(
        {
            "bill_id": identity.hex(),
            "file": str(target),
            "rows": len(proof.rows),
            "path_bytes": 32 * len(proof.path),
            "bills": proof.size,
            "root": proof.root.hex(),
            "transaction_id": proof.transaction_id.hex(),
            "height": proof.height,
        }
    )
    return 0
