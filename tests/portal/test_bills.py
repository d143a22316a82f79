"""What a household's bill says, what it is checked against, and the tax and the numbers on it."""

from __future__ import annotations

from datetime import date

import attrs
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from sauma.billing import BillStatus, LineKind
from sauma.errors import InvalidInput
from sauma.offers import Quality
from sauma_portal import household, taxes
from sauma_portal.market import bills, checking
from sauma_portal.references import BillNumber, grouped, reference_number

from .street import PRICE, SOLD_WH, bill_of, gsrn


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

    dear = attrs.evolve(ben, retail_nano=SOLD_WH * 50_000)
    assert dear.saved_nano < 0


def test_a_month_that_is_over_is_due_two_weeks_later(settled):
    """The due date is the fourteenth of the month after."""
    portal = settled.portal
    terms = household.bill_terms(portal)
    later = attrs.evolve(terms, now=terms.now + 40 * 86_400)
    with portal.engine.store.reading() as connection:
        bill = bills.read_bill(
            connection,
            participant=settled.ben.person.participant,
            area="kortteli-1",
            number=bill_of(settled, settled.ben).number,
            terms=later,
        )
    assert (bill.is_running, bill.due) == (False, date(2026, 12, 14))


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


def test_a_bill_is_checked_from_meter_to_chain(settled):
    """Six steps, each decided by computing again; a right bill passes all of them."""
    for browser in (settled.anna, settled.ben, settled.cleo):
        verdict = checking.check_bill(settled.engine, bill_of(settled, browser))
        assert verdict.ok, [(str(step.title), str(step.finding)) for step in verdict.steps]
        assert len(verdict.steps) == 6


def test_a_bill_that_says_too_much_is_found_out(settled):
    """A changed amount, a changed total, more energy than moved: each is named by its step."""
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
