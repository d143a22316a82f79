"""What is wrong is refused by name, the store stays as it was, and the neighbours go on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest

from sauma import planner
from sauma.engine import Engine
from sauma.errors import (
    Conflict,
    InvalidInput,
    RulebookViolation,
    SaumaError,
    Unavailable,
    UnknownName,
    WrongNetwork,
)
from sauma.identifiers import AccountId, AssetId, complete_gsrn
from sauma.intervals import Interval
from sauma.memory import MemoryChain
from sauma.offers import MeteringPoint, Offer, Side, StandingPrice
from sauma.rulebook import Netting, NettingPeriod, Supplier
from sauma.units import ENERGY_WH_MAX

from .faulty import FaultyChain
from .town import AREA, NAMES, START, SUPPLIER, gsrn, quarter, reading, seed_rulebook

STRANGER = complete_gsrn("64300000000000099")


def offer(**changes: Any) -> Offer:
    facts = {
        "side": Side.BID, "area": AREA, "interval": quarter(), "participant": "cleo", "key": "x",
        "energy_wh": 100, "limit_micro": 150_000,
    }  # fmt: skip
    return Offer(**{**facts, **changes})


def price(**changes: Any) -> StandingPrice:
    facts = {
        "participant": "anna", "area": AREA, "side": Side.ASK, "price_micro": 90_000,
        "valid_from": quarter(8).start,
    }  # fmt: skip
    return StandingPrice(**{**facts, **changes})


def good_then(bad: Any) -> list[Any]:
    """Readings of which only the last is wrong."""
    return [reading("anna", 0, 700, 5), reading("cleo", 300, 0, 5), bad]


CASES: list[tuple[str, Callable[[Engine], object], type[SaumaError], str]] = [
    ("naive time", lambda e: e.set_price("anna", AREA, Side.ASK, 1, datetime(2026, 6, 21)),  # noqa: DTZ001
     InvalidInput, "naive"),
    ("fraction of a second", lambda e: e.set_prices(
        [price(), price(valid_from=START.replace(microsecond=1))]), InvalidInput, "fraction"),
    ("unaligned time", lambda e: e.clear(AREA, Interval(start=START + timedelta(minutes=7))),
     InvalidInput, "grid"),
    ("float energy", lambda e: e.accept(good_then(reading("dora", 1.5, 0))), InvalidInput, "integer"),
    ("negative energy", lambda e: e.accept(good_then(reading("dora", -1, 0))), InvalidInput, "-1 Wh"),
    ("float price", lambda e: e.set_price("anna", AREA, Side.ASK, 0.1, START), InvalidInput, "integer"),
    ("unknown metering point", lambda e: e.accept(
        good_then(reading("dora", 1, 0, metering_point=STRANGER))), UnknownName, "none of them was taken"),
    ("other contents", lambda e: e.accept(good_then(reading("anna", 1, 0))), Conflict, "higher version"),
    ("other contents in one call", lambda e: e.accept(
        good_then(reading("anna", 1, 0, 5))), Conflict, "other contents"),
    ("other interval length", lambda e: e.accept(good_then(reading(
        "dora", 1, 0, interval=Interval(start=START, minutes=60)))), InvalidInput, "60 minutes"),
    ("too much in one interval", lambda e: e.accept(
        [reading("dora", ENERGY_WH_MAX, 0, 5), reading("dora", 1, 0, 5, key="second")]),
     InvalidInput, "imported_wh"),
    ("price above the cap", lambda e: e.set_prices([price(), price(participant="bert", price_micro=500_001)]),
     RulebookViolation, "floor and cap"),
    ("price below the floor", lambda e: e.set_price("anna", AREA, Side.ASK, -1, START),
     RulebookViolation, "floor and cap"),
    ("price of nobody", lambda e: e.set_prices([price(), price(participant="zoe")]), UnknownName, "zoe"),
    ("another price from the same time", lambda e: e.set_price("anna", AREA, Side.ASK, 1, START),
     Conflict, "later time"),
    ("offer above the cap", lambda e: e.post([offer(), offer(key="y", limit_micro=500_001)]),
     RulebookViolation, "floor and cap"),
    ("offer of nobody", lambda e: e.post([offer(participant="zoe")]), UnknownName, "zoe"),
    ("offers of two books", lambda e: e.post([offer(), offer(interval=quarter(1))]),
     InvalidInput, "each book by itself"),
    ("one offer with two contents", lambda e: e.post([offer(), offer(energy_wh=5)]), Conflict, "another key"),
    ("metering point of nobody", lambda e: e.add_metering_points(
        [MeteringPoint(gsrn=STRANGER, participant="zoe", area=AREA)]), UnknownName, "zoe"),
    ("metering point of somebody else", lambda e: e.add_metering_points(
        [MeteringPoint(gsrn=STRANGER, participant="bert", area=AREA),
         MeteringPoint(gsrn=gsrn("anna"), participant="bert", area=AREA)]), Conflict, "belongs to anna"),
    ("wallet of another network", lambda e: e.register_all(
        [("emil", None), ("zoe", AccountId("memory:other:zoe"))]), WrongNetwork, "memory:other"),
    ("wallet of somebody else", lambda e: e.register("zoe", AccountId("memory:main:anna")),
     Conflict, "belongs to anna"),
    ("another wallet", lambda e: e.bind("anna", AccountId("memory:main:zoe")), Conflict, "already"),
    ("a text for a wallet", lambda e: e.register("zoe", "memory:main:zoe"), InvalidInput, "AccountId"),
    ("a wallet for nobody", lambda e: e.bind("zoe", AccountId("memory:main:zoe")), UnknownName, "zoe"),
    ("a name that is none", lambda e: e.register_all([("emil", None), ("Zoë", None)]), InvalidInput, "Zoë"),
    ("the supplier as participant", lambda e: e.register_all([("emil", None), ("supplier", None)]),
     Conflict, "supplier"),
    ("a used version with other contents", lambda e: e.publish(seed_rulebook(price_cap_micro=1)),
     Conflict, "new version"),
    ("a mechanism nobody has", lambda e: e.publish(seed_rulebook(version=2, mechanism="lottery")),
     UnknownName, "lottery"),
    ("a participant as supplier", lambda e: e.publish(seed_rulebook(
        version=2, supplier=attrs.evolve(SUPPLIER, name="anna"))), Conflict, "anna"),
    ("another currency", lambda e: e.publish(seed_rulebook(version=2, currency="SEK")), Conflict, "currency"),
    ("another interval length for all", lambda e: e.publish(seed_rulebook(version=2, interval_minutes=60)),
     Conflict, "interval_minutes"),
    ("an area where nobody is", lambda e: e.clear("kortteli-9", quarter()), UnknownName, "kortteli-9"),
    ("an area where nobody is, settled", lambda e: e.settle("kortteli-9", quarter()),
     UnknownName, "kortteli-9"),
    ("clearing an hour of quarters", lambda e: e.clear(AREA, Interval(start=START, minutes=60)),
     InvalidInput, "60 minutes"),
    ("settling before clearing", lambda e: e.settle(AREA, quarter()), InvalidInput, "not cleared"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("do", "error", "word"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_bad_input_leaves_the_store_as_it_was(town, do, error, word):
    """A named error that says what is wrong; not an entry, not half of one; and the town goes on."""
    town.sunny()
    head, sequence = town.engine.store.head_hash(), town.engine.store.head_sequence()

    with pytest.raises(error, match=word):
        do(town.engine)

    assert (town.engine.store.head_hash(), town.engine.store.head_sequence()) == (head, sequence)
    town.plan()
    town.run()
    assert town.balances()["cleo"] > 0


def test_late_readings_and_offers_are_refused(make_town):
    """What was cleared, or settled with its day, cannot change; later quarters are taken."""
    town = make_town(rulebook=seed_rulebook(netting_period=NettingPeriod.DAY))
    town.sunny(3)
    town.plan()
    head = town.engine.store.head_hash()

    for late in (reading("anna", 0, 1, 3, version=2), reading("anna", 0, 1, 3, key="late")):
        with pytest.raises(InvalidInput, match="is cleared"):
            town.engine.accept([late])
    with pytest.raises(InvalidInput, match="is cleared"):
        town.engine.post([offer(interval=quarter(3))])
    with pytest.raises(InvalidInput, match="settled"):
        town.meter(4, anna=(0, 1))
    with pytest.raises(InvalidInput, match="settled"):
        town.engine.post([offer(interval=quarter(4))])
    with pytest.raises(InvalidInput, match="settled"):
        town.engine.clear(AREA, quarter(4))

    assert town.engine.store.head_hash() == head
    town.sunny(96)
    town.plan()
    town.run()
    assert town.engine.agreement().settlements == 2


def test_another_chain_is_refused(town):
    """A store that settles on one chain is not opened on another, nor with another asset or setting."""
    other = MemoryChain("other")
    foreign = AssetId.on(other.chain_id, "unit", "wh")
    head = town.engine.store.head_hash()
    town.engine.close()
    path = town.folder / "store.sqlite"
    for venue, error in (
        (attrs.evolve(town.venue, chain=FaultyChain(other), energy_asset=foreign), Conflict),
        (attrs.evolve(town.venue, energy_asset=town.chain.asset("kwh")), Conflict),
        (attrs.evolve(town.venue, settings={"node": "x"}), Conflict),
        (attrs.evolve(town.venue, energy_asset=foreign), WrongNetwork),
    ):
        with pytest.raises(error):
            Engine.open(path, venue, clock=town.clock)

    town.engine = town.open()
    assert town.engine.store.head_hash() == head


def test_without_a_rulebook_nothing_is_taken(tmp_path, town):
    """An engine that was never given a contract says so."""
    with (
        Engine.open(tmp_path / "empty.sqlite", town.venue, clock=town.clock) as engine,
        pytest.raises(InvalidInput, match="no rulebook was published"),
    ):
        engine.accept([reading("anna", 0, 1)])


def test_a_node_that_is_down_loses_nothing(town):
    """Nothing is written, the next step goes on where this one could not."""
    town.sunny()
    town.plan()
    head = town.engine.store.head_hash()
    town.node.is_down = True

    with pytest.raises(Unavailable):
        town.engine.step()

    assert town.engine.store.head_hash() == head
    town.node.is_down = False
    town.run()


@pytest.mark.parametrize("missing", ["anna", "cleo"])
def test_a_missing_account_holds_up_one(make_town, missing):
    """Of seller or buyer: what does not concern the one without an account moves, the rest waits for it."""
    town = make_town(unbound=[missing])
    town.sunny()
    town.plan()
    for _ in range(12):
        town.step()
        town.chain.mine()
    held = town.engine.step().held

    others = {"bert": "FINAL"} if missing == "anna" else {"dora": "FINAL"}
    assert {**town.statuses(), **others} == town.statuses()
    assert town.statuses()[missing] == "OPEN"
    assert held
    assert all("account" in one.reason for one in held)
    assert all(missing in one.reason for one in held)

    town.engine.bind(missing, town.chain.account(missing))
    town.run()
    assert set(town.statuses().values()) == {"FINAL"}


def test_a_missing_account_does_not_stop_multilateral_netting(make_town):
    """Everybody else is netted through the clearing account; one netted movement would wait for all."""
    netted = make_town(rulebook=seed_rulebook(netting=Netting.MULTILATERAL))
    town = make_town(rulebook=seed_rulebook(netting=Netting.MULTILATERAL), unbound=["dora"])
    for one in (netted, town):
        one.sunny()
        one.plan()
    netted.run()
    for _ in range(16):
        town.step()
        town.chain.mine()

    assert town.statuses() == {"anna": "FINAL", "bert": "FINAL", "cleo": "FINAL", "dora": "OPEN"}
    assert town.balances()["cleo"] == netted.balances()["cleo"]
    town.engine.bind("dora", town.chain.account("dora"))
    town.run()
    assert town.balances() == netted.balances()


def signing(*names: str) -> MemoryChain:
    return MemoryChain(
        "main", signers={AccountId(f"memory:main:{name}"): Echo(name) for name in names}
    )


class Echo:
    """A signer whose signature shows who signed what."""

    def __init__(self, name: str) -> None:
        self.account = AccountId(f"memory:main:{name}")
        self.public_key = name.encode()

    def sign(self, payload: bytes) -> bytes:
        return self.public_key + payload[:8]


def test_a_missing_signer_holds_up_one(make_town):
    """Bert's wallet entrusted nobody: what he sells to Dora waits, what Anna sells goes on."""
    town = make_town(chain=signing("anna", "issuer", "clearing"))
    town.meter(anna=(0, 2_000), bert=(0, 1_000), cleo=(1_000, 0), dora=(2_000, 0))
    town.plan()
    for _ in range(12):
        town.step()
        town.chain.mine()

    held = town.engine.step().held
    assert {one.authority for one in held} == {"bert"}
    assert "nobody signs for memory:main:bert" in held[0].reason
    assert town.statuses() == {"anna": "FINAL", "bert": "OPEN", "cleo": "FINAL", "dora": "OPEN"}


