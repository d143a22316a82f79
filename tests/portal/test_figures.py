"""What a household reads: its day, trades, bills, income, and what other prices would have meant."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.billing import BillStatus, LineKind
from sauma.errors import InvalidInput
from sauma.offers import Quality
from sauma_portal import household, overview, taxes
from sauma_portal.accounts import Role
from sauma_portal.market import checking
from sauma_portal.market.income import Income, Share
from sauma_portal.market.progress import Progress
from sauma_portal.references import BillNumber, grouped, reference_number

from .street import gsrn

SOLD_WH, PRICE = 900, 80_000


def bill_of(street, browser):
    return household.own_bills(street.portal, browser.person)[0]


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


def test_a_bill_has_every_charge_and_adds_up(settled):
    """kWh, price and amount of each line, the total in cents, and what rounding left."""
    bill = bill_of(settled, settled.ben)

    (line,) = bill.lines
    assert (line.kind, line.energy_wh, line.price_micro) == (LineKind.BOUGHT, SOLD_WH, PRICE)
    assert bill.owed_cents == 7
    assert bill.owed_cents * 10**7 + bill.carry_nano == bill.owed_nano + bill.carried_nano
    assert bill.average_micro == PRICE
    assert bill.status is BillStatus.FINAL
    assert (bill.is_running, bill.due) == (True, None)


def test_vat_is_charged_by_those_who_charge_it(settled):
    """Grid and operator charge VAT on their shares; Anna, a household, on hers not."""
    bill = bill_of(settled, settled.ben)
    paid = SOLD_WH * PRICE

    (row,) = bill.vat
    assert (row.basis_points, row.gross_nano) == (2550, paid // 5)
    assert row.net_nano + row.vat_nano == row.gross_nano
    assert row.gross_nano + bill.untaxed_nano == bill.owed_nano


def test_the_supplier_takes_the_rest_and_is_on_the_bill(settled):
    """Anna's 600 Wh too many go to the supplier; Cleo, without a price, buys from it."""
    anna, cleo = bill_of(settled, settled.anna), bill_of(settled, settled.cleo)

    assert (anna.sold_wh, anna.to_supplier_wh) == (SOLD_WH, 600)
    assert (cleo.from_supplier_wh, cleo.bought_wh) == (300, 0)
    assert cleo.saved_nano == 0


def test_saving_is_against_ordinary_prices_also_when_it_is_a_loss(settled):
    """Ben saved 8 cents a kWh; with a dearer neighbour than the supplier it would be a loss."""
    ben = bill_of(settled, settled.ben)
    assert ben.saved_nano == SOLD_WH * (160_000 - PRICE)

    import attrs

    dear = attrs.evolve(ben, retail_nano=SOLD_WH * 50_000)
    assert dear.saved_nano < 0


def test_a_month_that_is_over_is_due_two_weeks_later(settled):
    """The due date is the fourteenth of the month after."""
    portal = settled.portal
    terms = household.bill_terms(portal)
    import attrs

    later = attrs.evolve(terms, now=terms.now + 40 * 86_400)
    from sauma_portal.market import bills

    with portal.engine.store.reading() as connection:
        bill = bills.read_bill(
            connection,
            participant=settled.ben.person.participant,
            area="kortteli-1",
            number=bill_of(settled, settled.ben).number,
            terms=later,
        )
    assert (bill.is_running, bill.due) == (False, date(2026, 12, 14))


def test_a_bill_is_checked_from_meter_to_chain(settled):
    """Six steps, each decided by computing again; a right bill passes all of them."""
    for browser in (settled.anna, settled.ben, settled.cleo):
        verdict = checking.check_bill(settled.engine, bill_of(settled, browser))
        assert verdict.ok, [(str(step.title), str(step.finding)) for step in verdict.steps]
        assert len(verdict.steps) == 6


def test_a_bill_that_says_too_much_is_found_out(settled):
    """A changed amount, a changed total, more energy than moved: each is named by its step."""
    import attrs

    bill = bill_of(settled, settled.ben)
    (settlement,) = bill.settled
    line = settlement.lines[0]
    dear = attrs.evolve(settlement, lines=(attrs.evolve(line, amount_nano=line.amount_nano + 1),))
    more = attrs.evolve(settlement, received_wh=settlement.received_wh + 1)
    wrong_total = attrs.evolve(settlement, owed_cents=settlement.owed_cents + 1)

    def failed(settled_bill):
        verdict = checking.check_bill(settled.engine, attrs.evolve(bill, settled=(settled_bill,)))
        assert verdict.ok is False
        return [str(step.title) for step in verdict.steps if step.ok is False]

    assert failed(dear) == ["Every line can be computed again", "It adds up to the cent"]
    assert failed(more) == ["The energy really moved"]
    assert failed(wrong_total) == ["It adds up to the cent"]


