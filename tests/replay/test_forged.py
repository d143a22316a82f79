"""A forger who seals everything anew: every hash fits, and what he changed is found and named."""

from __future__ import annotations

import copy
import re
from itertools import pairwise

import pytest
import sqlalchemy as sa

from sauma.dispatch.suspending import DEATHS_MAX, suspend
from sauma.journal import TableClass, TableSchema
from sauma.journal import schemas as journal
from sauma.memory import MemoryChain
from sauma.offers import Side
from sauma.replay import replay
from sauma.rulebook import Netting
from sauma.store import projections as p

from .forger import Forger, mutated
from .neighbours import CODEC, NAMES, Neighbours, rulebook_of

ELSEWHERE = {"anchor_keys", "fee_quotes", "late_readings", "session_steps", "standing_steps"}
"""Inputs that this story has no use for."""
NOT_IN_THE_BYTES = {"transactions.prepared_at", "transactions.consumes"}
"""What only the signer knows."""
WITHOUT_EFFECT = {
    "burials.reason": "words",
    "resumptions.reason": "words",
    "suspensions.deaths": "only told",
    "readings.quality": "an estimate counts as a measurement does",
    "chain_terms.nets": "a plan without multilateral netting nets nothing",
    "chain_terms.batch_instructions_max": "no batch comes near it",
    "chain_terms.needs_fees": "nobody quoted a fee",
    "chains.fee_asset": "nothing moves in it",
    "chains.settings": "a codec built from them reads the same bytes",
}
"""Inputs that nothing followed from."""
OTHER_VALUES = {
    "chains.fee_asset": "memory:main/unit:fee",
    "chains.settings": b'{"issuer":"mallory"}',
    "observations.rolled_back_to": 7,
    "transactions.consumes": b'["00"]',
}
"""Where the usual change would be nonsense."""
ONLY_ON_THE_CHAIN = {
    "observations.scanned_time",
    "observations.final_height",
}
"""What the chain alone can tell."""


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """A life with every table in it: an offer by hand, a burial, a netted and an unnetted period."""
    path = tmp_path_factory.mktemp("story") / "store.sqlite"
    chain = MemoryChain("main", validity_s=60)
    neighbours = Neighbours(path, chain=chain, rulebook=rulebook_of(netting=Netting.MULTILATERAL))
    neighbours.read(0)
    neighbours.post(0, "alder", Side.ASK, 500, 70_000)
    neighbours.close()
    suspend_and_resume(neighbours)
    neighbours.engine.step()
    chain.advance(600)
    chain.mine(8)
    neighbours.finish()
    neighbours.engine.publish(rulebook_of(version=2))
    neighbours.live((1,))
    assert neighbours.replay().findings == ()
    return neighbours


def suspend_and_resume(neighbours):
    """Have a planned batch left alone for a while, as after the deaths of five processes."""
    engine, time = neighbours.engine, neighbours.clock.now()
    (row, *_) = engine.store.query(sa.select(p.instructions.c.batch_id))
    batch_id = bytes(row.batch_id)
    with engine.store.transaction() as transaction:
        suspend(transaction, [batch_id], is_transaction=False, deaths=DEATHS_MAX, time=time)
    engine.resume(batch_id, reason="mended")


@pytest.fixture
def forger(story):
    """The forger with that journal in his hands."""
    return Forger(story.engine.store)


def columns_of(*classes: TableClass) -> list[str]:
    """Return table.column for each column of the tables of some classes."""
    return [
        f"{schema.name}.{column}"
        for schema in journal.SCHEMAS
        if schema.table_class in classes and schema.name not in ELSEWHERE
        for column in schema.column_names
    ]


def sampled(places: list[str]) -> list[object]:
    """Return every fifth column, and all that go unfound somewhere; the others take a long run."""
    special = {*NOT_IN_THE_BYTES, *WITHOUT_EFFECT, *ONLY_ON_THE_CHAIN}
    return [
        place
        if number % 5 == 0 or place in special
        else pytest.param(place, marks=pytest.mark.soak)
        for number, place in enumerate(places)
    ]


