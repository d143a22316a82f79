"""The journal, append-only; the vault, lanes and cursors beside it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_APPEND_ONLY = ("journal_schemas", "journal_entries", "journal_tables", "journal_blobs")


def upgrade() -> None:
    """Make the tables of the first version."""
    _make_journal()
    _make_what_lies_beside()
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        _refuse_changes_sqlite()
    else:
        _refuse_changes_postgresql()


def _make_journal() -> None:
    """Make the tables that are only appended to."""
    op.create_table(
        "journal_schemas",
        sa.Column("schema_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("description", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("schema_hash", name="pk_journal_schemas"),
        sa.UniqueConstraint("name", "version", name="uq_journal_schemas_name_version"),
    )
    op.create_table(
        "journal_entries",
        sa.Column("sequence", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("area", sa.Text, nullable=False),
        sa.Column("interval_start", sa.BigInteger, nullable=True),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("rulebook_hash", sa.LargeBinary(32), nullable=True),
        sa.Column("previous_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("entry_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("table_count", sa.Integer, nullable=False),
        sa.Column("header", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_journal_entries"),
    )
    op.create_index(
        "ix_journal_entries_kind_area_interval_start",
        "journal_entries",
        ["kind", "area", "interval_start"],
    )
    op.create_table(
        "journal_tables",
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("schema_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("row_count", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.Column("blob_count", sa.BigInteger, nullable=False),
        sa.Column("blob_root", sa.LargeBinary(32), nullable=False),
        sa.Column("locators", sa.LargeBinary, nullable=False),
        sa.Column("rows", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("sequence", "name", name="pk_journal_tables"),
        sa.ForeignKeyConstraint(
            ["sequence"], ["journal_entries.sequence"], name="fk_journal_tables_sequence"
        ),
        sa.ForeignKeyConstraint(
            ["schema_hash"], ["journal_schemas.schema_hash"], name="fk_journal_tables_schema_hash"
        ),
    )
    op.create_table(
        "journal_blobs",
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("sequence", "name", "position", name="pk_journal_blobs"),
        sa.ForeignKeyConstraint(
            ["sequence", "name"],
            ["journal_tables.sequence", "journal_tables.name"],
            name="fk_journal_blobs_sequence_name",
        ),
    )


def _make_what_lies_beside() -> None:
    """Make the tables that change."""
    op.create_table(
        "vault",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("salt", sa.LargeBinary(32), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name="pk_vault"),
    )
    op.create_index("ix_vault_digest", "vault", ["digest"])
    op.create_table(
        "lanes",
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("lease_until", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("chain", "sender", name="pk_lanes"),
    )
    op.create_table(
        "cursors",
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("cursor", sa.Text, nullable=False),
        sa.Column("final_height", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("chain", name="pk_cursors"),
    )


def _refuse_changes_sqlite() -> None:
    """Let SQLite refuse every UPDATE and DELETE of the journal."""
    for table in _APPEND_ONLY:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def _refuse_changes_postgresql() -> None:
    """Let PostgreSQL refuse every UPDATE, DELETE and TRUNCATE of the journal."""
    op.execute(
        "CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only()"
        )
