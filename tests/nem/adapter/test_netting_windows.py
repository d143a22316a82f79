"""Netting over local days and months on NEM: through the clearing account, over clock changes, by area."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from sauma import Engine, Interval, MeteringPoint, Reading, Rulebook, Side, Supplier, complete_gsrn
from sauma.anchoring import check_proof_on_chain
from sauma.replay import replay
from sauma.rulebook import Anchoring, Netting, NettingPeriod
from sauma.store import queries
from sauma.testing import ManualClock
from sauma_nem.local import LocalNem

AREAS = {"anna": "north", "ben": "north", "carl": "north", "dora": "south", "eve": "south"}
GSRN = {name: complete_gsrn(f"6430000000000{number:04d}") for number, name in enumerate(AREAS)}
SUPPLIER = Supplier(name="supplier", sells_at_micro=160_000, buys_at_micro=40_000)

MORNING = {
    "anna": (0, 900),
    "ben": (500, 0),
    "carl": (400, 0),
    "dora": (0, 250),
    "eve": (250, 0),
}
EVENING = {"carl": (0, 700), "anna": (700, 0), "eve": (0, 100), "dora": (100, 0)}
"""Imported and exported Wh.  So north trades anna → ben 500, anna → carl 400, carl → anna 700."""

RECEIVED = {
    Netting.NONE: {"anna": 700, "ben": 500, "carl": 400, "dora": 100, "eve": 250},
    Netting.PER_PAIR: {"anna": 300, "ben": 500, "carl": 0, "dora": 0, "eve": 150},
    Netting.MULTILATERAL: {"anna": 0, "ben": 500, "carl": 0, "dora": 0, "eve": 150},
}
"""What a wallet has more of after the period: what was left to receive, since what is given is issued."""
SPRING = datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 3, 29, 21, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 24, 21, tzinfo=UTC), datetime(2026, 10, 25, 22, tzinfo=UTC)
OCTOBER = datetime(2026, 9, 30, 21, tzinfo=UTC), datetime(2026, 10, 31, 22, tzinfo=UTC)
"""Local days of Helsinki of 23 and 25 hours, and a month of 31 days and an hour."""


@pytest.fixture
def nem() -> Iterator[LocalNem]:
    """A network on which nobody else settles."""
    with LocalNem(*AREAS, finality_blocks=3) as network:
        yield network


def reading(name: str, interval: Interval, flow: tuple[int, int]) -> Reading:
    return Reading(
        metering_point=GSRN[name],
        interval=interval,
        imported_wh=flow[0],
        exported_wh=flow[1],
        key=str(interval.start_unix),
    )


def open_engine(nem: LocalNem, path, rulebook: Rulebook, clock: ManualClock) -> Engine:
    engine = Engine.open(path, nem.venue, rulebook=rulebook, clock=clock)
    engine.register_all([(name, nem.account(name)) for name in AREAS])
    for name, area in AREAS.items():
        engine.add_metering_points([MeteringPoint(gsrn=GSRN[name], participant=name, area=area)])
        for side, price in ((Side.ASK, 80_000), (Side.BID, 120_000)):
            engine.set_price(name, area, side, price, datetime(2026, 1, 1, tzinfo=UTC))
    return engine


def energy_of(nem: LocalNem, names) -> dict[str, int]:
    return {
        name: nem.chain.balance(nem.account(name), nem.settings.energy_asset).units
        for name in names
    }


@pytest.mark.parametrize(
    ("netting", "period", "bounds"),
    [
        (Netting.MULTILATERAL, NettingPeriod.DAY, SPRING),
        (Netting.PER_PAIR, NettingPeriod.DAY, AUTUMN),
        (Netting.MULTILATERAL, NettingPeriod.MONTH, OCTOBER),
        (Netting.NONE, NettingPeriod.DAY, AUTUMN),
    ],
)
def test_a_period_ends_when_the_local_clock_says(nem, tmp_path, netting, period, bounds):
    """First and last quarter-hour of a day of 23 or 25 hours net with each other, the next one does not.

    What each wallet has more is what netting leaves to receive; the clearing account keeps nothing; the
    areas settle by themselves and share one anchor; and a replay against the chain finds no difference.
    """
    start, end = bounds
    rulebook = Rulebook(
        name="windows",
        version=1,
        supplier=SUPPLIER,
        netting=netting,
        netting_period=period,
        anchor=Anchoring(period.value),
    )
    clock = ManualClock(end + timedelta(minutes=15))
    with open_engine(nem, tmp_path / "store.sqlite", rulebook, clock) as engine:
        first = Interval(start=start)
        last = Interval(start=end - timedelta(minutes=15))
        engine.accept([reading(name, first, flow) for name, flow in MORNING.items()])
        engine.accept([reading(name, last, flow) for name, flow in EVENING.items()])
        beyond = Interval(start=end)
        engine.accept([reading("dora", beyond, (0, 50)), reading("eve", beyond, (50, 0))])
        assert engine.clear_due() == 5
        assert engine.settle_due() == 2, "the quarter-hour behind belongs to a period that runs"
        while not engine.finished:
            engine.step()
            nem.mine()
        with engine.store.reading() as connection:
            settled = queries.settlements(connection)
        report = replay(engine.store, codec=nem.chain.codec, chain=nem.chain)
        proofs = [engine.prove(one.bill.bill_id) for one in engine.statements()]
        (anchor,) = engine.anchors()
        agreement = engine.agreement()

    assert energy_of(nem, AREAS) == RECEIVED[netting]
    assert energy_of(nem, ["@clearing"]) == {"@clearing": 0}
    assert {(one.area, one.period_start, one.period_end) for one in settled} == {
        (area, int(start.timestamp()), int(end.timestamp())) for area in ("north", "south")
    }
    assert agreement.traded_wh == 500 + 400 + 700 + 250 + 100
    assert (anchor.period_start, anchor.period_end) == bounds
    assert anchor.bill_count == len(proofs) == 5
    for proof in proofs:
        assert check_proof_on_chain(proof, nem.chain.codec, nem.chain).block_checked
    assert report.ok, report.findings


def test_a_clock_change_within_the_day_loses_no_hour():
    """The hour that comes twice in autumn is two hours, all of the same local day and month."""
    rulebook = Rulebook(
        name="hours", version=1, supplier=SUPPLIER, netting_period=NettingPeriod.DAY
    )
    quarters = int((AUTUMN[1] - AUTUMN[0]).total_seconds()) // 900
    periods = {
        rulebook.settlement_period(Interval(start=AUTUMN[0] + timedelta(minutes=15 * number)))
        for number in range(quarters)
    }

    assert quarters == 100
    assert periods == {AUTUMN}
