"""The service settles by itself: intervals close when they are complete or late, and trouble stays local."""

from __future__ import annotations

import itertools
import threading
from datetime import timedelta

import pytest

from sauma.errors import InvalidInput, StoreError, Unavailable
from sauma.rulebook import NettingPeriod
from sauma.service import WAIT_MAX, Backoff, Service, ServiceSettings
from sauma.testing import ManualClock

from .town import AREA, START, Town, quarter, reading, seed_rulebook


def serve(town: Town, **settings: timedelta) -> Service:
    """A service on a town; its waits have no jitter and its clocks stand still."""
    town.clock.advance(seconds=int((START - town.clock.now()).total_seconds()))
    return Service(
        town.engine,
        settings=ServiceSettings(**settings),
        wall_clock=ManualClock(),
        draw=lambda: 1.0,
    )


def over(town: Town, minutes: int = 0, number: int = 0) -> None:
    """Let the clock stand so many minutes after the end of a quarter-hour."""
    moment = quarter(number).end + timedelta(minutes=minutes)
    town.clock.advance(seconds=int((moment - town.clock.now()).total_seconds()))


def work(town: Town, service: Service, rounds: int = 60) -> None:
    """Do rounds and let blocks come until all is final."""
    for _ in range(rounds):
        service.round()
        if town.engine.finished:
            return
        town.chain.mine()
    raise AssertionError(service.troubles)


def test_an_interval_closes_when_every_metering_point_has_reported(town):
    """It is over and complete: cleared and planned in the next round, long before the deadline."""
    service = serve(town)
    town.sunny()
    over(town)

    done = service.round()

    assert (done.closed, done.planned) == (1, 1)


def test_an_interval_that_is_not_over_stays_open(town):
    """Readings may come early; the market closes with the interval and not before."""
    service = serve(town)
    town.sunny()
    town.clock.advance(seconds=14 * 60 + 59)

    assert service.round().closed == 0


@pytest.mark.parametrize(("minutes", "closed"), [(359, 0), (360, 1)])
def test_an_incomplete_interval_closes_at_its_deadline(town, minutes, closed):
    """One meter is silent: the others wait for it so long as the rulebook says, and no longer."""
    service = serve(town)
    town.meter(anna=(0, 3_000), cleo=(1_000, 0))
    over(town, minutes)

    assert service.round().closed == closed


def test_a_reading_that_is_missing_counts_as_a_report(town):
    """A gateway that says that it has nothing has reported: nobody waits for it."""
    from sauma.offers import Quality

    service = serve(town)
    town.meter(anna=(0, 3_000), bert=(0, 0), cleo=(1_000, 0))
    town.engine.accept([reading("dora", 0, 0, quality=Quality.MISSING)])
    over(town)

    assert service.round().closed == 1


def test_a_day_is_planned_when_nothing_can_join_it_any_more(make_town):
    """A netting period waits for the deadline of its last interval unless all of it is cleared."""
    town = make_town(rulebook=seed_rulebook(netting_period=NettingPeriod.DAY))
    service = serve(town)
    town.sunny()
    over(town)
    assert (service.round().closed, service.round().planned) == (1, 0)
    _, end = town.engine.rulebook.settlement_period(quarter())

    town.clock.advance(seconds=int((end - town.clock.now()).total_seconds()) + 360 * 60 - 1)
    before = service.round().planned
    town.clock.advance(seconds=1)

    assert (before, service.round().planned) == (0, 1)


def test_rounds_carry_an_interval_to_final_bills(town):
    """Closed, planned, moved, followed and billed, by rounds alone; then nothing is left."""
    service = serve(town)
    town.sunny()
    over(town)

    work(town, service)

    assert set(town.statuses().values()) == {"FINAL"}
    condition = service.condition()
    assert condition.oldest_unsettled is None
    assert (condition.outbox_batches, condition.unconfirmed_transactions) == (0, 0)
    assert service.reconcile().difference_wh == 0


def test_one_areas_trouble_does_not_hold_up_another(make_town, monkeypatch):
    """An area whose clearing breaks is tried again after growing waits; its neighbour settles."""
    town = make_town(areas={"anna": "north", "cleo": "north", "bert": "south", "dora": "south"})
    service = serve(town)
    town.sunny()
    over(town)
    clear = town.engine.clear

    def broken(area, interval):
        if area == "north":
            raise ZeroDivisionError("a mechanism of somebody's")
        return clear(area, interval)

    monkeypatch.setattr(town.engine, "clear", broken)
    done = service.round()

    assert (done.closed, done.planned) == (1, 1)
    (trouble,) = service.troubles
    assert trouble.what == "close north"
    assert "ZeroDivisionError" in trouble.reason
    monkeypatch.undo()
    service._wall_clock.advance(seconds=1)
    assert service.round().closed == 1
    assert service.troubles == ()


