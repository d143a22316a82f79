"""The seed's eight steps in a real browser, against the real services and a NEM node over HTTP."""

import re

import pytest

from sauma.identifiers import AccountId
from sauma_nem.caip import address_on
from sauma_nem.node import NodeClient
from sauma_portal.demo.scene import PASSWORD

from .walking import chromium, walking

WIDTHS = (360, 1280)
TITLES = {
    "en": ("Join the neighbourhood", "This bill is right"),
    "fi": ("Liity naapurustoon", "Tämä lasku on oikein"),
    "sv": ("Gå med i grannskapet", "Räkningen är rätt"),
}
FORBIDDEN = re.compile(r"\b(mosaic|mosaiikki|gas|hash|blockchain|nonce)", re.IGNORECASE)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    """One scene for all walks."""
    with walking(tmp_path_factory.mktemp("scene")) as walk:
        yield walk


@pytest.fixture(scope="module")
def browser():
    """One browser for all walks."""
    with chromium() as browser:
        yield browser


def open_page(browser, walk, language, width, *, script=True):
    context = browser.new_context(
        viewport={"width": width, "height": 800}, locale=language, java_script_enabled=script
    )
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda m: m.type == "error" and page.complaints.append(m.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    return page


def eight_steps(walk, page, language, *, scripted):
    """Walk from registering to the bill."""
    name = f"{language}-{page.viewport_size['width']}-{'s' if scripted else 'n'}"
    go = lambda path: page.goto(walk.url + path)  # noqa: E731
    # 1 register
    go("/register")
    assert TITLES[language][0] in page.inner_text("h1")
    page.fill("#display_name", name)
    page.fill("#email", f"{name}@example.fi")
    page.fill("#password", PASSWORD)
    page.click("main form button[type=submit]")
    page.wait_for_url("**/home*")
    point = walk.new_point()
    page.fill("#metering_point", point)
    page.click("form[action='/home/metering-points'] button")
    page.wait_for_url("**/home?note=metered")
    assert point in page.inner_text("main")
    # 2 log in
    page.locator("form[action='/log-out'] button:visible").first.click()
    page.wait_for_url("**/?note=out")
    go("/log-in")
    page.fill("#email", f"{name}@example.fi")
    page.fill("#password", PASSWORD)
    page.click("main form button[type=submit]")
    page.wait_for_url("**/today")
    # 3 set the price
    go("/prices")
    page.fill("#buy", "15" if language == "en" else "15,0")
    page.click("button[value=show]")
    page.click("button[value=save]")
    page.wait_for_url("**/prices?note=priced")
    # 4 the meter reports: the price counts from the next quarter-hour, which then ends
    walk.next_quarter()
    walk.next_quarter()
    # 5 the energy is in the wallet, as the node says
    account = wallet_of(walk, f"{name}@example.fi")
    with NodeClient(walk.scene.nem.server.url) as node:
        address = address_on(account, walk.scene.nem.settings.nem_network)
        mosaic = walk.scene.nem.settings.mosaic_id
        walk.until(lambda: node.owned_mosaics(address).get(mosaic, 0))

        # 6 and 7: the bill comes after a block
        def is_billed():
            go("/bills")
            return page.locator("article .s3, article .s4").count()

        walk.until(is_billed)
        received_wh = node.owned_mosaics(address)[mosaic]
    # 8 laskut: what is owed, how much energy, at which price
    text = page.inner_text("article").replace("\xa0", " ")
    shown = f"{received_wh / 1000:.3f} kWh"
    assert (shown if language == "en" else shown.replace(".", ",")) in text
    assert "c/kWh" in text
    assert "€" in text
    page.click("article a.button")
    page.wait_for_url("**/bills/2*")
    page.click("main .actions a.button")
    page.wait_for_url("**/check")
    assert TITLES[language][1] in page.inner_text("main")
    assert not FORBIDDEN.search(page.inner_text("main"))


def wallet_of(walk, email) -> AccountId:
    from sauma_portal.accounts import people
    from sauma_portal.acts import joining

    with walk.scene.portal.accounts.reading() as connection:
        person = people.by_email(connection, email)
    return joining.account_of(walk.scene.portal, person)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", list(TITLES))
def test_the_seeds_eight_steps(walk, browser, language, width):
    """Register, log in, set the price, the meter reports, energy arrives, the bill says kWh and euros."""
    page = open_page(browser, walk, language, width)

    eight_steps(walk, page, language, scripted=True)

    assert not page.complaints
    page.context.close()


def test_the_eight_steps_without_a_script(walk, browser):
    """The same with JavaScript switched off."""
    page = open_page(browser, walk, "en", 360, script=False)

    eight_steps(walk, page, "en", scripted=False)

    page.context.close()


def test_the_day_moves_without_loading_again(walk, browser):
    """The figures of today change by themselves when the next reading is in."""
    page = open_page(browser, walk, "en", 1280)
    log_in(page, walk, "leena@demo.example")
    page.goto(walk.url + "/today")
    before = page.inner_text("#live")

    walk.next_quarter()
    page.wait_for_function(
        "before => document.querySelector('#live').innerText !== before", arg=before
    )

    assert not page.complaints
    page.context.close()


PAGES = (
    "/",
    "/register",
    "/log-in",
    "/password",
    "/password/new?key=x",
    "/help",
    "/help/programs",
    "/x",
)
INSIDE = (
    "/today",
    "/prices",
    "/trades",
    "/bills",
    "/income",
    "/neighbourhood",
    "/home",
    "/account",
)
STAFF = ("/staff", "/staff/trail")


@pytest.mark.parametrize(
    ("language", "width"), [("en", 360), ("en", 1280), ("fi", 360), ("sv", 360)]
)
def test_every_page_is_accessible_and_fits(walk, browser, language, width):
    """axe finds nothing, nothing is wider than the screen, and no word of the trade is needed.

    axe looks at the English pages, at both widths; the other languages have the same ones with other words.
    """
    page = open_page(browser, walk, language, width)
    page.with_axe = language == "en"
    wrong = look_at(page, walk, PAGES)
    log_in(page, walk, "leena@demo.example")
    wrong += look_at(page, walk, INSIDE)
    page.goto(walk.url + "/prices")
    page.fill("#sell", "-7")
    page.click("button[value=show]")
    wrong += looked(page, "prices with an error")
    page.fill("#sell", "7")
    page.click("button[value=show]")
    wrong += looked(page, "prices with their effect")
    page.goto(walk.url + "/bills")
    number = page.locator("article a.button").first.get_attribute("href")
    wrong += look_at(page, walk, (number, f"{number}/check"))
    page.context.clear_cookies()
    log_in(page, walk, "operator@demo.example")
    wrong += look_at(page, walk, STAFF)

    assert not wrong, "\n".join(wrong)
    page.context.close()


def log_in(page, walk, email):
    page.goto(walk.url + "/log-in")
    page.fill("#email", email)
    page.fill("#password", PASSWORD)
    page.click("main form button[type=submit]")
    page.wait_for_url(lambda url: "/log-in" not in url)


def look_at(page, walk, paths) -> list[str]:
    wrong = []
    for path in paths:
        page.goto(walk.url + path)
        wrong += looked(page, path)
    return wrong


def looked(page, name) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = []
    if page.with_axe:
        found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    wrong = [f"{name}: {each['id']} at {each['nodes'][0]['target']}" for each in found]
    over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    if over > 0:
        wrong.append(f"{name} is {over} pixels wider than the screen")
    if name not in ("/help/programs",) and (word := FORBIDDEN.search(page.inner_text("main"))):
        wrong.append(f"{name} says {word[0]!r}")
    return wrong


def test_everything_is_reached_by_keyboard(walk, browser):
    """Tab leads from the skip link through form to button, with a focus that is seen."""
    page = open_page(browser, walk, "en", 360)
    page.goto(walk.url + "/log-in")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))

    assert reached.index("email") < reached.index("password") < reached.index("BUTTON")
    page.context.close()
