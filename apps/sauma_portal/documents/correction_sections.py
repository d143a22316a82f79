"""The sections of a bill on paper that say what was corrected and why."""

from __future__ import annotations

from typing import Any

from sauma.correcting import Metered
from sauma.intervals import from_unix
from sauma.offers import Quality
from sauma_portal.documents.section import section
from sauma_portal.languages import Language
from sauma_portal.market.bills import BillDocument
from sauma_portal.messages import N_, say


def correction_sections(
    bill: BillDocument, language: Language, zone: str, *, rows_max: int
) -> list[dict[str, Any]]:
    """Return old and new readings, and old and new amounts with the bill that each corrects.

    With more rows than `rows_max` the page has them all, and paper says how many there are.
    """
    text = language.gettext

    def moment(unix: int) -> str:
        return language.moment(from_unix(unix), zone)

    readings = [
        [moment(one.interval_start), _metered(one.old, language), _metered(one.new, language)]
        for each in bill.adjusted
        for one in each.readings
    ]
    amounts = [
        [
            str(bill.number.of(each.month)),
            moment(each.period_start),
            language.nano(each.bill.old_nano),
            language.nano(each.bill.new_nano),
            language.nano(each.bill.owed_nano),
        ]
        for each in bill.adjusted
    ]
    why = text(
        N_(
            "A meter reading came, or was corrected, after its quarter-hour was settled. Your trades "
            "with neighbours stand; the difference is between you and the supplier, at the prices of "
            "that day."
        )
    )
    heading = text(N_("What was corrected, and why"))
    if len(readings) + len(amounts) > rows_max:
        many = say(
            N_("There are %(count)s corrected readings; the page of this bill has them all."),
            count=len(readings),
        )
        total = [[text(N_("Difference")), language.nano(bill.adjusted_nano)]]
        columns = [text(N_("Corrections")), text(N_("Amount"))]
        return [section(heading, columns, total, note=f"{why} {language.say(many)}")]
    words = (
        N_("Corrects bill"),
        N_("From"),
        N_("Old amount"),
        N_("New amount"),
        N_("Difference"),
    )
    return [
        section(
            heading,
            [text(N_("When")), text(N_("Old reading")), text(N_("New reading"))],
            readings,
            texts=3,
            note=why,
        ),
        section(text(N_("Corrections")), [text(word) for word in words], amounts, texts=2),
    ]


def _metered(reading: Metered | None, language: Language) -> str:
    if reading is None:
        return language.gettext(N_("none"))
    if reading.quality is Quality.MISSING:
        return language.gettext(N_("missing"))
    said = language.say(
        say(
            N_("%(came_in)s in, %(went_out)s out"),
            came_in=language.kwh(reading.imported_wh),
            went_out=language.kwh(reading.exported_wh),
        )
    )
    if reading.quality is Quality.ESTIMATED:
        return f"{said} ({language.gettext(N_('estimated'))})"
    return said
