"""A portal on the reference chain with people in it, and a browser without a screen to walk through it."""

from __future__ import annotations

import re
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory

from argon2 import PasswordHasher
from litestar.testing import TestClient

from sauma.engine import Engine
from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, complete_gsrn
from sauma.intervals import Interval
from sauma.memory import MemoryChain, MemoryCodec
from sauma.offers import Quality, Reading
from sauma.rulebook import Rulebook, Supplier
from sauma.settlement import CLEARING, ISSUER
from sauma.store import Store
from sauma.testing import ManualClock
from sauma.venue import Venue
from sauma_portal import household
from sauma_portal.accounts import AccountStore, Role, people
from sauma_portal.accounts.letters import KeepingMailer
from sauma_portal.acts import joining
from sauma_portal.app import create_app
from sauma_portal.market.bills import BillDocument
from sauma_portal.passwords import Passwords
from sauma_portal.portal import Portal
from sauma_portal.settings import AreaPlan, Operator, PortalSettings

AREA = "kortteli-1"
PASSWORD = "nine quiet birches"
START = datetime(2026, 11, 10, 10, 0, tzinfo=UTC)
"""Noon in Helsinki."""
FINALITY = 3
SOLD_WH, PRICE = 900, 80_000
"""What Anna sold to Ben in a settled street, and for how much a kWh."""
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""As argon2 as the real one, without its cost: tests log in often."""
RULEBOOK = Rulebook(
    name="street",
    version=1,
    supplier=Supplier(name="supplier", sells_at_micro=160_000, buys_at_micro=40_000),
)


class MemoryWallets:
    """Accounts on the reference chain: an account is its holder's name, and a signature its text reversed."""

    def __init__(self, chain: MemoryChain) -> None:
        self._chain = chain

    def make(self, participant: str) -> AccountId:
        return AccountId.on(self._chain.chain_id, participant)

    def prove(self, text: str, *, public_key: str, signature: str) -> AccountId:
        if signature != text[::-1][:100]:
            raise InvalidInput("the signature does not fit")
        return AccountId.on(self._chain.chain_id, public_key)


def gsrn(number: int) -> str:
    return complete_gsrn(f"6430000000000{number:04d}")


@cache
def bill_of(street: Street, browser: Browser) -> BillDocument:
    """Somebody's newest bill."""
    return household.own_bills(street.portal, browser.person)[0]


def _empty(kind: type) -> bytes:
    """A database as its migrations make it, made once."""
    with TemporaryDirectory() as name:
        path = Path(name) / "empty.sqlite"
        kind.open(path).close()
        return path.read_bytes()


