"""Workers compute ahead of the one writer, and what is written does not depend on them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, Executor, Future
from pathlib import Path

import pytest
import sqlalchemy as sa

from sauma import planner
from sauma.ahead import Ahead, open_apart
from sauma.errors import InvalidInput
from sauma.identifiers import complete_gsrn
from sauma.offers import MeteringPoint, Offer, Side
from sauma.rulebook import NettingPeriod
from sauma.steps import clearing_inputs, planning_inputs
from sauma.store import Store
from sauma.store.tables import metadata

from .town import AREA, START, STORE, quarter, reading, seed_rulebook

PLACES = [(AREA, quarter(0)), (AREA, quarter(1))]


class AtOnce(Executor):
    """A worker in this process, which computes when it is handed work."""

    def __init__(self, location, workers):
        open_apart(location)

    def submit(self, do, /, *arguments):
        future = Future()
        try:
            future.set_result(do(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


class Dying(AtOnce):
    """A worker that is killed at its second piece of work."""

    def submit(self, do, /, *arguments):
        future = super().submit(do, *arguments)
        if getattr(self, "has_worked", False):
            future = Future()
            future.set_exception(BrokenExecutor("a worker was killed"))
        self.has_worked = True
        return future


@pytest.fixture
def twins(make_town):
    """A town whose engine computes ahead, and one whose engine does not."""
    towns = [make_town(), make_town()]
    towns[0].engine.work_ahead(1, start_workers=AtOnce)
    for town in towns:
        town.sunny(0)
        town.sunny(1)
    return towns


@pytest.fixture
def alone(monkeypatch):
    """The writer computes nothing by itself any more."""

    def refuse(*_):
        raise AssertionError("what was computed ahead was not taken")

    monkeypatch.setattr(planner, "clear_interval", refuse)
    monkeypatch.setattr(planner, "plan_terms", refuse)


def heads(towns):
    return {town.engine.store.head_hash() for town in towns}


def test_processes_write_what_one_process_writes(make_town):
    """Byte for byte, over several areas and intervals, with real processes."""
    areas = {"bert": "kortteli-2", "dora": "kortteli-2"}
    towns = [make_town(areas=areas), make_town(areas=areas)]
    towns[0].engine.work_ahead(1)
    for town in towns:
        town.sunny(0)
        town.sunny(1)
        town.plan()

    assert len(heads(towns)) == 1


def test_what_was_computed_is_taken(twins, alone):
    """Clearings and plans come from the workers, and the writer only appends."""
    assert twins[0].engine.clear_due() == 2
    assert twins[0].engine.settle_due() == 2


def more_readings(town):
    town.engine.accept([reading("cleo", 250, 0, 1, key="second")])


def corrected_reading(town):
    town.engine.accept([reading("anna", 200, 4_000, 1, version=2)])


def other_price(town):
    town.engine.set_price("anna", AREA, Side.ASK, 110_000, quarter(1).start)


def posted_offer(town):
    offer = Offer(
        side=Side.BID,
        area=AREA,
        interval=quarter(1),
        participant="cleo",
        key="more",
        energy_wh=300,
        limit_micro=150_000,
    )
    town.engine.post([offer])


def other_rulebook(town):
    town.engine.publish(seed_rulebook(version=2, own_use_first=False, grid_bps=1_500))


def more_points(town):
    point = MeteringPoint(gsrn=complete_gsrn("64300000000000099"), participant="cleo", area=AREA)
    town.engine.add_metering_points([point])


@pytest.mark.parametrize(
    "change",
    [more_readings, corrected_reading, other_price, posted_offer, other_rulebook, more_points],
)
def test_a_clearing_follows_from_what_is_known_when_it_is_written(twins, change):
    """What changed after a worker looked counts all the same."""
    twins[0].engine.clearing(PLACES)
    for town in twins:
        change(town)
        for place in PLACES:
            town.engine.clear(*place)

    assert len(heads(twins)) == 1


def test_what_does_not_concern_an_area_lets_its_work_stand(twins, alone):
    """Readings of later intervals, prices elsewhere and other areas' clearings come all the time."""
    engine = twins[0].engine
    engine.clearing(PLACES)
    engine.set_price("dora", "kortteli-9", Side.BID, 90_000, START)
    twins[0].sunny(2)

    assert [engine.clear(*place) for place in PLACES] == [True, True]


def account_of_dora(town):
    town.engine.bind("dora", town.chain.account("dora"))


def another_interval(town):
    town.sunny(2)
    town.engine.clear(AREA, quarter(2))


