"""What a household reads: its day, trades, income, neighbours, and what other prices would have meant."""

import io
import re
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.offers import Quality
from sauma_portal import household, overview
from sauma_portal.accounts import Role
from sauma_portal.market.income import Income, Share
from sauma_portal.market.progress import Progress

from .street import PRICE, SOLD_WH, Street, bill_of, gsrn


def test_the_day_shows_what_flowed_and_what_was_traded(settled):
    """Import, export and traded energy of each interval, with its reading's quality."""
    anna = household.today(settled.portal, settled.anna.person)
    ben = household.today(settled.portal, settled.ben.person)

    assert (anna.figures.exported_wh, anna.figures.sold_wh) == (1500, SOLD_WH)
    assert (ben.figures.imported_wh, ben.figures.bought_wh) == (900, SOLD_WH)
    assert ben.figures.paid_nano == SOLD_WH * PRICE
    assert anna.figures.earned_nano == SOLD_WH * PRICE * 8 // 10
    assert [slot.quality for slot in ben.figures.slots] == [Quality.MEASURED]
    assert ben.is_ready


def test_a_trade_says_with_whom_how_much_and_how_far_it_has_come(settled):
    """Both parties see the same trade from their side, final when its block is."""
    (sold,), pages = household.own_trades(settled.portal, settled.anna.person, 1)
    (bought,), _ = household.own_trades(settled.portal, settled.ben.person, 1)

    assert pages == 1
    assert (sold.is_purchase, bought.is_purchase) == (False, True)
    assert sold.counterparty == settled.ben.person.participant
    assert (bought.energy_wh, bought.price_micro) == (SOLD_WH, PRICE)
    assert sold.progress is bought.progress is Progress.FINAL


def test_a_trade_is_matched_then_sent_then_confirmed_then_final(street):
    """Each step is seen when it happens, and not before."""
    anna, ben = street.join("anna", sells="1"), street.join("ben")
    for number, browser in enumerate((anna, ben)):
        browser.get("/home")
        browser.post("/home/metering-points", metering_point=gsrn(number))
        browser.get("/prices")
        browser.post("/prices", step="save", buy="10", **({"sell": "8"} if not number else {}))
    street.meter(gsrn(0), exported=100, number=1)
    street.meter(gsrn(1), imported=100, number=1)

    def progress():
        return household.own_trades(street.portal, ben.person, 1)[0][0].progress

    street.market_clock.advance(seconds=1800)
    street.engine.clear_due()
    assert progress() is Progress.MATCHED
    street.engine.settle_due()
    assert progress() is Progress.MATCHED
    street.engine.step()
    street.chain.mine()
    street.engine.step()
    assert progress() is Progress.SENT
    street.settle(final=False)
    assert progress() is Progress.CONFIRMED
    street.settle()
    assert progress() is Progress.FINAL


def test_income_shows_every_cent_of_what_buyers_pay(settled):
    """Producer, grid and operator divide the payment exactly."""
    _, earned = household.own_income(settled.portal, settled.anna.person, None)

    (share,) = earned.shares
    assert share.paid_nano == SOLD_WH * PRICE
    assert share.producer_nano == SOLD_WH * PRICE * 8 // 10
    assert sum(earned.parts_nano) == earned.paid_nano
    assert (earned.supplier_wh, earned.supplier_nano) == (600, 600 * 40_000)


@given(
    st.lists(st.tuples(*(st.integers(min_value=0, max_value=10**15) for _ in range(3))), max_size=5)
)
def test_cents_of_the_split_add_up_to_the_cents_paid(parts):
    """Whatever the shares are, their cents add up to the rounded payment."""
    income = Income(
        shares=tuple(
            Share(
                buyer="b",
                price_micro=1,
                energy_wh=1,
                producer_nano=producer,
                grid_nano=grid,
                operator_nano=operator,
            )
            for producer, grid, operator in parts
        ),
        supplier_wh=0,
        supplier_nano=0,
    )

    if income.paid_nano:
        assert sum(income.parts_cents) == income.paid_cents


