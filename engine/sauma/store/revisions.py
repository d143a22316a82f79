"""Which revision a store is of, and which this version knows; Alembic is not needed to tell.

A migration's file name begins with its revision (`0003_anchors.py`), so that opening a store that is up
to date loads no migration.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from sauma.errors import StoreError, StoreVersion

MIGRATIONS: Final = Path(__file__).parent / "migrations"

_REVISION: Final[sa.Select[Any]] = sa.select(sa.column("version_num")).select_from(
    sa.table("alembic_version")
)


@cache
def known_revisions() -> tuple[str, ...]:
    """Return every revision that this version knows, the newest last."""
    names = (path.name for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))
    return tuple(sorted(name.partition("_")[0] for name in names))


def head_revision() -> str:
    """Return the newest revision that this version knows."""
    return known_revisions()[-1]


def current_revision(connection: sa.Connection) -> str | None:
    """Return the revision of a store, None when nothing was ever made in it.

    Raises `StoreError` for a database that is not empty and not a store.
    """
    names = sa.inspect(connection).get_table_names()
    if "alembic_version" not in names:
        if names:
            raise StoreError(
                f"the database has tables ({', '.join(sorted(names)[:5])}) and is not a store of "
                "sauma: give another path"
            )
        return None
    revision: str | None = connection.execute(_REVISION).scalar_one_or_none()
    return revision


def check_known(revision: str | None) -> None:
    """Refuse a store of a revision that this version does not know."""
    if revision is not None and revision not in known_revisions():
        raise StoreVersion(
            f"the store is of revision {revision}, which this version of sauma does not know "
            f"(its newest is {head_revision()}): use the version that wrote it or a newer one"
        )
