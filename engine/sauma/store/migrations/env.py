"""Run by Alembic: migrates over the connection and in the transaction that `sauma.store` hands in."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext

import sauma.store.projections  # noqa: F401 - its tables register themselves
from sauma.store.tables import metadata


def render_item(kind: str, item: Any, _: AutogenContext) -> str | Literal[False]:
    """Write types of ours as what they are in the database: a migration outlives our classes."""
    if kind == "type" and isinstance(item, sa.types.TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    render_item=render_item,
)
with context.begin_transaction():
    context.run_migrations()
