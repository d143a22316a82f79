"""`sauma demo`: the whole way from meters to bills, told in plain words as it happens."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from sauma.agreement import Agreement
from sauma.clock import SystemClock
from sauma.dispatch import Progress
from sauma.engine import Engine
from sauma.errors import InvalidInput
from sauma.identifiers import complete_gsrn
from sauma.intervals import Interval
from sauma.offers import MeteringPoint, Reading, Side
from sauma.rulebook import Rulebook, Supplier
from sauma.store import seal_folder
from sauma_cli.carrying import Carried, Goal, carry
from sauma_cli.demo_story import Story
from sauma_cli.folder import LOCK, Folder
from sauma_cli.logging_setup import configure_logging
from sauma_cli.movements import moved
from sauma_cli.options import ChainName, Json, Verbose
from sauma_cli.rendering import agreement_facts, bill_facts
from sauma_cli.screen import Screen
from sauma_cli.sites import ChainChoice, Site, open_site

AREA: Final = "kortteli-1"
PRODUCER: Final = "test1"
BUYERS: Final = ("test3", "test5")
PRICE_MICRO: Final = 100_000
PRODUCED_WH: Final = 15_000
NEEDED_WH: Final = 7_500
BLOCK_SECONDS: Final = 60.0

RULEBOOK: Final = Rulebook(
    name="demo",
    version=1,
    supplier=Supplier(name="supplier", sells_at_micro=160_000, buys_at_micro=40_000),
)


def demo(
    *,
    real_time: Annotated[
        bool,
        Parameter(
            negative="", help="Blocks come every 60 s by the clock; ends with provisional bills."
        ),
    ] = False,
    folder: Annotated[
        Path | None, Parameter(help="A new or empty folder; a temporary one unless named.")
    ] = None,
    chain: Annotated[ChainName, Parameter(help="What to settle on.")] = "nem",
    block_seconds: Annotated[
        float, Parameter(help="The seconds between blocks with --real-time.")
    ] = BLOCK_SECONDS,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Show three neighbours, one quarter-hour, from meters to bills.

    test1 has produced 15 kWh; test3 and test5 buy 7.5 kWh each at 0.10 EUR/kWh.
    """
    configure_logging(verbose=verbose)
    if real_time and chain == "memory":
        raise InvalidInput("the chain 'memory' has no clock: leave --real-time or --chain out")
    place = _fresh(folder)
    choice = ChainChoice(kind=chain, real_time_s=block_seconds if real_time else None)
    screen = Screen(as_json=json)
    story = Story(screen, real_time_s=choice.real_time_s)
    with place.working():
        with open_site(place, choice) as site:
            carried, agreed = _play(place, site, story, screen)
        seal_folder(place.path)
    story.end(place.path, carried, agreed, RULEBOOK.currency)
    return 0


def _fresh(given: Path | None) -> Folder:
    if given is None:
        return Folder(Path(tempfile.mkdtemp(prefix="sauma-demo-")))
    if given.is_dir() and any(each.name != LOCK for each in given.iterdir()):
        raise InvalidInput(f"{given} is not empty: name a new folder for the demo")
    return Folder(given)


def _play(place: Folder, site: Site, story: Story, screen: Screen) -> tuple[Carried, Agreement]:
    story.begin(place.path, site)
    wallets = {name: site.wallets.account(name) for name in (PRODUCER, *BUYERS)}
    site.make_ready(story.set_up)
    clock = SystemClock()
    with Engine.open(place.store, site.venue, rulebook=RULEBOOK, clock=clock) as engine:
        interval = Interval.containing(clock.now() - timedelta(minutes=RULEBOOK.interval_minutes))
        engine.register_all(list(wallets.items()))
        points = [
            MeteringPoint(
                gsrn=complete_gsrn(f"6430000000000000{number}"), participant=name, area=AREA
            )
            for number, name in enumerate(wallets, start=1)
        ]
        engine.add_metering_points(points)
        story.registered(wallets, AREA)
        engine.set_price(PRODUCER, AREA, Side.ASK, PRICE_MICRO, interval.start)
        for name in BUYERS:
            engine.set_price(name, AREA, Side.BID, PRICE_MICRO, interval.start)
        story.priced(PRODUCER, BUYERS, PRICE_MICRO, RULEBOOK.currency)
        readings = [_reading(point, interval) for point in points]
        engine.accept(readings)
        story.metered(interval, PRODUCER, PRODUCED_WH, BUYERS, NEEDED_WH)
        engine.clear_due()
        engine.settle_due()
        story.cleared(engine.store, RULEBOOK.mechanism)
        carried = _carry(engine, site, story)
        statements = engine.statements()
        story.billed(statements, RULEBOOK.currency, carried)
        agreed = engine.agreement()
        screen.finish(
            {
                "folder": str(place.path),
                "chain": site.venue.chain_id,
                "height": carried.height,
                "final": carried.final,
                "transactions": [one.transaction_id.hex() for one in moved(engine.store)],
                "bills": [bill_facts(one) for one in statements],
                "agreement": agreement_facts(agreed),
            }
        )
    return carried, agreed


def _reading(point: MeteringPoint, interval: Interval) -> Reading:
    produces = point.participant == PRODUCER
    return Reading(
        metering_point=point.gsrn,
        interval=interval,
        imported_wh=0 if produces else NEEDED_WH,
        exported_wh=PRODUCED_WH if produces else 0,
        key="meter",
    )


def _carry(engine: Engine, site: Site, story: Story) -> Carried:
    """Carry, showing each block's movements, and saying when blocks are mined all at once."""
    told_height = 0

    def watch(_: Progress, missing: int) -> None:
        nonlocal told_height
        news = moved(engine.store, after_height=told_height)
        told_height = max([told_height, *(one.height for one in news)])
        story.moved(news)
        if missing and site.makes_blocks:
            story.hurried(missing)

    goal = Goal.FINAL if site.makes_blocks else Goal.INCLUDED
    with story.waiting():
        return carry(engine, site, goal=goal, watch=watch)
