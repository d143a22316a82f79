"""The relational tables of the store, the same in SQLite and PostgreSQL.

The journal's tables are the truth and append-only; `vault` holds what must be erasable; `lanes`,
`attempts`, `deaths` and `cursors` are the working state of dispatch.  Projections add their tables to
the same `metadata`.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

metadata: Final = sa.MetaData(naming_convention=NAMING)

journal_schemas = sa.Table(
    "journal_schemas",
    metadata,
    sa.Column("schema_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("description", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("name", "version"),
)
"""The schemas of all sealed tables as canonical JSON, so that a journal can be read by itself."""

journal_entries = sa.Table(
    "journal_entries",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("area", sa.Text, nullable=False),
    sa.Column("interval_start", sa.BigInteger, nullable=True),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("rulebook_hash", sa.LargeBinary(32), nullable=True),
    sa.Column("previous_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("entry_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("table_count", sa.Integer, nullable=False),
    sa.Column("header", sa.LargeBinary, nullable=False),
    sa.Index(None, "kind", "area", "interval_start"),
)
"""`header` is what was hashed; the columns beside it repeat it for queries and are checked with it."""

journal_tables = sa.Table(
    "journal_tables",
    metadata,
    sa.Column("sequence", sa.BigInteger, sa.ForeignKey(journal_entries.c.sequence), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column(
        "schema_hash",
        sa.LargeBinary(32),
        sa.ForeignKey(journal_schemas.c.schema_hash),
        nullable=False,
    ),
    sa.Column("row_count", sa.BigInteger, nullable=False),
    sa.Column("root", sa.LargeBinary(32), nullable=False),
    sa.Column("blob_count", sa.BigInteger, nullable=False),
    sa.Column("blob_root", sa.LargeBinary(32), nullable=False),
    sa.Column("locators", sa.LargeBinary, nullable=False),
    sa.Column("rows", sa.LargeBinary, nullable=False),
    sa.PrimaryKeyConstraint("sequence", "name"),
)

journal_blobs = sa.Table(
    "journal_blobs",
    metadata,
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.PrimaryKeyConstraint("sequence", "name", "position"),
    sa.ForeignKeyConstraint(
        ["sequence", "name"], [journal_tables.c.sequence, journal_tables.c.name]
    ),
)
"""`position` counts a table's blobs in the order of their SHA-256."""

JOURNAL_TABLES: Final = (journal_schemas, journal_entries, journal_tables, journal_blobs)
"""Nothing in them is ever changed or deleted; triggers refuse it."""

vault = sa.Table(
    "vault",
    metadata,
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("salt", sa.LargeBinary(32), nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("digest", sa.LargeBinary(32), nullable=False),
    sa.PrimaryKeyConstraint("kind", "key"),
    sa.Index(None, "digest"),
)

lanes = sa.Table(
    "lanes",
    metadata,
    sa.Column("chain", sa.Text, nullable=False),
    sa.Column("sender", sa.Text, nullable=False),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("fence", sa.BigInteger, nullable=False),
    sa.Column("lease_until", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("chain", "sender"),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("chain", sa.Text, nullable=False),
    sa.Column("worker", sa.Text, nullable=False),
    sa.Column("tried", sa.LargeBinary, nullable=False),
    sa.PrimaryKeyConstraint("chain", "worker"),
)

deaths = sa.Table(
    "deaths",
    metadata,
    sa.Column("chain", sa.Text, nullable=False),
    sa.Column("item", sa.LargeBinary(32), nullable=False),
    sa.Column("times", sa.Integer, nullable=False),
    sa.PrimaryKeyConstraint("chain", "item"),
)

cursors = sa.Table(
    "cursors",
    metadata,
    sa.Column("chain", sa.Text, primary_key=True),
    sa.Column("cursor", sa.Text, nullable=False),
    sa.Column("final_height", sa.BigInteger, nullable=False),
)
