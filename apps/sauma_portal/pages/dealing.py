"""Pages of a household: its day, prices, neighbourhood, trades, bills and income."""

from __future__ import annotations

from datetime import date
from typing import Any

from litestar import Controller, Request, get, post
from litestar.enums import MediaType
from litestar.params import FromPath
from litestar.response import Response

from sauma_portal import household
from sauma_portal.accounts import Person
from sauma_portal.acts import pricing
from sauma_portal.documents import bill_sheet, typeset
from sauma_portal.market.bills import average_micro
from sauma_portal.market.neighbours import HEIGHT, WIDTH
from sauma_portal.market.progress import Progress
from sauma_portal.messages import FormError, NotFound
from sauma_portal.pages.charts import day_chart
from sauma_portal.pages.forms import Form
from sauma_portal.references import grouped
from sauma_portal.web.rendering import form_page, page, render, see
from sauma_portal.web.slowing import slow_down
from sauma_portal.web.visiting import Asked, Visitor, logged_in, person_of, portal_of


class DealingPages(Controller):
    """Pages for whoever is logged in."""

    include_in_schema = False
    guards = (logged_in,)

    @get("/today", sync_to_thread=True)
    def today(self, request: Request[Visitor, Any, Any]) -> Response[str]:
        """Show the running day."""
        return page(request, "today.html", **_today(request))

    @get("/today/live", sync_to_thread=True)
    def live(self, request: Request[Visitor, Any, Any]) -> Response[str]:
        """Show the part of the day that moves."""
        return Response(
            render(request, "parts/live.html", **_today(request)), media_type=MediaType.HTML
        )

    @get("/prices", sync_to_thread=True)
    def prices(self, request: Request[Visitor, Any, Any]) -> Response[str]:
        """Show the prices in force and the form to change them."""
        return _prices_page(request, person_of(request))

    @post("/prices", sync_to_thread=True)
    def set_prices(self, request: Request[Visitor, Any, Any], data: Form) -> Response[Any]:
        """Show what new prices would mean; set them when that was seen."""
        slow_down(request)
        portal, person = portal_of(request), person_of(request)
        try:
            buy, sell = pricing.read_prices(portal, person, data)
            if data.get("step") != "save":
                shown = household.effect(portal, person, (buy, sell))
                return _prices_page(request, person, values=data, effect=shown, wanted=(buy, sell))
            pricing.set_prices(portal, person, buy, sell)
        except FormError as error:
            return _prices_page(request, person, values=data, error=error)
        return see("/prices", "priced")

    @post("/pause", sync_to_thread=True)
    def pause(self, request: Request[Visitor, Any, Any]) -> Response[Any]:
        """Stop trading with neighbours."""
        slow_down(request)
        pricing.pause(portal_of(request), person_of(request))
        return see("/prices", "paused")

    @post("/resume", sync_to_thread=True)
    def resume(self, request: Request[Visitor, Any, Any]) -> Response[Any]:
        """Go on trading."""
        slow_down(request)
        pricing.resume(portal_of(request), person_of(request))
        return see("/prices", "resumed")

    @get("/neighbourhood", sync_to_thread=True)
    def neighbourhood(self, request: Request[Visitor, Any, Any]) -> Response[str]:
        """Show who is around, as a list and on a plan."""
        portal, person = portal_of(request), person_of(request)
        return page(
            request,
            "neighbourhood.html",
            around=household.neighbourhood(portal, person),
            plan=portal.settings.area(person.area),
            width=WIDTH,
            height=HEIGHT,
        )

    @get("/trades", sync_to_thread=True)
    def trades(self, request: Request[Visitor, Any, Any]) -> Response[str]:
        """Show one's trades, newest first."""
        portal, person = portal_of(request), person_of(request)
        number = _whole(request.query_params.get("page", "1"))
        found, pages = household.own_trades(portal, person, number)
        return page(
            request,
            "trades.html",
            trades=found,
            number=number,
            pages=pages,
            names=household.aliases(portal),
            block_s=portal.block_s,
            Progress=Progress,
        )

    @get("/bills", sync_to_thread=True)
    def bills(self, request: Request[Visitor, Any, Any]) -> Response[str]:
        """Show all bills."""
        portal, person = portal_of(request), person_of(request)
        return page(
            request,
            "bills.html",
            bills=household.own_bills(portal, person),
            grouped=grouped,
            block_s=portal.block_s,
        )

    @get("/bills/{number:str}", sync_to_thread=True)
    def bill(self, request: Request[Visitor, Any, Any], number: FromPath[str]) -> Response[str]:
        """Show one bill."""
        portal, person = portal_of(request), person_of(request)
        bill = household.own_bill(portal, person, number)
        return page(request, "bill.html", verdict=None, **bill_values(request, person, bill))

    @get("/bills/{number:str}/pdf", sync_to_thread=True)
    def bill_on_paper(
        self, request: Request[Visitor, Any, Any], number: FromPath[str]
    ) -> Response[bytes]:
        """Return one bill as a PDF."""
        slow_down(request)
        portal, person = portal_of(request), person_of(request)
        bill = household.own_bill(portal, person, number)
        sheet = bill_sheet(
            bill,
            language=request.user.language,
            owner=person,
            names=household.aliases(portal),
            operator=portal.settings.operator,
            rulebook=portal.engine.rulebook,
        )
        return Response(
            typeset(sheet, issued=portal.market_clock.now()),
            media_type="application/pdf",
            headers={"Content-Disposition": f'inline; filename="{bill.number}.pdf"'},
        )

    @get("/bills/{number:str}/check", sync_to_thread=True)
    def check(self, request: Request[Visitor, Any, Any], number: FromPath[str]) -> Response[str]:
        """Show one bill with what a check of it found."""
        portal, person = portal_of(request), person_of(request)
        bill = household.own_bill(portal, person, number)
        verdict = household.check_own_bill(portal, person, number)
        return page(request, "bill.html", verdict=verdict, **bill_values(request, person, bill))

    @get("/income", sync_to_thread=True)
    def income(self, request: Request[Visitor, Any, Any]) -> Response[str]:
        """Show what was earned, and who got how much of what buyers paid."""
        portal, person = portal_of(request), person_of(request)
        month, earned = household.own_income(portal, person, _month(request))
        return page(
            request,
            "income.html",
            month=month,
            earned=earned,
            rulebook=portal.engine.rulebook,
            names=household.aliases(portal),
        )


