"""Proofs of bills: they hold offline, say nothing of neighbours, and no field can be changed unnoticed."""

from __future__ import annotations

import copy
import json
from hashlib import sha256

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.anchoring import (
    BillProof,
    anchor_id,
    anchor_reference,
    check_proof,
    check_proof_on_chain,
    root_above,
    row_leaves,
    row_salts,
)
from sauma.errors import Disagreement, InvalidInput, SaumaError, Unavailable
from sauma.journal.merkle import inclusion_proof, leaf_hash, root_of
from sauma.memory import MemoryChain, MemoryCodec
from sauma.rulebook import Anchoring, Netting, NettingPeriod
from sauma.store import projections as p

from .town import Town, seed_rulebook, undisturbed, work_folder

CODEC = MemoryCodec()


@pytest.fixture(scope="module")
def town():
    """Two sunny quarters of the town, netted, anchored by day and final."""
    with work_folder() as root:
        rulebook = seed_rulebook(
            netting=Netting.MULTILATERAL, netting_period=NettingPeriod.DAY, anchor=Anchoring.DAY
        )
        town = undisturbed(root / "town", (0, 1), rulebook=rulebook)
        yield town
        town.engine.close()


@pytest.fixture(scope="module")
def proof(town) -> BillProof:
    """The proof of Cleo's bill."""
    return proof_of(town, "cleo")


def proof_of(town: Town, participant: str) -> BillProof:
    """A participant's only bill, proven."""
    (statement,) = town.engine.statements(participant)
    return town.engine.prove(statement.bill.bill_id)


def test_a_proof_shows_the_bill_and_its_trades(town, proof):
    """Every line and every trade is there, though only net energy moved on the chain."""
    (statement,) = town.engine.statements("cleo")
    proven = check_proof(proof, CODEC)

    assert proven.bill_id == statement.bill.bill_id
    assert (proven.participant, proven.area) == ("cleo", statement.area)
    assert (proven.period_start, proven.period_end) == (
        statement.period_start,
        statement.period_end,
    )
    assert proven.lines == len(statement.bill.lines) > 0
    assert proven.trades >= 2
    assert proven.owed_cents == statement.bill.owed_cents
    assert proven.bills_beside == 3
    assert proven.signer == town.chain.account("issuer")
    assert proven.block_checked is False


def test_the_chain_confirms_the_block(town, proof):
    """With a chain also height, hash and time of the block are checked."""
    assert check_proof_on_chain(proof, CODEC, town.chain).block_checked is True


def test_a_proof_survives_being_written(proof):
    """The document says all of it, and the same proof gives the same text."""
    again = BillProof.from_json(proof.to_json())

    assert again == proof
    assert again.to_json() == proof.to_json()
    assert BillProof.from_json(proof.to_json().encode()) == proof


def test_every_participant_can_prove_its_bill(town):
    """Each bill has its own path to the same root, and its own salts."""
    proofs = [proof_of(town, name) for name in ("anna", "bert", "cleo", "dora")]
    salts = [row.salt for proof in proofs for row in proof.rows]

    assert len({check_proof(proof, CODEC).root for proof in proofs}) == 1
    assert len(set(salts)) == len(salts)
    assert sorted(proof.index for proof in proofs) == [0, 1, 2, 3]


def test_a_proof_says_nothing_of_neighbours_with_whom_one_did_not_trade(town):
    """Names appear only as counterparties of one's own lines; ids of offers and trades not at all."""
    with town.engine.store.reading() as connection:
        hidden = [
            bytes(value).hex()
            for row in connection.execute(p.trades.select())
            for value in (row.trade_id, row.bid_id, row.ask_id)
        ]
    text = proof_of(town, "cleo").to_json()

    assert "dora" not in text
    assert not [digits for digits in hidden if digits in text]


FIELDS = [
    ("format",),
    ("version",),
    ("chain", "chain_id"),
    ("chain", "settings"),
    ("inclusion", "index"),
    ("inclusion", "size"),
    ("inclusion", "path"),
    ("anchor", "period_start"),
    ("anchor", "period_end"),
    ("anchor", "root"),
    ("anchor", "transaction_id"),
    ("anchor", "raw"),
    ("anchor", "height"),
    ("anchor", "block_hash"),
    ("anchor", "block_time"),
]


def changed(value):
    """Another value of the same kind."""
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str) and value and set(value) <= set("0123456789abcdef"):
        return ("1" if value[0] == "0" else "0") + value[1:]
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, list):
        return [changed(value[0]), *value[1:]]
    return {**value, "changed": 1}


