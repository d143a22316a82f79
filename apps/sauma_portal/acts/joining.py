"""Joining a neighbourhood, and changing what is known of oneself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy.exc

from sauma.identifiers import AccountId
from sauma.store import registered
from sauma_portal.accounts import AccountStore, Person, Role, people
from sauma_portal.acts.fields import Fields
from sauma_portal.languages import CODES
from sauma_portal.messages import N_, FormError, say
from sauma_portal.portal import Portal

PSEUDONYM_CHARACTERS = 10
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


def register(portal: Portal, form: Mapping[str, Any], *, language: str) -> Person:
    """Make an account for a household that buys, sells or both, with a wallet unless it brings its own.

    The journal gets a pseudonym; name, e-mail address and place stay in the accounts, erasable.
    """
    fields = Fields(form)
    email, display_name = fields.email(), fields.display_name()
    password = fields.new_password(known=(email, display_name))
    buys, sells = fields.is_set("buys"), fields.is_set("sells")
    if not buys and not sells:
        fields.refuse("buys", say(N_("Choose whether you buy, sell, or both.")))
    names = tuple(plan.name for plan in portal.settings.areas)
    area = fields.choice("area", names, otherwise=names[0])
    place = fields.place(portal.settings.area(area))
    with portal.accounts.reading() as connection:
        if people.by_email(connection, email) is not None:
            fields.refuse("email", _taken())
    fields.check()
    participant = _pseudonym(portal.draw_token())
    kept = portal.passwords.hash(password)
    account = portal.wallets.make(participant) if not fields.is_set("own_wallet") else None
    portal.engine.register(participant, account)
    return _add(
        portal.accounts,
        portal.now,
        participant=participant,
        email=email,
        display_name=display_name,
        password_hash=kept,
        role=Role.HOUSEHOLD.value,
        buys=buys,
        sells=sells,
        area=area,
        place=place,
        hidden=fields.is_set("hidden"),
        language=language,
    )


def enlist(
    portal: Portal, *, email: str, display_name: str, password: str, role: Role, area: str = ""
) -> Person:
    """Make an account for a member of the staff; asked for from a program, never over the web."""
    return enlist_in(
        portal.accounts,
        email=email,
        display_name=display_name,
        password_hash=portal.passwords.hash(password),
        role=role,
        area=area or portal.settings.areas[0].name,
        token=portal.draw_token(),
        now=portal.now,
    )


def enlist_in(
    accounts: AccountStore,
    *,
    email: str,
    display_name: str,
    password_hash: str,
    role: Role,
    area: str,
    token: str,
    now: int,
) -> Person:
    """Make an account for a member of the staff where no portal runs; `token` is random.

    Raises `FormError` for an address or name that is none, and an address that has an account.
    """
    fields = Fields({"email": email, "display_name": display_name})
    address, shown = fields.email(), fields.display_name()
    fields.check()
    return _add(
        accounts,
        now,
        participant=_pseudonym(token),
        email=address,
        display_name=shown,
        password_hash=password_hash,
        role=role.value,
        buys=False,
        sells=False,
        area=area,
        place=None,
        hidden=True,
        language="en",
    )


def change_profile(portal: Portal, person: Person, form: Mapping[str, Any]) -> None:
    """Change what neighbours see, what one does, and whether one is in the VAT register."""
    fields = Fields(form)
    display_name = fields.display_name()
    place = fields.place(portal.settings.area(person.area))
    buys, sells = fields.is_set("buys"), fields.is_set("sells")
    if not person.is_staff and not buys and not sells:
        fields.refuse("buys", say(N_("Choose whether you buy, sell, or both.")))
    fields.check()
    with portal.accounts.transaction() as connection:
        people.change(
            connection,
            person.person_id,
            display_name=display_name,
            place=place,
            buys=buys,
            sells=sells,
            hidden=fields.is_set("hidden"),
            vat_registered=fields.is_set("vat_registered"),
        )


def change_language(portal: Portal, person: Person, code: str) -> None:
    """Remember which language somebody reads."""
    if code in CODES and code != person.language:
        with portal.accounts.transaction() as connection:
            people.change(connection, person.person_id, language=code)


def account_of(portal: Portal, person: Person) -> AccountId | None:
    """Return the account that receives what somebody buys, None before there is one."""
    with portal.engine.store.reading() as connection:
        found = registered.accounts_of(
            connection, portal.engine.venue.chain_id, [person.participant]
        )
    return found.get(person.participant)


def _add(accounts: AccountStore, now: int, **values: Any) -> Person:
    try:
        with accounts.transaction() as connection:
            person_id = people.add(
                connection,
                paused=False,
                vat_registered=False,
                created_at=now,
                **values,
            )
            person = people.find(connection, person_id)
    except sqlalchemy.exc.IntegrityError as error:
        raise FormError({"email": _taken()}) from error
    if person is None:
        raise FormError({"email": _taken()})
    return person


def _taken() -> Any:
    return say(
        N_("There is an account with this e-mail address. Log in, or ask for a new password.")
    )


def _pseudonym(token: str) -> str:
    """Return a name that says nothing of its bearer."""
    drawn = int.from_bytes(token.encode(), "big")
    letters = []
    for _ in range(PSEUDONYM_CHARACTERS):
        drawn, index = divmod(drawn, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return "h-" + "".join(letters)
