"""What bad people try, and what becomes of it: refused, bounded, logged without secrets, nothing lost."""

import logging
import re
import socket
import time

import pytest

from sauma.store import queries
from sauma_metering.server import HttpServer
from sauma_portal.accounts import Role, people
from sauma_portal.app import create_app
from sauma_portal.messages import TooMany
from sauma_portal.throttle import Throttle

from .street import PASSWORD, gsrn


def test_a_stolen_cookie_cannot_take_the_account_and_dies_with_the_session(street):
    """Whoever has the cookie cannot change the password or close the account, and log-out ends it."""
    anna = street.join("anna")
    thief = street.browser()
    thief.cookies = dict(anna.cookies)
    thief.get("/account")

    wrong = thief.post(
        "/account/password", password="a guess of it", new_password="taken over by me"
    )
    closing = thief.post("/account/close", password="a guess of it")

    assert (wrong.status_code, closing.status_code) == (422, 422)
    anna.get("/account")
    anna.post("/log-out")
    assert thief.get("/account").status_code == 303


def test_a_session_cookie_is_out_of_reach_of_scripts_and_other_sites(street):
    """HttpOnly and SameSite always; Secure and bound to this host where there is HTTPS."""
    browser = street.browser()
    browser.get("/register")
    answer = browser.post(
        "/register", display_name="A", email="a@example.fi", password=PASSWORD, buys="1"
    )

    (cookie,) = [c for c in answer.headers.get_list("set-cookie") if c.startswith("sauma=")]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_logging_in_never_keeps_a_session_that_was_planted(street):
    """The token after log-in is another one than before, and the one before is dead."""
    street.join("anna")
    mallory = street.join("mallory")
    planted = mallory.cookies["sauma"]
    victim = street.browser()
    victim.cookies["sauma"] = planted
    victim.get("/log-in")

    victim.post("/log-in", email="anna@example.fi", password=PASSWORD)

    assert victim.cookies["sauma"] != planted
    assert mallory.get("/today").status_code == 303


def test_the_database_of_people_opens_no_session(street):
    """Of sessions, tokens and keys only digests are kept, of passwords only argon2 hashes."""
    anna = street.join("anna")
    with street.accounts.reading() as connection:
        raw = connection.connection.dbapi_connection.serialize()

    assert anna.cookies["sauma"].encode() not in raw
    assert PASSWORD.encode() not in raw
    assert b"$argon2id$" in raw


@pytest.mark.parametrize(
    "path", ["/prices", "/pause", "/account/profile", "/home/wallet", "/log-out"]
)
def test_a_forged_form_is_refused(street, path):
    """Without the token of our own page nothing is changed, whatever cookie comes along."""
    anna = street.join("anna")
    anna.get("/today")
    before = street.engine.store.head_sequence()

    for token in ("", "f" * 128):
        answer = anna.post(path, token=token, buy="50", step="save", display_name="Forged")
        assert answer.status_code == 403

    assert street.engine.store.head_sequence() == before
    assert street.person("anna").display_name == "Anna"
    assert anna.get("/today").status_code == 200


def test_anothers_form_token_is_no_use(street):
    """A token that was given to one browser does not pass with another's cookies."""
    anna, mallory = street.join("anna"), street.join("mallory")
    mallory.get("/prices")
    stolen = re.search(r'name="_csrf_token" value="([^"]+)"', mallory.page)[1]

    assert anna.post("/pause", token=stolen).status_code == 403


def test_a_replayed_request_changes_nothing_again(street):
    """The same form twice is one price; after log-out the recorded request is refused."""
    anna = street.join("anna")
    anna.get("/prices")
    for _ in range(3):
        street.market_clock.advance(seconds=60)
        assert anna.post("/prices", step="save", buy="11.5").status_code == 303
    with street.engine.store.reading() as connection:
        assert len(queries.prices(connection, "kortteli-1")) == 1
    recorded = dict(anna.cookies)
    anna.get("/today")
    anna.post("/log-out")

    anna.cookies = recorded
    answer = anna.post("/prices", step="save", buy="40")

    assert answer.status_code in (303, 403)
    with street.engine.store.reading() as connection:
        assert len(queries.prices(connection, "kortteli-1")) == 1


