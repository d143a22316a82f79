"""Late readings: which are taken, when they are corrected, and which change nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sauma.correcting import ReadingOutcome
from sauma.errors import Conflict, InvalidInput
from sauma.offers import Quality
from sauma.rulebook import NettingPeriod
from sauma.service import Service, ServiceSettings
from sauma.store import projections as p
from sauma.testing import ManualClock

from .correcting import DAY_S, billed, late, outcomes, owed, replayed, rows_of, settled
from .town import AREA, quarter, reading, seed_rulebook


def test_a_reading_beyond_the_window_is_kept_with_the_reason_and_changes_nothing(make_town):
    """It came 63 days after; the correction says so of it, and makes no bill."""
    town = settled(make_town())

    assert late(town, reading("cleo", 9_001, 0, version=2), after_days=63) == 1

    assert outcomes(town) == [(2, ReadingOutcome.BEYOND_WINDOW)]
    assert town.engine.adjustments() == ()
    assert replayed(town) == []
    assert late(town, reading("cleo", 9_001, 0, version=2)) == 0


def test_a_rulebook_may_correct_nothing(make_town):
    """With a window of 0 days every late reading is beyond it."""
    town = settled(make_town(rulebook=seed_rulebook(correction_window_days=0)))
    late(town, reading("cleo", 9_001, 0, version=2))

    assert outcomes(town) == [(2, ReadingOutcome.BEYOND_WINDOW)]


def test_of_several_versions_the_highest_counts_in_whatever_order_they_come(make_town):
    """Two at once make one difference; a lower version that comes after is overtaken and owes nothing."""
    town = settled(make_town())
    late(town, reading("cleo", 1_601, 0, version=2), reading("cleo", 2_001, 0, version=4))
    late(town, reading("cleo", 9_001, 0, version=3))

    assert owed(town) == {"cleo": [500 * 160_000]}
    assert outcomes(town) == [
        (2, ReadingOutcome.OVERTAKEN),
        (4, ReadingOutcome.COUNTED),
        (3, ReadingOutcome.OVERTAKEN),
    ]
    assert replayed(town) == []


def test_corrections_wait_for_their_moment_and_are_settled_together(make_town):
    """What comes within a local day is one correction, after midnight; before, nothing is due."""
    town = settled(make_town())
    midnight = (town.clock.now() + timedelta(days=1)).replace(hour=21)
    town.engine.accept([reading("cleo", 1_601, 0, version=2)], late=True)
    town.engine.accept([reading("anna", 200, 3_100, version=2)], late=True)

    town.clock.advance(seconds=int((midnight - town.clock.now()).total_seconds()) - DAY_S - 1)
    before = town.engine.correct_due()
    town.clock.advance(seconds=1)

    assert (before, town.engine.correct_due(), town.engine.correct_due()) == (0, 1, 0)
    assert sorted(owed(town)) == ["anna", "cleo"]
    assert len(rows_of(town, p.corrections)) == 1


def test_a_correction_waits_for_the_bill_that_it_adjusts(make_town):
    """A reading that comes between clearing and settling is corrected when there is a bill."""
    town = make_town(rulebook=seed_rulebook(netting_period=NettingPeriod.DAY))
    town.sunny()
    town.engine.clear_due()
    assert late(town, reading("cleo", 1_601, 0, version=2)) == 0
    with pytest.raises(InvalidInput, match="not settled and billed yet"):
        town.engine.correct(AREA, quarter())

    town.engine.settle_due()
    town.engine.issue_bills()

    assert town.engine.correct_due() == 1
    (one,) = town.engine.adjustments()
    assert one.bill.adjusted_bill_id is not None


def test_the_same_late_reading_again_is_a_no_op_and_another_one_a_conflict(make_town):
    """Repeating is harmless, before and after the correction; other contents are refused by name."""
    town = settled(make_town())
    again = reading("cleo", 1_601, 0, version=2)
    late(town, again)
    head = town.engine.store.head_hash()

    assert town.engine.accept([again], late=True) == 0
    with pytest.raises(Conflict, match="higher version"):
        town.engine.accept([reading("cleo", 1_602, 0, version=2)], late=True)
    assert not town.engine.correct(AREA, quarter())
    assert town.engine.store.head_hash() == head


def test_late_readings_are_refused_unless_they_are_said_to_be_late(make_town):
    """An importer that knows nothing of corrections makes none by accident; the message says how."""
    town = settled(make_town())

    with pytest.raises(InvalidInput, match="say that they are late"):
        town.engine.accept([reading("cleo", 1_601, 0, version=2)])


def test_absurd_late_readings_are_refused_when_they_come(make_town):
    """What adds up to more than a position can hold never stands in the way of other corrections."""
    town = settled(make_town())

    with pytest.raises(InvalidInput, match="adds up to"):
        late(town, reading("cleo", 10**9, 0, version=2))
    assert late(town, reading("anna", 200, 3_100, version=2)) == 1


def test_another_quality_alone_is_noted_and_owes_nothing(make_town):
    """What was estimated proves right: the reading counts, and no bill is made."""
    town = make_town()
    town.engine.accept([reading("cleo", 400, 0, quality=Quality.ESTIMATED)])
    billed(town)

    late(town, reading("cleo", 400, 0, version=2))

    assert outcomes(town) == [(2, ReadingOutcome.COUNTED)]
    assert town.engine.adjustments() == ()


def test_the_service_corrects_by_itself(make_town):
    """A round after the moment settles what came late; the figures say what waits."""
    town = settled(make_town())
    service = Service(town.engine, settings=ServiceSettings(), wall_clock=ManualClock(), draw=float)
    town.engine.accept([reading("cleo", 2_001, 0, version=2)], late=True)
    waiting = service.condition().waiting_corrections
    early = service.round().corrected
    town.clock.advance(seconds=DAY_S)

    assert (waiting, early, service.round().corrected) == (1, 0, 1)
    assert service.condition().waiting_corrections == 0
    assert service.troubles == ()