def test_other_prices_are_tried_on_what_really_happened(settled):
    """The same price gives what was; a limit below the neighbour's price buys from the supplier."""
    ben = settled.ben.person

    same = household.effect(settled.portal, ben, (120_000, None))
    lower = household.effect(settled.portal, ben, (70_000, None))

    assert same.difference_nano == 0
    assert (same.before.bought_wh, lower.after.bought_wh) == (SOLD_WH, 0)
    assert lower.after.from_supplier_wh == SOLD_WH
    assert lower.difference_nano == -SOLD_WH * (160_000 - PRICE)


def test_neighbours_see_a_name_and_a_square_and_those_who_hide_not_at_all(settled):
    """Nothing else of a household is in what neighbours get; marks lie within their square."""
    around = household.neighbourhood(settled.portal, settled.anna.person)

    assert [one.display_name for one in around.neighbours] == ["Anna", "Ben", "Dora"]
    assert around.households == 4
    anna = around.neighbours[0]
    assert 100 <= anna.x <= 200
    assert 100 <= anna.y <= 200
    assert set(type(anna).__slots__) >= {"participant", "display_name", "place", "buys", "sells"}


def test_hidden_neighbours_have_no_name_in_trades(settled):
    """Whoever hides is just a neighbour to others."""
    names = household.aliases(settled.portal)

    assert settled.cleo.person.participant not in names
    assert names[settled.ben.person.participant] == "Ben"


def test_totals_of_few_are_not_told(street):
    """Below four households a total would say too much of one of them."""
    ben = street.join("ben")

    assert household.neighbourhood(street.portal, ben.person).traded_wh is None


def test_everything_of_somebody_can_be_taken_along(settled):
    """The file has the person, metering points, prices, readings, trades and bills, and no secret."""
    answer = settled.ben.get("/account/data")
    facts = answer.json()

    assert facts["person"]["email"] == "ben@example.fi"
    assert facts["metering_points"] == [gsrn(1)]
    assert len(facts["trades"]) == len(facts["bills"]) == 1
    assert "argon2" not in answer.text
    assert "attachment" in answer.headers["content-disposition"]


def test_pausing_ends_trading_and_resuming_brings_the_prices_back(street):
    """While paused everything goes to the supplier; afterwards the prices are those from before."""
    anna, ben = street.join("anna", sells="1"), street.join("ben")
    for number, browser in enumerate((anna, ben)):
        browser.get("/home")
        browser.post("/home/metering-points", metering_point=gsrn(number))
        browser.get("/prices")
        browser.post("/prices", step="save", buy="10", **({"sell": "8"} if not number else {}))
    assert ben.post("/pause").status_code == 303
    street.meter(gsrn(0), exported=100, number=1)
    street.meter(gsrn(1), imported=100, number=1)
    street.clear(1)
    assert household.own_trades(street.portal, ben.person, 1)[0] == []

    assert ben.post("/resume").status_code == 303
    street.meter(gsrn(0), exported=100, number=3)
    street.meter(gsrn(1), imported=100, number=3)
    street.clear(3)

    (trade,) = household.own_trades(street.portal, ben.person, 1)[0]
    assert trade.energy_wh == 100


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("ten", "Write a price in cents"),
        ("-1", "Choose a price from 0 to 50"),
        ("50.0001", "Choose a price from 0 to 50"),
        ("1.23456", "Write a price in cents"),
        ("1e3", "Write a price in cents"),
        ("9" * 100, "Write a price in cents"),
    ],
)
def test_a_price_that_cannot_be_is_refused_and_stays_typed(street, typed, said):
    """Beside the field, with the bounds of the rulebook, and nothing is set."""
    ben = street.join("ben")
    ben.get("/prices")
    before = street.engine.store.head_sequence()

    assert ben.post("/prices", step="save", buy=typed).status_code == 422
    assert said in ben.text
    assert f'value="{typed}"' in ben.page
    assert street.engine.store.head_sequence() == before


