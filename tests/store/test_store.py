"""The store: append-only, all or nothing, and honest about what it cannot do."""

import sqlite3
import subprocess
import sys
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from sauma.chain import Cursor, Point
from sauma.errors import (
    Conflict,
    InvalidInput,
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreVersion,
)
from sauma.identifiers import ChainId
from sauma.intervals import Interval
from sauma.journal import GENESIS_HASH, Table, TableClass, TableSchema, int64
from sauma.store import JournalSummary, Store
from sauma.store.faults import database_faults, is_disk_failure
from sauma.store.tables import journal_entries

NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
CHAIN = ChainId("memory:test")


class Refusal(Exception):
    """What a test raises inside a transaction."""


def change_everything_and_raise(store):
    """Do what a transaction can do, and fail."""
    with store.transaction() as transaction:
        store.append_notes(transaction, 5)
        transaction.move_cursor(CHAIN, Cursor(points=(Point(height=9, block_hash=b"\2" * 32),)), 8)
        transaction.vault_put("account", "alice", salt=bytes(32), content=b"secret")
        raise Refusal


def totals(store):
    """What the projection of the notes says."""
    return [tuple(row) for row in store.query(sa.text("SELECT * FROM note_totals ORDER BY note"))]


def test_entries_come_back_as_they_were_appended(store, open_notes, location):
    """Sequence and link are given by the store; header, rows and blobs survive a restart."""
    first = store.note((1, "a", b"x"), (2, "b"))
    with store.transaction() as transaction:
        second = transaction.append(
            kind="interval_cleared",
            area="koivukyla",
            interval=Interval(start=NOON),
            rulebook_hash=b"\x01" * 32,
            time=NOON,
        )
    store.close()

    with open_notes(location) as again:
        entries = list(again.entries())

        assert [entry.entry_hash for entry in entries] == [first.entry_hash, second.entry_hash]
        assert entries[0].header.previous_hash == GENESIS_HASH
        assert entries[1].header == second.header
        assert entries[0].table("notes").rows() == [(1, "a", b"x"), (2, "b", None)]
        assert again.entry(2).entry_hash == again.head_hash() == second.entry_hash
        assert again.verify_journal() == JournalSummary(
            entries=2, rows=2, head_hash=second.entry_hash
        )


def test_many_entries_are_read_page_by_page(store):
    """Reading goes over pages without a gap, and from any sequence."""
    with store.transaction() as transaction:
        for number in range(1, 71):
            store.append_notes(transaction, number)

    assert [entry.sequence for entry in store.entries()] == list(range(1, 71))
    assert [entry.sequence for entry in store.entries(65)] == list(range(65, 71))
    assert store.head_sequence() == 70
    with pytest.raises(InvalidInput, match="ends before entry 99"):
        store.entry(99)
    with pytest.raises(InvalidInput, match="ends before entry 71"):
        store.entry(71)
    with pytest.raises(InvalidInput, match="sequence 0"):
        store.entry(0)


def test_a_transaction_that_raises_leaves_nothing(store):
    """Entry, projection, cursor and vault go together or not at all."""
    store.note((1, "a"))
    before = (store.head_hash(), store.projection_digest(), store.cursor(CHAIN))

    with pytest.raises(Refusal):
        change_everything_and_raise(store)

    assert (store.head_hash(), store.projection_digest(), store.cursor(CHAIN)) == before
    assert store.vault_get("account", "alice") is None
    assert store.note((2, "b")).sequence == 2


def test_the_journal_is_append_only(store, path):
    """Neither the library nor SQL changes or deletes anything of the journal."""
    store.note((1, "a", b"x"))

    with (
        pytest.raises(InvalidInput, match="journal_entries is the journal's"),
        store.transaction() as transaction,
    ):
        transaction.execute(sa.delete(journal_entries))
    for table in ("journal_schemas", "journal_entries", "journal_tables", "journal_blobs"):
        column = {"journal_schemas": "version", "journal_blobs": "position"}.get(table, "sequence")
        for statement in (f"UPDATE {table} SET {column} = 9", f"DELETE FROM {table}"):
            with (
                pytest.raises(StoreError, match=f"{table} is append-only"),
                store.transaction() as transaction,
            ):
                transaction.execute(sa.text(statement))
    assert store.verify_journal().entries == 1


def test_a_table_version_means_one_thing_for_ever(store):
    """Another schema under a name and version that the journal has is a conflict; nothing stays."""
    store.note((1, "a"))
    other = TableSchema(
        name="notes", table_class=TableClass.INPUT, version=1, columns=(int64("number"),)
    )

    with (
        pytest.raises(Conflict, match="another version 1 of table notes"),
        store.transaction() as transaction,
    ):
        transaction.append(kind="noted", time=NOON, tables=[Table.from_rows(other, [(1,)])])

    assert store.head_sequence() == 1


