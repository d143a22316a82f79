"""`sauma rebuild`: the tables of a folder made again from its journal."""

from __future__ import annotations

from rich.markup import escape

from sauma.errors import InvalidInput, StoreDamaged
from sauma.store import Store, check_folder, seal_folder
from sauma.store.folder import MANIFEST
from sauma_cli.folder import Folder
from sauma_cli.logging_setup import configure_logging
from sauma_cli.options import FolderArgument, Json, Verbose
from sauma_cli.screen import Screen


def rebuild(folder: FolderArgument, /, *, json: Json = False, verbose: Verbose = False) -> int:
    """Verify the journal, make every other table from it again, and say whether they were equal."""
    configure_logging(verbose=verbose)
    screen = Screen(as_json=json)
    place = Folder(folder)
    if not place.store.is_file():
        raise InvalidInput(
            f"there is no settlement in {folder}: name a folder that `sauma settle` made"
        )
    with place.working():
        sealed = (place.path / MANIFEST).is_file()
        foreign = [
            one for one in check_folder(place.path) if sealed and one.path != place.store.name
        ]
        if foreign:
            raise StoreDamaged(
                f"{foreign[0]}: only the tables can be made again, restore this from a copy"
            )
        with Store.open(place.store, create=False) as store:
            before = store.projection_digest()
            store.rebuild_projections()
            equal = before == store.projection_digest()
            entries = store.head_sequence()
        if sealed:
            seal_folder(place.path)
    word = "they were equal before" if equal else "[bold yellow]they differed before[/]"
    screen.show(f"rebuilt the tables of {escape(str(folder))} from {entries} entries; {word}")
    screen.finish({"folder": str(folder), "entries": entries, "equal": equal})
    return 0
