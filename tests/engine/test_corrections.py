"""Corrections: a reading that comes after its interval was settled, and what it changes."""

from __future__ import annotations

from itertools import pairwise

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sauma.billing import LineKind
from sauma.correcting import ReadingOutcome
from sauma.errors import Conflict, Disagreement
from sauma.offers import Quality
from sauma.rulebook import NettingPeriod
from sauma.steps import lines_again
from sauma.store import corrected, folding
from sauma.store import projections as p

from .correcting import DAY_S, billed, late, owed, replayed, rows_of, settled
from .town import AREA, START, SUPPLIER, Town, quarter, reading, seed_rulebook, work_folder


def test_who_used_more_buys_it_from_the_supplier_and_nobody_else_is_touched(make_town):
    """Cleo used 500 Wh more: she owes the supplier's price for them; bills, trades and wallets stand."""
    town = settled(make_town())
    town.run()
    bills, balances, trades = town.bills(), town.balances(), rows_of(town, p.trades)

    assert late(town, reading("cleo", 2_001, 0, version=2)) == 1

    (one,) = town.engine.adjustments()
    (line,) = one.bill.lines
    assert one.bill.participant == "cleo"
    assert (line.kind, line.counterparty) == (LineKind.SUPPLIER_SALE, SUPPLIER.name)
    assert (line.energy_wh, line.price_micro) == (500, SUPPLIER.sells_at_micro)
    assert one.bill.owed_nano == line.amount_nano == 500 * 160_000
    assert one.bill.owed_cents == 8
    assert (town.bills(), town.balances(), rows_of(town, p.trades)) == (bills, balances, trades)
    assert replayed(town) == []


def test_an_adjusting_bill_says_which_bill_what_and_why(make_town):
    """It names the bill, old and new reading, old and new amount, and the difference."""
    town = settled(make_town())
    (bill,) = [one.bill for one in town.engine.statements("cleo")]
    late(town, reading("cleo", 2_001, 0, version=2))

    (one,) = town.engine.adjustments("cleo")
    (why,) = one.readings

    assert one.bill.adjusted_bill_id == bill.bill_id
    assert (one.bill.old_nano, one.bill.new_nano) == (bill.owed_nano, bill.owed_nano + 80_000_000)
    assert why.outcome is ReadingOutcome.COUNTED
    assert why.old is not None
    assert (why.old.imported_wh, why.new.imported_wh) == (1_501, 2_001)
    assert (one.area, one.period_start, one.number) == (AREA, START, 1)


def test_who_made_less_than_was_sold_buys_the_rest_from_the_supplier(make_town):
    """Anna sold what she had not made: her neighbours keep it, and she pays for what the supplier gave."""
    town = settled(make_town())
    town.run()
    (sold_wh,) = {one.bill.sold_wh for one in town.engine.statements("anna")}
    balances = town.balances()

    late(town, reading("anna", 200, 200 + sold_wh - 700, version=2))

    (one,) = town.engine.adjustments()
    assert {(line.kind, line.energy_wh) for line in one.bill.lines} == {
        (LineKind.SUPPLIER_SALE, 700),
    }
    assert one.bill.owed_nano == 700 * 160_000
    assert town.balances() == balances


def test_a_correction_goes_both_ways(make_town):
    """Who used less than was billed gets it back at the price at which the supplier sold it."""
    town = settled(make_town())
    (dora,) = town.engine.statements("dora")
    residual_wh = sum(
        line.energy_wh for line in dora.bill.lines if line.kind is LineKind.SUPPLIER_SALE
    )
    metered_wh = 2_499

    late(town, reading("dora", metered_wh - residual_wh - 100, 100, version=2))

    (one,) = town.engine.adjustments("dora")
    assert {(line.kind, line.energy_wh, line.amount_nano) for line in one.bill.lines} >= {
        (LineKind.SUPPLIER_PURCHASE, 100, -100 * 40_000)
    }
    assert one.bill.owed_nano == -(residual_wh * 160_000 + 100 * 40_000)
    assert one.bill.new_nano == one.bill.old_nano + one.bill.owed_nano


