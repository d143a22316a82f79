"""The way in and out: registering, logging in, forgotten passwords, languages, leaving."""

import re

import pytest

from sauma.store import queries
from sauma_portal.accounts import people

from .street import PASSWORD, gsrn

GOOD = {"display_name": "Anna", "email": "anna@example.fi", "password": PASSWORD, "buys": "1"}


def test_somebody_registers_and_is_logged_in_with_a_wallet(street):
    """Registering makes a participant under a pseudonym, with a wallet, and begins a session."""
    browser = street.join("anna", sells="1")

    answer = browser.get("/today")

    assert answer.status_code == 200
    participant = browser.person.participant
    assert re.fullmatch(r"h-[2-9a-z]{10}", participant)
    with street.engine.store.reading() as connection:
        assert participant in queries.accounts(connection, street.engine.venue.chain_id)


def test_the_journal_knows_nobodys_name(street):
    """Name and e-mail address are in the accounts and nowhere in the store."""
    street.join("anna")

    with street.engine.store.reading() as connection:
        raw = connection.connection.dbapi_connection.serialize()
    assert b"anna" not in raw.lower()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("email", "anna", "Write an e-mail address"),
        ("email", "a" * 300 + "@example.fi", "Write an e-mail address"),
        ("display_name", "  ", "Choose a name"),
        ("display_name", "x" * 61, "at most 60"),
        ("display_name", "An\u202ena", "ordinary signs"),
        ("password", "short", "at least 10"),
        ("password", "x" * 201, "at most 200"),
        ("password", "aaaaaaaaaaaa", "easy to guess"),
        ("password", "anna@example.fi", "easy to guess"),
        ("buys", "", "Choose whether you buy"),
        ("place", "Z9", "Choose one from the list"),
        ("area", "elsewhere", "Choose one from the list"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_stays(
    street, field, value, said
):
    """A form that cannot be taken comes back with 422, the typed values, and a remedy by the field."""
    browser = street.browser()
    browser.get("/register")

    answer = browser.post("/register", **{**GOOD, field: value})

    assert answer.status_code == 422
    assert said in browser.text
    if field != "email":
        assert 'value="anna@example.fi"' in browser.page
    assert PASSWORD not in browser.page
    assert street.person("anna") is None


def test_an_error_is_bound_to_its_field_for_who_listens(street):
    """The input says that it is wrong and names its error as its description."""
    browser = street.browser()
    browser.get("/register")
    browser.post("/register", **{**GOOD, "email": "anna"})

    field = re.search(r'<input id="email"[^>]*>', browser.page)[0]

    assert 'aria-invalid="true"' in field
    assert 'aria-describedby="email-error"' in field
    assert 'id="email-error"' in browser.page


def test_an_address_has_one_account(street):
    """A second account with the same e-mail address, in whatever case, is refused."""
    street.join("anna")
    browser = street.browser()
    browser.get("/register")

    answer = browser.post("/register", **{**GOOD, "email": "Anna@Example.FI"})

    assert answer.status_code == 422
    assert "There is an account with this e-mail address" in browser.text


def test_logging_in_and_out(street):
    """A right password opens, logging out closes, here and on the server."""
    street.join("anna")
    browser = street.log_in("anna")
    kept = dict(browser.cookies)
    browser.get("/today")

    answer = browser.post("/log-out")

    assert answer.headers["location"] == "/?note=out"
    browser.cookies = kept
    assert browser.get("/today").headers["location"] == "/log-in?next=/today"


def test_a_wrong_password_says_nothing_of_who_is_here(street):
    """An unknown address and a wrong password get the same answer."""
    street.join("anna")
    said = []
    for email in ("anna@example.fi", "nobody@example.fi"):
        browser = street.browser()
        browser.get("/log-in")
        answer = browser.post("/log-in", email=email, password="wrong password")
        assert answer.status_code == 422
        said.append(browser.text)

    assert said[0] == said[1]


def test_after_log_in_one_is_where_one_wanted_to_be(street):
    """The page that asked for the log-in comes next; another site never."""
    street.join("anna")
    for wished, target in (
        ("/bills", "/bills"),
        ("//evil.example", "/today"),
        ("https://e.x", "/today"),
    ):
        browser = street.browser()
        browser.get("/log-in")
        answer = browser.post("/log-in", email="anna@example.fi", password=PASSWORD, next=wished)
        assert answer.headers["location"] == target


def test_a_session_ends_when_nobody_uses_it_and_when_it_is_old(street):
    """Two hours idle, or thirty days altogether."""
    browser = street.join("anna")
    settings = street.portal.settings
    street.clock.advance(seconds=settings.session_idle_s - 1)
    assert browser.get("/today").status_code == 200

    street.clock.advance(seconds=settings.session_idle_s)
    assert browser.get("/today").status_code == 303


def test_a_forgotten_password_is_replaced_with_a_link_that_works_once(street):
    """The link comes by letter, sets a password, and is used up; every session ends."""
    anna = street.join("anna")
    browser = street.browser()
    browser.get("/password")
    browser.post("/password", email="anna@example.fi")
    (letter,) = street.mailer.letters
    link = re.search(r"http\S+", letter.body)[0]
    path = link.removeprefix(street.portal.settings.base_url)
    key = path.partition("key=")[2]
    browser.get(path)
    assert "New password" in browser.text

    answer = browser.post("/password/new", key=key, password="another quiet birch")

    assert answer.headers["location"] == "/log-in?note=password"
    assert anna.get("/today").status_code == 303
    browser.get("/log-in")
    assert browser.post("/log-in", email="anna@example.fi", password=PASSWORD).status_code == 422
    right = browser.post("/log-in", email="anna@example.fi", password="another quiet birch")
    assert right.status_code == 303


def test_a_link_is_void_after_an_hour_and_after_a_newer_one(street):
    """Only the newest key opens, and only for an hour."""
    street.join("anna")
    browser = street.browser()
    for _ in range(2):
        browser.get("/password")
        browser.post("/password", email="anna@example.fi")
    first, second = (re.search(r"/password/new\S+", each.body)[0] for each in street.mailer.letters)

    browser.get(first)
    assert "used already or is too old" in browser.text
    browser.get(second)
    assert "New password" in browser.text
    street.clock.advance(seconds=street.portal.settings.key_s)
    browser.get(second)
    assert "used already or is too old" in browser.text


def test_asking_for_a_password_never_says_whether_there_is_an_account(street):
    """The answer is the same, and no letter leaves."""
    browser = street.browser()
    browser.get("/password")

    answer = browser.post("/password", email="nobody@example.fi")

    assert answer.headers["location"] == "/log-in?note=asked"
    assert not street.mailer.letters


def test_languages_are_chosen_by_browser_cookie_and_account(street):
    """Accept-Language first, then the choice, which is remembered where one logs in again."""
    browser = street.browser()
    browser.get("/", **{"accept-language": "sv-FI,sv;q=0.9"})
    assert "El från grannen" in browser.text

    browser.post("/language", language="fi", next="/register")
    browser.get("/", **{"accept-language": "sv"})
    assert "Sähköä naapurista" in browser.text
    anna = street.join("anna")
    anna.get("/account")
    anna.post("/language", language="fi", next="/account")
    again = street.log_in("anna")
    again.get("/today")
    assert 'lang="fi"' in again.page


def test_a_language_chosen_before_log_in_comes_along(street):
    """Whoever chooses a language and then logs in reads on in it, here and elsewhere."""
    street.join("anna")
    browser = street.browser()
    browser.get("/log-in")
    browser.post("/language", language="sv", next="/log-in")
    browser.get("/log-in")
    browser.post("/log-in", email="anna@example.fi", password=PASSWORD)
    browser.get("/today")
    assert 'lang="sv"' in browser.page

    assert street.person("anna").language == "sv"


def test_an_account_is_closed_with_the_password_and_the_person_erased(street):
    """Name, address and sessions go, also from the file; the pseudonym stays and trades no more."""
    browser = street.join("anna", sells="1", place="B2")
    browser.get("/home")
    browser.post("/home/metering-points", metering_point=gsrn(1))
    browser.get("/prices")
    browser.post("/prices", step="save", buy="10", sell="8")
    person = browser.person
    browser.get("/account")
    assert browser.post("/account/close", password="wrong password").status_code == 422

    browser.get("/account")
    answer = browser.post("/account/close", password=PASSWORD)

    assert answer.headers["location"] == "/?note=closed"
    assert browser.get("/today").status_code == 303
    with street.accounts.reading() as connection:
        left = people.find(connection, person.person_id)
        raw = connection.connection.dbapi_connection.serialize()
    assert (left.email, left.display_name, left.place) == ("", "", None)
    assert left.participant == person.participant
    assert b"anna@example.fi" not in raw
    with street.engine.store.reading() as connection:
        newest = {price.side: price for price in queries.prices(connection, person.area)}
    assert all(price.is_withdrawn for price in newest.values())


def test_an_address_is_free_again_after_its_account_was_closed(street):
    """Who left can come back, as somebody else to the journal."""
    browser = street.join("anna")
    browser.get("/account")
    browser.post("/account/close", password=PASSWORD)

    again = street.join("anna")

    assert again.person.participant != browser.person.participant


def test_a_token_is_shown_once_and_revoked(street):
    """The secret is on the page that made it and on no other."""
    browser = street.join("anna")
    browser.get("/account")
    browser.post("/account/tokens", token_name="my script", scope_read="1")
    secret = re.search(r'class="code">([\w-]{40,})<', browser.page)[1]
    browser.get("/account")
    assert secret not in browser.page
    assert "my script" in browser.text

    number = re.search(r"/account/tokens/(\d+)/revoke", browser.page)[1]
    browser.post(f"/account/tokens/{number}/revoke")
    browser.get("/account")
    assert "my script" not in browser.text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"token_name": "", "scope_read": "1"}, "Give the token a name"),
        ({"token_name": "x"}, "Choose what the token may do"),
        ({"token_name": "x", "scope_staff": "1"}, "Only the staff"),
    ],
)
def test_a_token_needs_a_name_and_scopes_that_one_has(street, form, said):
    """What cannot be is refused beside its field."""
    browser = street.join("anna")
    browser.get("/account")

    assert browser.post("/account/tokens", **form).status_code == 422
    assert said in browser.text


def test_the_profile_is_changed_and_shown(street):
    """Name, place and what one does can be changed; an empty name cannot be."""
    browser = street.join("anna")
    browser.get("/account")
    browser.post("/account/profile", display_name="Aino", place="c4", sells="1", vat_registered="1")
    changed = street.person("anna")
    assert (changed.display_name, changed.place, changed.buys, changed.sells) == (
        "Aino",
        "C4",
        False,
        True,
    )
    assert changed.vat_registered

    browser.get("/account")
    assert browser.post("/account/profile", display_name="", sells="1").status_code == 422
    assert "Choose a name" in browser.text
