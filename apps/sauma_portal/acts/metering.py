"""Metering points and the wallet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sauma.errors import Conflict, InvalidInput
from sauma.identifiers import AccountId
from sauma.offers import MeteringPoint
from sauma.rulebook import Delivery
from sauma.store import queries, registered
from sauma_portal.accounts import Person, claims
from sauma_portal.accounts.claims import ClaimState
from sauma_portal.acts.fields import Fields
from sauma_portal.acts.joining import account_of
from sauma_portal.messages import N_, FormError, say
from sauma_portal.portal import Portal

POINTS_MAX: Final = 10
CHALLENGE_S: Final = 15 * 60


def claim_point(portal: Portal, person: Person, form: Mapping[str, Any]) -> ClaimState:
    """Say that a metering point is one's own; it counts when the operator has looked, or at once.

    The same again is a no-op.
    """
    fields = Fields(form)
    gsrn = fields.gsrn()
    fields.check()
    with portal.engine.store.reading() as connection:
        known = registered.points_among(connection, [gsrn]).get(gsrn)
    if known is not None and known.participant != person.participant:
        raise FormError({"metering_point": _elsewhere()})
    if known is not None:
        return ClaimState.CONFIRMED
    waits = portal.settings.claims_need_operator
    with portal.accounts.transaction() as connection:
        mine = claims.of_person(connection, person.person_id)
        if any(each.gsrn == gsrn and each.state is ClaimState.WAITING for each in mine):
            return ClaimState.WAITING
        if len(mine) >= POINTS_MAX:
            raise FormError(
                {"metering_point": say(N_("You have many metering points already. Write to us."))}
            )
        state = ClaimState.WAITING if waits else ClaimState.CONFIRMED
        claims.add(connection, person.person_id, gsrn, state, portal.now)
    if not waits:
        take_point(portal, person, gsrn)
    return state


def take_point(portal: Portal, person: Person, gsrn: str) -> None:
    """Let a metering point count, with a wallet for what it buys if there is none yet."""
    if account_of(portal, person) is None:
        make_wallet(portal, person)
    point = MeteringPoint(gsrn=gsrn, participant=person.participant, area=person.area)
    try:
        portal.engine.add_metering_points([point])
    except Conflict as error:
        raise FormError({"metering_point": _elsewhere()}) from error


def points_of(portal: Portal, person: Person) -> list[str]:
    """Return the metering points that count."""
    with portal.engine.store.reading() as connection:
        found = queries.metering_points(connection, person.area).values()
    return sorted(point.gsrn for _, point in found if point.participant == person.participant)


def make_wallet(portal: Portal, person: Person) -> AccountId:
    """Make a wallet that is kept for somebody; who has one keeps it."""
    known = account_of(portal, person)
    if known is not None:
        return known
    account = portal.wallets.make(person.participant)
    portal.engine.bind(person.participant, account)
    return account


def may_bring_own(portal: Portal, person: Person) -> bool:
    """Tell whether an address of one's own can be used: who sells from a wallet must entrust its key."""
    return portal.engine.rulebook.delivery is Delivery.ISSUER_DIRECT or not person.sells


def ask_for_proof(portal: Portal, person: Person) -> str:
    """Return the text that somebody has to sign with their own wallet, good for a quarter of an hour."""
    text = f"sauma: this wallet is mine. {person.customer_number} {portal.draw_token()[:16]}"
    with portal.accounts.transaction() as connection:
        known = claims.open_challenge(connection, person.person_id, portal.now)
        if known is not None:
            return known
        claims.challenge(connection, person.person_id, text, portal.now + CHALLENGE_S)
    return text


def bring_wallet(portal: Portal, person: Person, form: Mapping[str, Any]) -> AccountId:
    """Use an address that somebody proves to be theirs by signing the text they were given."""
    fields = Fields(form)
    if not may_bring_own(portal, person):
        raise FormError({"": say(N_("Who sells needs a wallet that we keep."))})
    public_key, signature = fields.text("public_key"), fields.text("signature")
    for name, value in (("public_key", public_key), ("signature", signature)):
        if not value or len(value) > 128:
            fields.refuse(name, say(N_("Copy this from your wallet program.")))
    fields.check()
    with portal.accounts.transaction() as connection:
        text = claims.open_challenge(connection, person.person_id, portal.now)
        claims.end_challenge(connection, person.person_id)
    if text is None:
        raise FormError({"signature": say(N_("The text to sign was too old. Here is a new one."))})
    try:
        account = portal.wallets.prove(text, public_key=public_key, signature=signature)
        portal.engine.bind(person.participant, account)
    except InvalidInput as error:
        raise FormError(
            {
                "signature": say(
                    N_("This signature does not fit. Sign the new text below and try again.")
                )
            }
        ) from error
    return account


def _elsewhere() -> Any:
    return say(N_("This metering point belongs to another account. Write to us if it is yours."))