class Street:
    """A portal whose clocks stand until they are moved, and whose chain makes blocks when asked."""

    def __init__(
        self,
        folder: Path,
        *,
        rulebook: Rulebook = RULEBOOK,
        locations: tuple[str | Path, str | Path] | None = None,
        **settings: object,
    ) -> None:
        """Lie in a folder, or in the databases of store and people that are named."""
        self._closing = ExitStack()
        if locations is None:
            locations = folder / "store.sqlite", folder / "people.sqlite"
            locations[0].write_bytes(_empty(Store))
            locations[1].write_bytes(_empty(AccountStore))
        self.chain = MemoryChain("main", finality_blocks=FINALITY)
        self.clock, self.market_clock = ManualClock(START), ManualClock(START)
        wallets = MemoryWallets(self.chain)
        venue = Venue(
            chain=self.chain,
            codec=MemoryCodec(),
            energy_asset=self.chain.asset("wh"),
            settings={},
            roles={role: wallets.make(role.strip("@")) for role in (ISSUER, CLEARING)},
        )
        self.engine = self._closing.enter_context(
            Engine.open(locations[0], venue, rulebook=rulebook, clock=self.market_clock)
        )
        self.accounts = self._closing.enter_context(AccountStore.open(locations[1]))
        self.mailer = KeepingMailer()
        chosen = {
            "secret": b"a secret of thirty-two bytes, or more",
            "areas": (AreaPlan(name=AREA, title="Kortteli 1"),),
            "operator": Operator(name="Korttelin Aurinko", email="apua@example.fi"),
            "secure_cookies": False,
            **settings,
        }
        self.portal = Portal(
            settings=PortalSettings(**chosen),
            engine=self.engine,
            accounts=self.accounts,
            wallets=wallets,
            clock=self.clock,
            market_clock=self.market_clock,
            mailer=self.mailer,
            passwords=Passwords(QUICK),
        )
        self.client = self._closing.enter_context(
            TestClient(create_app(self.portal), raise_server_exceptions=False)
        )
        self._readings = 0

    def close(self) -> None:
        self._closing.close()

    def browser(self) -> Browser:
        """A browser of somebody else: without cookies."""
        return Browser(self)

    def join(self, name: str, **form: str) -> Browser:
        """Somebody registers, with a confirmed metering point, and is logged in."""
        browser = self.browser()
        browser.get("/register")
        answer = browser.post(
            "/register",
            display_name=name.title(),
            email=f"{name}@example.fi",
            password=PASSWORD,
            **{"buys": "1", **form},
        )
        assert answer.status_code == 303, answer.text
        browser.person = self.person(name)
        return browser

    def enlist(self, role: Role) -> Browser:
        """A member of the staff, logged in."""
        joining.enlist(
            self.portal,
            email=f"{role.value}@example.fi",
            display_name=role.value.title(),
            password=PASSWORD,
            role=role,
        )
        return self.log_in(role.value)

    def log_in(self, name: str) -> Browser:
        browser = self.browser()
        browser.get("/log-in")
        answer = browser.post("/log-in", email=f"{name}@example.fi", password=PASSWORD)
        assert answer.status_code == 303, answer.text
        browser.person = self.person(name)
        return browser

    def person(self, name: str):
        with self.accounts.reading() as connection:
            return people.by_email(connection, f"{name}@example.fi")

    def interval(self, number: int = 0) -> Interval:
        return Interval(start=START + timedelta(minutes=15 * number))

    def meter(self, point: str, *, imported: int = 0, exported: int = 0, number: int = 0, **more):
        self._readings += 1
        self.engine.accept(
            [
                Reading(
                    metering_point=point,
                    interval=self.interval(number),
                    imported_wh=imported,
                    exported_wh=exported,
                    key="meter",
                    **{"quality": Quality.MEASURED, **more},
                )
            ]
        )

    def clear(self, number: int = 0) -> None:
        """The interval ends, is cleared and planned."""
        end = self.interval(number).end
        behind = int((end - self.market_clock.now()).total_seconds())
        if behind > 0:
            self.market_clock.advance(seconds=behind)
        self.engine.clear_due()
        self.engine.settle_due()
        self.engine.issue_bills()

    def settle(self, *, final: bool = True) -> None:
        """Everything moves; blocks come until it is final, or until it is included."""
        while not (self.engine.finished if final else self.engine.moved):
            self.engine.step()
            self.chain.mine()
        self.engine.step()


class Browser:
    """Walks pages as a browser without a script does: keeps cookies, sends the form's own token."""

    def __init__(self, street: Street) -> None:
        self.street = street
        self.cookies: dict[str, str] = {}
        self.page = ""
        self.person = None

    def get(self, path: str, **headers: str):
        return self._ask("GET", path, headers=headers)

    def post(self, path: str, *, token: str | None = None, **form: str):
        """Send a form with the token of the page seen last."""
        if token is None:
            found = re.search(r'name="_csrf_token" value="([^"]+)"', self.page)
            token = found[1] if found else ""
        body = {"_csrf_token": token, **form}
        return self._ask("POST", path, data=body)

    def raw(self, method: str, path: str, **more):
        return self._ask(method, path, **more)

    @property
    def text(self) -> str:
        """What the page says, without its tags."""
        shown = re.sub(r"<(style|script)[^>]*>.*?</\1>", " ", self.page, flags=re.S)
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", shown)).split())

    def _ask(self, method: str, path: str, **more):
        self.street.client.cookies.clear()
        headers = dict(more.pop("headers", {}))
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.street.client.request(
            method, path, headers=headers, follow_redirects=False, **more
        )
        for line in answer.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0].strip('"')
            if value and "Max-Age=0" not in line:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        if answer.headers.get("content-type", "").startswith("text/html") and answer.text:
            self.page = answer.text
        return answer
