"""A metering server on a port, a town behind it, and devices that know their tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import attrs
import pytest

from sauma.engine import Engine
from sauma.identifiers import complete_gsrn
from sauma.intervals import Interval
from sauma.memory import MemoryChain, MemoryCodec
from sauma.offers import MeteringPoint, Side
from sauma.rulebook import Rulebook, Supplier
from sauma.testing import ManualClock
from sauma.venue import Venue
from sauma_metering.server import DeviceRegistry, HttpServer, Metering, metering_app

START = datetime(2026, 6, 21, 9, 0, tzinfo=UTC)
NAMES = ("anna", "ben", "cleo")
GSRN = {name: complete_gsrn(f"643000000000000{number:02d}") for number, name in enumerate(NAMES)}
SUPPLIER = Supplier(name="supplier", sells_at_micro=160_000, buys_at_micro=40_000)


@attrs.frozen(kw_only=True)
class Answer:
    """What the server said."""

    status: int
    headers: dict[str, str]
    body: Any


@attrs.define(kw_only=True)
class Site:
    """The server, what lies behind it, and how a device speaks to it."""

    folder: Path
    engine: Engine
    chain: MemoryChain
    clock: ManualClock
    metering: Metering
    devices: DeviceRegistry
    server: HttpServer
    tokens: dict[str, str]

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        device: str | None = "anna",
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request; a body that is no bytes goes as JSON."""
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        sent = dict(headers or {})
        token = token or (self.tokens[device] if device else None)
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        data = body if isinstance(body, bytes | type(None)) else json.dumps(body).encode()
        try:
            connection.request(method, path, data, sent)
            reply = connection.getresponse()
            text = reply.read()
        finally:
            connection.close()
        return Answer(
            status=reply.status,
            headers={key.lower(): value for key, value in reply.getheaders()},
            body=json.loads(text) if "json" in reply.headers.get("content-type", "") else text,
        )

    def send(self, *readings: dict[str, Any], device: str = "anna") -> Answer:
        """Report readings."""
        return self.ask("POST", "/metering/v1/readings", {"readings": [*readings]}, device=device)

    def rows(self) -> int:
        """How many readings the journal has that are not late."""
        with self.engine.store.reading() as connection:
            return connection.exec_driver_sql("SELECT count(*) FROM readings").scalar_one()


def quarter(number: int = 0) -> Interval:
    return Interval(start=START + timedelta(minutes=15 * number))


def reading(name: str = "anna", number: int = 0, **changes: Any) -> dict[str, Any]:
    """A reading as a device writes it."""
    return {
        "metering_point": GSRN[name],
        "interval_start": str(quarter(number)),
        "imported_wh": 0,
        "exported_wh": 1500,
        "key": "meter",
        **changes,
    }


def open_site(folder: Path, **settings: Any) -> Iterator[Site]:
    """Build a town, serve it, and take it down."""
    chain = MemoryChain("main")
    venue = Venue(
        chain=chain, codec=MemoryCodec(), energy_asset=chain.asset("wh"), settings={},
        roles={f"@{role}": chain.account(role) for role in ("issuer", "clearing")},
    )  # fmt: skip
    clock = ManualClock(START + timedelta(days=1))
    rulebook = Rulebook(name="street", version=1, supplier=SUPPLIER)
    with Engine.open(folder / "store.sqlite", venue, rulebook=rulebook, clock=clock) as engine:
        engine.register_all([(name, chain.account(name)) for name in NAMES])
        engine.add_metering_points(
            MeteringPoint(gsrn=GSRN[name], participant=name, area="street") for name in NAMES
        )
        engine.set_price("anna", "street", Side.ASK, 80_000, START)
        engine.set_price("ben", "street", Side.BID, 120_000, START)
        metering = Metering.open(
            folder / "store.sqlite", folder / "devices.sqlite", clock=clock, **settings
        )
        tokens = {
            name: metering.devices.add(f"meter-{name}", clock.now(), points=[GSRN[name]])
            for name in NAMES
        }
        tokens["head-end"] = metering.devices.add("head-end", clock.now(), areas=["street"])
        with metering, HttpServer(metering_app(metering)) as server:
            yield Site(
                folder=folder, engine=engine, chain=chain, clock=clock, metering=metering,
                devices=metering.devices, server=server, tokens=tokens,
            )  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One server for tests that leave each other alone: each takes a quarter-hour of its own."""
    yield from open_site(tmp_path_factory.mktemp("site"))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A server of the test's own."""
    yield from open_site(tmp_path)
