"""Taking one's data along, and closing the account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sauma.logs import get_logger
from sauma_portal.accounts import Person, people
from sauma_portal.acts import pricing
from sauma_portal.acts.entering import check_own_password
from sauma_portal.portal import Portal

log = get_logger(__name__)


def close_account(portal: Portal, person: Person, form: Mapping[str, Any]) -> None:
    """Stop trading and forget who somebody was.

    The journal keeps the pseudonym, its trades and its bills, because others' bills rest on them and
    the law asks for them; who it was is erased.
    """
    check_own_password(portal, person, form)
    pricing.pause(portal, person)
    with portal.accounts.transaction() as connection:
        people.erase(connection, person.person_id, portal.now)
    log.info("account_closed", person_id=person.person_id)