@pytest.mark.parametrize("field", FIELDS, ids=".".join)
def test_a_changed_field_is_named(town, proof, field):
    """Whatever is changed outside the rows: the first wrong thing is that field, by name."""
    document = json.loads(proof.to_json())
    place = document
    for name in field[:-1]:
        place = place[name]
    place[field[-1]] = changed(place[field[-1]])

    with pytest.raises(SaumaError, match=field[-1]) as found:
        check_proof_on_chain(BillProof.from_json(json.dumps(document)), CODEC, town.chain)
    assert isinstance(found.value, Disagreement | InvalidInput | Unavailable)


def test_every_changed_field_of_every_row_is_named(proof):
    """Facts, salt and locator of each row: what is changed is said with the number of the row."""
    document = json.loads(proof.to_json())
    for number, row in enumerate(document["rows"]):
        places = [(row, "salt"), (row, "locator")]
        places += [(row["facts"], name) for name in row["facts"]]
        for place, name in places:
            before = place[name]
            place[name] = changed(before)
            with pytest.raises(SaumaError, match=rf"rows\[{number}\]"):
                check_proof(BillProof.from_json(json.dumps(document)), CODEC)
            place[name] = before


@pytest.mark.parametrize("cut", ["rows", "inclusion", "anchor", "chain", "format", "version"])
def test_a_missing_part_is_named(proof, cut):
    """A proof that lacks something is no proof, and what it lacks is said."""
    document = json.loads(proof.to_json())
    del document[cut]

    with pytest.raises(InvalidInput, match=f"lacks '{cut}'"):
        BillProof.from_json(json.dumps(document))


def test_what_a_version_does_not_know_is_refused(proof):
    """An unknown field could be one that matters: it is not passed over."""
    for place in ("", "chain", "inclusion", "anchor"):
        document = json.loads(proof.to_json())
        (document[place] if place else document)["more"] = 1
        with pytest.raises(InvalidInput, match=r"unknown fields \['more'\]"):
            BillProof.from_json(json.dumps(document))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no JSON"),
        ("[]", "not an object"),
        ('{"format": "other"}', "no proof of a bill"),
        ('{"format": "sauma.bill-proof", "version": 3}', "version 3 of the proof is not known"),
        ('{"format": "sauma.bill-proof", "version": true}', "version 'True' is not an integer"),
    ],
)
def test_what_is_no_proof_says_so(text, says):
    """Anything else than a proof is refused with what is wrong."""
    with pytest.raises(InvalidInput, match=says):
        BillProof.from_json(text)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("anchor", "root"), "AB" * 32),
        (("anchor", "root"), "ab" * 31),
        (("anchor", "raw"), "zz"),
        (("anchor", "raw"), 7),
        (("inclusion", "index"), -1),
        (("inclusion", "size"), 2**63),
        (("inclusion", "path"), "no list"),
        (("inclusion", "path"), ["00"]),
        (("chain", "settings"), []),
        (("rows",), {}),
        (("rows",), [1]),
        (("rows",), [{"facts": {"row": "offer"}, "salt": "", "locator": ""}]),
    ],
)
def test_a_value_of_another_kind_is_named(proof, place, value):
    """Each field has its kind: upper-case digits, other lengths and other types are refused by name."""
    document = json.loads(proof.to_json())
    target = document
    for name in place[:-1]:
        target = target[name]
    target[place[-1]] = value

    with pytest.raises(InvalidInput, match="row|" + place[-1]):
        BillProof.from_json(json.dumps(document))


