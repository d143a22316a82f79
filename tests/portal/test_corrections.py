"""A corrected bill shows what changed and why: on the page, in the API, on paper, and when it is checked."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from sauma.offers import Quality, Reading
from sauma_portal import household
from sauma_portal.acts import tokens
from sauma_portal.documents import bill_sheet
from sauma_portal.documents.correction_sections import correction_sections
from sauma_portal.languages import language
from sauma_portal.market import checking

from .street import Street, gsrn

DAY_S = 86_400
NOVEMBER, DECEMBER = 1, 0
"""Ben's bills, newest first."""


@pytest.fixture(scope="module")
def corrected(tmp_path_factory):
    """Ben's reading of November was estimated; in December his meter says 400 Wh more."""
    street = Street(tmp_path_factory.mktemp("corrected"), claims_need_operator=False)
    street.anna, street.ben = street.join("anna", sells="1"), street.join("ben")
    for number, browser in enumerate((street.anna, street.ben)):
        browser.get("/home")
        browser.post("/home/metering-points", metering_point=gsrn(number))
    for browser, prices in ((street.anna, {"buy": "", "sell": "8"}), (street.ben, {"buy": "12,0"})):
        browser.get("/prices")
        browser.post("/prices", step="save", **prices)
    street.meter(gsrn(0), exported=1500, number=1)
    street.meter(gsrn(1), imported=900, number=1, quality=Quality.ESTIMATED)
    street.clear(1)
    street.settle()
    street.before = bills(street)[0]
    street.market_clock.advance(seconds=21 * DAY_S)
    correct(street, 1300)
    yield street
    street.close()


def correct(street, imported_wh, version=2, days=1):
    """Ben's reading comes late, and the day in which it came is over."""
    reading = Reading(
        metering_point=gsrn(1),
        interval=street.interval(1),
        key="meter",
        version=version,
        imported_wh=imported_wh,
        exported_wh=0,
    )
    street.market_clock.advance(seconds=int(timedelta(days=days - 1).total_seconds()))
    street.engine.accept([reading], late=True)
    street.market_clock.advance(seconds=DAY_S)
    assert street.engine.correct_due() == 1


def bills(street):
    return household.own_bills(street.portal, street.ben.person)


def test_a_correction_is_on_the_bill_of_the_month_it_was_made_in(corrected):
    """November's bill stays to the cent; December's has the difference, its tax, and adds up."""
    december, november = bills(corrected)

    assert (november.owed_cents, november.lines) == (
        corrected.before.owed_cents,
        corrected.before.lines,
    )
    assert december.owed_nano == december.adjusted_nano == 400 * 160_000
    assert december.owed_cents * 10**7 + december.carry_nano == december.owed_nano
    (row,) = december.vat
    assert (row.gross_nano, december.untaxed_nano) == (december.owed_nano, 0)
    assert (december.status.name, december.number.month.month) == ("FINAL", 12)


def test_the_estimate_is_certain_once_it_was_corrected(corrected):
    """The bill said that one reading was estimated; now it is measured, and nothing is said any more."""
    assert corrected.before.estimated == 1
    assert bills(corrected)[NOVEMBER].estimated == 0


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("en", "What was corrected, and why"),
        ("fi", "Mitä korjattiin ja miksi"),
        ("sv", "Vad som rättades och varför"),
    ],
)
def test_page_and_paper_say_what_changed_and_why(corrected, code, words):
    """Old and new reading, old and new amount, difference and the bill it adjusts, in three languages."""
    december, november = bills(corrected)
    spoken = language(code)
    corrected.ben.get("/bills")
    corrected.ben.post("/language", language=code, next="/bills")
    said = [
        words,
        str(november.number),
        spoken.kwh(900),
        spoken.kwh(1300),
        spoken.nano(november.owed_nano),
        spoken.nano(november.owed_nano + 400 * 160_000),
        spoken.nano(400 * 160_000),
    ]

    corrected.ben.get(f"/bills/{december.number}")
    page = corrected.ben.text
    sheet = bill_sheet(
        december,
        language=spoken,
        owner=corrected.ben.person,
        names={},
        operator=corrected.portal.settings.operator,
        rulebook=corrected.engine.rulebook,
    )
    sections = [each for each in sheet["sections"] if each["heading"] == words]
    index = sheet["sections"].index(sections[0])
    paper = " ".join(
        [words]
        + [
            cell
            for each in sheet["sections"][index : index + 2]
            for row in each["rows"]
            for cell in row
        ]
    )

    for one in said:
        assert " ".join(one.split()) in page
        assert one in paper


