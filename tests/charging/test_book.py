"""The book of charges beside other processes that write into it."""

import sqlite3

import pytest

from sauma.errors import InvalidInput
from sauma.store.connecting import WRITER, connect_engine, store_url
from sauma_metering.charging import ChargeBook


def test_who_writes_has_the_lock_before_it_reads(tmp_path):
    """What a transaction decides by what it read is still so when it writes."""
    path = tmp_path / "charges.sqlite"
    book = ChargeBook.open(path)
    other = sqlite3.connect(path, timeout=0, isolation_level=None)

    with book._writing(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")

    other.close()
    book.close()


def test_the_option_of_writers_belongs_to_a_connection(tmp_path):
    """Set for a whole database it would reach no connection, and nobody would have the lock."""
    engine = connect_engine(store_url(tmp_path / "x"), read_only=False, busy_timeout_ms=1)

    with pytest.raises(InvalidInput, match="option of a connection"):
        engine.execution_options(**{WRITER: True})
    engine.dispose()
