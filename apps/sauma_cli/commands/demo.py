"""`sauma demo`: the whole way from meters to bills, told in plain words as it happens."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import attrs
from cyclopts import Parameter

from sauma.agreement import Agreement
from sauma.clock import SystemClock
from sauma.dispatch import Progress
from sauma.engine import Engine
from sauma.errors import Disagreement, InvalidInput
from sauma.intervals import Interval
from sauma.store import seal_folder
from sauma_cli.carrying import Carried, Goal, carry
from sauma_cli.comparison import (
    CHAINS,
    Took,
    agrees,
    comparison_facts,
    measure,
    run_elsewhere,
)
from sauma_cli.demo_scene import (
    AREA,
    BUYERS,
    NAMES,
    NEEDED_WH,
    PRICE_MICRO,
    PRODUCED_WH,
    PRODUCER,
    RULEBOOK,
    play,
)
from sauma_cli.demo_story import Story
from sauma_cli.ev_scene import charge
from sauma_cli.folder import LOCK, Folder
from sauma_cli.logging_setup import configure_logging
from sauma_cli.movements import moved
from sauma_cli.options import ChainName, Json, Verbose
from sauma_cli.rendering import agreement_facts, bill_facts
from sauma_cli.screen import Screen
from sauma_cli.sites import ChainChoice, Site, open_site

BLOCK_SECONDS: Final = 60.0


def demo(
    scene: Annotated[
        Literal["neighbours", "ev"],
        Parameter(help="`ev`: a car pays at red lights and at a charger."),
    ] = "neighbours",
    /,
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
    """Show three neighbours, one quarter-hour, from meters to bills; then the same on every chain.

    test1 has produced 15 kWh; test3 and test5 buy 7.5 kWh each at 0.10 EUR/kWh.
    """
    configure_logging(verbose=verbose)
    if real_time and chain != "nem":
        raise InvalidInput(f"the chain {chain!r} has no clock: leave --real-time or --chain out")
    if scene == "ev":
        return _charge(_fresh(folder), chain, real_time=real_time, as_json=json)
    place = _fresh(folder)
    choice = ChainChoice(kind=chain, real_time_s=block_seconds if real_time else None)
    screen = Screen(as_json=json)
    story = Story(screen, real_time_s=choice.real_time_s)
    with place.working():
        with open_site(place, choice) as site:
            told = _play(place, site, chain, story)
        seal_folder(place.path)
    story.agreed(told.agreed, RULEBOOK.currency)
    with story.comparing():
        others = [one for one in CHAINS if one != chain]
        found = {chain: told.took, **{one: run_elsewhere(one, told.interval) for one in others}}
    compared = [found[one] for one in CHAINS]
    if not agrees(compared):
        raise Disagreement("the bills differ from chain to chain: tell the developers of sauma")
    story.compared(compared)
    story.end(place.path, told.carried)
    facts = [comparison_facts(one) for one in compared]
    screen.finish({**told.document, "comparison": facts})
    return 0


def _charge(place: Folder, chain: ChainName, *, real_time: bool, as_json: bool) -> int:
    if real_time:
        raise InvalidInput("the charging demo makes its own blocks: leave --real-time out")
    screen = Screen(as_json=as_json)
    with place.working():
        facts = charge(chain, place, screen)
        seal_folder(place.path)
    screen.finish(facts)
    return 0


def _fresh(given: Path | None) -> Folder:
    if given is None:
        return Folder(Path(tempfile.mkdtemp(prefix="sauma-demo-")))
    if given.is_dir() and any(each.name != LOCK for each in given.iterdir()):
        raise InvalidInput(f"{given} is not empty: name a new folder for the demo")
    return Folder(given)


@attrs.frozen(kw_only=True)
class _Told:
    """What is left when the main story is told."""

    interval: Interval
    carried: Carried
    agreed: Agreement
    took: Took
    document: dict[str, Any]


def _play(place: Folder, site: Site, chain: ChainName, story: Story) -> _Told:
    story.begin(place.path, site)
    wallets = {name: site.wallets.account(name) for name in NAMES}
    site.make_ready(story.set_up)
    clock = SystemClock()
    with Engine.open(place.store, site.venue, rulebook=RULEBOOK, clock=clock) as engine:
        interval = Interval.containing(clock.now() - timedelta(minutes=RULEBOOK.interval_minutes))
        story.registered(wallets, AREA)
        story.priced(PRODUCER, BUYERS, PRICE_MICRO, RULEBOOK.currency)
        play(engine, site.wallets, interval)
        story.metered(interval, PRODUCER, PRODUCED_WH, BUYERS, NEEDED_WH)
        story.cleared(engine.store, RULEBOOK.mechanism)
        begun_height = site.venue.chain.head().newest.height
        carried = _carry(engine, site, story)
        statements = engine.statements()
        story.billed(statements, RULEBOOK.currency, carried)
        agreed = engine.agreement()
        return _Told(
            interval=interval,
            carried=carried,
            agreed=agreed,
            took=measure(chain, engine, site, begun_height),
            document={
                "folder": str(place.path),
                "chain": site.venue.chain_id,
                "height": carried.height,
                "final": carried.final,
                "transactions": [one.transaction_id.hex() for one in moved(engine.store)],
                "bills": [bill_facts(one) for one in statements],
                "agreement": agreement_facts(agreed),
            },
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
