"""The plan: every delivery, netting and kind of chain brings everybody what is owed."""

from __future__ import annotations

import itertools
import random

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sauma.errors import Disagreement
from sauma.identifiers import content_id
from sauma.rulebook import Delivery, Netting, Rulebook, Supplier
from sauma.settlement import (
    CLEARING,
    ENERGY,
    FEE,
    ISSUER,
    ChainTerms,
    Good,
    Movement,
    MovementKind,
    Obligation,
    Purpose,
    add_fee_floats,
    batch_movements,
    check_movements,
    net_multilaterally,
    net_positions,
    plan_movements,
)

SETTLEMENT = content_id("settlement", "test")
SUPPLIER = Supplier(name="supplier", sells_at_micro=160_000, buys_at_micro=40_000)
TERMS = ChainTerms(
    chain_id="memory:main", nets=True, batch_instructions_max=3, atomic=True, needs_fees=False
)
POLICIES = list(itertools.product(Delivery, Netting, [True, False]))
NAMES = tuple("abcdef")


def owes(number: int, debtor: str, creditor: str, energy_wh: int) -> Obligation:
    return Obligation(
        obligation_id=content_id("obligation", number),
        cause_id=content_id("trade", number),
        purpose=Purpose.ENERGY,
        good=Good.ENERGY,
        debtor=debtor,
        creditor=creditor,
        units=energy_wh,
    )


obligations = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(1, 10**9)).filter(
        lambda debt: debt[0] != debt[1]
    ),
    max_size=12,
).map(lambda debts: [owes(number, *debt) for number, debt in enumerate(debts)])

SELLERS = [
    owes(1, "anna", "dora", 4_000),
    owes(2, "bert", "dora", 1_000),
    owes(3, "bert", "emil", 2_000),
    owes(4, "cleo", "emil", 500),
    owes(5, "dora", "anna", 1_500),
]
"""Three sellers, two buyers, one of whom also sells: by hand below."""


def plan(delivery: Delivery, netting: Netting, nets: bool, owed) -> list[Movement]:
    rulebook = Rulebook(
        name="test", version=1, supplier=SUPPLIER, delivery=delivery, netting=netting
    )
    return plan_movements(SETTLEMENT, owed, rulebook, attrs.evolve(TERMS, nets=nets))


def told(movements: list[Movement]) -> list[tuple]:
    """Movements as (kind, source, target, Wh), in order; a net with its legs."""
    return [
        (move.kind.name, *move.legs)
        if move.legs
        else (move.kind.name, move.source, move.target, move.units)
        for move in movements
    ]


def ends(movements: list[Movement]) -> dict[str, int]:
    """What everybody has in the end, folded in the order of waves, never below zero on the way."""
    held: dict[str, int] = {}
    for move in sorted(movements, key=lambda one: one.wave):
        deltas = list(move.legs)
        if move.kind is MovementKind.ISSUE:
            deltas = [(move.target, move.units)]
        elif move.kind is MovementKind.TRANSFER:
            deltas = [(move.source, -move.units), (move.target, move.units)]
        for holder, delta in deltas:
            held[holder] = held.get(holder, 0) + delta
            assert held[holder] >= 0, f"{holder} gives what it has not"
    return {holder: units for holder, units in held.items() if units}


@pytest.mark.parametrize(("delivery", "netting", "nets"), POLICIES)
@settings(max_examples=20)
@given(owed=obligations)
def test_everybody_gets_what_is_owed(delivery, netting, nets, owed):
    """However it is delivered and netted: receivers end with their due, nothing stays in between."""
    movements = plan(delivery, netting, nets, owed)

    held = ends(movements)
    issued = sum(move.units for move in movements if move.kind is MovementKind.ISSUE)
    net = net_positions((one.debtor, one.creditor, one.units) for one in owed)
    received: dict[str, int] = {}
    for one in owed:
        received[one.creditor] = received.get(one.creditor, 0) + one.units
    assert sum(held.values()) == issued
    assert CLEARING not in held
    if netting is Netting.NONE:
        assert held == received
    elif netting is Netting.MULTILATERAL:
        assert held == {name: wh for name, wh in net.items() if wh > 0}


