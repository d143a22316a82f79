"""A process that dies at any moment leaves a prefix of whole transactions."""

import pytest
import sqlalchemy as sa

from sauma.identifiers import ChainId


@pytest.mark.parametrize("acknowledged", [1, 5, 23, 60])
def test_a_killed_process_leaves_whole_transactions(location, open_notes, child, acknowledged):
    """After SIGKILL: all that was acknowledged is there, entries, projection and cursor agree."""
    process = child("appending.py", location)
    for _ in range(acknowledged):
        last = int(process.stdout.readline())
    process.kill()
    process.wait()

    with open_notes(location) as store:
        summary = store.verify_journal()
        (projected,) = store.query(sa.text("SELECT sum(rows) FROM note_totals"))[0]
        live = store.projection_digest()
        store.rebuild_projections()

        assert summary.entries >= last
        assert projected == summary.entries
        assert store.cursor(ChainId("memory:crash")).cursor.height == summary.entries
        assert store.projection_digest() == live


def test_a_store_survives_many_deaths(location, open_notes, child):
    """Each process goes on where the one before it was killed, without a gap."""
    for _ in range(4):
        process = child("appending.py", location)
        for _ in range(3):
            process.stdout.readline()
        process.kill()
        process.wait()

    with open_notes(location) as store:
        numbers = [entry.table("notes").values("number") for entry in store.entries()]

        assert numbers == [[number] for number in range(1, len(numbers) + 1)]
        assert len(numbers) >= 12
