"""The committed example: whole, consistent, and what its page says of it."""

import json
import re
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sauma.identifiers import check_gsrn
from sauma.intervals import Interval, day_intervals
from sauma.offers import Quality, Reading, Side
from sauma.rulebook import Netting, NettingPeriod, Rulebook
from sauma_metering import (
    ParticipantRow,
    format_plain,
    production_points,
    read_participants,
    read_prices,
    read_readings,
)

EXAMPLE = Path(__file__).parents[2] / "examples" / "neighbourhood"


@pytest.fixture(scope="module")
def readings() -> tuple[Reading, ...]:
    return read_readings(EXAMPLE / "readings.csv")


@pytest.fixture(scope="module")
def participants() -> tuple[ParticipantRow, ...]:
    return read_participants(EXAMPLE / "participants.csv")


@pytest.fixture(scope="module")
def totals() -> dict[str, Any]:
    return json.loads((EXAMPLE / "totals.json").read_text(encoding="utf-8"))


def test_every_home_has_every_quarter_of_the_day(
    readings: tuple[Reading, ...], participants: tuple[ParticipantRow, ...]
) -> None:
    """Seven homes in one area, 96 measured quarter-hours of one local day each, valid GSRNs."""
    day = set(day_intervals(date(2021, 3, 13)))

    by_point: dict[str, set[Interval]] = defaultdict(set)
    for reading in readings:
        by_point[check_gsrn(reading.metering_point)].add(reading.interval)

    assert len(readings) == 7 * 96
    assert {row.metering_point for row in participants} == set(by_point)
    assert len({row.participant for row in participants}) == 7
    assert {row.area for row in participants} == {"kortteli-1"}
    assert all(intervals == day for intervals in by_point.values())
    assert {reading.quality for reading in readings} == {Quality.MEASURED}


def test_the_totals_are_those_that_were_prepared(
    readings: tuple[Reading, ...],
    participants: tuple[ParticipantRow, ...],
    totals: dict[str, Any],
) -> None:
    """Each home's energy and its quarters with both directions equal the committed totals."""
    for row in participants:
        own = [each for each in readings if each.metering_point == row.metering_point]
        assert totals["homes"][row.participant] == {
            "metering_point": row.metering_point,
            "quarters": 96,
            "imported_wh": sum(each.imported_wh for each in own),
            "exported_wh": sum(each.exported_wh for each in own),
            "quarters_both_ways": sum(each.imported_wh > 0 < each.exported_wh for each in own),
        }
    assert totals["imported_wh"] == sum(reading.imported_wh for reading in readings) == 47_691
    assert totals["exported_wh"] == sum(reading.exported_wh for reading in readings) == 24_918


def test_the_page_shows_the_same_totals_and_prices(totals: dict[str, Any]) -> None:
    """The table in README.md says what the files say."""
    page = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    prices = {
        (price.participant, price.side): price.price_micro
        for price in read_prices(EXAMPLE / "prices.csv")
    }

    for name, home in totals["homes"].items():
        (line,) = re.findall(rf"^\| {name} \|.*$", page, re.MULTILINE)
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[3] == f"{home['imported_wh'] / 1000:.3f}"
        assert cells[4] == f"{home['exported_wh'] / 1000:.3f}"
        assert cells[5] == f"{prices[name, Side.BID] / 1e6:.2f}"
        assert cells[6] == (
            f"{prices[name, Side.ASK] / 1e6:.2f}" if (name, Side.ASK) in prices else ""
        )


def test_the_day_has_too_much_and_too_little(
    readings: tuple[Reading, ...], participants: tuple[ParticipantRow, ...]
) -> None:
    """After own use, 21 quarters are long, 21 short, 54 have no seller; 14.062 kWh can be traded."""
    sold_wh: Counter[Interval] = Counter()
    wanted_wh: Counter[Interval] = Counter()
    for reading in readings:
        net_wh = reading.exported_wh - reading.imported_wh
        sold_wh[reading.interval] += max(net_wh, 0)
        wanted_wh[reading.interval] += max(-net_wh, 0)

    kinds = Counter(
        "none" if not sold_wh[each] else "long" if sold_wh[each] > wanted_wh[each] else "short"
        for each in sold_wh
    )

    assert kinds == {"long": 21, "short": 21, "none": 54}
    assert (sold_wh.total(), wanted_wh.total()) == (24_659, 47_432)
    assert sum(min(sold_wh[each], wanted_wh[each]) for each in sold_wh) == 14_062


def test_only_a_home_measured_both_ways_has_both_in_a_quarter(
    readings: tuple[Reading, ...], totals: dict[str, Any]
) -> None:
    """Computed homes are net within a quarter; the measured one is left as it was."""
    both = Counter(
        reading.metering_point
        for reading in readings
        if reading.imported_wh and reading.exported_wh
    )

    assert both == {totals["homes"]["tammi"]["metering_point"]: 25}


def test_the_datahub_file_gives_the_same_readings(
    readings: tuple[Reading, ...], participants: tuple[ParticipantRow, ...]
) -> None:
    """Two homes, one of them with production, are equal in both formats, reading by reading."""
    names = {row.metering_point: row.participant for row in participants}

    found = read_readings(EXAMPLE / "readings-datahub.csv", exports=production_points(participants))

    in_both = [each for each in readings if names[each.metering_point] in ("saarni", "tammi")]
    assert list(found) == in_both


def test_everybody_buys_and_every_exporter_sells(
    readings: tuple[Reading, ...], participants: tuple[ParticipantRow, ...]
) -> None:
    """Every flow has a standing price that is valid before the day begins."""
    prices = read_prices(EXAMPLE / "prices.csv")
    names = {row.metering_point: row.participant for row in participants}
    exporters = {names[each.metering_point] for each in readings if each.exported_wh}

    assert {price.participant for price in prices if price.side is Side.BID} == set(names.values())
    assert {price.participant for price in prices if price.side is Side.ASK} == exporters
    assert all(price.valid_from < readings[0].interval.start for price in prices)


@pytest.mark.parametrize(
    ("file", "mechanism", "netting"),
    [
        ("rulebook.toml", "equal_shares", Netting.PER_PAIR),
        ("rulebook-uniform.toml", "uniform_price", Netting.MULTILATERAL),
    ],
)
def test_the_rulebooks_are_valid(file: str, mechanism: str, netting: Netting) -> None:
    """Both contracts load, differ as their page says, and allow every price of the example."""
    rulebook = Rulebook.from_toml((EXAMPLE / file).read_text(encoding="utf-8"))

    assert (rulebook.mechanism, rulebook.netting) == (mechanism, netting)
    assert rulebook.netting_period is NettingPeriod.DAY
    assert rulebook.zone == "Europe/Helsinki"
    for price in read_prices(EXAMPLE / "prices.csv"):
        assert rulebook.check_limit(price.price_micro, "price") == price.price_micro


def test_the_plain_file_is_written_as_the_importer_writes_it(
    readings: tuple[Reading, ...],
) -> None:
    """Reading and writing the committed file gives the same bytes."""
    assert format_plain(readings) == (EXAMPLE / "readings.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("source", ["hamlet", "openenergyid"])
def test_the_licences_of_the_sources_are_kept(source: str) -> None:
    """The MIT texts with their copyright lines lie beside the data."""
    text = (EXAMPLE / "licences" / f"{source}.txt").read_text(encoding="utf-8")

    assert text.startswith("MIT License")
    assert "Copyright (c) " in text
