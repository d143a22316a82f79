"""What the staff does: each action has an actor and a reason in the trail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sauma_portal.accounts import Person, Role, claims, people, trail
from sauma_portal.accounts.claims import Claim, ClaimState
from sauma_portal.acts import metering, pricing
from sauma_portal.acts.fields import Fields
from sauma_portal.messages import NotAllowed, NotFound
from sauma_portal.portal import Portal


def decide_claim(portal: Portal, staff: Person, claim_id: int, form: Mapping[str, Any]) -> Claim:
    """Confirm or refuse that a metering point is somebody's; decided ones stay as they are."""
    check_operator(staff)
    fields = Fields(form)
    decision = fields.choice("decision", ("confirm", "refuse"))
    reason = fields.reason()
    fields.check()
    with portal.accounts.reading() as connection:
        claim = claims.find(connection, claim_id)
        person = None if claim is None else people.find(connection, claim.person_id)
    if claim is None or person is None:
        raise NotFound(f"there is no claim {claim_id}")
    if claim.state is not ClaimState.WAITING:
        return claim
    state = ClaimState.CONFIRMED if decision == "confirm" else ClaimState.REFUSED
    if state is ClaimState.CONFIRMED:
        metering.take_point(portal, person, claim.gsrn)
    with portal.accounts.transaction() as connection:
        claims.decide(connection, claim_id, state, portal.now)
        _note(connection, portal, staff, f"claim_{state.value}", person, reason)
        decided = claims.find(connection, claim_id)
    return decided or claim


def pause_person(portal: Portal, staff: Person, person_id: int, form: Mapping[str, Any]) -> Person:
    """Pause or continue somebody's trading."""
    check_operator(staff)
    fields = Fields(form)
    decision = fields.choice("decision", ("pause", "resume"))
    reason = fields.reason()
    fields.check()
    with portal.accounts.reading() as connection:
        person = people.find(connection, person_id)
    if person is None or person.closed_at is not None or person.is_staff:
        raise NotFound(f"there is no household {person_id}")
    if decision == "pause":
        pricing.pause(portal, person)
    else:
        pricing.resume(portal, person)
    with portal.accounts.transaction() as connection:
        _note(connection, portal, staff, f"trading_{decision}d", person, reason)
        changed = people.find(connection, person_id)
    return changed or person


def note_export(portal: Portal, staff: Person, what: str) -> None:
    """Note that a member of the staff took data along."""
    with portal.accounts.transaction() as connection:
        trail.note(
            connection,
            time=portal.now,
            actor=staff.participant,
            action="exported",
            subject=what,
            reason=f"{staff.role.value}'s export",
        )


def check_operator(person: Person) -> None:
    """Raise `NotAllowed` unless somebody is an operator; auditors change nothing."""
    if person.role is not Role.OPERATOR:
        raise NotAllowed(f"a {person.role.value} cannot do that: ask an operator")


def check_staff(person: Person) -> None:
    """Raise `NotAllowed` unless somebody is an operator or an auditor."""
    if not person.is_staff:
        raise NotAllowed("only the staff can see that")


def _note(
    connection: Any, portal: Portal, staff: Person, action: str, person: Person, reason: str
) -> None:
    trail.note(
        connection,
        time=portal.now,
        actor=staff.participant,
        action=action,
        subject=person.participant,
        reason=reason,
    )
