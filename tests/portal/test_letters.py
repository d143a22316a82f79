"""Letters: nothing is lost while there is no mail server, and a real one gets them as they are."""

import socket
import threading

import pytest

from sauma.errors import Unavailable
from sauma_portal.accounts.letters import Letter, SmtpMailer, WaitingMailer, send_waiting

LETTER = Letter(
    letter_id=1, recipient="anna@example.fi", subject="Uusi salasana", body="Tässä on\nlinkki"
)


class Server:
    """Enough of SMTP to take one letter."""

    def __init__(self) -> None:
        self.taken = socket.create_server(("127.0.0.1", 0))
        self.port = self.taken.getsockname()[1]
        self.lines: list[str] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._thread.join(10)
        self.taken.close()

    def _serve(self) -> None:
        connection, _ = self.taken.accept()
        with connection, connection.makefile("rwb") as file:

            def say(text: str) -> None:
                file.write(text.encode() + b"\r\n")
                file.flush()

            say("220 here")
            is_data = False
            for raw in file:
                line = raw.decode().rstrip("\r\n")
                self.lines.append(line)
                if is_data:
                    if line == ".":
                        is_data = False
                        say("250 taken")
                elif line.upper() == "DATA":
                    is_data = True
                    say("354 go on")
                elif line.upper() == "QUIT":
                    say("221 bye")
                    return
                else:
                    say("250 yes")


def test_a_mail_server_gets_the_letter():
    """Sender, recipient, subject and text, in UTF-8."""
    server = Server()

    try:
        mailer = SmtpMailer(host="127.0.0.1", port=server.port, sender="apua@example.fi", tls=False)
        mailer.send(LETTER)
    finally:
        server.close()

    said = "\n".join(server.lines)
    assert "To: anna@example.fi" in said
    assert "Subject: Uusi salasana" in said


def test_a_silent_mail_server_is_unavailable():
    """Nothing listens there: the letter is to be sent again, and its text is not in the error."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(Unavailable, match="does not take letters") as refused:
        SmtpMailer(host="127.0.0.1", port=port, sender="a@b.fi", tls=False).send(LETTER)
    assert "linkki" not in str(refused.value)


def test_letters_wait_in_the_outbox_and_go_once(street):
    """Without a server they stay; with one each leaves once and is erased."""
    street.join("anna")
    browser = street.browser()
    keeping = street.mailer
    street.portal.mailer.send = WaitingMailer().send
    browser.get("/password")
    browser.post("/password", email="anna@example.fi")
    del street.portal.mailer.send
    assert not keeping.letters

    assert send_waiting(street.accounts, keeping, street.portal.now) == 1
    assert send_waiting(street.accounts, keeping, street.portal.now) == 0
    with street.accounts.reading() as connection:
        raw = connection.connection.dbapi_connection.serialize()
    assert b"/password/new?key=" not in raw