@pytest.mark.parametrize(("delivery", "netting", "nets"), POLICIES)
@settings(max_examples=20)
@given(owed=obligations, seed=st.integers(0, 5))
def test_ids_do_not_depend_on_the_order_of_input(delivery, netting, nets, owed, seed):
    """The same obligations make the same movements and batches, id for id; no id comes twice."""
    shuffled = random.Random(seed).sample(owed, len(owed))

    movements = plan(delivery, netting, nets, owed)
    again = plan(delivery, netting, nets, shuffled)

    assert movements == again
    assert batch_movements(SETTLEMENT, movements, TERMS, NAMES) == batch_movements(
        SETTLEMENT, again, TERMS, NAMES
    )
    assert len({move.instruction_id for move in movements}) == len(movements)


@pytest.mark.parametrize(("delivery", "netting", "nets"), POLICIES)
@settings(max_examples=20)
@given(owed=obligations)
def test_waves_come_in_order(delivery, netting, nets, owed):
    """Whatever a movement waits for is in an earlier wave, so nothing waits for ever."""
    movements = plan(delivery, netting, nets, owed)
    wave_of = {move.instruction_id: move.wave for move in movements}

    assert all(wave_of[parent] < move.wave for move in movements for parent in move.parents)
    givers = {move.target for move in movements if move.wave == 0}
    assert all(move.source in {*givers, CLEARING} for move in movements if move.wave)


def test_three_sellers_without_netting():
    """Each seller is issued all that it gives, then each trade moves by itself."""
    movements = plan(Delivery.PRODUCER_WALLETS, Netting.NONE, True, SELLERS)

    assert told(movements)[:4] == [
        ("ISSUE", "anna", "anna", 4_000),
        ("ISSUE", "bert", "bert", 3_000),
        ("ISSUE", "cleo", "cleo", 500),
        ("ISSUE", "dora", "dora", 1_500),
    ]
    assert sorted(told(movements)[4:]) == [
        ("TRANSFER", "anna", "dora", 4_000),
        ("TRANSFER", "bert", "dora", 1_000),
        ("TRANSFER", "bert", "emil", 2_000),
        ("TRANSFER", "cleo", "emil", 500),
        ("TRANSFER", "dora", "anna", 1_500),
    ]
    assert ends(movements) == {"anna": 1_500, "dora": 5_000, "emil": 2_500}


def test_three_sellers_by_pairs():
    """Anna and Dora owe each other: what is left of it moves once."""
    movements = plan(Delivery.PRODUCER_WALLETS, Netting.PER_PAIR, True, SELLERS)

    assert told(movements) == [
        ("ISSUE", "anna", "anna", 2_500),
        ("ISSUE", "bert", "bert", 3_000),
        ("ISSUE", "cleo", "cleo", 500),
        ("TRANSFER", "anna", "dora", 2_500),
        ("TRANSFER", "bert", "dora", 1_000),
        ("TRANSFER", "bert", "emil", 2_000),
        ("TRANSFER", "cleo", "emil", 500),
    ]


def test_three_sellers_netted_by_the_chain():
    """Anna gives 2,500 net, Bert 3,000, Cleo 500; Dora gets 3,500 and Emil 2,500, in one movement."""
    movements = plan(Delivery.PRODUCER_WALLETS, Netting.MULTILATERAL, True, SELLERS)

    assert told(movements) == [
        ("ISSUE", "anna", "anna", 2_500),
        ("ISSUE", "bert", "bert", 3_000),
        ("ISSUE", "cleo", "cleo", 500),
        (
            "NET",
            ("anna", -2_500),
            ("bert", -3_000),
            ("cleo", -500),
            ("dora", 3_500),
            ("emil", 2_500),
        ),
    ]
    assert movements[-1].authority == CLEARING


def test_three_sellers_through_the_clearing_account():
    """Where the chain cannot net, sellers pay in and buyers are paid out when their funds are there."""
    movements = plan(Delivery.PRODUCER_WALLETS, Netting.MULTILATERAL, False, SELLERS)
    names = {move.instruction_id: move.source for move in movements}

    assert told(movements)[3:] == [
        ("TRANSFER", "anna", CLEARING, 2_500),
        ("TRANSFER", "bert", CLEARING, 3_000),
        ("TRANSFER", "cleo", CLEARING, 500),
        ("TRANSFER", CLEARING, "dora", 3_500),
        ("TRANSFER", CLEARING, "emil", 2_500),
    ]
    waits_for = [[names[parent] for parent in move.parents] for move in movements[-2:]]
    assert waits_for == [["anna", "bert"], ["bert", "cleo"]]