@pytest.mark.parametrize("place", sampled(columns_of(TableClass.INPUT, TableClass.WITNESSED)))
def test_a_changed_value_is_found(story, forger, tmp_path, place):
    """Every input and witnessed value is held by an id, a plan, a page, the bytes or the chain."""
    table, _, column = place.partition(".")
    entry = forger.with_rows(table)[-1]
    row = entry.row(table, -1)
    row[column] = OTHER_VALUES.get(place) or mutated(row[column])

    with forger.write(tmp_path / "forged.sqlite") as store:
        report = replay(store, codec=CODEC)
        found_offline = not report.ok
        if not found_offline:
            report = replay(store, codec=CODEC, chain=story.chain)

    unfound = place in NOT_IN_THE_BYTES or place in WITHOUT_EFFECT
    assert report.ok == unfound, report.findings
    assert found_offline == (not unfound and place not in ONLY_ON_THE_CHAIN), report.findings
    assert report.ok or re.match(r"(entry \d+|transaction \w+|block \d+)", report.findings[0].place)


@pytest.mark.parametrize(
    "schema",
    [
        one
        for one in journal.SCHEMAS
        if one.name
        in {
            "positions",
            "trades",
            "residuals",
            "obligations",
            "settlements",
            "instructions",
            "instruction_parents",
            "instruction_legs",
            "bills",
            "bill_lines",
        }
    ],
    ids=lambda schema: schema.name,
)
def test_a_changed_derived_row_is_named(story, forger, tmp_path, schema):
    """What follows is computed again: entry, table, row and column of the first difference are named."""
    entry = forger.with_rows(schema.name)[0]
    column = schema.column_names[-1]
    row = entry.row(schema.name, -1)
    row[column] = mutated(row[column])

    with forger.write(tmp_path / "forged.sqlite") as store:
        report = replay(store, codec=CODEC)

    (finding,) = report.findings
    number = len(entry.rows[schema.name]) - 1
    assert finding.place == f"entry {entry.header.sequence}"
    assert finding.explanation.startswith(f"table {schema.name} row {number} {column}: stored ")


def test_a_derived_table_called_an_input_is_found(story, forger, tmp_path):
    """The class of a table is fixed by its name, or nobody would compute it again."""
    entry = forger.of_kind("interval_cleared")[0]
    schema = entry.schemas["trades"]
    entry.schemas["trades"] = TableSchema(
        name="trades", table_class=TableClass.INPUT, version=9, columns=schema.columns
    )

    with forger.write(tmp_path / "forged.sqlite") as store:
        (finding,) = replay(store, codec=CODEC).findings

    assert finding.place == f"entry {entry.header.sequence} table trades"
    assert "is input of version 9" in finding.explanation


def test_a_table_too_many_and_one_too_few_are_found(story, forger, tmp_path):
    """An entry has the tables of its kind: neither hidden nor missing ones."""
    entry = forger.of_kind("readings_accepted")[0]
    entry.schemas["prices"], entry.rows["prices"] = journal.PRICES, []
    with forger.write(tmp_path / "more.sqlite") as store:
        (more,) = replay(store, codec=CODEC).findings
    del entry.schemas["prices"]
    cleared = forger.of_kind("interval_cleared")[0]
    del cleared.schemas["residuals"]
    with forger.write(tmp_path / "less.sqlite") as store:
        (less,) = replay(store, codec=CODEC).findings

    assert more.place == f"entry {entry.header.sequence} table prices"
    assert "lacks the tables ['residuals']" in less.explanation


def test_an_unknown_kind_is_found(story, forger, tmp_path):
    """What nothing here can check does not pass as checked."""
    forger.of_kind("prices_set")[0].kind = "prices_moved"

    with forger.write(tmp_path / "forged.sqlite") as store:
        (finding,) = replay(store, codec=CODEC).findings

    assert "is of the kind 'prices_moved'" in finding.explanation


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("interval_cleared", {"rulebook_hash": rulebook_of(version=2).rulebook_hash}),
        ("settlement_planned", {"area": "kortteli-2"}),
        ("chain_observed", {"area": "kortteli-1"}),
        ("transactions_signed", {"rulebook_hash": rulebook_of().rulebook_hash}),
    ],
)
def test_a_changed_header_is_found(story, forger, tmp_path, kind, change):
    """A header names the rulebook in force, and an area and interval where its kind has them."""
    entry = forger.of_kind(kind)[0]
    entry.changes.update(change)

    with forger.write(tmp_path / "forged.sqlite") as store:
        (finding,) = replay(store, codec=CODEC).findings

    assert finding.place.startswith("entry ")


