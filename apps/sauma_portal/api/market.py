"""Calls about dealing: prices, day, neighbourhood, trades, bills, income."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post, put
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody, QueryParameter

from sauma_portal import household
from sauma_portal.acts import pricing
from sauma_portal.acts.tokens import READ, TRADE
from sauma_portal.api import facts, requests
from sauma_portal.api import messages as m
from sauma_portal.api.scoping import PROBLEMS, SECURITY, Number, scoped
from sauma_portal.documents import bill_sheet, typeset
from sauma_portal.household import read_month
from sauma_portal.web.slowing import slow_down
from sauma_portal.web.visiting import Asked, Visitor, person_of, portal_of

Page = Annotated[int, QueryParameter(ge=1, le=1_000_000)]
Month = Annotated[str | None, QueryParameter(max_length=7)]


class MarketCalls(Controller):
    """Calls about dealing."""

    path = "/api"
    tags = ("dealing",)
    security = SECURITY

    @get("/prices", guards=[scoped(READ)], responses=PROBLEMS, sync_to_thread=True)
    def prices(self, request: Request[Visitor, Any, Any]) -> m.PriceFacts:
        """Say at which prices I deal, and since when."""
        return _prices(request)

    @put("/prices", guards=[scoped(TRADE)], responses=PROBLEMS, sync_to_thread=True)
    def set_prices(
        self, request: Request[Visitor, Any, Any], data: JSONBody[requests.WantedPrices]
    ) -> m.PriceFacts:
        """Set both prices; null ends a side."""
        slow_down(request)
        portal, person = portal_of(request), person_of(request)
        buy, sell = pricing.check_prices(portal, person, data.buy_micro, data.sell_micro)
        pricing.set_prices(portal, person, buy, sell)
        return _prices(request)

    @post(
        "/prices/effect",
        guards=[scoped(READ)],
        responses=PROBLEMS,
        status_code=200,
        sync_to_thread=True,
    )
    def effect(
        self, request: Request[Visitor, Any, Any], data: JSONBody[requests.WantedPrices]
    ) -> m.PriceEffectFacts:
        """Say what other prices would have meant in the last thirty days; sets nothing."""
        slow_down(request)
        portal, person = portal_of(request), person_of(request)
        wanted = pricing.check_prices(portal, person, data.buy_micro, data.sell_micro)
        return facts.effect(household.effect(portal, person, wanted))

    @post(
        "/trading/pause",
        guards=[scoped(TRADE)],
        responses=PROBLEMS,
        status_code=200,
        sync_to_thread=True,
    )
    def pause(self, request: Request[Visitor, Any, Any]) -> m.Done:
        """Stop dealing with neighbours."""
        slow_down(request)
        pricing.pause(portal_of(request), person_of(request))
        return m.Done()

    @post(
        "/trading/resume",
        guards=[scoped(TRADE)],
        responses=PROBLEMS,
        status_code=200,
        sync_to_thread=True,
    )
    def resume(self, request: Request[Visitor, Any, Any]) -> m.Done:
        """Go on dealing."""
        slow_down(request)
        pricing.resume(portal_of(request), person_of(request))
        return m.Done()

    @get("/today", guards=[scoped(READ)], responses=PROBLEMS, sync_to_thread=True)
    def today(self, request: Request[Visitor, Any, Any]) -> m.DayFacts:
        """Say how my running day goes."""
        portal, person = portal_of(request), person_of(request)
        return facts.day(household.today(portal, person), portal.block_s)

    @get("/neighbourhood", guards=[scoped(READ)], responses=PROBLEMS, sync_to_thread=True)
    def neighbourhood(self, request: Request[Visitor, Any, Any]) -> m.NeighbourhoodFacts:
        """Say who is around."""
        portal, person = portal_of(request), person_of(request)
        return facts.neighbourhood(person.area, household.neighbourhood(portal, person))

    @get("/trades", guards=[scoped(READ)], responses=PROBLEMS, sync_to_thread=True)
    def trades(self, request: Request[Visitor, Any, Any], page: Page = 1) -> m.TradePage:
        """List my trades, newest first."""
        portal, person = portal_of(request), person_of(request)
        found, pages = household.own_trades(portal, person, page)
        names = household.aliases(portal)
        return m.TradePage(
            page=page,
            pages=pages,
            block_seconds=portal.block_s,
            trades=[facts.trade(one, names) for one in found],
        )

    @get("/bills", guards=[scoped(READ)], responses=PROBLEMS, sync_to_thread=True)
    def bills(self, request: Request[Visitor, Any, Any]) -> list[m.BillFacts]:
        """List my bills, newest first."""
        portal, person = portal_of(request), person_of(request)
        names = household.aliases(portal)
        return [facts.bill(one, names) for one in household.own_bills(portal, person)]

    @get("/bills/{number:str}", guards=[scoped(READ)], responses=PROBLEMS, sync_to_thread=True)
    def bill(self, request: Request[Visitor, Any, Any], number: Number) -> m.BillFacts:
        """Give one of my bills."""
        portal, person = portal_of(request), person_of(request)
        return facts.bill(household.own_bill(portal, person, number), household.aliases(portal))

    @get(
        "/bills/{number:str}/check",
        guards=[scoped(READ)],
        responses=PROBLEMS,
        sync_to_thread=True,
    )
    def check(self, request: Request[Visitor, Any, Any], number: Number) -> m.VerdictFacts:
        """Check one of my bills from meter to chain."""
        portal, person = portal_of(request), person_of(request)
        return facts.verdict(household.check_own_bill(portal, person, number))

    @get(
        "/bills/{number:str}/pdf",
        guards=[scoped(READ)],
        responses={
            **PROBLEMS,
            200: ResponseSpec(
                data_container=bytes,
                description="The bill as an accessible PDF.",
                media_type="application/pdf",
                generate_examples=False,
            ),
        },
        sync_to_thread=True,
    )
    def document(self, request: Request[Visitor, Any, Any], number: Number) -> Response[bytes]:
        """Give one of my bills as a PDF, in the language of `accept-language`."""
        slow_down(request)
        portal, person = portal_of(request), person_of(request)
        sheet = bill_sheet(
            household.own_bill(portal, person, number),
            language=request.user.language,
            owner=person,
            names=household.aliases(portal),
            operator=portal.settings.operator,
            rulebook=portal.engine.rulebook,
        )
        content = typeset(sheet, issued=portal.market_clock.now())
        return Response(content, media_type="application/pdf")

    @get("/income", guards=[scoped(READ)], responses=PROBLEMS, sync_to_thread=True)
    def income(self, request: Request[Visitor, Any, Any], month: Month = None) -> m.IncomeFacts:
        """Say what I earned in a month (`2026-11`), the running one unless another is named."""
        portal, person = portal_of(request), person_of(request)
        chosen: date | None = None if month is None else read_month(month)
        found, earned = household.own_income(portal, person, chosen)
        return facts.income(found, earned, household.aliases(portal))


def _prices(request: Asked) -> m.PriceFacts:
    portal, person = portal_of(request), person_of(request)
    own, rulebook = pricing.own_prices(portal, person), portal.engine.rulebook

    def net(price_micro: int | None) -> int | None:
        if price_micro is None:
            return None
        return household.without_vat(portal, price_micro, producer_taxed=person.vat_registered)

    return m.PriceFacts(
        buy_micro=own.buy_micro,
        sell_micro=own.sell_micro,
        buy_since=own.buy_since,
        sell_since=own.sell_since,
        buy_without_vat_micro=net(own.buy_micro),
        sell_without_vat_micro=net(own.sell_micro),
        paused=person.paused,
        floor_micro=rulebook.price_floor_micro,
        cap_micro=rulebook.price_cap_micro,
        supplier_sells_micro=rulebook.supplier.sells_at_micro,
        supplier_buys_micro=rulebook.supplier.buys_at_micro,
    )
