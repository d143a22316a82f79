"""Migrations: what they make is what the tables say, and a migrated store is a whole one."""

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from settling import settle_somewhere

from sauma.store import Store, migrating, revisions
from sauma.store.connecting import WRITER, connect_engine, store_url
from sauma.store.folding import PROJECTORS
from sauma.store.migrations.__main__ import write_revision
from sauma.store.tables import JOURNAL_TABLES, vault


def test_migrations_and_tables_agree(location):
    """A new store has exactly the tables, columns and indexes that the code works with."""
    with Store.open(location) as store, store.reading() as connection:
        assert migrating.schema_differences(connection) == []
        assert revisions.current_revision(connection) == revisions.head_revision()


def test_the_names_of_the_files_tell_the_revisions():
    """What is known without Alembic is what Alembic finds, in its order."""
    scripts = ScriptDirectory(str(revisions.MIGRATIONS)).walk_revisions()

    assert revisions.known_revisions() == tuple(reversed([one.revision for one in scripts]))


def test_a_further_store_of_a_process_is_as_the_first(tmp_path, monkeypatch):
    """What the migrations came to is repeated to the letter: tables, indexes, triggers, revision."""
    monkeypatch.setattr(migrating, "_MAKING", {})
    made = []
    for name in ("migrated", "repeated"):
        with Store.open(tmp_path / name) as store, store.reading() as connection:
            schema = connection.exec_driver_sql(
                "SELECT type, name, tbl_name, sql FROM sqlite_master"
            )
            made.append((sorted(map(str, schema)), revisions.current_revision(connection)))

    assert made[0] == made[1]


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
        assert revisions.current_revision(connection) == revisions.head_revision()
        assert store.verify_journal().entries == 0


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """What the journal and the vault of a settlement hold, and the digest of its projections."""
    path = tmp_path_factory.mktemp("lived") / "store.sqlite"
    settle_somewhere(path)
    with Store.open(path, read_only=True) as store, store.reading() as connection:
        rows = {
            table: [dict(row._mapping) for row in connection.execute(sa.select(table))]
            for table in (*JOURNAL_TABLES, vault)
        }
        return rows, store.projection_digest()


@pytest.mark.parametrize("revision", ["0001", "0006"])
def test_a_journal_gets_the_projections_of_today(location, lived, revision):
    """A store that an old version filled is migrated, and its journal folded as if it were new."""
    rows, digest = lived
    engine = connect_engine(store_url(location), read_only=False, busy_timeout_ms=1_000)
    with engine.connect().execution_options(**{WRITER: True}) as connection, connection.begin():
        command.upgrade(migrating.alembic_config(connection), revision)
        for table, content in rows.items():
            connection.execute(sa.insert(table), content)
    engine.dispose()

    with Store.open(location) as store, store.reading() as connection:
        assert migrating.schema_differences(connection) == []
        assert store.projection_digest() == digest


def test_a_revision_can_be_written(tmp_path, monkeypatch):
    """The command writes a migration of nothing when the tables agree with the migrations."""
    for folder in ("", "versions"):
        (tmp_path / folder).mkdir(exist_ok=True)
        for file in (migrating.MIGRATIONS / folder).glob("*.[pm]*"):
            (tmp_path / folder / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(migrating, "MIGRATIONS", tmp_path)

    text = write_revision("9000", "nothing new").read_text(encoding="utf-8")

    assert text.startswith('"""Nothing new."""')
    assert f'down_revision = "{ScriptDirectory(str(tmp_path)).get_base()}"' not in text
    assert text.endswith("    pass\n")
