"""From readings to final bills on the reference chain: by hand, by every policy, and over again."""

from __future__ import annotations

import itertools

import pytest

from sauma.billing import LineKind
from sauma.errors import UnknownName
from sauma.offers import MeteringPoint, Offer, Side
from sauma.rulebook import Delivery, Netting, NettingPeriod
from sauma.store import queries
from sauma.units import NANO_PER_CENT

from .town import AREA, NAMES, START, Town, gsrn, quarter, reading, seed_rulebook

MECHANISMS = ("equal_shares", "uniform_price")
POLICIES = list(itertools.product(Delivery, Netting, MECHANISMS))


def lines_of(town: Town, participant: str) -> list[tuple[str, str, int, int, int]]:
    """A participant's lines: kind, counterparty, price in micro-units, Wh, nano-units owed."""
    (statement,) = town.engine.statements(participant)
    return [
        (line.kind.name, line.counterparty, line.price_micro, line.energy_wh, line.amount_nano)
        for line in statement.bill.lines
    ]


def test_the_seed(town):
    """15 kWh at 0.1 €/kWh are shared by two who want 9 each: 7,500 Wh and 0.75 € each."""
    town.engine.set_price("cleo", AREA, Side.BID, 100_000, quarter(1).start)
    town.engine.set_price("dora", AREA, Side.BID, 100_000, quarter(1).start)
    town.meter(1, anna=(0, 15_000), cleo=(7_500, 0), dora=(7_500, 0))
    town.plan()
    town.run()

    assert town.balances() == {"anna": 0, "bert": 0, "cleo": 7_500, "dora": 7_500, "clearing": 0}
    assert lines_of(town, "cleo") == [("BOUGHT", "anna", 100_000, 7_500, 750_000_000)]
    assert lines_of(town, "dora") == [("BOUGHT", "anna", 100_000, 7_500, 750_000_000)]
    assert [one.bill.owed_cents for one in town.engine.statements()] == [-120, 75, 75]
    assert set(town.statuses().values()) == {"FINAL"}


def test_three_sellers_at_equal_shares(make_town):
    """Asks clear cheapest first, each level shared evenly, capped by need, at the ask's own price.

    Anna asks 0.10 for 3,000 Wh: Cleo (wants 2,000) and Dora (wants 3,000) take 1,500 each.
    Bert asks 0.12 for 2,000 Wh: Cleo needs 500 more, Dora 1,500; that is all of it.
    Dora exports 400 at 0.14: nobody is left who would buy it, so the supplier takes it.
    """
    town = make_town(rulebook=seed_rulebook(own_use_first=False))
    town.engine.set_price("dora", AREA, Side.ASK, 140_000, START)
    town.meter(anna=(0, 3_000), bert=(0, 2_000), cleo=(2_000, 0), dora=(3_000, 400))
    town.plan()
    town.run()

    assert lines_of(town, "cleo") == [
        ("BOUGHT", "anna", 100_000, 1_500, 150_000_000),
        ("BOUGHT", "bert", 120_000, 500, 60_000_000),
    ]
    assert lines_of(town, "dora") == [
        ("BOUGHT", "anna", 100_000, 1_500, 150_000_000),
        ("BOUGHT", "bert", 120_000, 1_500, 180_000_000),
        ("SUPPLIER_PURCHASE", "supplier", 40_000, 400, -16_000_000),
    ]
    assert lines_of(town, "anna") == [
        ("SOLD", "cleo", 100_000, 1_500, -120_000_000),
        ("SOLD", "dora", 100_000, 1_500, -120_000_000),
    ]
    assert lines_of(town, "bert") == [
        ("SOLD", "cleo", 120_000, 500, -48_000_000),
        ("SOLD", "dora", 120_000, 1_500, -144_000_000),
    ]
    assert town.balances() == {"anna": 0, "bert": 0, "cleo": 2_000, "dora": 3_000, "clearing": 0}
    cents = {one.bill.participant: one.bill.owed_cents for one in town.engine.statements()}
    assert cents == {"anna": -24, "bert": -19, "cleo": 21, "dora": 31}


