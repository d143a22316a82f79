"""Pages for what belongs to a household: metering points, wallet, account, data."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from litestar import Controller, Request, get, post
from litestar.params import FromPath
from litestar.response import Response

from sauma_portal import household
from sauma_portal.accounts import claims
from sauma_portal.accounts.claims import ClaimState
from sauma_portal.acts import entering, joining, leaving, metering, tokens
from sauma_portal.acts.tokens import SCOPES
from sauma_portal.messages import FormError
from sauma_portal.pages.entrance import leave
from sauma_portal.pages.forms import Form
from sauma_portal.web.rendering import form_page, see
from sauma_portal.web.slowing import slow_down
from sauma_portal.web.visiting import Asked, Visitor, logged_in, person_of, portal_of

_EMPTY: Final = {"metering_point": "", "public_key": "", "signature": ""}


class HomePages(Controller):
    """Metering points and wallet."""

    include_in_schema = False
    guards = (logged_in,)

    @get("/home", sync_to_thread=True)
    def home(self, request: Request[Visitor, Any, Any]) -> Response[str]:
        """Show metering points and wallet."""
        return _home_page(request, {})

    @post("/home/metering-points", sync_to_thread=True)
    def claim(self, request: Request[Visitor, Any, Any], data: Form) -> Response[Any]:
        """Say that a metering point is one's own."""
        slow_down(request)
        try:
            state = metering.claim_point(portal_of(request), person_of(request), data)
        except FormError as error:
            return _home_page(request, data, error)
        return see("/home", "metered" if state is ClaimState.CONFIRMED else "claimed")

    @post("/home/wallet", sync_to_thread=True)
    def make_wallet(self, request: Request[Visitor, Any, Any]) -> Response[Any]:
        """Have a wallet made."""
        slow_down(request)
        metering.make_wallet(portal_of(request), person_of(request))
        return see("/home", "wallet")

    @post("/home/wallet/own", sync_to_thread=True)
    def bring_wallet(self, request: Request[Visitor, Any, Any], data: Form) -> Response[Any]:
        """Use an address of one's own, proved by a signature."""
        slow_down(request)
        try:
            metering.bring_wallet(portal_of(request), person_of(request), data)
        except FormError as error:
            return _home_page(request, data, error)
        return see("/home", "wallet")


class AccountPages(Controller):
    """The account itself."""

    include_in_schema = False
    guards = (logged_in,)

    @get("/account", sync_to_thread=True)
    def account(self, request: Request[Visitor, Any, Any]) -> Response[str]:
        """Show the account."""
        return _account_page(request, {})

    @post("/account/profile", sync_to_thread=True)
    def change_profile(self, request: Request[Visitor, Any, Any], data: Form) -> Response[Any]:
        """Change what neighbours see and what one does."""
        slow_down(request)
        try:
            joining.change_profile(portal_of(request), person_of(request), data)
        except FormError as error:
            return _account_page(request, {"boxes": "typed", **data}, error, form="profile")
        return see("/account", "saved")

    @post("/account/password", sync_to_thread=True)
    def change_password(self, request: Request[Visitor, Any, Any], data: Form) -> Response[Any]:
        """Change the password; every session ends, this one too."""
        try:
            entering.change_password(portal_of(request), person_of(request), data)
        except FormError as error:
            return _account_page(request, {}, error, form="password")
        return leave(request, "/log-in", "password")

    @post("/account/tokens", sync_to_thread=True)
    def add_token(self, request: Request[Visitor, Any, Any], data: Form) -> Response[Any]:
        """Make a token for a program, and show it once."""
        slow_down(request)
        try:
            _, secret = tokens.make(portal_of(request), person_of(request), data)
        except FormError as error:
            return _account_page(request, data, error, form="tokens")
        return _account_page(request, {}, secret=secret)

    @post("/account/tokens/{token_id:int}/revoke", sync_to_thread=True)
    def revoke(self, request: Request[Visitor, Any, Any], token_id: FromPath[int]) -> Response[Any]:
        """Make a token useless."""
        slow_down(request)
        tokens.revoke(portal_of(request), person_of(request), token_id)
        return see("/account", "revoked")

    @get("/account/data", sync_to_thread=True)
    def data(self, request: Request[Visitor, Any, Any]) -> Response[bytes]:
        """Give everything that is kept of somebody, as one JSON file."""
        facts = household.everything_of(portal_of(request), person_of(request))
        return Response(
            msgspec.json.format(msgspec.json.encode(facts), indent=1),
            media_type="application/json",
            headers={"content-disposition": 'attachment; filename="my-data.json"'},
        )

    @post("/account/close", sync_to_thread=True)
    def close(self, request: Request[Visitor, Any, Any], data: Form) -> Response[Any]:
        """Stop trading and erase who it was."""
        try:
            leaving.close_account(portal_of(request), person_of(request), data)
        except FormError as error:
            return _account_page(request, {}, error, form="close")
        return leave(request, "/", "closed")


def _home_page(
    request: Asked, values: dict[str, Any], error: FormError | None = None
) -> Response[str]:
    portal, person = portal_of(request), person_of(request)
    account = joining.account_of(portal, person)
    may_bring = account is None and metering.may_bring_own(portal, person)
    with portal.accounts.reading() as connection:
        claimed = claims.of_person(connection, person.person_id)
    return form_page(
        request,
        "home.html",
        {**_EMPTY, **values},
        error,
        points=metering.points_of(portal, person),
        waiting=[claim for claim in claimed if claim.state is ClaimState.WAITING],
        account=account,
        proof=metering.ask_for_proof(portal, person) if may_bring else None,
    )


def _account_page(
    request: Asked,
    values: dict[str, Any],
    error: FormError | None = None,
    *,
    form: str = "",
    secret: str | None = None,
) -> Response[str]:
    portal, person = portal_of(request), person_of(request)
    if values.get("boxes") != "typed":
        ticked = {
            name: "1" if getattr(person, name) else ""
            for name in ("buys", "sells", "hidden", "vat_registered")
        }
        values = {
            "display_name": person.display_name,
            "place": person.place or "",
            **ticked,
            **values,
        }
    shown = {
        "token_name": "",
        "display_name": "",
        "place": "",
        "buys": "",
        "sells": "",
        "hidden": "",
    }
    return form_page(
        request,
        "account.html",
        {**shown, "vat_registered": "", **values},
        error,
        failed=form,
        tokens=household.own_tokens(portal, person),
        plan=portal.settings.area(person.area),
        scopes=SCOPES,
        secret=secret,
    )