def bill_values(request: Asked, owner: Person, bill: Any) -> dict[str, Any]:
    """Return what the page of a bill shows beside the bill."""
    portal = portal_of(request)
    return {
        "bill": bill,
        "owner": owner,
        "names": household.aliases(portal),
        "rulebook": portal.engine.rulebook,
        "grouped": grouped,
        "block_s": portal.block_s,
        "average": average_micro,
    }


def _today(request: Asked) -> dict[str, Any]:
    portal, person = portal_of(request), person_of(request)
    found = household.today(portal, person)
    return {
        "today": found,
        "chart": day_chart(found, portal.zone),
        "block_s": portal.block_s,
        "rulebook": portal.engine.rulebook,
    }


def _prices_page(
    request: Asked,
    person: Person,
    *,
    values: dict[str, Any] | None = None,
    error: FormError | None = None,
    effect: household.PriceEffect | None = None,
    wanted: tuple[int | None, int | None] = (None, None),
) -> Response[str]:
    portal, rulebook = portal_of(request), portal_of(request).engine.rulebook
    own = pricing.own_prices(portal, person)
    language = request.user.language
    typed = {
        "buy": "" if own.buy_micro is None else language.price_typed(own.buy_micro),
        "sell": "" if own.sell_micro is None else language.price_typed(own.sell_micro),
    }
    return form_page(
        request,
        "prices.html",
        {**typed, **(values or {})},
        error,
        own=own,
        effect=effect,
        wanted=wanted,
        rulebook=rulebook,
        begins=household.takes_effect(portal),
        now=portal.market_clock.now(),
        net=lambda price: household.without_vat(
            portal, price, producer_taxed=person.vat_registered
        ),
        days=household.PREVIEW_DAYS,
    )


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise NotFound(f"{text!r} is no number of a page")
    return int(text)


def _month(request: Asked) -> date | None:
    text = request.query_params.get("month", "")
    return household.read_month(text) if text else None