def test_a_correction_of_a_correction_settles_only_the_difference(make_town):
    """Each version is compared with the one before; the last one back to the first owes nothing in all."""
    town = settled(make_town())
    for version, imported_wh in ((2, 2_001), (3, 1_801), (4, 1_501)):
        late(town, reading("cleo", imported_wh, 0, version=version))

    assert owed(town) == {"cleo": [500 * 160_000, -200 * 160_000, -300 * 160_000]}
    with town.engine.store.reading() as connection:
        for one in town.engine.adjustments():
            again = lines_again(connection, one.bill.correction_id)
            assert again == {"cleo": one.bill.lines}
    first, second, third = town.engine.adjustments("cleo")
    assert [one.number for one in (first, second, third)] == [1, 2, 3]
    assert second.bill.old_nano == first.bill.new_nano
    assert third.bill.new_nano == first.bill.old_nano
    assert len({one.bill.adjusted_bill_id for one in (first, second, third)}) == 1
    assert replayed(town) == []


@pytest.mark.parametrize("quality", [Quality.ESTIMATED, Quality.MISSING])
def test_what_was_estimated_or_missing_is_replaced_by_what_was_measured(make_town, quality):
    """The interval was settled with a gap: what the meter says later is bought from the supplier."""
    town = make_town()
    wh = 0 if quality is Quality.MISSING else 400
    town.engine.accept([reading("cleo", wh, 0, quality=quality), reading("anna", 0, 100)])
    billed(town)

    late(town, reading("cleo", 900, 0, version=2))

    (one,) = town.engine.adjustments()
    assert one.bill.owed_nano == (900 - wh) * 160_000
    assert one.readings[0].old is not None
    assert one.readings[0].old.quality is quality
    assert (one.bill.adjusted_bill_id is None) is (quality is Quality.MISSING)


def test_a_point_that_never_reported_is_corrected_without_a_bill_before(make_town):
    """The deadline passed, nothing came; when it comes, there is no bill to adjust and one to make."""
    town = make_town()
    town.meter(anna=(0, 100))
    billed(town)

    late(town, reading("cleo", 900, 0))

    (one,) = town.engine.adjustments()
    assert (one.bill.participant, one.bill.adjusted_bill_id) == ("cleo", None)
    assert (one.bill.old_nano, one.bill.owed_nano) == (0, 900 * 160_000)
    assert one.readings[0].old is None


def test_an_interval_that_nobody_cleared_in_a_settled_day_is_corrected_too(make_town):
    """No reading came of a quarter-hour until its day was settled: all of it is the supplier's."""
    town = settled(make_town(rulebook=seed_rulebook(netting_period=NettingPeriod.DAY)), 3)

    late(town, reading("cleo", 900, 0, 4), reading("anna", 0, 500, 4))

    assert owed(town) == {"anna": [-500 * 40_000], "cleo": [900 * 160_000]}
    assert replayed(town) == []


def test_prices_and_window_are_those_of_that_day(make_town):
    """A dearer supplier and a closed window came into force meanwhile; the interval keeps its own."""
    town = settled(make_town())
    dearer = seed_rulebook(
        version=2,
        correction_window_days=0,
        supplier=SUPPLIER.__class__(name="supplier", sells_at_micro=300_000, buys_at_micro=0),
    )
    town.engine.publish(dearer)

    late(town, reading("cleo", 1_601, 0, version=2))

    assert owed(town) == {"cleo": [100 * 160_000]}
    assert replayed(town) == []


def test_the_name_of_an_earlier_supplier_stays_its_own(make_town):
    """A correction owes it and is owed by it, by name: nobody else may be called so meanwhile."""
    town = settled(make_town())
    other = SUPPLIER.__class__(name="other", sells_at_micro=300_000, buys_at_micro=0)
    town.engine.publish(seed_rulebook(version=2, supplier=other))

    for name in (SUPPLIER.name, other.name):
        with pytest.raises(Conflict, match="cannot be a participant too"):
            town.engine.register(name)
    late(town, reading("cleo", 1_601, 0, version=2))
    ((line,),) = (one.bill.lines for one in town.engine.adjustments())
    assert line.counterparty == SUPPLIER.name


def test_where_periods_overlap_each_interval_belongs_to_its_own_settlement(make_town):
    """A rulebook nets by day from the second quarter-hour on; each correction finds its own bill."""
    town = settled(make_town(), 0)
    town.engine.publish(seed_rulebook(version=2, netting_period=NettingPeriod.DAY))
    settled(town, 1)

    assert late(town, reading("cleo", 1_602, 0, 1, version=2)) == 1
    assert late(town, reading("cleo", 1_701, 0, 0, version=2)) == 1

    first, second = town.engine.adjustments("cleo")
    assert first.bill.adjusted_bill_id != second.bill.adjusted_bill_id
    assert [one.bill.owed_nano for one in (first, second)] == [100 * 160_000, 200 * 160_000]
    assert None not in (first.bill.adjusted_bill_id, second.bill.adjusted_bill_id)
    assert replayed(town) == []