def test_a_node_that_is_down_is_asked_again_after_growing_waits(town, monkeypatch):
    """While it is silent intervals still close; the waits double up to the longest."""
    service = serve(town, retry_first=timedelta(seconds=1), retry_max=timedelta(seconds=4))
    town.sunny()
    over(town)
    asked = []

    def silent():
        asked.append(service._wall_clock.now())
        raise Unavailable("node does not answer")

    monkeypatch.setattr(town.engine, "step", silent)
    closed = service.round().closed
    for _ in range(16):
        service._wall_clock.advance(seconds=1)
        service.round()

    waits = [(after - before).seconds for before, after in itertools.pairwise(asked)]
    assert closed == 1
    assert waits[:4] == [1, 2, 4, 4]
    assert service.troubles[0].attempts == len(asked)


def test_a_disk_that_fails_ends_the_service(town, monkeypatch):
    """Nothing more may be written after it, so the process ends and whoever started it starts it again."""
    service = serve(town)
    town.sunny()
    over(town)

    def failing(area, interval):
        raise StoreError("disk I/O error")

    monkeypatch.setattr(town.engine, "clear", failing)

    with pytest.raises(StoreError, match="disk"):
        service.round()


def test_jitter_spreads_the_waits(town):
    """Between half and all of the wait, as drawn."""
    now = town.clock.now()
    first, longest = timedelta(seconds=8), timedelta(minutes=1)
    waits = [
        (Backoff(first, longest, lambda drawn=drawn: drawn).failed("x", "no", now).again_at - now)
        for drawn in (0.0, 0.5, 1.0)
    ]

    assert waits == [timedelta(seconds=seconds) for seconds in (4, 6, 8)]


def test_a_wait_doubles_up_to_the_longest_however_often_it_fails():
    """From the shortest wait that there is to the longest, and no failure after that is one too many."""
    now = ManualClock().now()

    def waits(first):
        backoff = Backoff(first, WAIT_MAX, lambda: 1.0)
        return [backoff.failed("x", "no", now).again_at - now for _ in range(80)]

    doubled = [timedelta(microseconds=2**doublings) for doublings in range(42)]
    assert waits(timedelta.resolution) == doubled + [WAIT_MAX] * 38
    assert waits(WAIT_MAX) == [WAIT_MAX] * 80


def test_a_service_is_ready_when_the_chain_is_fresh_and_nothing_waits_too_long(town):
    """Database, age of the newest block, outbox: each check says why when it fails."""
    service = serve(town)
    assert service.readiness().checks["chain"] == "no block was read yet"
    town.chain.mine()
    service.round()
    service._wall_clock.advance(
        seconds=int((service.condition().scanned_time - service._wall_clock.now()).total_seconds())
    )
    assert service.readiness().is_ready

    service._wall_clock.advance(seconds=1_801)

    assert "1801 s old" in service.readiness().checks["chain"]


def test_a_difference_between_ledger_and_chain_is_seen(town):
    """Energy that the events do not explain makes the service not ready, by name and to the Wh."""
    service = serve(town)
    town.sunny()
    over(town)
    work(town, service)
    account = town.chain.account("cleo")
    balance = town.venue.chain.balance

    def wrong(asked, asset):
        import attrs

        found = balance(asked, asset)
        return attrs.evolve(found, units=found.units + (5 if asked == account else 0))

    town.node.balance = wrong

    assert service.reconcile().difference_wh == 5
    assert "cleo" in service.readiness().checks["ledger"]


def test_run_ends_when_it_is_told_to(town):
    """The round under way is finished, then `run` returns."""
    service = serve(town)
    stop = threading.Event()
    rounds = service.round

    def last():
        stop.set()
        return rounds()

    service.round = last
    service.run(stop)

    assert service.rounds == 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"poll": timedelta()}, "poll of 0:00:00 must be above 0"),
        ({"poll": timedelta(days=32)}, "within a month"),
        ({"retry_max": timedelta(milliseconds=100)}, "is below retry_first of 0:00:01"),
        ({"poll": 2}, "poll 2 is no timedelta"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, says):
    """A rhythm of no time is none; what is wrong is named."""
    with pytest.raises(InvalidInput, match=says):
        ServiceSettings(**settings)


def test_readings_of_everybody_are_counted_once(town):
    """A second key or version of one meter does not stand for a silent one."""
    from sauma.store import queries

    town.meter(anna=(0, 3_000))
    town.engine.accept([reading("anna", 0, 3_100, version=2), reading("anna", 1, 0, key="two")])
    with town.engine.store.reading() as connection:
        assert queries.points_reported(connection, AREA, quarter().start_unix) == 1
