"""Who asks: a household, a member of the staff, a program with a token, or nobody that we know."""

from __future__ import annotations

from typing import Any, TypeAlias

import anyio.to_thread
import attrs
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from sauma_portal import languages
from sauma_portal.accounts import Person, keys, sessions
from sauma_portal.languages import Language
from sauma_portal.portal import Portal

LANGUAGE_COOKIE = "language"
TOUCH_S = 60
"""How often a session's last use is written down."""


@attrs.frozen(kw_only=True)
class Visitor:
    """Who asks and in which language.  `scopes` are a token's; a browser's session has none and may all."""

    language: Language
    address: str
    person: Person | None = None
    session: str | None = attrs.field(default=None, repr=False)
    scopes: tuple[str, ...] | None = None


Asked: TypeAlias = Request[Visitor, Any, Any]


def portal_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Portal:
    """Return the portal that an application was made around."""
    portal: Portal = connection.app.state.portal
    return portal


def session_cookie(portal: Portal) -> str:
    """Return the session cookie's name; the prefix makes browsers refuse one that is not for us alone."""
    return "__Host-sauma" if portal.settings.secure_cookies else "sauma"


def visitor_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Visitor:
    """Return who asks, also where no route was found and nobody looked yet."""
    found = connection.scope.get("user")
    return found if isinstance(found, Visitor) else _nobody(connection)


def person_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Person:
    """Return who is logged in; raises `NotAuthorizedException`."""
    person = visitor_of(connection).person
    if person is None:
        raise NotAuthorizedException("log in first")
    return person


class Recognition(AbstractAuthenticationMiddleware):
    """Finds out who asks: pages by the session's cookie, the API by a token and never by a cookie."""

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        """Return the visitor; nobody is refused here."""
        if connection.url.path.startswith("/api"):
            return await self._by_token(connection)
        portal = portal_of(connection)
        token = connection.cookies.get(session_cookie(portal))
        nobody = _nobody(connection)
        if not token:
            return AuthenticationResult(user=nobody, auth=None)
        person = await anyio.to_thread.run_sync(_whose_session, portal, token)
        if person is None:
            return AuthenticationResult(user=nobody, auth=None)
        visitor = Visitor(
            language=languages.language(person.language),
            address=nobody.address,
            person=person,
            session=token,
        )
        return AuthenticationResult(user=visitor, auth=None)

    async def _by_token(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        portal, nobody = portal_of(connection), _nobody(connection)
        kind, _, token = connection.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            return AuthenticationResult(user=nobody, auth=None)
        found = await anyio.to_thread.run_sync(_whose_token, portal, token.strip())
        if found is None:
            return AuthenticationResult(user=nobody, auth=None)
        person, scopes = found
        visitor = Visitor(
            language=nobody.language, address=nobody.address, person=person, scopes=scopes
        )
        return AuthenticationResult(user=visitor, auth=None)


def logged_in(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Let in whoever is logged in."""
    person_of(connection)


def staff_only(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Let in operators and auditors."""
    if not person_of(connection).is_staff:
        raise PermissionDeniedException("only the staff can see that")


def _whose_session(portal: Portal, token: str) -> Person | None:
    settings, now = portal.settings, portal.now
    with portal.accounts.reading() as connection:
        found = sessions.whose(
            connection, token, now, idle_s=settings.session_idle_s, age_s=settings.session_age_s
        )
    if found is None:
        return None
    person, seen_at = found
    if now - seen_at >= TOUCH_S:
        with portal.accounts.transaction() as connection:
            sessions.touch(connection, token, now)
    return person


def _whose_token(portal: Portal, token: str) -> tuple[Person, tuple[str, ...]] | None:
    with portal.accounts.reading() as connection:
        return keys.whose_token(connection, token, portal.now)


def _nobody(connection: ASGIConnection[Any, Any, Any, Any]) -> Visitor:
    code = languages.choose(
        connection.cookies.get(LANGUAGE_COOKIE), connection.headers.get("accept-language")
    )
    client = connection.client
    return Visitor(
        language=languages.language(code), address=client.host if client is not None else "unknown"
    )