def test_a_price_is_shown_with_its_effect_before_it_is_saved(settled):
    """The first answer shows the effect, without VAT and from when; only then it can be saved."""
    ben = settled.ben
    ben.get("/prices")
    before = settled.engine.store.head_sequence()

    answer = ben.post("/prices", step="show", buy="7")

    assert answer.status_code == 200
    assert "0.0720 € worse for you" in ben.text.replace("\xa0", " ")
    assert "7.00 c/kWh is 6.7155 c/kWh without VAT." in ben.text.replace("\xa0", " ")
    assert "Save these prices" in ben.text
    assert settled.engine.store.head_sequence() == before


def test_an_operators_action_has_actor_and_reason_in_the_trail(street):
    """Confirming a metering point and pausing a household are noted; without a reason neither is done."""
    street.portal  # noqa: B018
    ben = street.join("ben")
    operator = street.enlist(Role.OPERATOR)
    path = f"/staff/households/{ben.person.person_id}/trading"
    operator.get("/staff")
    assert operator.post(path, decision="pause", reason=" ").status_code == 422
    assert not street.person("ben").paused

    operator.get("/staff")
    assert operator.post(path, decision="pause", reason="asked by phone").status_code == 303

    assert street.person("ben").paused
    (entry,) = overview.read_trail(street.portal)
    assert (entry.action, entry.reason) == ("trading_paused", "asked by phone")
    assert entry.actor == operator.person.participant
    operator.get("/staff/trail")
    assert "asked by phone" in operator.text


def test_a_claim_waits_for_the_operator_where_that_is_the_rule(tmp_path):
    """Until it is confirmed nobody can meter under it."""
    street = Street(tmp_path)
    try:
        ben, operator = street.join("ben"), street.enlist(Role.OPERATOR)
        ben.get("/home")
        assert (
            ben.post("/home/metering-points", metering_point=gsrn(1))
            .headers["location"]
            .endswith("note=claimed")
        )
        assert household.today(street.portal, ben.person).points == ()
        operator.get("/staff")
        operator.post("/staff/claims/1", decision="confirm", reason="the register says so")
        assert household.today(street.portal, ben.person).points == (gsrn(1),)
        answer = operator.post("/staff/claims/1", decision="refuse", reason="changed my mind")
        assert answer.status_code == 303
        assert household.today(street.portal, ben.person).points == (gsrn(1),)
    finally:
        street.close()


def test_a_wallet_of_ones_own_is_proved_by_a_signature(street):
    """Only the signature over the text just given binds an address, once; who sells cannot bring one."""
    ben = street.join("ben", own_wallet="1")
    ben.get("/home")
    text = re.search(r'class="code">(sauma: this wallet is mine[^<]+)<', ben.page)[1]
    assert ben.post("/home/wallet/own", public_key="bens-own", signature="x").status_code == 422
    text = re.search(r'class="code">(sauma: this wallet is mine[^<]+)<', ben.page)[1]

    answer = ben.post("/home/wallet/own", public_key="bens-own", signature=text[::-1])

    assert answer.headers["location"] == "/home?note=wallet"
    ben.get("/home")
    assert "bens-own" in ben.text


def test_the_staff_sees_that_everything_agrees_and_exports_it(settled):
    """The overview, anybody's bill with its check, and one archive of CSV files without names."""
    auditor = settled.enlist(Role.AUDITOR)
    auditor.get("/staff")
    assert "Record, bills and chain agree" in auditor.text
    auditor.get(f"/staff/bills/{bill_of(settled, settled.ben).number}")
    assert "This bill is right" in auditor.text

    archive = zipfile.ZipFile(io.BytesIO(auditor.get("/staff/export").content))

    assert {"trades.csv", "bills.csv", "trail.csv", "manifest.json"} <= set(archive.namelist())
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"ben@example.fi" not in everything
    assert overview.read_trail(settled.portal)[0].action == "exported"
