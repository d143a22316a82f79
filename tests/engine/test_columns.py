"""The columns of a clearing say what the values of the core say, byte for byte."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sauma.identifiers import content_id
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.matching import Book, mechanism
from sauma.offers import (
    Offer,
    Quality,
    Reading,
    Side,
    StandingPrices,
    offers_from_positions,
    positions_from_readings,
)
from sauma.readings import ReadingColumns, reading_ids, value_faults
from sauma.settlement import (
    Residual,
    check_obligations,
    residual_obligations,
    trade_obligations,
)
from sauma.steps import clear_interval
from sauma.store import queries

from .town import AREA, NAMES, START, quarter, reading, seed_rulebook

FLOWS = st.tuples(st.integers(0, 3_000), st.integers(0, 3_000))
KEYS = st.text(min_size=1, max_size=12).filter(lambda text: "\0" not in text)


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(flows=st.lists(FLOWS, min_size=4, max_size=4), own=st.booleans(), which=st.integers(0, 1))
def test_a_clearing_in_columns_is_the_clearing_of_values(town, flows, own, which):
    """Positions, trades, residuals and obligations are those that the pure functions give."""
    number = test_a_clearing_in_columns_is_the_clearing_of_values.number = (
        getattr(test_a_clearing_in_columns_is_the_clearing_of_values, "number", 0) + 1
    )
    name = ("equal_shares", "uniform_price")[which]
    rulebook = seed_rulebook(mechanism=name, own_use_first=own)
    interval = quarter(number)
    town.meter(number, **dict(zip(NAMES, flows, strict=True)))
    town.engine.accept([reading("cleo", flows[0][0], 5, number, version=2)])
    town.engine.accept([reading("dora", 7, flows[1][1], number, key="second")])
    town.engine.post(
        [
            Offer(
                side=Side.ASK,
                area=AREA,
                interval=interval,
                participant="bert",
                key="posted",
                energy_wh=900,
                limit_micro=90_000,
            )
        ]
    )

    with town.engine.store.reading() as connection:
        columns = clear_interval(connection, rulebook, AREA, interval)
        values = by_values(connection, rulebook, interval)

    assert [table.seal() for table in columns] == [table.seal() for table in values]


def by_values(connection, rulebook, interval):
    """Clear as the pure functions do: one value for each thing."""
    points = {gsrn: one for gsrn, (_, one) in queries.metering_points(connection, AREA).items()}
    readings = queries.readings(connection, AREA, interval)
    positions = positions_from_readings(readings, points, own_use_first=rulebook.own_use_first)
    offers = offers_from_positions(positions, StandingPrices(queries.prices(connection, AREA)))
    offers = [*offers, *queries.posted_offers(connection, AREA, interval)]
    clearing = mechanism(rulebook.mechanism).clear(Book.from_offers(AREA, interval, offers))
    trades = [*clearing.trades()]
    left = residuals(positions, trades)
    cause = content_id("interval", rulebook.rulebook_hash, AREA, interval.start_unix)
    owed = [one for trade in trades for one in trade_obligations(trade, rulebook)]
    check_obligations(trades, owed)
    owed += [one for each in left for one in residual_obligations(each, cause, rulebook)]
    names = ("participant", "imported_wh", "exported_wh", "own_use_wh")
    return [
        Table.from_rows(
            journal.POSITIONS, [[getattr(one, name) for name in names] for one in positions]
        ),
        Table.from_rows(
            journal.TRADES,
            [
                (
                    one.trade_id, one.buyer, one.seller, one.energy_wh, one.price_micro,
                    one.bid_id, one.ask_id,
                )
                for one in trades
            ],
        ),
        Table.from_rows(journal.RESIDUALS, [attrs.astuple(one) for one in left]),
        Table.from_rows(journal.OBLIGATIONS, [attrs.astuple(one) for one in owed]),
    ]  # fmt: skip


def residuals(positions, trades):
    """What meters say less what was traded; the supplier evens out what was sold beyond it."""
    found = []
    for one in positions:
        bought = one.to_buy_wh - sum(t.energy_wh for t in trades if t.buyer == one.participant)
        sold = one.to_sell_wh - sum(t.energy_wh for t in trades if t.seller == one.participant)
        left = Residual(
            participant=one.participant,
            bought_wh=max(bought, 0) + max(-sold, 0),
            sold_wh=max(sold, 0) + max(-bought, 0),
        )
        found += [left] if left.bought_wh or left.sold_wh else []
    return found


@given(
    keys=st.lists(KEYS, min_size=1, max_size=6),
    version=st.integers(1, 2**31 - 1),
    quality=st.sampled_from(Quality),
)
def test_ids_of_columns_are_ids_of_values(keys, version, quality):
    """Whatever a key holds, the fast id is the id of the value; and what is a value has no fault."""
    wh = 0 if quality is Quality.MISSING else 5
    values = [
        reading("anna", wh, 0, number, key=key, version=version, quality=quality)
        for number, key in enumerate(keys)
    ]

    columns = ReadingColumns.from_readings(values)

    assert reading_ids(columns, 15) == [one.reading_id for one in values]
    assert value_faults(columns, 15) == {}
    assert [columns.reading(row, 15) for row in range(len(values))] == values


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"imported_wh": -1}, "imported_wh"),
        ({"exported_wh": 10**9 + 1}, "exported_wh"),
        ({"interval_start": int(START.timestamp()) + 60}, "interval_start"),
        ({"interval_start": -900}, "interval_start"),
        ({"version": 0}, "version"),
        ({"quality": 3}, "quality"),
        ({"quality": 2}, "quality"),
    ],
)
def test_a_row_that_no_value_could_be_has_a_fault(changes, field):
    """The same bounds as for values, named by field and by row."""
    columns = ReadingColumns.from_readings([reading("anna", 5, 0), reading("bert", 5, 0)])
    for name, value in changes.items():
        getattr(columns, name)[1] = value

    faults = value_faults(columns, 15)

    assert {row: fault.field for row, fault in faults.items()} == {1: field}
    assert isinstance(columns.reading(0, 15), Reading)
