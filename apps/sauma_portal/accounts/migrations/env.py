"""Run by Alembic: migrates over the connection that `sauma_portal.accounts.database` hands in."""

from alembic import context

from sauma_portal.accounts.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
