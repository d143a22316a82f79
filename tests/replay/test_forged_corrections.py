"""A forger changes what a correction says: replay computes it again and names what is wrong."""

from __future__ import annotations

import copy
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from sauma.offers import Reading
from sauma.replay import replay

from .forger import Forger, mutated
from .neighbours import CODEC, Neighbours


@pytest.fixture(scope="module")
def whole():
    """A journal with one correction, which birch's meter made."""
    with TemporaryDirectory() as folder:
        street = Neighbours(Path(folder) / "store.sqlite")
        street.read(0)
        street.close()
        street.engine.issue_bills()
        late = Reading(
            metering_point=street.points["birch"].gsrn,
            interval=street.interval(0),
            key="meter",
            version=2,
            imported_wh=9_500,
            exported_wh=0,
        )
        street.engine.accept([late], late=True)
        street.clock.advance(seconds=86_400)
        assert street.engine.correct_due() == 1
        street.engine.register("dogwood", street.chain.account("dogwood"))
        yield Forger(street.engine.store)
        street.engine.close()


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("adjusting_bills", "new_nano"),
        ("adjusting_obligations", "units"),
        ("corrected_readings", "outcome"),
    ],
)
def test_a_changed_correction_is_named(whole, tmp_path, table, column):
    """Amount, obligation and what became of a reading are computed again from what was given."""
    forger = copy.deepcopy(whole)
    row = forger.of_kind("settlement_corrected")[0].row(table)
    row[column] = mutated(row[column])

    with forger.write(tmp_path / "forged.sqlite") as store:
        report = replay(store, codec=CODEC)

    (finding,) = report.findings
    assert finding.explanation.startswith(f"table {table} row 0 {column}: stored ")


def test_a_correction_made_twice_is_found(whole, tmp_path):
    """The reading was taken up: a second correction by it would owe the difference again."""
    forger = copy.deepcopy(whole)
    forger.entries += forger.of_kind("settlement_corrected")

    with forger.write(tmp_path / "forged.sqlite") as store:
        report = replay(store, codec=CODEC)

    assert not report.ok


def test_a_correction_left_out_is_noted(whole, tmp_path):
    """The late reading waits: that is no difference, and it is said; and that there was time for it."""
    forger = copy.deepcopy(whole)
    forger.entries.remove(forger.of_kind("settlement_corrected")[0])

    with forger.write(tmp_path / "forged.sqlite") as store:
        report = replay(store, codec=CODEC)

    assert report.ok
    waiting, overdue = [note.explanation for note in report.notes]
    assert waiting == "1 of them wait for a correction"
    assert overdue.endswith("or the correction was withheld")
