"""The vault: what is beside the journal can be erased, and the journal still verifies."""

import sqlite3

import pytest

from sauma.errors import Conflict, InvalidInput, StoreDamaged
from sauma.store import salted_digest

SALT = b"\x07" * 32
SECRET = b"643006966000000016 belongs to Aino"


def put(store, key="alice", salt=SALT, content=SECRET):
    """Keep something in a transaction of its own."""
    with store.transaction() as transaction:
        return transaction.vault_put("metering_point", key, salt=salt, content=content)


def test_content_is_kept_under_its_salted_digest(store):
    """What is put comes back, with the digest that the journal commits to."""
    digest = put(store)

    item = store.vault_get("metering_point", "alice")

    assert digest == item.digest == salted_digest(SALT, SECRET)
    assert (item.salt, item.content) == (SALT, SECRET)


def test_the_same_again_is_a_no_op_and_other_content_a_conflict(store):
    """A key stands for one content and one salt."""
    assert put(store) == put(store)

    with pytest.raises(Conflict, match="metering_point alice"):
        put(store, content=b"other")
    with pytest.raises(Conflict, match="metering_point alice"):
        put(store, salt=b"\x08" * 32)


def test_erased_content_is_not_in_the_file_any_more(store, path):
    """Erasing removes content and salt from the database file itself; the journal still verifies."""
    digest = put(store)
    with store.transaction() as transaction:
        store.append_notes(transaction, 1)
    with store.transaction() as transaction:
        erased = transaction.vault_erase("metering_point", "alice")
        again = transaction.vault_erase("metering_point", "alice")

    assert (erased, again) == (True, False)
    assert store.vault_get("metering_point", "alice") is None
    assert store.verify_journal().entries == 1
    store.close()
    data = path.read_bytes()
    assert SECRET not in data
    assert SALT not in data
    assert digest not in data


def test_a_changed_item_is_named(store, path):
    """Salt, content and digest are checked whenever they are read."""
    put(store)
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE vault SET content = x'00'")
    raw.close()

    with pytest.raises(StoreDamaged, match="vault metering_point alice"):
        store.vault_get("metering_point", "alice")


def test_a_salt_has_32_bytes(store):
    """A short salt would be guessed."""
    with pytest.raises(InvalidInput, match="a salt has 32 bytes, got 1"):
        put(store, salt=b"x")
