"""What holds on PostgreSQL beyond what every store does: a whole settlement, and a server that goes away."""

import pytest
import sqlalchemy as sa
from settling import plan_village, settle_somewhere

from sauma.errors import StoreError
from sauma.store import Store


@pytest.fixture
def database(postgresql_server):
    """An empty database."""
    from postgres import new_database

    return new_database(postgresql_server)


def test_a_settlement_is_the_same_on_both_databases(tmp_path, database):
    """The same inputs give the same journal, byte for byte, and the same projections."""
    assert settle_somewhere(database) == settle_somewhere(tmp_path / "store.sqlite")


def test_a_village_is_the_same_on_both_databases(tmp_path, database):
    """More homes than a statement has parameters for, registered, metered, settled and corrected at once."""
    assert plan_village(database, 520) == plan_village(tmp_path / "store.sqlite", 520)


def test_a_server_that_is_not_there_is_a_store_error(tmp_path):
    """A database that cannot be reached is told as such, without a trace of the driver's classes."""
    with pytest.raises(StoreError):
        Store.open(f"postgresql://nobody@/none?host={tmp_path}")


def test_a_connection_that_is_cut_writes_nothing(database, open_notes):
    """What was not committed when the server ended the session is not there; the next call goes on."""
    with open_notes(database) as store:
        with pytest.raises(StoreError):
            _append_in_a_session_that_ends(store)

        assert store.note((3, "a")).sequence == 1


def _append_in_a_session_that_ends(store):
    with store.transaction() as transaction:
        store.append_notes(transaction, 1)
        (own,) = transaction.query(sa.select(sa.func.pg_backend_pid()))[0]
        with store.reading() as connection:
            connection.execute(sa.select(sa.func.pg_terminate_backend(own)))
        store.append_notes(transaction, 2)
