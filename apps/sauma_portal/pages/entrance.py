"""The way in: the first page, registering, logging in and out, a new password, the language."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, get, post
from litestar.datastructures import Cookie
from litestar.response import Redirect, Response

from sauma_portal import languages
from sauma_portal.accounts import keys
from sauma_portal.acts import entering, joining
from sauma_portal.messages import FormError
from sauma_portal.pages.forms import Form, is_local
from sauma_portal.web.rendering import form_page, page, see
from sauma_portal.web.slowing import slow_down
from sauma_portal.web.visiting import (
    LANGUAGE_COOKIE,
    Asked,
    Visitor,
    portal_of,
    session_cookie,
    visitor_of,
)

_YEAR_S = 365 * 24 * 3600


class EntrancePages(Controller):
    """Pages for everybody."""

    include_in_schema = False

    @get("/", sync_to_thread=True)
    def first(self, request: Request[Visitor, Any, Any]) -> Response[Any]:
        """Show what this is, or one's own day."""
        if visitor_of(request).person is not None:
            return see("/today")
        return page(request, "first.html")

    @get("/help", sync_to_thread=True)
    def help(self, request: Request[Visitor, Any, Any]) -> Response[str]:
        """Explain how it works, and whom to ask."""
        portal = portal_of(request)
        return page(request, "help.html", rulebook=portal.engine.rulebook, block_s=portal.block_s)

    @get("/help/programs", sync_to_thread=True)
    def programs(self, request: Request[Visitor, Any, Any]) -> Response[str]:
        """Say what programs can do, from the description that they read themselves."""
        return page(request, "programs.html", calls=described_calls(request))

    @get("/register", sync_to_thread=True)
    def registering(self, request: Request[Visitor, Any, Any]) -> Response[str]:
        """Show the form."""
        return _register_page(request, {"buys": "1", "email": "", "display_name": ""})

    @post("/register", sync_to_thread=True)
    def register(self, request: Request[Visitor, Any, Any], data: Form) -> Response[Any]:
        """Make the account and log in."""
        slow_down(request)
        portal = portal_of(request)
        try:
            person = joining.register(portal, data, language=visitor_of(request).language.code)
        except FormError as error:
            return _register_page(request, data, error)
        return _enter(request, entering.begin_session(portal, person), "/home", "welcome")

    @get("/log-in", sync_to_thread=True)
    def logging_in(self, request: Request[Visitor, Any, Any]) -> Response[str]:
        """Show the form."""
        return form_page(
            request, "log_in.html", {"email": "", "next": request.query_params.get("next", "")}
        )

    @post("/log-in", sync_to_thread=True)
    def log_in(self, request: Request[Visitor, Any, Any], data: Form) -> Response[Any]:
        """Begin a session; the one the browser had before ends."""
        portal, visitor = portal_of(request), visitor_of(request)
        try:
            person = entering.check_password(portal, data, address=visitor.address)
        except FormError as error:
            return form_page(request, "log_in.html", {"email": "", "next": "", **data}, error)
        if LANGUAGE_COOKIE in request.cookies:
            joining.change_language(portal, person, visitor.language.code)
        token = entering.begin_session(portal, person, instead_of=visitor.session)
        wished = data.get("next")
        target = wished if isinstance(wished, str) and is_local(wished) else "/today"
        return _enter(request, token, "/staff" if person.is_staff else target, None)

    @post("/log-out", sync_to_thread=True)
    def log_out(self, request: Request[Visitor, Any, Any]) -> Response[Any]:
        """End the session, here and on the server."""
        visitor = visitor_of(request)
        if visitor.session is not None:
            entering.end_session(portal_of(request), visitor.session)
        return leave(request, "/", "out")

    @get("/password", sync_to_thread=True)
    def forgotten(self, request: Request[Visitor, Any, Any]) -> Response[str]:
        """Show the form."""
        return form_page(request, "password_forgotten.html", {"email": ""})

    @post("/password", sync_to_thread=True)
    def ask_for_password(self, request: Request[Visitor, Any, Any], data: Form) -> Response[Any]:
        """Send a letter with a link."""
        try:
            entering.ask_for_password(portal_of(request), data, address=visitor_of(request).address)
        except FormError as error:
            return form_page(request, "password_forgotten.html", {"email": "", **data}, error)
        return see("/log-in", "asked")

    @get("/password/new", sync_to_thread=True)
    def choosing_password(self, request: Request[Visitor, Any, Any]) -> Response[str]:
        """Show the form, or say that the link is used up."""
        portal, key = portal_of(request), request.query_params.get("key", "")
        with portal.accounts.reading() as connection:
            good = keys.is_good(connection, key, keys.RESET, portal.now)
        return form_page(request, "password_new.html", {"key": key}, good=good)

    @post("/password/new", sync_to_thread=True)
    def choose_password(self, request: Request[Visitor, Any, Any], data: Form) -> Response[Any]:
        """Set the password; every session ends."""
        slow_down(request)
        try:
            entering.set_password(portal_of(request), data)
        except FormError as error:
            values = {"key": "", **data, "password": ""}
            return form_page(
                request, "password_new.html", values, error, good="" not in error.fields
            )
        return leave(request, "/log-in", "password")

    @post("/language", sync_to_thread=True)
    def choose_language(self, request: Request[Visitor, Any, Any], data: Form) -> Response[Any]:
        """Remember the language, in the browser and for whoever is logged in."""
        code = languages.choose(str(data.get("language", "")))
        person = visitor_of(request).person
        if person is not None:
            joining.change_language(portal_of(request), person, code)
        wished = data.get("next")
        answer = see(wished if isinstance(wished, str) and is_local(wished) else "/")
        answer.set_cookie(
            Cookie(
                key=LANGUAGE_COOKIE,
                value=code,
                max_age=_YEAR_S,
                path="/",
                httponly=True,
                samesite="lax",
                secure=portal_of(request).settings.secure_cookies,
            )
        )
        return answer


def described_calls(request: Asked) -> list[tuple[str, str, str]]:
    """Return method, path and summary of every call of the API."""
    paths = request.app.openapi_schema.to_schema()["paths"]
    return [
        (method.upper(), path, str(operation.get("description") or operation.get("summary")))
        for path, operations in sorted(paths.items())
        for method, operation in operations.items()
        if isinstance(operation, dict)
    ]


def _register_page(
    request: Asked, values: dict[str, Any], error: FormError | None = None
) -> Response[str]:
    shown = {"buys": "", "sells": "", "place": "", "own_wallet": "", "hidden": "", "area": ""}
    return form_page(
        request,
        "register.html",
        {**shown, **values, "password": ""},
        error,
        areas=portal_of(request).settings.areas,
    )


def _enter(request: Asked, token: str, target: str, note: str | None) -> Redirect:
    portal = portal_of(request)
    answer = see(target, note)
    answer.set_cookie(
        Cookie(
            key=session_cookie(portal),
            value=token,
            max_age=portal.settings.session_age_s,
            path="/",
            httponly=True,
            samesite="lax",
            secure=portal.settings.secure_cookies,
        )
    )
    return answer


def leave(request: Asked, target: str, note: str) -> Redirect:
    """Send the browser away without its session."""
    portal = portal_of(request)
    answer = see(target, note)
    answer.set_cookie(
        Cookie(
            key=session_cookie(portal),
            value="",
            max_age=0,
            path="/",
            httponly=True,
            samesite="lax",
            secure=portal.settings.secure_cookies,
        )
    )
    return answer
