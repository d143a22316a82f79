"""Tokens with which programs speak for somebody, each for what its scopes name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sauma_portal.accounts import Person, keys
from sauma_portal.accounts.keys import Token
from sauma_portal.acts.fields import NAME_CHARACTERS_MAX, Fields
from sauma_portal.messages import N_, FormError, NotFound, say
from sauma_portal.portal import Portal
from sauma_portal.settings import DAY_S

READ: Final = "read"
TRADE: Final = "trade"
ACCOUNT: Final = "account"
STAFF: Final = "staff"
SCOPES: Final[Mapping[str, str]] = {
    READ: N_("read everything of mine"),
    TRADE: N_("set prices, pause and continue"),
    ACCOUNT: N_("change and close my account"),
    STAFF: N_("do what my role in the staff allows"),
}
DAYS_DEFAULT: Final = 90
DAYS_MAX: Final = 366
TOKENS_MAX: Final = 20


def make(portal: Portal, person: Person, form: Mapping[str, Any]) -> tuple[Token, str]:
    """Make a token and return it with its secret, which is never shown again."""
    fields = Fields(form)
    name = fields.text("token_name")
    scopes = tuple(scope for scope in SCOPES if fields.is_set(f"scope_{scope}"))
    return grant(portal, person, name=name, scopes=scopes, days=DAYS_DEFAULT)


def grant(
    portal: Portal, person: Person, *, name: str, scopes: tuple[str, ...], days: int
) -> tuple[Token, str]:
    """Make a token with a name, scopes and a life in days."""
    wrong = {}
    if not name or len(name) > NAME_CHARACTERS_MAX or not name.isprintable():
        wrong["token_name"] = say(N_("Give the token a name, so that you know it again."))
    if not scopes or not set(scopes) <= set(SCOPES):
        wrong["scopes"] = say(N_("Choose what the token may do."))
    if STAFF in scopes and not person.is_staff:
        wrong["scopes"] = say(N_("Only the staff can choose that."))
    if not 1 <= days <= DAYS_MAX:
        wrong["days"] = say(N_("Choose from 1 to %(most)s days."), most=DAYS_MAX)
    if wrong:
        raise FormError(wrong)
    secret = portal.draw_token()
    with portal.accounts.transaction() as connection:
        if len(keys.tokens_of(connection, person.person_id)) >= TOKENS_MAX:
            raise FormError(
                {"token_name": say(N_("You have many tokens already. Revoke one first."))}
            )
        token = keys.add_token(
            connection,
            person.person_id,
            secret,
            name=name,
            scopes=scopes,
            now=portal.now,
            expires_at=portal.now + days * DAY_S,
        )
    return token, secret


def revoke(portal: Portal, person: Person, token_id: int) -> None:
    """Make a token useless; raises `NotFound` when it is not theirs."""
    with portal.accounts.transaction() as connection:
        if not keys.revoke(connection, person.person_id, token_id):
            raise NotFound(f"there is no token {token_id}")
