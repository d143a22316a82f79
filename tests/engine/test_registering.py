"""Registering costs what is registered, however large the city is already."""

from __future__ import annotations

import attrs
import pytest
import sqlalchemy as sa

from sauma.chain import FeeModel
from sauma.identifiers import complete_gsrn
from sauma.offers import MeteringPoint, Side, StandingPrice
from sauma.store import registered

from .town import AREA, START, seed_rulebook

GROWING = {"participants", "bindings", "metering_points", "prices", "vault"}
"""What has a row, or several, for everybody in the city."""


@pytest.fixture
def scanned():
    """The tables that were read from end to end, as SQLite explains what it was asked."""
    found = set()
    asking = []

    def explain(connection, cursor, statement, parameters, _context, _executemany):
        if asking or not statement.startswith("SELECT"):
            return
        asking.append(statement)
        plan = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        found.update(row[3].split()[1] for row in plan if row[3].startswith("SCAN "))
        asking.clear()

    sa.event.listen(sa.Engine, "before_cursor_execute", explain)
    yield found
    sa.event.remove(sa.Engine, "before_cursor_execute", explain)


def test_no_call_reads_everybody(town, scanned):
    """Participants, accounts, points, prices and a rulebook are checked by looking up those they name."""
    engine, name = town.engine, "eve"
    engine.register(name, town.chain.account(name))
    engine.bind(name, town.chain.account(name))
    engine.add_metering_points(
        [MeteringPoint(gsrn=complete_gsrn("64300000000000099"), participant=name, area=AREA)]
    )
    engine.set_prices(
        [
            StandingPrice(
                participant=name, area=AREA, side=Side.BID, price_micro=90_000, valid_from=START
            )
        ]
    )
    engine.publish(seed_rulebook(version=2))

    assert scanned & GROWING == set()


def test_a_plan_looks_up_those_whom_it_names(town, scanned, monkeypatch):
    """Also on a chain that takes fees, where each plan is quoted for the accounts that it moves between."""
    dear = attrs.evolve(town.chain.capabilities, fee_model=FeeModel.FIXED)
    monkeypatch.setattr(type(town.node), "capabilities", dear)
    town.sunny()
    town.engine.clear_due()
    scanned.clear()

    assert town.engine.settle_due() == 1
    assert scanned & GROWING == set()


def test_the_operators_accounts_are_known_by_their_names(town):
    """Issuers of every number, clearing and escrow; nobody else."""
    town.engine.bind("@issuer.2", town.chain.account("issuer.2"))
    chain_id = town.engine.venue.chain_id
    with town.engine.store.reading() as connection:
        found = registered.operators_accounts(connection, chain_id)

    assert found == {
        "@issuer": town.chain.account("issuer"),
        "@issuer.2": town.chain.account("issuer.2"),
        "@clearing": town.chain.account("clearing"),
    }


def test_the_explanation_sees_a_scan(town, scanned):
    """A question about everybody is told as one: the test above would notice."""
    town.engine.store.query(sa.text("SELECT * FROM prices"))

    assert scanned == {"prices"}
