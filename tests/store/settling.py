"""A whole settlement in a store at any location, and a village that registers at once."""

from datetime import UTC, datetime, timedelta

from sauma.engine import Engine
from sauma.identifiers import complete_gsrn, content_id
from sauma.intervals import Interval
from sauma.memory import MemoryChain, MemoryCodec
from sauma.offers import MeteringPoint, Reading, Side, StandingPrice
from sauma.rulebook import Netting, Rulebook, Supplier
from sauma.testing import ManualClock
from sauma.testing.simulation import Line, MemoryWorld
from sauma.testing.simulation.rehearsal import (
    BEGINS,
    Salts,
    balances_of,
    bills_of,
    open_engine,
    plan,
    play,
    references_on,
)
from sauma.venue import Venue

NOON = Interval(start=datetime(2026, 6, 21, 9, 0, tzinfo=UTC))


def settle_somewhere(location, holder="engine"):
    """Settle in a new world, by a store at a location; return what came of it, and the journal's head."""
    with MemoryWorld() as world:
        plan(world, location)
        clock = ManualClock(BEGINS)
        with open_engine(location, world, Line(), clock, Salts(), holder) as engine:
            play(engine, world, clock)
            return (
                balances_of(world, engine),
                bills_of(engine),
                references_on(engine.venue.chain),
                engine.store.head_hash(),
                engine.store.projection_digest(),
            )


def plan_village(location, homes):
    """Register so many homes, take their readings, settle and correct; return head and projections."""
    chain = MemoryChain("main")
    roles = {f"@{role}": chain.account(role) for role in ("issuer", "clearing")}
    venue = Venue(
        chain=chain, codec=MemoryCodec(), energy_asset=chain.asset("wh"), settings={}, roles=roles
    )
    supplier = Supplier(name="supplier", sells_at_micro=160_000, buys_at_micro=40_000)
    rulebook = Rulebook(name="village", version=1, supplier=supplier, netting=Netting.MULTILATERAL)
    clock = ManualClock(NOON.end + timedelta(days=1))
    gsrns = [complete_gsrn(f"643{number:014d}") for number in range(homes)]
    names = [f"home-{number}" for number in range(homes)]
    salts = iter(range(10**6))
    with Engine.open(
        location,
        venue,
        rulebook=rulebook,
        clock=clock,
        draw_salt=lambda: content_id("salt", next(salts)),
    ) as engine:
        engine.register_all([(name, chain.account(name)) for name in names])
        engine.add_metering_points(
            MeteringPoint(gsrn=gsrn, participant=name, area="village")
            for gsrn, name in zip(gsrns, names, strict=True)
        )
        engine.set_prices(
            [
                StandingPrice(
                    participant=name,
                    area="village",
                    side=side,
                    price_micro=price,
                    valid_from=NOON.start,
                )
                for name in names
                for side, price in ((Side.BID, 120_000), (Side.ASK, 80_000))
            ]
        )
        engine.accept(
            [
                Reading(
                    metering_point=gsrn,
                    interval=NOON,
                    key="meter",
                    imported_wh=number % 3 * 400,
                    exported_wh=(number % 3 == 0) * 900,
                )
                for number, gsrn in enumerate(gsrns)
            ]
        )
        assert (engine.clear_due(), engine.settle_due()) == (1, 1)
        engine.issue_bills()
        corrections = [
            Reading(
                metering_point=gsrn,
                interval=NOON,
                key="meter",
                version=2,
                imported_wh=500,
                exported_wh=number % 2 * 300,
            )
            for number, gsrn in enumerate(gsrns)
        ]
        engine.accept(corrections, late=True)
        assert engine.correct_due(early=True) == 1
        assert engine.adjustments()
        return engine.store.head_hash(), engine.store.projection_digest()
