"""A step costs what is on its way, however long the past is: no statement walks through what grows."""

from contextlib import contextmanager
from datetime import timedelta

import attrs
import pytest
import sqlalchemy as sa

from sauma.rulebook import Anchoring
from sauma.service import Service, ServiceSettings
from sauma.store import projections as p

from .town import seed_rulebook

SMALL = {
    "anchors",
    "chains",
    "open_corrections",
    "open_intervals",
    "open_session_batches",
    "rulebooks",
    "suspensions",
    "unanchored_settlements",
}
"""What may be walked through: one row a day, one for each change of the rules, or what is open."""


@contextmanager
def walks():
    """Collect the tables that SQLite walks through from end to end, each with its statement."""
    found = {}

    def explain(_connection, cursor, statement, parameters, _context, executemany):
        if not statement.startswith(("SELECT", "UPDATE", "DELETE")):
            return
        given = parameters[0] if executemany and parameters else parameters
        plan = cursor.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", given)
        for *_, step in plan.fetchall():
            walked = step.split()
            if walked[0] == "SCAN" and "LIMIT" not in statement and walked[1] in p.metadata.tables:
                found[walked[1]] = statement

    sa.event.listen(sa.Engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", explain)


@pytest.mark.parametrize("anchor", list(Anchoring))
def test_a_round_walks_through_no_table_that_grows(make_town, anchor):
    """Clearing, planning, following, billing, anchoring, and the figures of a service."""
    town = make_town(rulebook=attrs.evolve(seed_rulebook(), anchor=anchor))
    service = Service(town.engine, settings=ServiceSettings(reconcile_every=timedelta(days=1)))
    service.round()  # adds up the whole ledger, which it does again after a day
    for quarter in range(3):
        town.sunny(quarter)
    town.plan()

    with walks() as found:
        for _ in range(12):
            service.round()
            service.condition()
            town.chain.mine()

    assert found.keys() <= SMALL, {name: found[name] for name in found.keys() - SMALL}
    assert town.engine.finished