def test_a_neighbours_bill_cannot_be_seen_by_guessing_its_number(settled):
    """A number that is somebody else's gets the answer of one that is nobody's."""
    anna, ben = settled.anna, settled.ben
    number = f"202611-{ben.person.customer_number}"
    assert ben.get(f"/bills/{number}").status_code == 200

    said = []
    for guess in (number, "202611-999999", "202611-0", "202612-" + number[7:], "../../etc", "1"):
        for path in (f"/bills/{guess}", f"/bills/{guess}/check"):
            answer = anna.get(path)
            assert answer.status_code == 404
            said.append(anna.text)
    assert len(set(said[:4])) == 1


def test_a_script_in_a_name_is_only_text(street):
    """Everything people write is escaped on every page, and the browser is told to run nothing inline."""
    evil = "<script>alert(1)</script>"
    street.join("mallory")
    mallory = street.log_in("mallory")
    mallory.get("/account")
    mallory.post("/account/profile", display_name=evil, buys="1", place="A1")
    anna = street.join("anna")

    answer = anna.get("/neighbourhood")

    assert evil not in answer.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_no_page_needs_an_inline_script_or_style(settled):
    """What the policy forbids is nowhere: no script without a source, no handler, no style."""
    for path in ("/today", "/prices", "/trades", "/bills", "/income", "/neighbourhood", "/account"):
        page = settled.anna.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", page)
        assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", page)


def test_ten_thousand_log_ins_a_minute_cost_no_more_than_forty(street):
    """An address and an account have so many tries in ten minutes; the rest is refused unhashed."""
    street.join("anna")
    browser = street.browser()
    browser.get("/log-in")
    tried = refused = 0
    hashed = []
    street.portal.passwords._hasher = _Counting(street.portal.passwords._hasher, hashed)
    for number in range(200):
        answer = browser.post("/log-in", email=f"user{number}@example.fi", password="guess")
        tried += answer.status_code == 422
        refused += answer.status_code == 429

    assert tried == street.portal.settings.log_ins_per_address
    assert refused == 200 - tried
    assert len(hashed) <= tried + 1
    assert int(answer.headers["retry-after"]) > 0
    street.clock.advance(seconds=street.portal.settings.log_in_window_s)
    assert browser.post("/log-in", email="anna@example.fi", password=PASSWORD).status_code == 303


class _Counting:
    def __init__(self, hasher, hashed):
        self._hasher, self._hashed = hasher, hashed

    def hash(self, password):
        return self._hasher.hash(password)

    def verify(self, kept, password):
        self._hashed.append(1)
        return self._hasher.verify(kept, password)

    def check_needs_rehash(self, kept):
        return self._hasher.check_needs_rehash(kept)


def test_one_account_is_not_guessed_from_many_addresses(street):
    """Eight tries for an account, from wherever they come; its owner is let in again after the window."""
    street.join("anna")
    for number in range(9):
        browser = street.browser()
        browser.get("/log-in")
        answer = browser.post("/log-in", email="anna@example.fi", password=f"guess {number}")

    assert answer.status_code == 429


def test_the_throttle_forgets_and_stays_small():
    """Tries leave the window, and ten thousand keys is all that is remembered."""
    throttle = Throttle(keys_max=100)
    for number in range(1_000):
        throttle.check(f"key {number}", 0, tries_max=1, window_s=60)
    assert len(throttle._tries) == 100

    with pytest.raises(TooMany) as refused:
        throttle.check("key 999", 10, tries_max=1, window_s=60)
    assert refused.value.wait_s == 50
    throttle.check("key 999", 60, tries_max=1, window_s=60)


def test_a_gigabyte_is_refused_before_it_is_read(street):
    """The announced length is enough to say no, over real HTTP, and what lies about it is cut off."""
    with HttpServer(create_app(street.portal)) as server:
        port = server.port
        head = (
            "POST /register HTTP/1.1\r\nHost: x\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
        )
        begun = time.monotonic()
        announced = _exchange(port, f"{head}Content-Length: {2**30}\r\n\r\n".encode() + b"a=")
        chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
        endless = _exchange(port, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk * 3)

        assert b" 413 " in announced
        assert b" 413 " in endless
        assert time.monotonic() - begun < 20


