"""A store with a small journal of its own: a `notes` table and what projects it."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from sauma.journal import Table, TableClass, TableSchema, blob, int64, text
from sauma.store import Store

sys.path.insert(0, os.fspath(Path(__file__).parent))

NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
NOTES = TableSchema(
    name="notes",
    table_class=TableClass.INPUT,
    version=1,
    columns=(int64("number"), text("note", 16), blob("evidence", nullable=True)),
)
note_totals = sa.Table(
    "note_totals",
    sa.MetaData(),
    sa.Column("note", sa.Text, primary_key=True),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("total", sa.BigInteger, nullable=False),
)


class NoteProjector:
    """Counts and adds up the numbers of each note."""

    name = "notes"
    tables = (note_totals,)

    def project(self, connection, entry):
        """Add an entry's rows to the totals."""
        if not entry.has("notes"):
            return
        for row in entry.table("notes").dicts():
            changed = connection.execute(
                sa.update(note_totals)
                .where(note_totals.c.note == row["note"])
                .values(rows=note_totals.c.rows + 1, total=note_totals.c.total + row["number"])
            )
            if not changed.rowcount:
                connection.execute(
                    sa.insert(note_totals).values(note=row["note"], rows=1, total=row["number"])
                )


class NoteStore(Store):
    """A store whose projection is that of the notes."""

    @classmethod
    def at(cls, path, **options):
        """Open it with its projection's table made."""
        store = cls.open(path, projectors=(NoteProjector(),), **options)
        if not options.get("read_only"):
            try:
                with store.transaction() as transaction:
                    note_totals.create(transaction.connection, checkfirst=True)
            except BaseException:
                store.close()
                raise
        return store

    def append_notes(self, transaction, *numbers):
        """Append one entry with a row for each number, inside a transaction."""
        rows = [(number, f"note {number % 3}", b"evidence %d" % number) for number in numbers]
        return transaction.append(kind="noted", time=NOON, tables=[Table.from_rows(NOTES, rows)])

    def note(self, *rows, time=NOON):
        """Append one entry with rows of notes."""
        table = Table.from_rows(NOTES, [(*row, None)[:3] for row in rows])
        with self.transaction() as transaction:
            return transaction.append(kind="noted", time=time, tables=[table])


SQLITE_ONLY = {
    "test_a_full_disk_is_said_and_leaves_nothing": "fills the disk by a limit of SQLite",
    "test_after_a_failed_disk_nothing_is_written": "is about what SQLite says of a disk",
    "test_a_closed_store_is_one_file": "a server keeps its files by itself",
}
"""Tests of a store, without its file, that are about SQLite all the same, and why."""


def pytest_generate_tests(metafunc):
    """Run every test of a store on both databases, unless it looks into the file of the one."""
    if "backend" not in metafunc.fixturenames:
        return
    name = metafunc.function.__name__
    is_about_the_file = "path" in metafunc.fixturenames or name in SQLITE_ONLY
    both = ["sqlite"] if is_about_the_file else ["sqlite", "postgresql"]
    metafunc.parametrize("backend", both)


@pytest.fixture(scope="session")
def postgresql_server():
    """A PostgreSQL server of our own."""
    from postgres import running_server

    with running_server() as server:
        yield server


@pytest.fixture
def path(tmp_path):
    """The file of a store in SQLite."""
    return tmp_path / "store.sqlite"


@pytest.fixture
def location(backend, tmp_path, request):
    """Where the store lies: a file, or a database of a PostgreSQL server."""
    if backend == "sqlite":
        return tmp_path / "store.sqlite"
    from postgres import new_database

    return new_database(request.getfixturevalue("postgresql_server"))


@pytest.fixture
def store(location):
    """An open store."""
    with NoteStore.at(location) as opened:
        yield opened


@pytest.fixture
def open_notes():
    """How a test opens a second store of notes."""
    return NoteStore.at


@pytest.fixture
def child():
    """Start a script beside the tests as its own process; it is ended with the test."""
    started = []
    engine = Path(sys.modules["sauma.store"].__file__).parents[2]

    def start(script, *arguments):
        process = subprocess.Popen(
            [sys.executable, Path(__file__).parent / script, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.fspath(engine)},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
