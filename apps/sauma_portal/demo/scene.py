"""The demo's neighbourhood: seven homes with a past, an operator and an auditor, on a NEM node of its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Final

import attrs

from sauma.clock import Clock, SystemClock
from sauma.engine import Engine
from sauma.identifiers import complete_gsrn
from sauma.intervals import day_intervals, find_zone
from sauma.offers import Quality, Reading, Side
from sauma.rulebook import Netting, NettingPeriod, Rulebook, Supplier
from sauma.service import Service, ServiceSettings
from sauma_metering.server import HttpServer, Metering, metering_app
from sauma_nem.local import LocalNem
from sauma_portal.accounts import AccountStore, Person, Role
from sauma_portal.acts import joining, metering
from sauma_portal.demo.running import FastClock, Meters, Repeating, Running, Settling
from sauma_portal.market.spans import day_of
from sauma_portal.messages import N_
from sauma_portal.passwords import Passwords
from sauma_portal.portal import Portal
from sauma_portal.settings import AreaPlan, Operator, PortalSettings
from sauma_portal.wallets import NemWallets

AREA: Final = "kortteli-1"
PASSWORD: Final = "a sunny roof"  # noqa: S105 - a demo's, printed for everybody
QUARTER_S: Final = 6.0
"""How long a quarter of an hour takes."""
BLOCK_S: Final = 3.0
POLL_S: Final = 0.5
FINALITY_BLOCKS: Final = 20
"""A minute in the demo; the real network needs 361 blocks, six hours."""
FUNDS_MICRO: Final = 10**12
MORNING: Final = clock_time(8)
SPARE_POINT: Final = complete_gsrn("64300000000000099")
"""A metering point that is nobody's yet: whoever registers it is reported for at once."""

PLAN: Final = AreaPlan(
    name=AREA,
    title="Kortteli 1",
    streets=(
        "0,145 330,170 520,150 800,190",
        "0,430 260,410 470,440 800,405",
        "215,0 230,165 205,410 225,600",
        "560,0 548,152 575,425 560,600",
        "230,290 560,285",
    ),
    greens=("590,215 770,235 780,385 600,385", "30,470 170,455 180,580 40,585"),
    waters=("0,0 130,0 90,60 60,95 0,110",),
)

RULEBOOK: Final = Rulebook(
    name="kortteli-1",
    version=1,
    supplier=Supplier(name="supplier", sells_at_micro=160_000, buys_at_micro=40_000),
    netting=Netting.PER_PAIR,
    netting_period=NettingPeriod.DAY,
)


@attrs.frozen(kw_only=True)
class Home:
    """A home of the scene: where it stands, and at which prices it deals."""

    name: str
    display_name: str
    place: str
    buy_micro: int
    sell_micro: int | None = None


HOMES: Final = (
    Home(name="koivu", display_name="Aino", place="B2", buy_micro=110_000, sell_micro=60_000),
    Home(name="kuusi", display_name="Väinö", place="D2", buy_micro=100_000, sell_micro=70_000),
    Home(name="leppa", display_name="Leena", place="G1", buy_micro=120_000, sell_micro=80_000),
    Home(name="pihlaja", display_name="Mikael", place="C4", buy_micro=140_000),
    Home(name="saarni", display_name="Saga", place="E5", buy_micro=130_000),
    Home(name="tammi", display_name="Oskari", place="A4", buy_micro=90_000, sell_micro=90_000),
    Home(name="vaahtera", display_name="Wilma", place="G6", buy_micro=80_000),
)


@attrs.frozen(kw_only=True)
class Scene:
    """A neighbourhood that is ready to be shown."""

    portal: Portal
    nem: LocalNem
    clock: FastClock
    service: Service
    running: tuple[Running, ...]
    """What has to be started for the scene to move, in this order."""
    people: tuple[Person, ...]


@contextmanager
def open_scene(
    folder: Path,
    *,
    base_url: str,
    quarter_s: float = QUARTER_S,
    block_s: float | None = BLOCK_S,
    history: bool = True,
    passwords: Passwords | None = None,
    clock: Clock | None = None,
    secret: bytes | None = None,
    begins: clock_time = MORNING,
) -> Iterator[Scene]:
    """Set the scene in a folder; nothing moves until `moving` says so.

    With `block_s` None blocks are made by `nem.mine` only.
    """
    market = FastClock(_at((clock or SystemClock()).now(), begins), 15 * 60 / quarter_s)
    with ExitStack() as stack:
        nem = stack.enter_context(
            LocalNem(block_seconds=None, finality_blocks=FINALITY_BLOCKS, funds_micro=FUNDS_MICRO)
        )
        engine = stack.enter_context(
            Engine.open(folder / "store.sqlite", nem.venue, rulebook=RULEBOOK, clock=market)
        )
        accounts = stack.enter_context(AccountStore.open(folder / "people.sqlite"))
        portal = Portal(
            settings=_settings(base_url, block_s, secret),
            engine=engine,
            accounts=accounts,
            wallets=NemWallets(nem.chain, nem.settings, nem.join),
            clock=clock or SystemClock(),
            market_clock=market,
            passwords=passwords or Passwords(),
        )
        people, homes = _settle_in(portal, market)
        metering = stack.enter_context(
            Metering.open(folder / "store.sqlite", folder / "devices.sqlite", clock=market)
        )
        token = metering.devices.add("meters", market.now(), areas=[AREA])
        server = HttpServer(metering_app(metering))
        meters = Meters(portal, homes, server.url, token)
        if history:
            _live_the_past(portal, nem, meters, day_of(market.now(), RULEBOOK.zone))
        engine.publish(attrs.evolve(RULEBOOK, version=2, netting_period=NettingPeriod.INTERVAL))
        service = Service(
            engine,
            settings=ServiceSettings(
                poll=timedelta(seconds=POLL_S), retry_max=timedelta(seconds=5)
            ),
        )
        running: list[Running] = [
            market,
            _Started(server),
            Repeating("meters", POLL_S, meters.report),
            Settling(service),
        ]
        if block_s is not None:
            running.append(Repeating("blocks", block_s, nem.mine))
        yield Scene(
            portal=portal,
            nem=nem,
            clock=market,
            service=service,
            running=tuple(running),
            people=people,
        )