def resealed(proof: BillProof, change) -> BillProof:
    """The proof with changed facts under new locators, as a forger would write it."""
    facts = copy.deepcopy([row.facts for row in proof.rows])
    change(facts)
    leaves = row_leaves(facts, [row.salt for row in proof.rows])
    rows = tuple(
        attrs.evolve(row, facts=each, locator=leaf[:4])
        for row, each, leaf in zip(proof.rows, facts, leaves, strict=True)
    )
    return attrs.evolve(proof, rows=rows)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda rows: rows[0].update(owed_cents=rows[0]["owed_cents"] - 1), "owed_cents"),
        (lambda rows: rows[0].update(owed_nano=rows[0]["owed_nano"] - 1), "owed_nano"),
        (lambda rows: rows[0].update(participant="dora"), "bill_id"),
        (lambda rows: rows[0].update(area="kortteli-9"), "settlement_id"),
        (lambda rows: rows[0].update(lines=0), r"rows\[0\]: the bill has 0 lines"),
        (lambda rows: rows[1].update(energy_wh=rows[1]["energy_wh"] + 1), "its trades have"),
        (lambda rows: rows[1].update(amount_nano=1), "amount_nano"),
        (lambda rows: rows[-1].update(buyer="dora"), "has no part in this trade"),
        (lambda rows: rows[-1].update(seller="dora"), "its trades have"),
        (lambda rows: rows[0].update(currency="SEK"), "inclusion"),
        (lambda rows: rows[-1].update(interval_start=900), "inclusion"),
    ],
)
def test_a_forger_who_seals_anew_is_caught(proof, change, says):
    """New locators help nobody: sums, ids or the path to the root give it away, by name."""
    with pytest.raises(Disagreement, match=says):
        check_proof(resealed(proof, change), CODEC)


def test_a_row_left_out_is_caught(proof):
    """A bill without one of its trades has not the rows that it says."""
    with pytest.raises(Disagreement, match="in that order"):
        check_proof(attrs.evolve(proof, rows=proof.rows[:-1]), CODEC)
    with pytest.raises(Disagreement, match="begins with the row of the bill"):
        check_proof(attrs.evolve(proof, rows=()), CODEC)
    with pytest.raises(Disagreement, match="begins with the row of the bill"):
        check_proof(attrs.evolve(proof, rows=proof.rows[1:]), CODEC)


def test_another_anchor_does_not_fit(town, proof):
    """A transaction that anchors nothing, or something else, is no anchor of this bill."""
    raw = next(raw for raw in town.node.broadcasts if not CODEC.decode(raw).anchored_roots)
    issued = CODEC.decode(raw).transaction_id

    with pytest.raises(Disagreement, match="root"):
        check_proof(attrs.evolve(proof, raw=raw, transaction_id=issued), CODEC)


def test_a_chain_that_does_not_have_it_says_so(proof):
    """Another chain, one that is behind, and one without the transaction are told apart."""
    with pytest.raises(InvalidInput, match="the node serves memory:other"):
        check_proof_on_chain(proof, CODEC, MemoryChain("other"))
    empty = MemoryChain("main")
    with pytest.raises(Unavailable, match="wait until it has"):
        check_proof_on_chain(proof, CODEC, empty)
    empty.mine(proof.height)
    with pytest.raises(Disagreement, match="does not have the transaction"):
        check_proof_on_chain(proof, CODEC, empty)


@given(st.integers(1, 300), st.data())
def test_a_path_leads_to_the_root_from_its_place_only(size, data):
    """For a tree of any size: the path of a bill leads from its root to the tree's, from no other place."""
    roots = [sha256(bytes((number & 255, number >> 8))).digest() for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    leaves = [leaf_hash(root) for root in roots]
    path = inclusion_proof(leaves, index)

    assert root_above(roots[index], index, size, path) == root_of(leaves)
    other = data.draw(st.integers(0, size - 1).filter(lambda each: each != index or size == 1))
    assert size == 1 or root_above(roots[index], other, size, path) != root_of(leaves)


def test_a_million_bills_take_less_than_a_kibibyte():
    """The path in a tree of 10^6 bills is 20 hashes: 640 bytes."""
    leaves = [number.to_bytes(32, "big") for number in range(1_000_000)]
    path = inclusion_proof(leaves, 777_777)

    assert len(path) == 20
    assert sum(map(len, path)) < 1024


def test_salts_are_of_one_row_of_one_bill():
    """The salts of a bill follow from its own key: other bills, rows and anchors have others."""
    salts = {
        salt
        for key in (bytes(32), b"k" * 32)
        for bill in (b"a" * 32, b"b" * 32)
        for salt in row_salts(key, bill, 5)
    }

    assert len(salts) == 20
    assert {len(salt) for salt in salts} == {32}


def test_the_reference_names_what_is_anchored():
    """Chain, period, size and root: another of these is another reference."""
    facts = ("memory:main", (0, 900), 4, bytes(32))
    others = [
        ("memory:other", (0, 900), 4, bytes(32)),
        ("memory:main", (0, 1_800), 4, bytes(32)),
        ("memory:main", (0, 900), 5, bytes(32)),
        ("memory:main", (0, 900), 4, b"r" * 32),
    ]

    assert len({anchor_reference(anchor_id(*each)) for each in (facts, *others)}) == 5
