"""The database of people: opened once by a process, made or migrated as needed."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from sauma.errors import StoreError, StoreVersion
from sauma.store.connecting import (
    BUSY_TIMEOUT_MS,
    WRITER,
    connect_engine,
    sqlite_path,
    store_url,
)
from sauma.store.faults import database_faults
from sauma_portal.accounts.tables import VERSION_TABLE, metadata

MIGRATIONS: Final = Path(__file__).parent / "migrations"


class AccountStore:
    """People, their sessions and tokens, letters to send, and the trail of staff actions."""

    def __init__(self, engine: sa.Engine) -> None:
        """Use `AccountStore.open`."""
        self._engine = engine

    @classmethod
    def open(cls, location: str | os.PathLike[str]) -> Self:
        """Open the database at a path (SQLite) or URL (`postgresql://…`).

        Raises `StoreError` when there is no folder for it, `StoreVersion` when a newer version wrote it.
        """
        url = store_url(location)
        path = sqlite_path(url)
        if path is not None and not path.parent.is_dir():
            raise StoreError(f"there is no folder {path.parent} for the accounts: make it first")
        engine = connect_engine(url, read_only=False, busy_timeout_ms=BUSY_TIMEOUT_MS)
        store = cls(engine)
        try:
            store._bring_up_to_date()
        except BaseException:
            engine.dispose()
            raise
        return store

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        """Return the store."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Give a connection whose changes are committed when the block ends without an error."""
        with (
            database_faults("write to the accounts"),
            self._engine.connect().execution_options(**{WRITER: True}) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one state of the database."""
        with (
            database_faults("read the accounts"),
            self._engine.connect() as connection,
            connection.begin(),
        ):
            yield connection

    def schema_differences(self) -> list[Any]:
        """Return what database and tables disagree about; empty is right."""
        with self.reading() as connection:
            context = MigrationContext.configure(
                connection,
                opts={
                    "compare_type": True,
                    "version_table": VERSION_TABLE,
                    "include_name": _is_ours,
                },
            )
            return list(compare_metadata(context, metadata))

    def _bring_up_to_date(self) -> None:
        script = ScriptDirectory(str(MIGRATIONS))
        newest = script.get_current_head()
        with self.transaction() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
            revision = context.get_current_revision()
            if revision == newest:
                return
            if revision is not None and revision not in {
                known.revision for known in script.walk_revisions()
            }:
                raise StoreVersion(
                    f"the accounts are of revision {revision}, which this version of sauma does not "
                    f"know (its newest is {newest}): use the version that wrote them or a newer one"
                )
            config = Config(stdout=io.StringIO())
            config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _is_ours(name: str | None, kind: str, _: Any) -> bool:
    return kind != "table" or (name or "").startswith("portal_")