class _Started:
    """An HTTP server as something that runs."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()


@contextmanager
def moving(scene: Scene) -> Iterator[None]:
    """Let a scene move while the block runs."""
    with ExitStack() as stack:
        for each in scene.running:
            each.start()
            stack.callback(each.stop)
        yield


def _settings(base_url: str, block_s: float | None, secret: bytes | None) -> PortalSettings:
    return PortalSettings(
        secret=secret or secrets.token_bytes(32),
        areas=(PLAN,),
        operator=Operator(
            name="Korttelin Aurinko",
            business_id="0000000-0",
            email="apua@korttelinaurinko.example",
            iban="FI37 1590 3000 0007 76",
        ),
        base_url=base_url,
        secure_cookies=False,
        claims_need_operator=False,
        notice=N_(
            "A demonstration with real meter readings; a quarter of an hour takes six seconds."
        ),
        block_s=round(block_s or BLOCK_S),
        poll_s=3,
    )


def _settle_in(portal: Portal, clock: Clock) -> tuple[tuple[Person, ...], dict[str, str]]:
    """Let the homes register, with metering points, wallets and prices; and enlist the staff."""
    people, homes = [], {}
    since = _first_past_day(day_of(clock.now(), RULEBOOK.zone))
    begins = datetime.combine(since, clock_time.min, find_zone(RULEBOOK.zone))
    for number, home in enumerate(HOMES, start=1):
        form = {
            "email": f"{home.display_name.lower().replace('ä', 'a').replace('ö', 'o')}@demo.example",
            "display_name": home.display_name,
            "password": PASSWORD,
            "place": home.place,
            "buys": "1",
            "sells": "1" if home.sell_micro is not None else "",
        }
        person = joining.register(portal, form, language="en")
        gsrn = complete_gsrn(f"6430000000000000{number}")
        metering.take_point(portal, person, gsrn)
        for side, price in ((Side.BID, home.buy_micro), (Side.ASK, home.sell_micro)):
            if price is not None:
                portal.engine.set_price(person.participant, AREA, side, price, begins)
        people.append(person)
        homes[gsrn] = home.name
    for role in (Role.OPERATOR, Role.AUDITOR):
        people.append(
            joining.enlist(
                portal,
                email=f"{role.value}@demo.example",
                display_name=role.value.title(),
                password=PASSWORD,
                role=role,
            )
        )
    return tuple(people), homes


def _live_the_past(portal: Portal, nem: LocalNem, meters: Meters, today: date) -> None:
    """Live the last day of the month before, and yesterday, up to final bills; then correct the first."""
    engine = portal.engine
    for day in sorted({_first_past_day(today), today - timedelta(days=1)}):
        engine.accept(meters.readings_of(day_intervals(day, RULEBOOK.zone)))
    engine.clear_due()
    engine.settle_due()
    while not engine.finished:
        engine.step()
        nem.mine(1 if not engine.moved else FINALITY_BLOCKS)
    engine.step()
    engine.accept([*_measured_later(meters, _first_past_day(today))], late=True)
    engine.correct_due(early=True)


def _measured_later(meters: Meters, day: date) -> Iterator[Reading]:
    """Give what the grid company sends of a day afterwards, of what was estimated or missing."""
    for one in meters.readings_of(day_intervals(day, RULEBOOK.zone)):
        if one.quality is Quality.MEASURED:
            continue
        yield attrs.evolve(
            one,
            version=2,
            quality=Quality.MEASURED,
            imported_wh=one.imported_wh * 11 // 10 + 40,
            exported_wh=one.exported_wh * 9 // 10,
        )


def _first_past_day(today: date) -> date:
    return today.replace(day=1) - timedelta(days=1)


def _at(now: datetime, begins: clock_time) -> datetime:
    """Return a time of the running local day."""
    zone = find_zone(RULEBOOK.zone)
    return datetime.combine(now.astimezone(zone).date(), begins, zone).astimezone(now.tzinfo)
