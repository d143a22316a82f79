"""Bills on paper: what the PDF says is what the journal says, and its codes pay exactly that."""

from __future__ import annotations

import re
from datetime import timedelta

import attrs
import pypdfium2
import pytest
import zxingcpp

from sauma_portal import household
from sauma_portal.documents import bill_sheet, demand_of, rf_reference, typeset, virtual_barcode
from sauma_portal.languages import language
from sauma_portal.settings import Operator

from .street import START, Street, bill_of, gsrn

IBAN = "FI37 1590 3000 0007 76"
OPERATOR = Operator(
    name="Korttelin Aurinko",
    email="apua@example.fi",
    business_id="1234567-1",
    address="Aurinkotie 1, 00100 Helsinki",
    iban=IBAN,
)
DAYS_TO_DECEMBER = 21


@pytest.fixture(scope="module")
def november(tmp_path_factory):
    """A street whose November is over: Ben has something to pay, Anna gets something."""
    street = Street(
        tmp_path_factory.mktemp("november"), claims_need_operator=False, operator=OPERATOR
    )
    street.anna, street.ben = street.join("anna", sells="1"), street.join("ben")
    for number, browser in enumerate((street.anna, street.ben)):
        browser.get("/home")
        browser.post("/home/metering-points", metering_point=gsrn(number))
    for browser, prices in ((street.anna, {"buy": "", "sell": "8"}), (street.ben, {"buy": "12,0"})):
        browser.get("/prices")
        browser.post("/prices", step="save", **prices)
    street.meter(gsrn(0), exported=1500, number=1)
    street.meter(gsrn(1), imported=2_900, number=1)
    street.clear(1)
    street.settle()
    street.market_clock.advance(seconds=int(timedelta(days=DAYS_TO_DECEMBER).total_seconds()))
    yield street
    street.close()


def pdf_of(street, browser):
    """The PDF that the page leads to."""
    answer = browser.get(f"/bills/{bill_of(street, browser).number}/pdf")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    return pypdfium2.PdfDocument(answer.content)


def text_of(document):
    """What a screen reader or a search finds."""
    pages = [document[index].get_textpage().get_text_bounded() for index in range(len(document))]
    return re.sub(r"\s+", " ", " ".join(pages))


def codes_of(document):
    """What a camera finds."""
    found = []
    for index in range(len(document)):
        found += zxingcpp.read_barcodes(document[index].render(scale=3).to_pil())
    return {code.format.name: code.text for code in found}


def test_its_codes_pay_exactly_what_is_due(november):
    """QR and barcode decode to payee, account, amount, reference and due date of the bill."""
    bill = bill_of(november, november.ben)
    demand = demand_of(bill, OPERATOR)
    codes = codes_of(pdf_of(november, november.ben))

    assert demand.cents == bill.owed_cents > 0
    assert codes["Code128"] == virtual_barcode(demand)
    said = codes["QRCode"].splitlines()
    euros = f"EUR{bill.owed_cents / 100:.2f}".rstrip("0").rstrip(".")
    assert {"Korttelin Aurinko", IBAN.replace(" ", ""), rf_reference(demand.reference)} <= {*said}
    assert any(line.startswith(euros) for line in said)


def test_its_lines_are_those_of_the_journal(november):
    """Every line of the bill is on paper, with its energy, price and amount."""
    bill = bill_of(november, november.ben)
    said = text_of(pdf_of(november, november.ben))
    spoken = language("en")

    for line in bill.lines:
        for figure in (
            spoken.kwh(line.energy_wh),
            spoken.price(line.price_micro),
            spoken.nano(line.amount_nano),
        ):
            assert figure.replace("\xa0", " ") in said
    assert spoken.cents(bill.owed_cents).replace("\xa0", " ") in said
    assert str(bill.number) in said
    assert "Consumer Disputes Board" in said


def test_it_can_be_read_aloud(november):
    """It is tagged, has a title and a language, and each picture says what it is (PDF/UA-1)."""
    bill = bill_of(november, november.ben)
    sheet = sheet_of(november, november.ben, bill, "fi")
    pdf = typeset(sheet, issued=START)

    assert b"/MarkInfo" in pdf
    assert b"pdfuaid:part" in pdf
    assert sheet["payment"]["code"]["alt"]
    assert sheet["payment"]["barcode"]["alt"]


def test_the_same_bill_is_the_same_bytes(november):
    """No clock, font or folder of the machine goes into it."""
    bill = bill_of(november, november.ben)
    sheet = sheet_of(november, november.ben, bill, "sv")

    assert typeset(sheet, issued=START) == typeset(sheet, issued=START)


@pytest.mark.parametrize(
    ("code", "words"),
    [("en", "To pay"), ("fi", "Maksettavaa"), ("sv", "Att betala")],
)
def test_it_speaks_three_languages(november, code, words):
    """Words, numbers and dates are those of the language."""
    bill = bill_of(november, november.ben)
    sheet = sheet_of(november, november.ben, bill, code)

    assert sheet["lang"] == code
    assert sheet["total"]["label"] == words
    assert typeset(sheet, issued=START)


def test_who_gets_money_is_not_asked_for_it(november):
    """A bill in the household's favour has no payment slip and says so."""
    bill = bill_of(november, november.anna)
    sheet = sheet_of(november, november.anna, bill, "en")

    assert bill.owed_cents < 0
    assert (sheet["payment"], sheet["total"]["label"]) == (None, "You receive")
    assert codes_of(pdf_of(november, november.anna)) == {}


def test_a_month_that_runs_is_not_demanded(november):
    """Before the month is over nothing can be paid by the paper."""
    bill = attrs.evolve(bill_of(november, november.ben), is_running=True, due=None)
    sheet = sheet_of(november, november.ben, bill, "en")

    assert (sheet["payment"], sheet["total"]["label"]) == (None, "So far")


def test_a_foreign_account_has_a_code_and_no_barcode(november):
    """The Finnish barcode has no room for other accounts; the code for applications has."""
    bill = bill_of(november, november.ben)
    operator = attrs.evolve(OPERATOR, iban="SE45 5000 0000 0583 9825 7466")
    sheet = sheet_of(november, november.ben, bill, "en", operator)

    assert sheet["payment"]["barcode"] is None
    assert codes_of(pypdfium2.PdfDocument(typeset(sheet, issued=START))).keys() == {"QRCode"}


def test_somebody_elses_bill_is_not_printed(november):
    """A neighbour's number is as if it did not exist, and a visitor is sent to log in."""
    number = bill_of(november, november.ben).number

    assert november.anna.get(f"/bills/{number}/pdf").status_code == 404
    assert november.browser().get(f"/bills/{number}/pdf").status_code in (303, 401, 403)


def sheet_of(street, browser, bill, code, operator=OPERATOR):
    return bill_sheet(
        bill,
        language=language(code),
        owner=browser.person,
        names=household.aliases(street.portal),
        operator=operator,
        rulebook=street.engine.rulebook,
    )