def test_a_changed_journal_is_found_by_the_check(street):
    """An entry altered behind our back makes the first step say so."""
    import sqlalchemy as sa

    ben = street.join("ben")
    ben.get("/home")
    ben.post("/home/metering-points", metering_point=gsrn(1))
    street.meter(gsrn(1), imported=100, number=1)
    street.clear(1)
    street.settle()
    with street.engine.store._writing() as connection:
        connection.execute(sa.text("DROP TRIGGER journal_tables_no_update"))
        connection.execute(
            sa.text(
                "UPDATE journal_tables SET rows = zeroblob(length(rows)) WHERE name = 'readings'"
            )
        )

    verdict = checking.check_bill(street.engine, bill_of(street, ben))

    assert verdict.steps[0].ok is False


def test_nothing_is_claimed_of_what_has_not_moved_yet(street):
    """While energy is on its way, or the chain is silent, the check says that it cannot decide."""
    anna, ben = street.join("anna", sells="1"), street.join("ben")
    for number, browser in enumerate((anna, ben)):
        browser.get("/home")
        browser.post("/home/metering-points", metering_point=gsrn(number))
        browser.get("/prices")
        browser.post("/prices", step="save", buy="10", sell="8")
    street.meter(gsrn(0), exported=100, number=1)
    street.meter(gsrn(1), imported=100, number=1)
    street.clear(1)

    verdict = checking.check_bill(street.engine, bill_of(street, ben))

    assert verdict.ok is None
    assert verdict.steps[-1].ok is None


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


def test_estimated_and_missing_readings_are_counted_and_said(street):
    """The day and the bill say how many readings are not sure, and until when that is mended."""
    ben = street.join("ben")
    ben.get("/home")
    ben.post("/home/metering-points", metering_point=gsrn(1))
    street.meter(gsrn(1), imported=100, number=1, quality=Quality.ESTIMATED)
    street.meter(gsrn(1), number=2, quality=Quality.MISSING)
    street.clear(2)

    bill = bill_of(street, ben)
    ben.get("/today")

    assert (bill.estimated, bill.missing) == (1, 1)
    assert (
        "One reading is missing. One reading is estimated. Your grid company corrects" in ben.text
    )
    ben.get(f"/bills/{bill.number}")
    assert "Readings that are not sure" in ben.text
    assert "what it corrects within 62 days comes to your bill as a correction" in ben.text


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
    from .street import Street

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
    import re

    text = re.search(r'class="code">(sauma: this wallet is mine[^<]+)<', ben.page)[1]
    assert ben.post("/home/wallet/own", public_key="bens-own", signature="x").status_code == 422
    text = re.search(r'class="code">(sauma: this wallet is mine[^<]+)<', ben.page)[1]

    answer = ben.post("/home/wallet/own", public_key="bens-own", signature=text[::-1])

    assert answer.headers["location"] == "/home?note=wallet"
    ben.get("/home")
    assert "bens-own" in ben.text


def test_the_staff_sees_that_everything_agrees_and_exports_it(settled):
    """The overview, anybody's bill with its check, and one archive of CSV files without names."""
    import io
    import zipfile

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


def test_vat_rates_are_those_of_the_day():
    """Old days have old rates, and before the table begins there is no guess."""
    assert taxes.vat_rate(date(2022, 11, 30)).basis_points == 2400
    assert taxes.vat_rate(date(2022, 12, 1)).basis_points == 1000
    assert taxes.vat_rate(date(2023, 5, 1)).basis_points == 2400
    assert taxes.vat_rate(date(2024, 8, 31)).basis_points == 2400
    assert taxes.vat_rate(date(2026, 1, 1)).basis_points == 2550
    with pytest.raises(InvalidInput, match="no VAT rate is known"):
        taxes.vat_rate(date(1999, 1, 1))


@given(st.integers(min_value=-(10**15), max_value=10**15), st.sampled_from([1000, 2400, 2550]))
def test_contained_vat_is_the_rate_of_the_rest(gross, rate):
    """Tax and rest add up, and the tax is the rate of the rest to within rounding."""
    vat = taxes.contained_vat(gross, rate)

    assert abs((gross - vat) * rate - vat * 10_000) <= 10_000 + rate


def test_reference_numbers_are_those_of_the_published_example():
    """1234567 becomes 12345672; groups of five from the right."""
    assert reference_number("1234567") == "12345672"
    assert grouped("12345672") == "123 45672"
    assert grouped("1000032026116") == "100 00320 26116"
    for wrong in ("12", "1" * 20, "12a", "١٢٣٤"):
        with pytest.raises(InvalidInput):
            reference_number(wrong)


@given(st.dates(date(1900, 1, 1), date(2999, 12, 1)), st.integers(0, 10**9))
def test_bill_numbers_are_read_as_they_are_written(day, customer):
    """Written and read again it is the same number."""
    number = BillNumber(month=day.replace(day=1), customer_number=customer)

    assert BillNumber.parse(str(number)) == number


@pytest.mark.parametrize(
    "text", ["", "202613-1", "2026-11", "202611", "202611-", "٢٠٢٦١١-1", "000011-1"]
)
def test_what_is_no_bill_number_is_refused(text):
    """Only six digits of a month, a dash and digits."""
    with pytest.raises(InvalidInput):
        BillNumber.parse(text)
