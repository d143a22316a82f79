"""Raw damage: whatever somebody changes in the database file by SQL is found and named."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import contextmanager

import pytest

from sauma.replay import replay
from sauma.replay.run import _Replay
from sauma.replay.stored import stored_findings
from sauma.store import Store
from sauma.store.folding import PROJECTORS
from sauma.store.tables import JOURNAL_TABLES, vault

from .forger import mutated
from .neighbours import CODEC, Neighbours

PROJECTIONS = [table for projector in PROJECTORS for table in projector.tables]


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A finished life, and its closed database file."""
    path = tmp_path_factory.mktemp("sound") / "store.sqlite"
    neighbours = Neighbours(path).live()
    neighbours.engine.close()
    return neighbours


@contextmanager
def by_sql(path):
    """Give a connection on which nothing stands guard: no trigger, no foreign key."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA foreign_keys=OFF")
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='trigger'"):
        connection.execute(f"DROP TRIGGER {name}")
    yield connection
    connection.commit()
    connection.close()


@pytest.fixture
def path(sound, tmp_path):
    """A copy of the file to be damaged."""
    return shutil.copy(sound.path, tmp_path / "store.sqlite")


def found(path, chain=None):
    """Return the findings of a replay of a file."""
    with Store.open(path, read_only=True) as store:
        return replay(store, codec=CODEC, chain=chain).findings


def change(connection, table, column, row=-1):
    """Change one value of a table; return a pattern of the place that a finding must name."""
    rows = connection.execute(f'SELECT rowid, "{column}" FROM "{table}"').fetchall()
    rowid, value = rows[row]
    other = 7 if value is None else mutated(value)
    place = {"journal_schemas": "entry|journal journal_schemas", "vault": "vault|entry"}.get(table)
    if place is None and table.startswith("journal_"):
        (sequence,) = connection.execute(
            f'SELECT sequence FROM "{table}" WHERE rowid = ?', (rowid,)
        ).fetchone()
        # a changed number leaves a gap, or an entry with a row too many, or one that nobody reads
        place = rf"(entry|journal \w+ sequence) {sequence}\b"
        if (table, column) == ("journal_entries", "sequence"):
            place = "entry "
    connection.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (other, rowid))
    return place


def test_a_sound_file_has_no_findings(path, sound):
    """The file as it was written agrees with itself and with the chain."""
    assert found(path, sound.chain) == ()


@pytest.mark.parametrize(
    ("table", "column"),
    [(table.name, column.name) for table in JOURNAL_TABLES for column in table.columns]
    + [("vault", column.name) for column in vault.columns],
)
def test_every_changed_value_of_the_journal_is_found(path, table, column):
    """No column of the journal or the vault is there for nothing: each is read and compared."""
    with by_sql(path) as connection:
        place = change(connection, table, column)

    (finding, *_) = found(path)

    assert re.match(place, finding.place), finding


@pytest.mark.parametrize("table", ["journal_entries", "journal_tables", "journal_blobs", "vault"])
def test_every_deleted_row_is_found(path, table):
    """A row in the middle leaves a gap that is named."""
    with by_sql(path) as connection:
        rows = [row for (row,) in connection.execute(f"SELECT rowid FROM {table}")]
        connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (rows[len(rows) // 2],))

    assert found(path)[0].place.startswith("entry ")


def test_a_row_that_nobody_reads_is_found(path):
    """What lies beside the entries, beyond the last one or under no schema in use, is no journal."""
    with by_sql(path) as connection:
        connection.execute("UPDATE journal_schemas SET name = name || '2' WHERE name = 'bills'")
        connection.execute(
            "INSERT INTO journal_blobs (sequence, name, position, content) VALUES (9999,'x',0,x'00')"
        )
        connection.execute(
            "INSERT INTO vault SELECT 'gsrn', 'mallory', salt, content, digest FROM vault "
            "WHERE kind = 'gsrn' LIMIT 1"
        )

    places = [finding.place for finding in found(path)]

    assert any(place.startswith("journal journal_schemas schema_hash ") for place in places)
    assert "journal journal_blobs sequence 9999 name 'x' position 0" in places
    assert "vault gsrn mallory" in places


def test_two_entries_that_changed_places_are_found(path):
    """The order of the journal is part of it."""
    with by_sql(path) as connection:
        for table in ("journal_entries", "journal_tables", "journal_blobs"):
            for old, new in ((5, -1), (6, 5), (-1, 6)):
                connection.execute(
                    f"UPDATE {table} SET sequence = ? WHERE sequence = ?", (new, old)
                )

    assert found(path)[0].place.startswith("entry 5 ")


def test_a_tail_cut_off_is_found_by_what_the_chain_has(path, sound):
    """From inside nothing is missing; the chain has what the missing part signed."""
    with Store.open(path, read_only=True) as store:
        first = next(entry for entry in store.entries() if entry.kind == "transactions_signed")
    with by_sql(path) as connection:
        for table in ("journal_entries", "journal_tables", "journal_blobs"):
            connection.execute(f"DELETE FROM {table} WHERE sequence >= ?", (first.sequence,))
        connection.execute("DELETE FROM vault WHERE kind = 'raw'")
        used = "SELECT schema_hash FROM journal_tables"
        connection.execute(f"DELETE FROM journal_schemas WHERE schema_hash NOT IN ({used})")
    with Store.open(path) as store:
        store.rebuild_projections()

    alone, compared = found(path), found(path, sound.chain)

    assert alone == ()
    assert len(compared) == 2
    assert all("its end is missing" in finding.explanation for finding in compared)


def test_a_tail_cut_off_of_which_the_chain_knows_nothing_is_the_limit(path, sound):
    """A last entry that signed nothing leaves no trace: only a copy of the head hash shows it."""
    with by_sql(path) as connection:
        (last,) = connection.execute("SELECT max(sequence) FROM journal_entries").fetchone()
        (kind,) = connection.execute(
            "SELECT kind FROM journal_entries WHERE sequence = ?", (last - 1,)
        ).fetchone()
        for table in ("journal_entries", "journal_tables", "journal_blobs"):
            connection.execute(f"DELETE FROM {table} WHERE sequence >= ?", (last - 1,))
    with Store.open(path) as store:
        store.rebuild_projections()
        head_hash = store.head_hash()

    assert kind == "chain_observed"
    assert found(path, sound.chain) == ()
    with Store.open(sound.path, read_only=True) as store:
        assert store.head_hash() != head_hash


@pytest.fixture(scope="module")
def lived_again(sound, tmp_path_factory):
    """A second store with the same journal lived again, to compare projections with."""
    again = Store.open(tmp_path_factory.mktemp("again") / "scratch.sqlite")
    with Store.open(sound.path, read_only=True) as store:
        assert _Replay(store, again, CODEC, None).run().ok
    yield again
    again.close()


def test_every_changed_value_of_a_projection_is_found(path, lived_again):
    """Queries rest on projections: each column of each is compared as the database holds it."""
    unfound = []
    with Store.open(path) as store:
        for table in PROJECTIONS:
            connection = sqlite3.connect(path, isolation_level=None)
            if not connection.execute(f"SELECT 1 FROM {table.name}").fetchone():
                continue
            for column in table.columns:
                connection.execute("BEGIN")
                before = connection.execute(f"SELECT rowid, * FROM {table.name}").fetchall()[-1]
                change(connection, table.name, column.name)
                connection.execute("COMMIT")
                findings = [*stored_findings(store, lived_again, only=table.name)]
                if [one.place.split()[:2] for one in findings] != [["projection", table.name]]:
                    unfound.append((table.name, column.name, findings))
                connection.execute(f"DELETE FROM {table.name} WHERE rowid = ?", before[:1])
                marks = ",".join("?" * len(before[1:]))
                connection.execute(f"INSERT INTO {table.name} VALUES ({marks})", before[1:])
            connection.close()

    assert unfound == []


def test_a_truth_value_of_two_is_found(path, lived_again):
    """A database takes 2 for true in one question and not in another: it is compared as it is held."""
    with by_sql(path) as connection:
        connection.execute("UPDATE chain_events SET succeeded = 2")

    (finding,) = found(path)

    assert "succeeded: stored 2, made from the journal 1" in finding.explanation


@pytest.mark.parametrize("table", [table.name for table in PROJECTIONS])
def test_a_missing_and_an_invented_row_of_a_projection_are_found(path, lived_again, table):
    """Rows that the journal makes must be there, and no others."""
    with Store.open(path) as store, by_sql(path) as connection:
        rows = connection.execute(f"SELECT rowid FROM {table}").fetchall()
        if not rows:
            return
        connection.execute(f"DELETE FROM {table} WHERE rowid = ?", rows[0])
        connection.commit()
        (missing,) = stored_findings(store, lived_again, only=table)

    assert missing.explanation == "is missing"