def test_entries_left_out_or_repeated_are_found(story, tmp_path):
    """What comes later rests on what is missing, and nothing happens twice.

    Left out without a trace can be a page without events, since the next one begins earlier then, and
    a burial where the next transaction takes the same nonce, since the two could never both land.
    """
    whole = Forger(story.engine.store)
    kinds = [entry.kind for entry in whole.entries]
    ways = [(kind, 0) for kind in sorted(set(kinds))]
    ways += [
        (kind, 2) for kind in ("readings_accepted", "settlement_planned", "transactions_signed")
    ]
    unfound = set()
    for kind, times in ways:
        forger = copy.copy(whole)
        number = kinds.index(kind)
        forger.entries = whole.entries[:number] + [whole.entries[number]] * times
        forger.entries += whole.entries[number + 1 :]
        with forger.write(tmp_path / f"{kind} {times}.sqlite") as store:
            if replay(store, codec=CODEC, chain=story.chain).ok:
                unfound.add((kind, times))

    assert unfound == {("chain_observed", 0), ("transactions_buried", 0)}


def test_every_settlement_that_is_final_needs_its_bills(story, tmp_path):
    """Final bills that were withheld are missed by name."""
    forger = Forger(story.engine.store)
    last = forger.of_kind("bills_issued")[-1]
    forger.entries.remove(last)

    with forger.write(tmp_path / "forged.sqlite") as store:
        report = replay(store, codec=CODEC, chain=story.chain)

    assert {finding.explanation.split()[0] for finding in report.findings} == set(NAMES)
    assert "has no bill that is final" in report.findings[0].explanation


@pytest.mark.parametrize("netting", Netting, ids=lambda netting: netting.value)
def test_another_price_computed_through(tmp_path, netting):
    """Without netting the reference on the chain commits to the trade and its price; else the limit.

    Where netting leaves the same movements, only a copy of the head hash tells two histories apart.
    """
    neighbours = Neighbours(tmp_path / "store.sqlite", rulebook=rulebook_of(netting=netting)).live()
    forger = Forger(neighbours.engine.store)
    for entry in forger.of_kind("prices_set"):
        for row in entry.rows["prices"]:
            row["price_micro"] += row["side"] == int(Side.ASK)

    with forger.write(tmp_path / "forged.sqlite", recompute=True) as store:
        report = replay(store, codec=CODEC, chain=neighbours.chain)

    assert report.ok == (netting is not Netting.NONE)
    assert report.ok or "was never planned" in report.findings[0].explanation
    assert report.head_hash != neighbours.engine.store.head_hash()


def test_another_reading_lived_through_moves_other_energy(story, tmp_path):
    """Whoever changes a reading, computes and signs all anew, has another chain than everybody has."""
    honest = Neighbours(tmp_path / "honest.sqlite").live()
    other = Neighbours(tmp_path / "other.sqlite")
    other.read(0, flows={"alder": (0, 14_000), "birch": (9_000, 0), "cedar": (8_000, 0)})
    other.close()
    other.finish()

    alone = other.replay(offline=True)
    report = replay(other.engine.store, codec=CODEC, chain=honest.chain)

    assert alone.findings == ()
    assert not report.ok


def test_forged_sequences_stay_linked(story, tmp_path):
    """The forger's journal is sound as far as hashes go: what is found is found by its contents."""
    forger = Forger(story.engine.store)
    forger.of_kind("prices_set")[0].row("prices")["price_micro"] += 1

    with forger.write(tmp_path / "forged.sqlite") as store:
        store.verify_journal()
        entries = list(store.entries())

    assert all(
        later.header.previous_hash == earlier.entry_hash for earlier, later in pairwise(entries)
    )
