"""Calls about oneself: joining, tokens, account, metering points, wallet."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Controller, Request, delete, get, patch, post
from litestar.params import JSONBody

from sauma_portal import household
from sauma_portal.accounts import Person, claims, people
from sauma_portal.acts import entering, joining, leaving, metering, tokens
from sauma_portal.acts.tokens import ACCOUNT, READ
from sauma_portal.api import facts, requests
from sauma_portal.api import messages as m
from sauma_portal.api.scoping import OPEN_PROBLEMS, PROBLEMS, SECURITY, Identity, scoped
from sauma_portal.web.slowing import slow_down
from sauma_portal.web.visiting import Asked, Visitor, person_of, portal_of, visitor_of


class OpenCalls(Controller):
    """Calls that need no token."""

    path = "/api"
    tags = ("joining",)

    @post("/people", responses=OPEN_PROBLEMS, sync_to_thread=True)
    def register(
        self, request: Request[Visitor, Any, Any], data: JSONBody[requests.Registering]
    ) -> m.Me:
        """Make an account."""
        slow_down(request)
        form = _form(data)
        person = joining.register(portal_of(request), form, language=data.language)
        return facts.me(person)

    @post("/log-in", responses=OPEN_PROBLEMS, sync_to_thread=True)
    def grant(
        self, request: Request[Visitor, Any, Any], data: JSONBody[requests.Granting]
    ) -> m.NewToken:
        """Make a token with e-mail address and password."""
        portal = portal_of(request)
        form = {"email": data.email, "password": data.password}
        person = entering.check_password(portal, form, address=visitor_of(request).address)
        token, secret = tokens.grant(
            portal,
            person,
            name=data.name.strip(),
            scopes=tuple(dict.fromkeys(data.scopes)),
            days=data.days,
        )
        return m.NewToken(token=facts.token(token), secret=secret)

    @post("/password-resets", responses=OPEN_PROBLEMS, sync_to_thread=True)
    def ask_for_password(
        self, request: Request[Visitor, Any, Any], data: JSONBody[requests.ResetRequest]
    ) -> m.Done:
        """Send a letter with a key for a new password; the answer never says whether."""
        entering.ask_for_password(
            portal_of(request), {"email": data.email}, address=visitor_of(request).address
        )
        return m.Done()

    @post("/password-resets/use", responses=OPEN_PROBLEMS, sync_to_thread=True)
    def set_password(
        self, request: Request[Visitor, Any, Any], data: JSONBody[requests.Reset]
    ) -> m.Done:
        """Set a new password with the key; every session and token ends."""
        slow_down(request)
        entering.set_password(portal_of(request), {"key": data.key, "password": data.password})
        return m.Done()


class OwnCalls(Controller):
    """Calls about oneself."""

    path = "/api"
    tags = ("account",)
    security = SECURITY

    @get("/me", guards=[scoped(READ)], responses=PROBLEMS, sync_to_thread=True)
    def me(self, request: Request[Visitor, Any, Any]) -> m.Me:
        """Say who I am."""
        return facts.me(person_of(request))

    @patch("/me", guards=[scoped(ACCOUNT)], responses=PROBLEMS, sync_to_thread=True)
    def change(self, request: Request[Visitor, Any, Any], data: JSONBody[requests.Profile]) -> m.Me:
        """Change what neighbours see, what I do, and my language."""
        slow_down(request)
        portal, person = portal_of(request), person_of(request)
        wanted = {
            name: value
            for name, value in msgspec.structs.asdict(data).items()
            if value is not None and name != "language"
        }
        known = {
            name: getattr(person, name) or ""
            for name in ("display_name", "buys", "sells", "place", "hidden", "vat_registered")
        }
        joining.change_profile(portal, person, {**known, **wanted})
        if data.language is not None:
            joining.change_language(portal, person, data.language)
        return facts.me(_again(request, person))

    @post("/me/password", guards=[scoped(ACCOUNT)], responses=PROBLEMS, sync_to_thread=True)
    def change_password(
        self, request: Request[Visitor, Any, Any], data: JSONBody[requests.PasswordChange]
    ) -> m.Done:
        """Change my password; every session and token ends, this one too."""
        entering.change_password(portal_of(request), person_of(request), _form(data))
        return m.Done()

    @post("/me/close", guards=[scoped(ACCOUNT)], responses=PROBLEMS, sync_to_thread=True)
    def close(
        self, request: Request[Visitor, Any, Any], data: JSONBody[requests.Password]
    ) -> m.Done:
        """Stop trading, and erase who I was."""
        leaving.close_account(portal_of(request), person_of(request), _form(data))
        return m.Done()

    @get("/me/data", guards=[scoped(READ)], responses=PROBLEMS, sync_to_thread=True)
    def data(self, request: Request[Visitor, Any, Any]) -> dict[str, Any]:
        """Give everything that is kept of me."""
        return household.everything_of(portal_of(request), person_of(request))

    @get("/tokens", guards=[scoped(READ)], responses=PROBLEMS, sync_to_thread=True)
    def tokens(self, request: Request[Visitor, Any, Any]) -> list[m.TokenFacts]:
        """List my tokens."""
        found = household.own_tokens(portal_of(request), person_of(request))
        return [facts.token(one) for one in found]

    @delete(
        "/tokens/{token_id:int}",
        guards=[scoped(ACCOUNT)],
        responses=PROBLEMS,
        status_code=200,
        sync_to_thread=True,
    )
    def revoke(self, request: Request[Visitor, Any, Any], token_id: Identity) -> m.Done:
        """Make one of my tokens useless."""
        slow_down(request)
        tokens.revoke(portal_of(request), person_of(request), token_id)
        return m.Done()

    @get("/metering-points", guards=[scoped(READ)], responses=PROBLEMS, sync_to_thread=True)
    def points(self, request: Request[Visitor, Any, Any]) -> list[m.PointFacts]:
        """List my metering points."""
        portal, person = portal_of(request), person_of(request)
        counted = metering.points_of(portal, person)
        with portal.accounts.reading() as connection:
            claimed = claims.of_person(connection, person.person_id)
        others = [
            m.PointFacts(metering_point=claim.gsrn, state=claim.state.value)
            for claim in claimed
            if claim.gsrn not in counted
        ]
        return [m.PointFacts(metering_point=gsrn, state="confirmed") for gsrn in counted] + others

    @post("/metering-points", guards=[scoped(ACCOUNT)], responses=PROBLEMS, sync_to_thread=True)
    def claim(
        self, request: Request[Visitor, Any, Any], data: JSONBody[requests.Claiming]
    ) -> m.PointFacts:
        """Say that a metering point is mine; the same again is a no-op."""
        slow_down(request)
        state = metering.claim_point(portal_of(request), person_of(request), _form(data))
        gsrn = data.metering_point.replace(" ", "")
        return m.PointFacts(metering_point=gsrn, state=state.value)

    @get("/wallet", guards=[scoped(READ)], responses=PROBLEMS, sync_to_thread=True)
    def wallet(self, request: Request[Visitor, Any, Any]) -> m.WalletFacts:
        """Say which account receives what I buy."""
        return _wallet(request)

    @post("/wallet", guards=[scoped(ACCOUNT)], responses=PROBLEMS, sync_to_thread=True)
    def make_wallet(self, request: Request[Visitor, Any, Any]) -> m.WalletFacts:
        """Have a wallet made; who has one keeps it."""
        slow_down(request)
        metering.make_wallet(portal_of(request), person_of(request))
        return _wallet(request)

    @post("/wallet/challenge", guards=[scoped(ACCOUNT)], responses=PROBLEMS, sync_to_thread=True)
    def challenge(self, request: Request[Visitor, Any, Any]) -> m.Challenge:
        """Get the text to sign with a wallet of my own."""
        slow_down(request)
        return m.Challenge(text=metering.ask_for_proof(portal_of(request), person_of(request)))

    @post("/wallet/proof", guards=[scoped(ACCOUNT)], responses=PROBLEMS, sync_to_thread=True)
    def prove(
        self, request: Request[Visitor, Any, Any], data: JSONBody[requests.Proving]
    ) -> m.WalletFacts:
        """Use a wallet of my own, proved by a signature."""
        slow_down(request)
        metering.bring_wallet(portal_of(request), person_of(request), _form(data))
        return _wallet(request)


def _wallet(request: Asked) -> m.WalletFacts:
    portal, person = portal_of(request), person_of(request)
    account = joining.account_of(portal, person)
    return m.WalletFacts(
        account=None if account is None else str(account),
        may_bring_own=account is None and metering.may_bring_own(portal, person),
    )


def _again(request: Asked, person: Person) -> Person:
    with portal_of(request).accounts.reading() as connection:
        return people.find(connection, person.person_id) or person


def _form(data: requests.Incoming) -> dict[str, Any]:
    """Return a message as the fields of a form."""
    return msgspec.structs.asdict(data)