def _exchange(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
        connection.sendall(request)
        return connection.recv(200)


def test_a_session_does_not_outlive_a_password_change(street):
    """Every session ends, that of the browser that changed it too, and every token."""
    street.join("anna")
    here, there = street.log_in("anna"), street.log_in("anna")
    here.get("/account")

    answer = here.post("/account/password", password=PASSWORD, new_password="ten loud aspens")

    assert answer.headers["location"] == "/log-in?note=password"
    assert there.get("/today").status_code == 303
    assert here.get("/today").status_code == 303


def test_an_auditor_sees_everything_and_changes_nothing(street):
    """Every change of the staff is refused to an auditor, and noted nowhere as done."""
    anna = street.join("anna")
    auditor = street.enlist(Role.AUDITOR)
    assert auditor.get("/staff").status_code == 200
    assert auditor.get("/staff/trail").status_code == 200
    before = street.engine.store.head_sequence()

    answer = auditor.post(
        f"/staff/households/{anna.person.person_id}/trading", decision="pause", reason="because"
    )
    claim = auditor.post("/staff/claims/1", decision="confirm", reason="because")

    assert (answer.status_code, claim.status_code) == (403, 403)
    assert street.engine.store.head_sequence() == before
    assert not street.person("anna").paused


def test_a_household_sees_nothing_of_the_staffs(street):
    """The staff's pages are refused to households and to those who are not logged in."""
    anna = street.join("anna")
    for path in ("/staff", "/staff/trail", "/staff/export", "/staff/bills/202611-100001"):
        assert anna.get(path).status_code == 403
        assert street.browser().get(path).status_code == 303


def test_a_metering_point_is_nobodys_twice(street):
    """Somebody else's metering point cannot be claimed; one's own again is a no-op."""
    anna, mallory = street.join("anna"), street.join("mallory")
    for _ in range(2):
        anna.get("/home")
        assert anna.post("/home/metering-points", metering_point=gsrn(1)).status_code == 303
    mallory.get("/home")

    answer = mallory.post("/home/metering-points", metering_point=gsrn(1))

    assert answer.status_code == 422
    assert "belongs to another account" in mallory.text


def test_logs_hold_no_secrets(street, caplog):
    """Neither passwords nor addresses nor keys are logged, whatever goes wrong."""
    caplog.set_level(logging.DEBUG)
    street.join("anna")
    browser = street.browser()
    browser.get("/log-in")
    browser.post("/log-in", email="anna@example.fi", password="a wrong secret")
    browser.get("/password")
    browser.post("/password", email="anna@example.fi")

    said = repr([record.__dict__ for record in caplog.records])
    assert "log_in_refused" in said
    for secret in ("anna@example.fi", PASSWORD, "a wrong secret", "key="):
        assert secret not in said


def test_what_breaks_inside_is_said_to_nobody(street, monkeypatch):
    """An error of ours answers with an apology and without its text."""
    anna = street.join("anna")
    monkeypatch.setattr(
        "sauma_portal.household.today", lambda *_: (_ for _ in ()).throw(RuntimeError("secret 42"))
    )

    answer = anna.get("/today")

    assert answer.status_code == 500
    assert "secret 42" not in answer.text
    assert "It is our fault" in anna.text


def test_every_answer_carries_the_shields(street):
    """Also errors, redirections and files."""
    browser = street.browser()
    for path in ("/", "/today", "/nothing-here", "/static/sauma.css"):
        headers = browser.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert browser.get("/").headers["cache-control"] == "no-store"


def test_those_who_left_cannot_be_logged_into(street):
    """A closed account has no password and no session."""
    anna = street.join("anna")
    with street.accounts.transaction() as connection:
        people.erase(connection, anna.person.person_id, street.portal.now)

    assert anna.get("/today").status_code == 303
    browser = street.browser()
    browser.get("/log-in")
    assert browser.post("/log-in", email="", password="").status_code == 422
