"""Bringing a store to the tables of this version, by the Alembic migrations of this package.

`python -m sauma.store.migrations 0003 "add bills"` writes a new revision from what the tables have more
than the migrations make; a test holds the two together.  Loads Alembic, so it is imported only where
a store is made or migrated.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from sauma.errors import StoreError
from sauma.store.revisions import MIGRATIONS
from sauma.store.tables import metadata

_ASKING: Final = ("SELECT", "PRAGMA")
"""How statements begin that change nothing."""
_MAKING: Final[dict[str, tuple[str, ...]]] = {}
"""The statements that make a store, by dialect, once the migrations were run in this process."""


def upgrade(connection: sa.Connection) -> None:
    """Bring the store to the newest revision, within the transaction of the connection."""
    command.upgrade(alembic_config(connection), "head")


def make(connection: sa.Connection) -> None:
    """Make the tables in an empty database, within the transaction of the connection.

    The migrations are run once in a process; a further store is made by the statements that they came
    to, which takes a tenth of the time.
    """
    statements = _MAKING.get(connection.dialect.name)
    if statements is None:
        _MAKING[connection.dialect.name] = _upgrade_and_listen(connection)
        return
    for statement in statements:
        connection.exec_driver_sql(statement)


def _upgrade_and_listen(connection: sa.Connection) -> tuple[str, ...]:
    """Run the migrations; return what they changed the database by."""
    heard: list[str] = []

    def listen(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any
    ) -> None:
        if statement.lstrip().startswith(_ASKING):
            return
        if parameters:
            raise StoreError(
                "a migration of sauma has a statement with parameters: write them into it"
            )
        heard.append(statement)

    sa.event.listen(connection, "before_cursor_execute", listen)
    try:
        upgrade(connection)
    finally:
        sa.event.remove(connection, "before_cursor_execute", listen)
    return tuple(heard)


def schema_differences(connection: sa.Connection) -> list[Any]:
    """Return what the tables of a store and `sauma.store.tables` disagree about; empty is right."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


def new_revision(number: str, title: str, connection: sa.Connection) -> Path:
    """Write the migration from a store at head to `sauma.store.tables`; return its file."""
    before = set(MIGRATIONS.glob("versions/*.py"))
    command.revision(alembic_config(connection), message=title, autogenerate=True, rev_id=number)
    (written,) = set(MIGRATIONS.glob("versions/*.py")) - before
    text = written.read_text(encoding="utf-8")
    own = [line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("# ###")]
    written.write_text("".join(own), encoding="utf-8")
    return written


def alembic_config(connection: sa.Connection | None) -> Config:
    """Return Alembic's settings without a file; `migrations/env.py` takes the connection from them."""
    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