@pytest.mark.parametrize("nets", [True, False])
def test_three_sellers_straight_from_the_issuer(nets):
    """One movement for each debt, from the issuing account to the buyer, naming the producer."""
    movements = plan(Delivery.ISSUER_DIRECT, Netting.MULTILATERAL, nets, SELLERS)

    assert told(movements) == [
        ("ISSUE", "anna", "dora", 2_500),
        ("ISSUE", "bert", "dora", 1_000),
        ("ISSUE", "bert", "emil", 2_000),
        ("ISSUE", "cleo", "emil", 500),
    ]
    assert {move.authority for move in movements} == {ISSUER}


def test_who_pays_fees_is_given_them_first():
    """Each paying holder gets a float from the issuer, and what it signs waits for that."""
    movements = plan(Delivery.PRODUCER_WALLETS, Netting.PER_PAIR, True, SELLERS)
    fees = [("anna", 50_000), (ISSUER, 350_000), ("cleo", 0), ("bert", 100_000)]

    floated = add_fee_floats(SETTLEMENT, movements, fees)

    floats = [move for move in floated if move.asset_role == FEE]
    assert told(floats) == [
        ("TRANSFER", ISSUER, "anna", 50_000),
        ("TRANSFER", ISSUER, "bert", 100_000),
    ]
    of = {move.target: move.instruction_id for move in floats}
    for move in floated:
        if move.asset_role == ENERGY and move.authority in of:
            assert of[move.authority] in move.parents
    energy = [move for move in floated if move.asset_role == ENERGY]
    assert [move.instruction_id for move in energy] == [move.instruction_id for move in movements]
    assert floated == add_fee_floats(SETTLEMENT, movements, fees[::-1])


def test_batches_are_of_one_signer_and_wave():
    """As many instructions as the chain takes share a reference; an atomic one has several."""
    movements = plan(Delivery.PRODUCER_WALLETS, Netting.NONE, True, SELLERS)

    batches = batch_movements(
        SETTLEMENT, movements, TERMS, ("anna", "bert", "cleo", "dora", "emil")
    )

    assert [(batch.wave, batch.authority, len(batch.movements)) for batch in batches] == [
        (0, ISSUER, 3),
        (0, ISSUER, 1),
        (1, "anna", 1),
        (1, "bert", 2),
        (1, "cleo", 1),
        (1, "dora", 1),
    ]
    assert [batch.atomic for batch in batches] == [True, False, False, True, False, False]
    assert sum((batch.movements for batch in batches), ()) == tuple(
        sorted(movements, key=lambda move: (move.wave, move.authority))
    )


def test_who_has_no_account_shares_no_batch():
    """What must wait for somebody's account does not hold up what need not."""
    movements = plan(Delivery.PRODUCER_WALLETS, Netting.NONE, True, SELLERS)

    batches = batch_movements(SETTLEMENT, movements, TERMS, ("anna", "bert", "dora", "emil"))

    with_cleo = [
        batch for batch in batches if any("cleo" in move.source for move in batch.movements)
    ]
    assert [[move.source for move in batch.movements] for batch in with_cleo] == [
        ["cleo"],
        ["cleo"],
    ]


@pytest.mark.parametrize("by", [1, -1])
@pytest.mark.parametrize("position", range(8))
def test_a_plan_that_is_off_by_one_is_seen(position, by):
    """The check stops a plan that leaves a single Wh with the wrong one."""
    movements = plan(Delivery.PRODUCER_WALLETS, Netting.MULTILATERAL, False, SELLERS)
    wrong = attrs.evolve(movements[position], units=movements[position].units + by)
    debts = net_multilaterally([(one.debtor, one.creditor, one.units) for one in SELLERS])

    with pytest.raises(Disagreement, match="would leave"):
        check_movements(debts, [*movements[:position], wrong, *movements[position + 1 :]])


@pytest.mark.parametrize("netting", list(Netting))
def test_the_clearing_account_signs_for_all_where_it_alone_may(netting):
    """Where the chain lets one settler move, it signs what others would; what moves is the same."""
    rulebook = Rulebook(name="test", version=1, supplier=SUPPLIER, netting=netting)
    by_owners = attrs.evolve(TERMS, nets=False)
    by_clearing = attrs.evolve(by_owners, clearing_signs=True)

    plain = plan_movements(SETTLEMENT, SELLERS, rulebook, by_owners)
    signed = plan_movements(SETTLEMENT, SELLERS, rulebook, by_clearing)

    assert told(signed) == told(plain)
    assert {move.authority for move in signed if move.kind is not MovementKind.ISSUE} == {CLEARING}
    assert [move.instruction_id for move in signed] == [move.instruction_id for move in plain]
