"""Finding what may leave looks at what is open, however long the journal is."""

from __future__ import annotations

import sqlalchemy as sa

from sauma.dispatch.due import due_batches


def test_only_entries_that_planned_what_is_open_are_read(town) -> None:
    """Parents and legs are read from the oldest open plan on: what is settled is passed over."""
    town.sunny(0)
    town.plan()
    town.run()
    settled_to = town.engine.store.head_sequence()
    town.sunny(1)
    town.plan()
    spans = []

    def note(connection, cursor, statement, parameters, *_):
        if "FROM instruction_parents" in statement:
            spans.append(tuple(parameters)[:2])

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        with town.engine.store.reading() as connection:
            due = due_batches(connection, town.engine.venue.chain_id)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)

    ((first, last),) = spans
    assert settled_to < first <= last
    assert len(due.ready) == 1  # the issue; what waits for it knows its parents
    assert due.waiting == 2