def test_cents_are_rounded_once_and_the_rest_is_carried_to_the_next_adjusting_bill(make_town):
    """1 Wh at 0.16 is no cent: after 63 of them one is due, and nothing is lost."""
    town = settled(make_town())
    for version in range(2, 10):
        late(town, reading("cleo", 1_501 + 10 * version, 0, version=version))

    bills = [one.bill for one in town.engine.adjustments()]
    assert sum(bill.owed_cents for bill in bills) * 10**7 + bills[-1].carry_nano == sum(
        bill.owed_nano for bill in bills
    )
    assert all(later.carried_nano == bill.carry_nano for bill, later in pairwise(bills))
    assert all(abs(bill.carry_nano) <= 5 * 10**6 for bill in bills)


def test_a_correction_is_whole_or_not_there_when_a_process_dies(make_town, monkeypatch):
    """Death before, within and after the entry: nothing is lost, and nothing twice."""
    town = settled(make_town())
    town.engine.accept([reading("cleo", 2_001, 0, version=2)], late=True)
    town.clock.advance(seconds=DAY_S)
    head = town.engine.store.head_hash()
    folds = dict(folding._FOLDS)

    def dies(connection, entry):
        folds["corrected_readings"](connection, entry)
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setitem(folding._FOLDS, "corrected_readings", dies)
        with pytest.raises(RuntimeError, match="killed"):
            town.engine.correct_due()
    town.reopen()
    assert town.engine.store.head_hash() == head
    assert town.engine.correct_due() == 1
    town.reopen()

    assert town.engine.correct_due() == 0
    assert owed(town) == {"cleo": [500 * 160_000]}
    assert town.rebuilt_equals_live()
    assert replayed(town) == []


def test_what_was_settled_otherwise_than_the_rule_says_is_not_corrected(make_town):
    """A projection that was tampered with is found before money follows from it."""
    town = settled(make_town())
    town.engine.accept([reading("bert", 0, 2_001, version=2)], late=True)
    with town.engine.store.transaction() as transaction:
        transaction.execute(sa.update(p.residuals).values(bought_wh=p.residuals.c.bought_wh + 1))

    with pytest.raises(Disagreement, match="correct nothing"):
        town.engine.correct(AREA, quarter())


FLOWS = st.tuples(
    st.sampled_from(["anna", "bert", "cleo", "dora"]), st.integers(0, 6_000), st.integers(0, 6_000)
)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.lists(FLOWS, min_size=1, max_size=3, unique_by=lambda flow: flow[0]),
        min_size=1,
        max_size=3,
    )
)
def test_bills_and_corrections_come_to_what_the_last_reading_says(corrections):
    """Whatever is corrected how often: energy and money are conserved, and only who changed pays.

    In the end everybody's residual is what the rule gives of the newest readings and the trades that
    stand, and bills with adjusting bills come to just that.
    """
    with work_folder() as folder:
        town = settled(Town(folder))
        changed = set()
        for version, flows in enumerate(corrections, 2):
            changed |= {name for name, _, _ in flows}
            late(town, *(reading(name, i, e, version=version) for name, i, e in flows))

        adjusted = town.engine.adjustments()
        assert {one.bill.participant for one in adjusted} <= changed
        with town.engine.store.reading() as connection:
            traded = corrected.traded(connection, AREA, START.timestamp())
            paid = sum(connection.execute(sa.select(p.adjusting_obligations.c.units)).scalars())
            newest = {
                row.participant: (row.bought_wh, row.sold_wh)
                for row in connection.execute(
                    sa.select(p.corrected_positions).order_by(p.corrected_positions.c.sequence)
                )
            }
        assert traded
        for name, (bought_wh, sold_wh) in newest.items():
            lines = [
                line
                for one in (*town.engine.statements(name), *town.engine.adjustments(name))
                for line in one.bill.lines
            ]
            assert bought_wh == sum(
                line.energy_wh for line in lines if line.kind is LineKind.SUPPLIER_SALE
            )
            assert sold_wh == sum(
                line.energy_wh for line in lines if line.kind is LineKind.SUPPLIER_PURCHASE
            )
        sales = sum(
            line.amount_nano if line.kind is LineKind.SUPPLIER_SALE else -line.amount_nano
            for one in adjusted
            for line in one.bill.lines
        )
        assert sales == paid
        town.engine.close()