@pytest.mark.parametrize("change", [account_of_dora, another_interval, other_rulebook])
def test_a_plan_follows_from_what_is_known_when_it_is_written(make_town, change):
    """An account, an interval of the period, a rulebook that came after a worker looked."""
    rulebook = seed_rulebook(netting_period=NettingPeriod.DAY)
    towns = [make_town(rulebook=rulebook, unbound=["dora"]) for _ in range(2)]
    towns[0].engine.work_ahead(1, start_workers=AtOnce)
    for town in towns:
        town.sunny(0)
        town.sunny(96)
        town.engine.clear_due()
    towns[0].engine.settling([(AREA, quarter(0)), (AREA, quarter(96))])
    for town in towns:
        change(town)
        for number in (0, 96):
            town.engine.settle(AREA, quarter(number))

    assert len(heads(towns)) == 1


def test_a_worker_that_dies_costs_time_and_nothing_else(twins):
    """The writer goes on by itself."""
    twins[0].engine.work_ahead(1, start_workers=Dying)
    for town in twins:
        town.plan()

    assert len(heads(twins)) == 1


@pytest.mark.parametrize("error", [OSError("no more processes"), NotImplementedError("no locks")])
def test_a_machine_that_starts_no_process_costs_time_and_nothing_else(twins, error):
    """Out of memory, out of processes, or without what they need: the writer goes on by itself."""

    def refuse(_location, _workers):
        raise error

    twins[0].engine.work_ahead(1, start_workers=refuse)
    for town in twins:
        town.plan()

    assert len(heads(twins)) == 1


def test_workers_open_the_store_that_was_opened_wherever_the_process_is_now(tmp_path, monkeypatch):
    """A relative path means what it meant when the store was opened; elsewhere may lie another store."""
    monkeypatch.chdir(tmp_path)
    with Store.open(STORE) as store:
        location = store.location

    assert location == f"sqlite:///{tmp_path / STORE}"


def test_an_error_is_raised_where_it_was_asked_for(twins):
    """A worker that cannot compute says nothing: the writer's own error is the one that is told."""
    engine = twins[0].engine
    engine.settling(PLACES)

    with pytest.raises(InvalidInput, match="is not cleared"):
        engine.settle(*PLACES[0])


@pytest.mark.parametrize("workers", [-1, 65, True, 1.5, "2"])
def test_workers_are_counted(town, workers):
    """None, or up to a limit."""
    with pytest.raises(InvalidInput, match="workers"):
        town.engine.work_ahead(workers)


@pytest.fixture
def asked():
    """The tables that were selected from."""
    found = set()

    def note(_connection, _cursor, statement, *_):
        found.update(re.findall(r"(?:FROM|JOIN) (\w+)", statement))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield found
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


def test_inputs_are_what_is_read(town, asked):
    """A table that a step reads and that can change under a worker is one of its inputs."""
    town.engine.work_ahead(1, start_workers=AtOnce)
    town.sunny(0)
    town.sunny(1)
    looked_at_again = {"cleared_intervals", "open_intervals", "metering_points", "posted_offers"}
    beside = {"journal_entries", "journal_tables"}
    asked.clear()
    town.engine.clearing(PLACES)
    read = (asked & set(metadata.tables)) - beside

    assert read == set(clearing_inputs(AREA, quarter()))

    town.engine.clear_due()
    asked.clear()
    town.engine.settling(PLACES)
    read = (asked & set(metadata.tables)) - beside - looked_at_again

    assert read == set(planning_inputs(AREA, (0, 1)))


def test_what_is_passed_over_is_given_up(town):
    """Whoever takes the third entry first does not want the first two any more, and gets the rest."""
    done = []

    def compute(_connection, area, _interval):
        done.append(area)

    ahead = Ahead(town.engine.store, 1, start_workers=AtOnce)
    ahead.begin("kind", compute, [(f"a{number}", quarter()) for number in range(5)])
    ahead.take("kind", "a2", quarter())
    ahead.take("kind", "a4", quarter())
    ahead.take("kind", "unheard of", quarter())
    ahead.close()

    assert done == ["a0", "a1", "a3", "a4"]


ORPHANING = """
import multiprocessing, sys, time
from sauma.ahead import Ahead
from sauma.store import Store
from test_ahead_work import nothing
store = Store.open(sys.argv[1])
ahead = Ahead(store, 1)
ahead.begin("kind", nothing, [("a", None)])
ahead.take("kind", "a", None)
print(multiprocessing.active_children()[0].pid, flush=True)
time.sleep(60)
"""


def test_workers_end_with_a_process_that_is_killed(tmp_path):
    """Nothing lingers that nobody started."""
    (tmp_path / "test_ahead_work.py").write_text("def nothing(*_): pass\n")
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHANING, tmp_path / STORE],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.fspath(tmp_path)},
    )
    worker = Path("/proc") / parent.stdout.readline().strip() / "stat"
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    for _ in range(100):
        if not worker.exists() or ") Z" in worker.read_text():
            break
        time.sleep(0.05)

    assert not worker.exists() or ") Z" in worker.read_text()