def test_three_sellers_at_a_uniform_price(make_town):
    """The same offers at one price: 5,000 Wh trade, between the last ask 0.12 and the last bid 0.13.

    Nobody was refused on the buying side; on the selling side Dora's 0.14 was, so the interval is
    [0.12, 0.13] and the price 0.125.
    """
    town = make_town(rulebook=seed_rulebook(own_use_first=False, mechanism="uniform_price"))
    town.engine.set_price("dora", AREA, Side.ASK, 140_000, START)
    town.meter(anna=(0, 3_000), bert=(0, 2_000), cleo=(2_000, 0), dora=(3_000, 400))
    town.plan()
    town.run()

    lines = {name: lines_of(town, name) for name in NAMES}
    assert {line[2] for name in NAMES for line in lines[name] if line[1] != "supplier"} == {125_000}
    assert sum(line[4] for line in lines["cleo"]) == 250_000_000
    assert sum(line[4] for line in lines["dora"]) == 375_000_000 - 16_000_000
    assert sum(line[4] for line in lines["anna"]) == -300_000_000
    assert sum(line[4] for line in lines["bert"]) == -200_000_000
    assert town.balances() == {"anna": 0, "bert": 0, "cleo": 2_000, "dora": 3_000, "clearing": 0}


@pytest.mark.parametrize(("delivery", "netting", "mechanism"), POLICIES)
def test_every_policy_ends_in_agreement(make_town, delivery, netting, mechanism):
    """However it is matched, delivered and netted: chain, journal and bills agree, to the unit."""
    rulebook = seed_rulebook(
        delivery=delivery, netting=netting, mechanism=mechanism, netting_period=NettingPeriod.DAY
    )
    town = make_town(rulebook=rulebook)
    for number in range(3):
        town.sunny(number)
    town.plan()
    town.run()

    agreement = town.engine.agreement()
    assert agreement.traded_wh == agreement.billed_wh > 0
    assert agreement.net_wh == agreement.delivered_wh
    assert agreement.paid_nano == agreement.billed_nano
    assert agreement.producers_nano > agreement.grid_nano + agreement.operator_nano
    assert agreement.balances_checked == 5
    assert town.balances()["clearing"] == 0
    assert sum(town.balances().values()) == town.chain.supply(town.venue.energy_asset)
    assert town.rebuilt_equals_live()


def test_everything_again_is_a_no_op(town):
    """Each call a second time changes nothing: the journal's head stays where it was."""
    engine, chain = town.engine, town.chain
    offer = Offer(
        side=Side.BID, area=AREA, interval=quarter(), participant="cleo", key="extra",
        energy_wh=100, limit_micro=150_000,
    )  # fmt: skip
    calls = [
        lambda: engine.publish(seed_rulebook()),
        lambda: engine.register_all([(name, chain.account(name)) for name in NAMES]),
        lambda: engine.register("anna"),
        lambda: engine.bind("@issuer", chain.account("issuer")),
        lambda: engine.add_metering_points(
            [MeteringPoint(gsrn=gsrn("anna"), participant="anna", area=AREA)]
        ),
        lambda: engine.set_price("anna", AREA, Side.ASK, 100_000, START),
        lambda: engine.accept([reading("anna", 0, 3_000), reading("cleo", 2_000, 0)]),
        lambda: engine.post([offer]),
        lambda: engine.clear(AREA, quarter()),
        engine.clear_due,
        lambda: engine.settle(AREA, quarter()),
        engine.settle_due,
        engine.issue_bills,
        engine.step,
    ]
    for call in calls:
        call()
        head = engine.store.head_hash()
        call()
        assert engine.store.head_hash() == head, call

    town.run()
    head = engine.store.head_hash()
    for call in (engine.clear_due, engine.settle_due, engine.step, engine.agreement):
        call()
    assert engine.store.head_hash() == head


def test_readings_given_twice_count_once(town):
    """A reading in two deliveries, alone and among new ones, is one reading."""
    assert town.engine.accept([reading("anna", 0, 1_000)]) == 1
    assert town.engine.accept([reading("anna", 0, 1_000), reading("cleo", 400, 0)]) == 1
    town.plan()
    town.run()

    assert town.balances()["cleo"] == 400


def test_a_correction_replaces_and_another_key_adds(town):
    """A higher version replaces what came before; another key is another reading of the same point."""
    town.meter(anna=(0, 1_000), cleo=(900, 0))
    town.engine.accept([reading("cleo", 300, 0, version=2), reading("cleo", 50, 0, key="second")])
    town.plan()
    town.run()

    assert town.balances()["cleo"] == 350


def test_own_use_comes_first(town):
    """With both directions in a quarter, what is exported covers the own import before it is offered."""
    town.meter(anna=(1_000, 1_500), cleo=(2_000, 0))
    town.plan()
    town.run()

    assert lines_of(town, "anna") == [("SOLD", "cleo", 100_000, 500, -40_000_000)]
    assert town.balances()["cleo"] == 500


def test_without_own_use_both_directions_are_offered(make_town):
    """Both directions whole: what one sells to oneself moves no energy and no money."""
    town = make_town(rulebook=seed_rulebook(own_use_first=False))
    town.meter(anna=(1_000, 1_500), cleo=(400, 0))
    town.plan()
    town.run()

    bought = {line[1] for line in lines_of(town, "anna") if line[0] == "BOUGHT"}
    assert "anna" not in bought
    assert town.engine.agreement().traded_wh == town.balances()["cleo"] + town.balances()["anna"]
    assert town.rebuilt_equals_live()


