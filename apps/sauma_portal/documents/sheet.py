"""What a bill says, line by line, as text in one language: the sheet that is typeset.

Every figure is the one of the page and the API (`BillDocument`); nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from sauma.billing import BillLine, BillStatus, LineKind
from sauma.errors import InvalidInput
from sauma.rulebook import Rulebook
from sauma_portal.accounts import Person
from sauma_portal.documents.correction_sections import correction_sections
from sauma_portal.documents.payment import Demand, virtual_barcode
from sauma_portal.documents.pictures import barcode_svg, payment_code_svg
from sauma_portal.documents.section import section
from sauma_portal.languages import Language
from sauma_portal.market.bills import BillDocument, average_micro
from sauma_portal.messages import N_, say
from sauma_portal.references import grouped
from sauma_portal.settings import Operator

LINES_MAX: Final = 400
"""With more lines than that a bill on paper has the sums only; the page has them all."""

KINDS: Final[Mapping[LineKind, str]] = {
    LineKind.BOUGHT: N_("Bought from neighbours"),
    LineKind.SOLD: N_("Sold to neighbours"),
    LineKind.SUPPLIER_SALE: N_("Bought from the supplier"),
    LineKind.SUPPLIER_PURCHASE: N_("Sold to the supplier"),
}


@attrs.frozen(kw_only=True)
class Writer:
    """Writes one bill in one language."""

    bill: BillDocument
    language: Language
    owner: Person
    names: Mapping[str, str]
    operator: Operator
    rulebook: Rulebook

    def sheet(self) -> dict[str, Any]:
        """Return the whole sheet."""
        text, bill = self.language.gettext, self.bill
        return {
            "lang": self.language.code,
            "title": self._say(
                N_("Bill for %(month)s"), month=self.language.month(bill.number.month)
            ),
            "description": self._say(N_("Electricity bill %(number)s"), number=str(bill.number)),
            "footer": f"{text(N_('Bill number'))} {bill.number}",
            "operator": {"name": self.operator.name, "lines": self._operator_lines()},
            "customer": {
                "name": self.owner.display_name,
                "lines": [
                    self._say(N_("Customer %(number)s"), number=str(self.owner.customer_number))
                ],
            },
            "status": self._status(),
            "total": {
                "label": text(self._total_word()),
                "value": self.language.cents(abs(bill.owed_cents)),
            },
            "facts": self._facts(),
            "sections": [self._sums(), *self._detail(), *self._corrections(), self._taxes()],
            "notes": self._notes(),
            "payment": self._payment(),
        }

    # --- parts ------------------------------------------------------------------------------------

    def _operator_lines(self) -> list[str]:
        operator, text = self.operator, self.language.gettext
        known = (
            (None, operator.address),
            (N_("Business ID"), operator.business_id),
            (N_("VAT number"), operator.vat_number),
            (None, operator.email),
            (None, operator.phone),
        )
        return [f"{text(word)} {value}" if word else value for word, value in known if value]

    def _status(self) -> str:
        bill, text = self.bill, self.language.gettext
        if bill.is_running:
            return text(N_("The month is not over or not settled yet: more comes to this bill."))
        if bill.status is BillStatus.FINAL:
            return text(N_("This bill is final."))
        return text(N_("This bill is provisional: the record of it can still change."))

    def _total_word(self) -> str:
        if self.bill.owed_cents < 0:
            return N_("You receive")
        return N_("So far") if self.bill.is_running else N_("To pay")

    def _facts(self) -> list[dict[str, str]]:
        bill, text = self.bill, self.language.gettext
        due = (
            text(N_("when the month is over")) if bill.due is None else self.language.day(bill.due)
        )
        return [
            {"label": text(N_("Due")), "value": due},
            {"label": text(N_("Reference")), "value": grouped(bill.number.reference)},
            {"label": text(N_("Bill number")), "value": str(bill.number)},
        ]

    def _sums(self) -> dict[str, Any]:
        spoken, bill, text = self.language, self.bill, self.language.gettext
        rows = [
            [
                text(KINDS[kind]),
                spoken.kwh(wh),
                spoken.price_round(average_micro(wh, nano)) if wh else "–",
                spoken.nano(nano),
            ]
            for kind, wh, nano in bill.groups
        ]
        if bill.adjusted:
            rows.append([text(N_("Corrections")), "", "", spoken.nano(bill.adjusted_nano)])
        for word, nano in (
            (N_("Rounding brought over"), bill.carried_nano),
            (N_("Rounding carried on"), -bill.carry_nano),
        ):
            if nano:
                rows.append([text(word), "", "", spoken.nano(nano)])
        word = N_("You receive") if bill.owed_cents < 0 else N_("Total")
        return section(
            text(N_("What it is made of")),
            [text(N_("Charge")), text(N_("Energy")), text(N_("on average")), text(N_("Amount"))],
            rows,
            foot=[text(word), "", "", spoken.cents(abs(bill.owed_cents))],
            note=text(
                N_(
                    "Amounts with a minus are in your favour. A seller's amount is its share of what "
                    "buyers pay."
                )
            ),
        )

    def _detail(self) -> list[dict[str, Any]]:
        text = self.language.gettext
        correcting = [line for each in self.bill.adjusted for line in each.lines]
        if len(self.bill.lines) + len(correcting) > LINES_MAX:
            return []
        rows = [self._line(text(KINDS[line.kind]), line) for line in self.bill.lines]
        rows += [
            self._line(f"{text(N_('Correction'))}: {text(KINDS[line.kind])}", line)
            for line in correcting
        ]
        words = (N_("Charge"), N_("With"), N_("Energy"), N_("Price"), N_("Amount"))
        return [section(text(N_("Lines")), [text(word) for word in words], rows, texts=2)]

    def _line(self, word: str, line: BillLine) -> list[str]:
        spoken = self.language
        return [
            word,
            self.names.get(line.counterparty, spoken.gettext(N_("a neighbour"))),
            spoken.kwh(line.energy_wh),
            spoken.price(line.price_micro),
            spoken.nano(line.amount_nano),
        ]

    def _corrections(self) -> list[dict[str, Any]]:
        if not self.bill.adjusted:
            return []
        return correction_sections(self.bill, self.language, self.rulebook.zone, rows_max=LINES_MAX)

    def _taxes(self) -> dict[str, Any]:
        spoken, bill, text = self.language, self.bill, self.language.gettext
        rows = [
            [
                self._say(N_("VAT %(rate)s"), rate=spoken.percent(row.basis_points)),
                spoken.nano_short(row.net_nano),
                spoken.nano_short(row.vat_nano),
                spoken.nano_short(row.gross_nano),
            ]
            for row in bill.vat
        ]
        if bill.untaxed_nano:
            untaxed = spoken.nano_short(bill.untaxed_nano)
            rows.append([text(N_("no VAT")), untaxed, "–", untaxed])
        words = (N_("Rate"), N_("without VAT"), N_("VAT"), N_("together"))
        return section(
            text(N_("Taxes")),
            [text(word) for word in words],
            rows,
            note=text(
                N_(
                    "VAT is charged on the shares of supplier, grid and operator by the rate on the "
                    "day of supply. Households that sell their surplus and are not in the VAT "
                    "register charge none. Electricity tax is on the bill of your grid company."
                )
            ),
        )

    def _notes(self) -> list[dict[str, str]]:
        bill, spoken, text = self.bill, self.language, self.language.gettext
        retail = self._say(
            N_(
                "At %(price)s for everything you used, and the supplier's price for everything you "
                "gave, it would have been %(retail)s."
            ),
            price=spoken.price(bill.retail_micro),
            retail=spoken.nano_short(bill.retail_nano),
        )
        notes = [
            (N_("Compared with ordinary prices"), f"{self._saved()} {retail}"),
            (N_("Questions and complaints"), self._complaints()),
        ]
        unsure = self._unsure()
        if unsure:
            notes.insert(1, (N_("Readings that are not sure"), unsure))
        return [{"heading": text(heading), "text": said} for heading, said in notes]

    def _saved(self) -> str:
        saved, spoken = self.bill.saved_nano, self.language
        if saved == 0:
            return spoken.gettext(N_("It would have been the same")) + "."
        word = N_("You saved %(amount)s") if saved > 0 else N_("You lost %(amount)s")
        return self._say(word, amount=spoken.nano_short(abs(saved))) + "."

    def _unsure(self) -> str:
        bill, ngettext = self.bill, self.language.ngettext
        parts = []
        if bill.missing:
            said = ngettext(
                "One reading is missing.", "%(count)s readings are missing.", bill.missing
            )
            parts.append(said % {"count": bill.missing})
        if bill.estimated:
            said = ngettext(
                "One reading is estimated.", "%(count)s readings are estimated.", bill.estimated
            )
            parts.append(said % {"count": bill.estimated})
        if parts:
            parts.append(self._corrected_until())
        return " ".join(parts)

    def _corrected_until(self) -> str:
        days = self.rulebook.correction_window_days
        if not days:
            return self.language.gettext(
                N_("It stays as it is: the rules of your neighbourhood correct nothing afterwards.")
            )
        return self._say(
            N_(
                "Your grid company corrects this; what it corrects within %(days)s days comes to your "
                "bill as a correction."
            ),
            days=str(days),
        )

    def _complaints(self) -> str:
        write = self._say(
            N_("Write to %(operator)s, %(email)s. We answer within two weeks."),
            operator=self.operator.name,
            email=self.operator.email,
        )
        board = self.language.gettext(
            N_(
                "If we do not agree, the Consumer Disputes Board decides free of charge: "
                "kuluttajariita.fi."
            )
        )
        contract = self._say(
            N_(
                "Customer %(number)s. Contract in force until you end it; rules “%(name)s”, "
                "version %(version)s."
            ),
            number=str(self.owner.customer_number),
            name=self.rulebook.name,
            version=str(self.rulebook.version),
        )
        return f"{write} {board} {contract}"

    def _payment(self) -> dict[str, Any] | None:
        demand = demand_of(self.bill, self.operator)
        if demand is None or demand.due is None:
            return None
        spoken, text = self.language, self.language.gettext
        amount = spoken.cents(demand.cents)
        rows = (
            (N_("Payee"), demand.payee),
            (N_("Account"), self.operator.iban),
            (N_("Reference"), grouped(demand.reference)),
            (N_("Due"), spoken.day(demand.due)),
            (N_("Amount"), amount),
        )
        return {
            "heading": text(N_("How to pay")),
            "rows": [{"label": text(word), "value": value} for word, value in rows],
            "code": {
                "svg": payment_code_svg(demand).decode(),
                "caption": text(N_("Scan it with your bank's application")),
                "alt": self._say(
                    N_("Payment code: %(amount)s to %(payee)s, reference %(reference)s"),
                    amount=amount,
                    payee=demand.payee,
                    reference=demand.reference,
                ),
            },
            "barcode": self._barcode(demand),
        }

    def _barcode(self, demand: Demand) -> dict[str, str] | None:
        try:
            digits = virtual_barcode(demand)
        except InvalidInput:  # the operator banks abroad, where there are no such barcodes
            return None
        return {
            "svg": barcode_svg(demand).decode(),
            "digits": digits,
            "alt": self._say(N_("Barcode %(digits)s"), digits=digits),
        }

    def _say(self, marked: str, **values: str) -> str:
        return self.language.say(say(marked, **values))


def bill_sheet(
    bill: BillDocument,
    *,
    language: Language,
    owner: Person,
    names: Mapping[str, str],
    operator: Operator,
    rulebook: Rulebook,
) -> dict[str, Any]:
    """Return the sheet of a bill in a language; `names` are what its owner may know of neighbours."""
    return Writer(
        bill=bill,
        language=language,
        owner=owner,
        names=names,
        operator=operator,
        rulebook=rulebook,
    ).sheet()


def demand_of(bill: BillDocument, operator: Operator) -> Demand | None:
    """Return what is to be paid for a bill; None while it runs, without an account, or for nothing."""
    if bill.is_running or bill.owed_cents <= 0 or not operator.iban:
        return None
    return Demand(
        payee=operator.name,
        iban=operator.iban,
        bic=operator.bic,
        cents=bill.owed_cents,
        reference=bill.number.reference,
        due=bill.due,
    )