def test_paper_with_too_many_corrections_says_how_many(corrected):
    """Beyond the limit a bill on paper has the sum, why, and how many readings the page shows."""
    (one,) = correction_sections(bills(corrected)[DECEMBER], language("en"), "UTC", rows_max=1)

    assert one["rows"] == [["Difference", language("en").nano(400 * 160_000)]]
    assert "the page of this bill has them all" in one["note"]


def test_the_bill_that_was_adjusted_says_where(corrected):
    """Whoever looks at November's bill is led to the correction on December's."""
    december, november = bills(corrected)
    corrected.ben.get("/bills")
    corrected.ben.post("/language", language="en", next="/bills")

    corrected.ben.get(f"/bills/{november.number}")

    assert "Corrected later" in corrected.ben.text
    assert f"on bill {december.number}" in corrected.ben.text
    assert f'href="/bills/{december.number}"' in corrected.ben.page


def test_income_leaves_corrections_out_and_says_so(corrected):
    """What corrections come to stands beside what was earned, with its sign from the household's side."""
    december = bills(corrected)[DECEMBER].number.month

    _, earned = household.own_income(corrected.portal, corrected.ben.person, december)
    corrected.ben.get("/income?month=2026-12")

    assert (earned.corrected_nano, earned.earned_nano) == (-400 * 160_000, 0)
    assert "Corrections on this month's bill come to" in corrected.ben.text


def test_the_api_says_the_same(corrected):
    """Corrections with both readings, both amounts and both bill numbers, at both bills."""
    december, november = bills(corrected)
    _, secret = tokens.grant(
        corrected.portal, corrected.ben.person, name="script", scopes=("read",), days=1
    )
    ask = {"authorization": f"Bearer {secret}"}
    corrected.client.cookies.clear()
    (made,) = corrected.client.get(f"/api/bills/{december.number}", headers=ask).json()[
        "corrections"
    ]
    (of_november,) = corrected.client.get(f"/api/bills/{november.number}", headers=ask).json()[
        "corrected_by"
    ]

    assert made == of_november
    assert (made["on_bill"], made["corrects_bill"]) == (str(december.number), str(november.number))
    assert made["new_nano"] - made["old_nano"] == made["difference_nano"] == 400 * 160_000
    (reading,) = made["readings"]
    assert reading["old"] == {"imported_wh": 900, "exported_wh": 0, "quality": "estimated"}
    assert reading["new"] == {"imported_wh": 1300, "exported_wh": 0, "quality": "measured"}


def test_an_adjusting_bill_is_checked(corrected):
    """Each correction is computed again from the readings; one that says too much is found out."""
    (december, november) = bills(corrected)
    right = checking.check_bill(corrected.engine, december)
    (made,) = december.adjusted
    line = made.lines[0]
    dear = attrs.evolve(made.bill, lines=(attrs.evolve(line, amount_nano=line.amount_nano + 1),))
    old = attrs.evolve(made.bill, old_nano=made.bill.old_nano + 1)

    def failed(bill):
        forged = attrs.evolve(december, adjusted=(attrs.evolve(made, bill=bill),))
        verdict = checking.check_bill(corrected.engine, forged)
        return [str(step.title) for step in verdict.steps if step.ok is False]

    assert right.ok
    assert "Every correction can be computed again" in [str(step.title) for step in right.steps]
    assert checking.check_bill(corrected.engine, november).ok
    assert failed(dear) == ["Every correction can be computed again", "It adds up to the cent"]
    assert failed(old) == ["Every correction can be computed again"]


def test_what_comes_after_the_window_is_said_and_a_correction_can_be_corrected(corrected):
    """The second correction adjusts the same bill by its own difference; the last comes too late."""
    correct(corrected, 1200, version=3)
    correct(corrected, 5000, version=4, days=60)
    december, november = bills(corrected)
    corrected.ben.get("/bills")
    corrected.ben.post("/language", language="en", next="/bills")
    corrected.ben.get(f"/bills/{november.number}")

    assert [each.bill.owed_nano for each in december.adjusted] == [400 * 160_000, -100 * 160_000]
    assert len(november.too_late) == 1
    assert "One reading came too late to be corrected" in corrected.ben.text
    assert checking.check_bill(corrected.engine, december).ok