def test_cents_are_carried_from_bill_to_bill(make_town):
    """What rounding leaves of one bill is on the next, whatever happens to bills in between."""
    town = make_town()
    for number in range(5):
        town.meter(number, anna=(0, 1_003 + number), cleo=(1_007 + number, 0))
        town.plan()
        town.step()
        town.chain.mine()
    town.run()

    for name in ("anna", "cleo"):
        bills = [one.bill for one in town.engine.statements(name)]
        assert len(bills) == 5
        assert [bill.carried_nano for bill in bills] == [0, *(b.carry_nano for b in bills[:-1])]
        owed_nano = sum(line.amount_nano for bill in bills for line in bill.lines)
        cents = sum(bill.owed_cents for bill in bills)
        assert cents * NANO_PER_CENT + bills[-1].carry_nano == owed_nano
        assert any(bill.carry_nano for bill in bills)


def test_bills_are_provisional_then_final(town):
    """Open until it is in a block, provisional until that block is final; each change is a version."""
    town.sunny()
    town.plan()
    seen = []
    for _ in range(12):
        town.step()
        seen.append(town.statuses()["cleo"])
        town.chain.mine()

    assert seen == ["OPEN"] * 2 + ["PROVISIONAL"] * 5 + ["FINAL"] * 5
    assert [one.version for one in town.engine.statements("cleo")] == [3]
    assert town.engine.finished


def test_a_rollback_opens_bills_again(town):
    """What a reorganisation took back is owed again, comes back by itself, and is paid once."""
    town.sunny()
    town.plan()
    for _ in range(3):
        town.step()
        town.chain.mine()
    town.step()
    provisional, balances = town.statuses(), town.balances()

    town.chain.rollback(3)
    town.step()

    opened = town.statuses()
    assert provisional["cleo"] == "PROVISIONAL"
    assert opened["cleo"] == "OPEN"
    assert not town.engine.moved
    town.run()
    assert town.balances() == balances
    assert [one.version for one in town.engine.statements("cleo")] == [5]
    assert town.engine.agreement().settlements == 1
    assert town.rebuilt_equals_live()


def test_a_producer_waits_for_its_delivery_too(make_town):
    """With energy issued straight to the buyer, the producer's bill is as sure as the buyer's."""
    town = make_town(rulebook=seed_rulebook(delivery=Delivery.ISSUER_DIRECT))
    town.meter(anna=(0, 1_000), cleo=(1_000, 0))
    town.plan()
    town.step()
    assert town.statuses() == {"anna": "OPEN", "cleo": "OPEN"}

    town.chain.mine()
    town.step()
    assert town.statuses() == {"anna": "PROVISIONAL", "cleo": "PROVISIONAL"}


def test_nothing_has_moved_before_it_was_billed(town):
    """A planned settlement that no step has looked at yet is not said to have moved."""
    town.sunny()
    town.plan()

    assert not town.engine.moved
    assert not town.engine.finished


def test_a_quarter_with_nothing_to_trade_has_final_bills(town):
    """Who deals with the supplier alone waits for no chain."""
    town.meter(cleo=(1_000, 0))
    town.plan()
    town.step()

    assert lines_of(town, "cleo") == [
        (LineKind.SUPPLIER_SALE.name, "supplier", 160_000, 1_000, 160_000_000)
    ]
    assert town.engine.finished


def test_areas_are_settled_apart(make_town):
    """Neighbours of two areas do not trade with each other, and each area has its own settlement."""
    town = make_town(areas={"bert": "kortteli-2", "dora": "kortteli-2"})
    town.sunny()
    town.plan()
    town.run()

    assert town.engine.agreement().settlements == 2
    assert {line[1] for line in lines_of(town, "cleo")} <= {"anna", "supplier"}
    assert {line[1] for line in lines_of(town, "dora")} <= {"bert", "supplier"}


def test_a_settlement_is_found_by_its_id_and_by_its_area(make_town):
    """One is found without reading all; what was never planned is named."""
    town = make_town(areas={"bert": "kortteli-2", "dora": "kortteli-2"})
    town.sunny()
    town.plan()
    with town.engine.store.reading() as connection:
        every = queries.settlements(connection)
        (there,) = queries.settlements(connection, "kortteli-2")

        assert {one.area for one in every} == {AREA, "kortteli-2"}
        assert queries.settlement(connection, there.settlement_id) == there
        with pytest.raises(UnknownName, match="0505 was never planned"):
            queries.settlement(connection, b"\5" * 32)
