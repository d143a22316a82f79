"""`sauma bills`: the bills of a folder as they stand, line by line."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from sauma.errors import InvalidInput, UnknownName
from sauma.statements import read_adjustments, read_statements
from sauma.store import Store, queries
from sauma_cli.corrections_shown import adjustment_facts, adjustments_table
from sauma_cli.folder import Folder
from sauma_cli.logging_setup import configure_logging
from sauma_cli.options import FOLDER_DEFAULT, FolderOption, Json, Verbose
from sauma_cli.rendering import bill_facts, bills_table, lines_table
from sauma_cli.screen import Screen


def bills(
    *,
    folder: FolderOption = FOLDER_DEFAULT,
    participant: Annotated[str | None, Parameter(help="Only the bills of this one.")] = None,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Show the newest bills of a folder: lines, what the chain says, what is carried, how sure it is.

    What late readings changed of them is on adjusting bills, below.
    """
    configure_logging(verbose=verbose)
    screen = Screen(as_json=json)
    place = Folder(folder)
    if not place.store.is_file():
        raise InvalidInput(
            f"there is no settlement in {folder}: name a folder that `sauma settle` made"
        )
    with Store.open(place.store, read_only=True) as store, store.reading() as connection:
        known = queries.participants(connection)
        rulebook = queries.newest_rulebook(connection)
        statements = read_statements(connection, participant)
        adjustments = read_adjustments(connection, participant)
    if participant is not None and participant not in known:
        raise UnknownName(
            f"{participant!r} takes no part in {folder}: there are {', '.join(known) or 'none'}"
        )
    currency = "EUR" if rulebook is None else rulebook.currency
    if statements:
        screen.show(lines_table(statements, currency), bills_table(statements, currency))
    else:
        screen.show("no bills yet: `sauma settle` issues them")
    if adjustments:
        screen.show(adjustments_table(adjustments, currency))
    screen.finish(
        {
            "folder": str(folder),
            "bills": [bill_facts(one) for one in statements],
            "adjustments": [adjustment_facts(one) for one in adjustments],
        }
    )
    return 0