def test_a_new_rulebook_begins_with_the_next_interval(make_town):
    """What was cleared keeps the prices of its rulebook; what comes later has the new ones."""
    town = make_town()
    town.meter(0, anna=(0, 500), cleo=(1_000, 0))
    town.engine.clear(AREA, quarter(0))
    town.engine.publish(
        seed_rulebook(
            version=2, supplier=Supplier(name="other", sells_at_micro=200_000, buys_at_micro=0)
        )
    )
    town.meter(1, anna=(0, 500), cleo=(1_000, 0))
    town.plan()
    town.run()

    bills = [one.bill for one in town.engine.statements("cleo")]
    residual = [line for bill in bills for line in bill.lines if line.counterparty != "anna"]
    assert [(line.counterparty, line.price_micro) for line in residual] == [
        ("supplier", 160_000),
        ("other", 200_000),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (NettingPeriod.INTERVAL, NettingPeriod.DAY),
        (NettingPeriod.DAY, NettingPeriod.INTERVAL),
        (NettingPeriod.DAY, NettingPeriod.MONTH),
    ],
)
def test_another_netting_period_settles_nothing_twice(make_town, before, after):
    """Whatever period a new rulebook has, each interval is settled and billed in just one settlement."""
    town = make_town(rulebook=seed_rulebook(netting_period=before))
    once = make_town()
    for number in (0, 1):
        town.sunny(number)
    town.plan()
    town.run()
    town.engine.publish(seed_rulebook(version=2, netting_period=after))
    for number in (97, 98):
        town.sunny(number)
    town.clock.advance(seconds=40 * 86_400)
    town.plan()
    town.run()
    for number in (0, 1, 97, 98):
        once.sunny(number)
    once.plan()
    once.run()

    assert town.balances() == once.balances()
    assert town.engine.agreement().paid_nano == once.engine.agreement().paid_nano
    assert town.rebuilt_equals_live()