def test_a_schema_of_a_refused_transaction_is_not_remembered(store):
    """A table first seen in a transaction that failed is written again by the next one."""
    with pytest.raises(Refusal):
        change_everything_and_raise(store)

    store.note((1, "a"))

    assert store.verify_journal().rows == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("UPDATE journal_entries SET kind = 'other' WHERE sequence = 2", "entry 2 column kind"),
        ("UPDATE journal_entries SET area = 'x' WHERE sequence = 2", "entry 2 column area"),
        ("UPDATE journal_entries SET time = 1 WHERE sequence = 2", "entry 2 column time"),
        ("UPDATE journal_entries SET interval_start = 1 WHERE sequence = 2", "interval_start"),
        ("UPDATE journal_entries SET rulebook_hash = x'00' WHERE sequence = 2", "rulebook_hash"),
        ("UPDATE journal_entries SET previous_hash = x'00' WHERE sequence = 2", "previous_hash"),
        ("UPDATE journal_entries SET table_count = 2 WHERE sequence = 2", "entry 2 column table_"),
        ("UPDATE journal_entries SET entry_hash = zeroblob(32) WHERE sequence = 2", "entry 2: "),
        ("UPDATE journal_entries SET header = x'00' WHERE sequence = 2", "entry 2 header"),
        ("DELETE FROM journal_entries WHERE sequence = 2", "entry 2 is missing"),
        ("DELETE FROM journal_tables WHERE sequence = 2", "entry 2 column table_count"),
        ("UPDATE journal_tables SET name = 'nodes' WHERE sequence = 2", "entry 2 table nodes"),
        ("UPDATE journal_tables SET row_count = 9 WHERE sequence = 2", "entry 2 table notes"),
        ("UPDATE journal_tables SET root = zeroblob(32) WHERE sequence = 2", "root"),
        ("UPDATE journal_tables SET blob_root = zeroblob(32) WHERE sequence = 2", "blob root"),
        ("UPDATE journal_tables SET blob_count = 7 WHERE sequence = 2", "2 blobs are stored, 7"),
        ("UPDATE journal_tables SET locators = x'' WHERE sequence = 2", "locator"),
        (
            "UPDATE journal_tables SET schema_hash = x'01' WHERE sequence = 2",
            "schema 01 is missing",
        ),
        ("UPDATE journal_schemas SET description = x'00'", "entry 1 table notes"),
        ("UPDATE journal_schemas SET description = 'text'", "is stored as str"),
        ("UPDATE journal_tables SET rows = 'text' WHERE sequence = 2", "is stored as str"),
        ("UPDATE journal_tables SET rows = CAST(x'ff' AS TEXT) WHERE sequence = 2", "damaged"),
        ("UPDATE journal_tables SET row_count = 'two' WHERE sequence = 2", "is stored as str"),
        ("UPDATE journal_blobs SET content = 7 WHERE sequence = 2", "is stored as int"),
        ("UPDATE journal_entries SET header = 7 WHERE sequence = 2", "is stored as int"),
        ("UPDATE journal_entries SET entry_hash = 'text' WHERE sequence = 2", "is stored as str"),
        ("UPDATE journal_entries SET entry_hash = 'text' WHERE sequence = 3", "is stored as str"),
        (
            "UPDATE journal_schemas SET description = CAST(replace(CAST(description AS TEXT), "
            "'\"note\"', '\"nota\"') AS BLOB)",
            "entry 1 table notes: the stored schema is not the one",
        ),
        ("UPDATE journal_blobs SET content = x'00' WHERE sequence = 2", "entry 2 table notes row"),
        ("DELETE FROM journal_blobs WHERE sequence = 2 AND position = 1", "1 blobs are stored"),
        (
            "UPDATE journal_tables SET rows = "
            "CAST(substr(rows, 1, 66) || x'ff' || substr(rows, 68) AS BLOB) "
            "WHERE sequence = 2",
            "entry 2 table notes row 1: the row's bytes",
        ),
    ],
)
def test_what_was_changed_behind_the_library_is_named(store, open_notes, path, change, message):
    """Every column of the journal's tables is covered: a change is found, by entry and place."""
    for base in (0, 10, 20):
        with store.transaction() as transaction:
            store.append_notes(transaction, base + 1, base + 2)
    store.close()
    with sqlite3.connect(path, isolation_level=None) as raw:
        for (trigger,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            raw.execute(f"DROP TRIGGER {trigger}")
        assert raw.execute(change).rowcount
    raw.close()

    with open_notes(path, read_only=True) as again, pytest.raises(StoreDamaged, match=message):
        again.verify_journal()


def test_damage_in_the_file_itself_never_goes_unnamed(store, open_notes, path):
    """Whatever byte of the database changes: the journal verifies, or an error of sauma says why."""
    with store.transaction() as transaction:
        for number in range(20):
            store.append_notes(transaction, *range(number * 10, number * 10 + 10))
    head_hash = store.head_hash()
    store.close()
    data = path.read_bytes()
    outcomes = set()

    for at in range(0, len(data), len(data) // 150 + 1):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        try:
            with open_notes(path, read_only=True) as again:
                summary = again.verify_journal()
        except StoreError as error:
            outcomes.add(type(error))
        else:
            outcomes.add(summary.head_hash)

    assert StoreDamaged in outcomes
    assert {outcome for outcome in outcomes if isinstance(outcome, bytes)} == {head_hash}


def test_rebuilt_projections_equal_the_live_ones(store):
    """Folding the journal again gives the same rows; what was tampered with is put right."""
    for base in range(40):
        store.note((base, f"n{base % 4}"), (base, "all"))
    live = store.projection_digest()
    rows = totals(store)
    with store.transaction() as transaction:
        transaction.execute(sa.text("UPDATE note_totals SET total = 0"))
    tampered = store.projection_digest()

    store.rebuild_projections()

    assert tampered != live
    assert store.projection_digest() == live
    assert totals(store) == rows
    assert rows[0] == ("all", 40, sum(range(40)))


def test_a_damaged_journal_is_not_folded(store, open_notes, path):
    """A rebuild verifies what it folds, and leaves the projections as they were."""
    store.note((1, "a"))
    store.close()
    with sqlite3.connect(path) as raw:
        raw.execute("DROP TRIGGER journal_tables_no_update")
        raw.execute("UPDATE journal_tables SET rows = zeroblob(length(rows))")
    raw.close()

    with open_notes(path) as again:
        with pytest.raises(StoreDamaged, match="entry 1 table notes row 0"):
            again.rebuild_projections()

        assert totals(again) == [("a", 1, 1)]


def test_a_cursor_moves_only_forward_in_finality(store):
    """The cursor of a chain is what the last transaction said; final heights never fall."""
    points = (Point(height=12, block_hash=b"\x0c" * 32), Point(height=11, block_hash=b"\x0b" * 32))

    with store.transaction() as transaction:
        transaction.move_cursor(CHAIN, Cursor(points=points), 10)
        transaction.move_cursor(CHAIN, Cursor(points=points[1:]), 10)
        seen = transaction.cursor(CHAIN)

    assert store.cursor(CHAIN) == seen
    assert seen.cursor.height == 11
    assert store.cursor(ChainId("memory:other")).cursor == Cursor()
    with (
        pytest.raises(InvalidInput, match="final height 9 of memory:test is below 10"),
        store.transaction() as transaction,
    ):
        transaction.move_cursor(CHAIN, Cursor(points=points), 9)


def test_a_full_disk_is_said_and_leaves_nothing(store):
    """When the database cannot grow the transaction fails, and the store goes on when it can."""
    store.note((1, "a"))
    with store.transaction() as transaction:
        (pages,) = transaction.execute(sa.text("PRAGMA page_count")).one()
        transaction.execute(sa.text(f"PRAGMA max_page_count = {pages + 2}"))

    with pytest.raises(StoreError, match="full"):
        store.note((2, "b", bytes(100_000)))
    assert store.verify_journal().entries == 1
    with store.transaction() as transaction:
        transaction.execute(sa.text("PRAGMA max_page_count = 1000000"))

    assert store.note((2, "b", bytes(100_000))).sequence == 2


def test_a_failing_disk_is_told_from_a_busy_and_a_damaged_one():
    """SQLite's result codes become the errors of the store; only an I/O error stops all writing."""
    for code, error, stops in (
        (sqlite3.SQLITE_BUSY, StoreBusy, False),
        (sqlite3.SQLITE_CORRUPT, StoreDamaged, False),
        (sqlite3.SQLITE_FULL, StoreError, False),
        (sqlite3.SQLITE_IOERR_FSYNC, StoreError, True),
    ):
        fault = sqlite3.OperationalError("what the driver says")
        fault.sqlite_errorcode = code

        with (
            pytest.raises(error, match=r"cannot sync: .*what the driver says") as raised,
            database_faults("sync"),
        ):
            raise fault

        assert is_disk_failure(raised.value) is stops


def test_after_a_failed_disk_nothing_is_written(store):
    """A store that saw an I/O error refuses to write until it is opened again."""
    fault = sqlite3.OperationalError("disk I/O error")
    fault.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC

    with pytest.raises(StoreError, match="disk I/O error"), store.transaction():
        raise fault

    with pytest.raises(StoreError, match="the disk failed before"):
        store.note((1, "a"))


def test_transactions_do_not_nest(store):
    """A second transaction inside the first would wait for itself, so it is refused at once."""
    with store.transaction(), pytest.raises(StoreError, match="do not nest"), store.transaction():
        pass

    assert store.note((1, "a")).sequence == 1


def test_a_second_writer_waits_and_is_then_told_that_the_store_is_busy(
    store, open_notes, location, child
):
    """While another process writes, a writer gets `StoreBusy` and readers read what is committed."""
    store.note((1, "a"))
    process = child("holding.py", location)
    assert process.stdout.readline() == "holding\n"

    with open_notes(location, read_only=True) as reader:
        assert reader.verify_journal().entries == 1
    with pytest.raises(StoreBusy, match="another process writes"):
        open_notes(location, busy_timeout_ms=50)
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.wait() == 0

    assert store.note((2, "a")).sequence == 3


def test_a_closed_store_is_one_file(store, tmp_path):
    """After closing the database file alone is the store."""
    store.note((1, "a"))

    store.close()

    assert [path.name for path in tmp_path.iterdir()] == ["store.sqlite"]


def test_a_read_only_store_reads_and_leaves_no_trace(store, open_notes, path, tmp_path):
    """Reading a closed store changes no byte and leaves no file; writing is refused."""
    store.note((1, "a"))
    store.close()
    before = path.read_bytes()

    with open_notes(path, read_only=True) as reader:
        assert reader.verify_journal().entries == 1
        with pytest.raises(StoreError, match="read-only"):
            reader.note((2, "b"))

    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["store.sqlite"]


@pytest.mark.parametrize(
    ("location", "options", "error", "message"),
    [
        ("missing.sqlite", {"create": False}, StoreError, "there is no store at"),
        ("missing.sqlite", {"read_only": True}, StoreError, "there is no store at"),
        ("nowhere/store.sqlite", {}, StoreError, "there is no folder"),
        ("empty.sqlite", {"create": False}, StoreError, "the database is empty"),
        ("other.sqlite", {}, StoreError, "is not a store of"),
        ("noise.sqlite", {}, StoreDamaged, "not a database"),
        ("newer.sqlite", {}, StoreVersion, "revision 9999, which this version"),
        ("older.sqlite", {"read_only": True}, StoreVersion, "open it once for writing"),
    ],
)
def test_what_cannot_be_opened_is_refused_by_name(tmp_path, location, options, error, message):
    """Missing, foreign, damaged, newer and older databases each get their own error."""
    for name, script in (
        ("other.sqlite", "CREATE TABLE songs (title TEXT)"),
        ("newer.sqlite", "CREATE TABLE alembic_version (version_num TEXT);"
         "INSERT INTO alembic_version VALUES ('9999')"),
        ("older.sqlite", "CREATE TABLE alembic_version (version_num TEXT);"
         "INSERT INTO alembic_version VALUES ('0001')"),
    ):  # fmt: skip
        raw = sqlite3.connect(tmp_path / name)
        raw.executescript(script)
        raw.close()
    (tmp_path / "empty.sqlite").touch()
    (tmp_path / "noise.sqlite").write_bytes(b"noise" * 1000)

    with pytest.raises(error, match=message):
        Store.open(tmp_path / location, **options)


@pytest.mark.parametrize(
    ("location", "message"),
    [("mysql://x/y", "neither"), ("sqlite://", "needs a file"), (":memory:", "needs a file")],
)
def test_a_store_is_a_file_or_postgresql(location, message):
    """Databases that would not keep what they promise are refused."""
    with pytest.raises(InvalidInput, match=message):
        Store.open(location)


def test_the_store_is_loaded_only_when_asked_for():
    """Importing sauma and its journal does not load SQLAlchemy or Alembic."""
    script = (
        "import sys, sauma, sauma.journal; "
        "sys.exit(any(name in sys.modules for name in ('sqlalchemy', 'alembic', 'sqlite3')))"
    )

    result = subprocess.run([sys.executable, "-c", script], check=False)

    assert result.returncode == 0
