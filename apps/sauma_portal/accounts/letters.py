"""Letters to people: written in the transaction that causes them, sent afterwards by a `Mailer`."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final, Protocol

import attrs
import sqlalchemy as sa

from sauma.errors import Unavailable
from sauma.logs import get_logger
from sauma_portal.accounts import tables as t
from sauma_portal.accounts.database import AccountStore

log = get_logger(__name__)
SMTP_TIMEOUT_S: Final = 20.0


@attrs.frozen(kw_only=True)
class Letter:
    """A letter that waits to be sent."""

    letter_id: int
    recipient: str = attrs.field(repr=False)
    subject: str
    body: str = attrs.field(repr=False)


class Mailer(Protocol):
    """Whatever carries letters; raises `Unavailable` when it cannot now."""

    def send(self, letter: Letter) -> None:
        """Carry a letter."""
        ...


class KeepingMailer:
    """Carries nothing and keeps what it was given: for demos and tests."""

    def __init__(self) -> None:
        """Start without letters."""
        self.letters: list[Letter] = []

    def send(self, letter: Letter) -> None:
        """Keep a letter."""
        self.letters.append(letter)


class WaitingMailer:
    """Carries nothing: every letter waits in the outbox until there is a mail server."""

    def send(self, letter: Letter) -> None:
        """Raise `Unavailable`."""
        raise Unavailable(f"letter {letter.letter_id} waits: there is no mail server, name one")


@attrs.frozen(kw_only=True)
class SmtpMailer:
    """Hands letters to a mail server, over TLS unless it is on this machine."""

    host: str
    sender: str
    port: int = 587
    user: str = ""
    password: str = attrs.field(default="", repr=False)
    tls: bool = True

    def send(self, letter: Letter) -> None:
        """Hand a letter over; raises `Unavailable` when the server does not take it."""
        message = EmailMessage(policy=SMTP)
        message["From"], message["To"] = self.sender, letter.recipient
        message["Subject"] = letter.subject
        message.set_content(letter.body)
        try:
            with smtplib.SMTP(self.host, self.port, timeout=SMTP_TIMEOUT_S) as server:
                if self.tls:
                    server.starttls(context=ssl.create_default_context())
                if self.user:
                    server.login(self.user, self.password)
                server.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(
                f"the mail server {self.host} does not take letters ({type(error).__name__})"
            ) from error


def write(
    connection: sa.Connection, person_id: int, *, recipient: str, subject: str, body: str, now: int
) -> None:
    """Put a letter into the outbox."""
    connection.execute(
        sa.insert(t.letters).values(
            person_id=person_id, recipient=recipient, subject=subject, body=body, created_at=now
        )
    )


def send_waiting(store: AccountStore, mailer: Mailer, now: int) -> int:
    """Send what waits and erase what was sent; return how many.  What cannot go stays."""
    with store.reading() as connection:
        rows = connection.execute(sa.select(t.letters).order_by(t.letters.c.letter_id)).all()
    sent = 0
    for row in rows:
        letter = Letter(
            letter_id=row.letter_id, recipient=row.recipient, subject=row.subject, body=row.body
        )
        try:
            mailer.send(letter)
        except Unavailable as error:
            log.warning("letter_waits", letter_id=letter.letter_id, error=str(error), now=now)
            break
        with store.transaction() as connection:
            connection.execute(
                sa.delete(t.letters).where(t.letters.c.letter_id == letter.letter_id)
            )
        sent += 1
    return sent
