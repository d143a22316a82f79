"""Migrations: what they make is what the tables say, and a migrated store is a whole one."""

import sqlalchemy as sa
from alembic import command

from sauma.store import Store, migrating
from sauma.store.migrations.__main__ import write_revision
from sauma.store.projections import PROJECTORS


def test_migrations_and_tables_agree(location):
    """A new store has exactly the tables, columns and indexes that the code works with."""
    with Store.open(location) as store, store.reading() as connection:
        assert migrating.schema_differences(connection) == []
        assert migrating.current_revision(connection) == migrating.head_revision()


def test_every_projection_table_belongs_to_a_projector(location):
    """What is neither kept for itself nor owned by a projector would not be rebuilt."""
    kept = {
        "journal_schemas", "journal_entries", "journal_tables", "journal_blobs",
        "vault", "lanes", "attempts", "deaths", "cursors", "alembic_version",
    }  # fmt: skip
    owned = {table.name for projector in PROJECTORS for table in projector.tables}

    with Store.open(location) as store, store.reading() as connection:
        names = set(sa.inspect(connection).get_table_names())

    assert names == kept | owned


def test_a_store_of_the_first_revision_is_brought_up_to_date(path):
    """An old store is migrated when it is opened, keeps its journal, and gets its projections."""
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.upgrade(migrating.alembic_config(connection), "0001")
    engine.dispose()

    with Store.open(path) as store, store.reading() as connection:
        assert migrating.current_revision(connection) == migrating.head_revision()
        assert store.verify_journal().entries == 0


def test_a_revision_can_be_written(tmp_path, monkeypatch):
    """The command writes a migration of nothing when the tables agree with the migrations."""
    for folder in ("", "versions"):
        (tmp_path / folder).mkdir(exist_ok=True)
        for file in (migrating.MIGRATIONS / folder).glob("*.[pm]*"):
            (tmp_path / folder / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(migrating, "MIGRATIONS", tmp_path)

    text = write_revision("9000", "nothing new").read_text(encoding="utf-8")

    assert text.startswith('"""Nothing new."""')
    assert f'down_revision = "{migrating.ScriptDirectory(str(tmp_path)).get_base()}"' not in text
    assert text.endswith("    pass\n")