def test_a_price_that_a_new_rulebook_forbids_makes_no_offer(town):
    """The participant deals with the supplier until a new price is set; the others trade."""
    town.engine.publish(seed_rulebook(version=2, price_cap_micro=110_000))
    for name in ("cleo", "dora"):
        town.engine.set_price(name, AREA, Side.BID, 110_000, quarter(1).start)
    town.sunny(1)
    town.plan()
    town.run()

    counterparties = {
        name: {line.counterparty for one in town.engine.statements(name) for line in one.bill.lines}
        for name in NAMES
    }
    assert counterparties["bert"] == {"supplier"}
    assert "anna" in counterparties["cleo"]


def test_one_area_that_cannot_be_cleared_does_not_hold_up_another(make_town, monkeypatch):
    """Every other area and interval is cleared and settled; the error comes after them."""
    town = make_town(areas={"bert": "kortteli-0", "dora": "kortteli-0"})
    town.sunny()
    real = planner.clear_interval

    def failing(connection, rulebook, area, interval):
        if area == "kortteli-0":
            raise InvalidInput("this area is broken: mend it")
        return real(connection, rulebook, area, interval)

    monkeypatch.setattr(planner, "clear_interval", failing)

    with pytest.raises(InvalidInput, match="this area is broken"):
        town.engine.clear_due()

    town.engine.settle_due()
    town.run()
    assert town.balances()["cleo"] > 0
    monkeypatch.undo()
    town.plan()
    town.run()
    assert town.balances()["dora"] > 0
