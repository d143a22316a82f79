"""Logging in and out, and getting a new password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sauma.logs import get_logger
from sauma_portal.accounts import Person, keys, letters, people, sessions
from sauma_portal.acts.fields import Fields
from sauma_portal.languages import language
from sauma_portal.messages import N_, FormError, say
from sauma_portal.portal import Portal

log = get_logger(__name__)


def check_password(portal: Portal, form: Mapping[str, Any], *, address: str) -> Person:
    """Return whose e-mail address and password these are.

    Raises `TooMany` before anything is computed when an address or account has had too many tries.  An
    unknown account takes as long and gets the same answer as a wrong password.
    """
    settings, fields = portal.settings, Fields(form)
    email, password = fields.text("email").lower(), fields.password()
    window = {"window_s": settings.log_in_window_s}
    portal.throttle.check(
        f"log-in from {address}", portal.now, tries_max=settings.log_ins_per_address, **window
    )
    account = f"log-in of {sessions.digest_of(email).hex()}"
    portal.throttle.check(account, portal.now, tries_max=settings.log_ins_per_account, **window)
    with portal.accounts.reading() as connection:
        person = people.by_email(connection, email) if email else None
        kept = None if person is None else people.password_hash(connection, person.person_id)
    if not portal.passwords.is_right(kept, password) or person is None or kept is None:
        log.info("log_in_refused", person_id=None if person is None else person.person_id)
        raise FormError(
            {"password": say(N_("E-mail address or password is not right. Try again."))}
        )
    portal.throttle.forget(account)
    if portal.passwords.is_outdated(kept):
        with portal.accounts.transaction() as connection:
            people.change(
                connection, person.person_id, password_hash=portal.passwords.hash(password)
            )
    return person


def begin_session(portal: Portal, person: Person, *, instead_of: str | None = None) -> str:
    """Return the token of a new session; the one that the browser had before ends."""
    token = portal.draw_token()
    with portal.accounts.transaction() as connection:
        if instead_of is not None:
            sessions.end(connection, instead_of)
        sessions.forget_old(
            connection,
            portal.now,
            idle_s=portal.settings.session_idle_s,
            age_s=portal.settings.session_age_s,
        )
        sessions.begin(connection, person.person_id, token, portal.now)
    log.info("logged_in", person_id=person.person_id)
    return token


def end_session(portal: Portal, token: str) -> None:
    """Log out."""
    with portal.accounts.transaction() as connection:
        sessions.end(connection, token)


def ask_for_password(portal: Portal, form: Mapping[str, Any], *, address: str) -> None:
    """Send a link for a new password, when there is such an account; the answer never says whether."""
    fields = Fields(form)
    email = fields.email()
    fields.check()
    for key, most in ((f"reset from {address}", 20), (f"reset of {email}", 3)):
        portal.throttle.check(key, portal.now, tries_max=most, window_s=portal.settings.key_s)
    key = portal.draw_token()
    with portal.accounts.transaction() as connection:
        person = people.by_email(connection, email)
        if person is None:
            return
        spoken = language(person.language)
        keys.give(connection, person.person_id, key, keys.RESET, portal.now + portal.settings.key_s)
        letters.write(
            connection,
            person.person_id,
            recipient=email,
            subject=spoken.gettext(N_("A new password")),
            body=spoken.say(
                say(
                    N_(
                        "With this link you choose a new password within an hour:\n\n%(link)s\n\n"
                        "If you did not ask for it, do nothing: your password stays as it is."
                    ),
                    link=f"{portal.settings.base_url}/password/new?key={key}",
                )
            ),
            now=portal.now,
        )
    letters.send_waiting(portal.accounts, portal.mailer, portal.now)


def set_password(portal: Portal, form: Mapping[str, Any]) -> Person:
    """Set a new password with a key from a letter, once; every session and token ends."""
    fields = Fields(form)
    key, password = fields.text("key"), fields.new_password()
    fields.check()
    kept = portal.passwords.hash(password)
    with portal.accounts.transaction() as connection:
        person = keys.use(connection, key, keys.RESET, portal.now)
        if person is None or person.closed_at is not None:
            raise FormError(
                {"": say(N_("This link was used already or is too old. Ask for a new one."))}
            )
        _replace_password(connection, person, kept)
    return person


def change_password(portal: Portal, person: Person, form: Mapping[str, Any]) -> None:
    """Change one's own password; every session and token ends, this one too."""
    fields = Fields(form)
    new = fields.new_password("new_password", known=(person.email, person.display_name))
    fields.check()
    check_own_password(portal, person, form)
    kept = portal.passwords.hash(new)
    with portal.accounts.transaction() as connection:
        _replace_password(connection, person, kept)


def check_own_password(portal: Portal, person: Person, form: Mapping[str, Any]) -> None:
    """Raise `FormError` unless somebody who is logged in typed their own password."""
    portal.throttle.check(
        f"own password of {person.person_id}",
        portal.now,
        tries_max=portal.settings.log_ins_per_account,
        window_s=portal.settings.log_in_window_s,
    )
    with portal.accounts.reading() as connection:
        kept = people.password_hash(connection, person.person_id)
    if not portal.passwords.is_right(kept, Fields(form).password()):
        raise FormError({"password": say(N_("This is not your password. Try again."))})


def _replace_password(connection: Any, person: Person, kept: str) -> None:
    people.change(connection, person.person_id, password_hash=kept)
    sessions.end_all(connection, person.person_id)
    keys.revoke_all(connection, person.person_id)
    log.info("password_changed", person_id=person.person_id)
