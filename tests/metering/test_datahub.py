"""The Finnish Datahub CSV: directions, rounding, hours, quality, and the place of what is broken."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.errors import Conflict, InvalidInput
from sauma.identifiers import complete_gsrn
from sauma.intervals import Interval, day_intervals, format_time
from sauma.offers import Quality, Reading
from sauma.units import Rounding, divide_rounded
from sauma_metering import KEY_DEFAULT, format_datahub, parse_datahub

POINT = complete_gsrn("64300000000000001")
PRODUCTION = complete_gsrn("64300000000000011")
HEADER = (
    "Mittauspisteen tunnus;Tuotteen tyyppi;Resoluutio;Yksikkötyyppi;"
    "Lukeman tyyppi;Alkuaika;Määrä;Laatu\n"
)
EVENING = datetime(2024, 12, 31, 22, tzinfo=UTC)
"""Midnight in Helsinki."""


def line(
    quarter: int = 0,
    amount: str = "0,150000",
    quality: str = "OK",
    point: str = POINT,
    resolution: str = "PT15M",
) -> str:
    start = format_time(EVENING + timedelta(minutes=15 * quarter))
    return f"{point};8716867000030;{resolution};kWh;BN01;{start};{amount};{quality}\n"


def energies(readings: Sequence[Reading]) -> list[tuple[int, int]]:
    return [(reading.imported_wh, reading.exported_wh) for reading in readings]


def test_a_row_is_a_reading() -> None:
    """Fifteen minutes of OK active energy are a measured import, keyed by UTC start."""
    found = parse_datahub(HEADER + line())

    assert found == (
        Reading(
            metering_point=POINT,
            interval=Interval(start=EVENING),
            imported_wh=150,
            exported_wh=0,
            quality=Quality.MEASURED,
            version=1,
            key=KEY_DEFAULT,
        ),
    )


def test_production_is_export_of_the_point_it_belongs_to() -> None:
    """Two metering points of one home become one reading with both directions."""
    text = HEADER + line(0, "0,150000") + line(0, "0,007000", point=PRODUCTION)

    found = parse_datahub(text, exports={PRODUCTION: POINT})

    assert [reading.metering_point for reading in found] == [POINT]
    assert energies(found) == [(150, 7)]


def test_production_may_stand_alone() -> None:
    """A production point that is mapped to itself exports under its own number."""
    text = HEADER + line(0, "0,007000", point=PRODUCTION)

    found = parse_datahub(text, exports={PRODUCTION: PRODUCTION})

    assert [(each.metering_point, each.exported_wh, each.quality) for each in found] == [
        (PRODUCTION, 7, Quality.MEASURED)
    ]


@given(st.lists(st.integers(min_value=0, max_value=5_000_000), min_size=1, max_size=96))
def test_a_day_adds_up_to_its_exact_total(amounts: list[int]) -> None:
    """Millionths of a kWh become whole Wh; the day's sum is the exact sum rounded half to even."""
    rows = zip(day_intervals(date(2025, 1, 1)), amounts, strict=False)

    found = parse_datahub(format_datahub(POINT, rows))

    exact = Fraction(sum(amounts), 1_000)
    assert sum(reading.imported_wh for reading in found) == divide_rounded(
        exact.numerator, exact.denominator, Rounding.HALF_EVEN
    )
    assert len(found) == len(amounts)


def test_a_day_is_the_same_in_whichever_file_it_stands() -> None:
    """Rounding starts anew at local midnight, so overlapping downloads do not contradict."""
    days = [day_intervals(date(2025, 1, 1)), day_intervals(date(2025, 1, 2))]
    both_days = format_datahub(POINT, [(each, 333_333) for day in days for each in day])
    second_day = format_datahub(POINT, [(each, 333_333) for each in days[1]])

    assert parse_datahub(both_days)[96:] == parse_datahub(second_day)


def test_the_order_of_rows_does_not_matter() -> None:
    """Rounding goes by time, not by the order in the file."""
    lines = [line(quarter, "0,000400") for quarter in range(8)]

    assert parse_datahub(HEADER + "".join(reversed(lines))) == parse_datahub(
        HEADER + "".join(lines)
    )


@pytest.mark.parametrize(
    ("amount", "quality", "imported_wh", "kept_as"),
    [
        ("0,150000", "OK", 150, Quality.MEASURED),
        ("", "MISSING", 0, Quality.MISSING),
        ("0,000000", "MISSING", 0, Quality.MISSING),
        ("", "UNCERTAIN", 0, Quality.MISSING),
        ("0,150000", "MISSING", 150, Quality.ESTIMATED),
        ("0,150000", "UNCERTAIN", 150, Quality.ESTIMATED),
        ("0,150000", "ESTIMATED", 150, Quality.ESTIMATED),
        ("0,000000", "ESTIMATED", 0, Quality.ESTIMATED),
    ],
)
def test_quality_is_kept(amount: str, quality: str, imported_wh: int, kept_as: Quality) -> None:
    """Anything but OK is flagged, never dropped: missing without energy, estimated with it."""
    (found,) = parse_datahub(HEADER + line(0, amount, quality))

    assert (found.imported_wh, found.quality) == (imported_wh, kept_as)


def test_gaps_do_not_end_the_series() -> None:
    """A missing row and an absent one leave the later quarters where they are."""
    text = HEADER + line(0) + line(1, "", "MISSING") + line(4)

    found = parse_datahub(text)

    starts = [(reading.interval.start - EVENING) // timedelta(minutes=15) for reading in found]
    assert starts == [0, 1, 4]
    assert energies(found) == [(150, 0), (0, 0), (150, 0)]


@pytest.mark.parametrize(
    ("production", "expected"),
    [
        (line(0, "0,007000", point=PRODUCTION), (150, 7, Quality.MEASURED)),
        (line(0, "0,007000", "UNCERTAIN", point=PRODUCTION), (150, 7, Quality.ESTIMATED)),
        (line(0, "", "MISSING", point=PRODUCTION), (150, 0, Quality.ESTIMATED)),
        (line(1, "0,007000", point=PRODUCTION), (150, 0, Quality.ESTIMATED)),
    ],
    ids=["ok", "uncertain", "missing", "absent"],
)
def test_the_worse_direction_counts(production: str, expected: tuple[int, int, Quality]) -> None:
    """A home of which one direction is uncertain or unknown has an estimated reading."""
    first = parse_datahub(HEADER + line() + production, exports={PRODUCTION: POINT})[0]

    assert (first.imported_wh, first.exported_wh, first.quality) == expected


def test_hours_are_refused_unless_the_caller_splits_them() -> None:
    """Nobody's hour becomes quarters by accident; the error says how to ask for it."""
    with pytest.raises(InvalidInput) as caught:
        parse_datahub(HEADER + line(resolution="PT1H"), file="export.csv")

    assert str(caught.value).startswith(
        "export.csv, line 2, column 3 (Resoluutio): found 'PT1H': hours are not quarter-hours"
    )
    assert "hourly='split'" in str(caught.value)


def test_a_split_hour_is_four_estimated_quarters() -> None:
    """The parts are equal, what is left goes to the first ones, and the hour's energy is kept."""
    text = HEADER + line(0, "0,150000", resolution="PT1H") + line(4, "0,001000", resolution="PT1H")

    found = parse_datahub(text, hourly="split")

    assert [reading.imported_wh for reading in found] == [38, 38, 37, 37, 1, 0, 0, 0]
    assert {reading.quality for reading in found} == {Quality.ESTIMATED}
    assert [reading.interval.start for reading in found] == [
        EVENING + timedelta(minutes=15 * quarter) for quarter in range(8)
    ]


def test_a_missing_hour_is_four_missing_quarters() -> None:
    """Splitting does not turn a hole into an estimate."""
    found = parse_datahub(HEADER + line(0, "", "MISSING", resolution="PT1H"), hourly="split")

    assert [reading.quality for reading in found] == [Quality.MISSING] * 4


@pytest.mark.parametrize(
    ("broken", "column", "remedy"),
    [
        (line(point=POINT[:-1] + "9"), "1 (Mittauspisteen tunnus)", "check digit"),
        (line().replace("8716867000030", "8716867000139"), "2 (Tuotteen tyyppi)", "8716867000030"),
        (line(resolution="PT5M"), "3 (Resoluutio)", "PT15M and PT1H"),
        (line().replace("kWh", "MWh"), "4 (Yksikkötyyppi)", "only kWh"),
        (line().replace("BN01", "BN02"), "5 (Lukeman tyyppi)", "only BN01"),
        (line().replace("22:00:00Z", "22:00:00"), "6 (Alkuaika)", "naive"),
        (line().replace("22:00:00Z", "22:10:00Z"), "6 (Alkuaika)", "15-minute grid"),
        (line(0, "0.150000"), "7 (Määrä)", "decimal comma"),
        (line(0, "0,1500001"), "7 (Määrä)", "more than 6 decimals"),
        (line(0, "-0,150000"), "7 (Määrä)", "never negative"),
        (line(0, "1e3"), "7 (Määrä)", "decimal comma"),
        (line(0, ""), "7 (Määrä)", "quality OK needs an amount"),
        (line(0, "0,150000", ""), "8 (Laatu)", "every row says its quality"),
        (line().replace(";OK", ""), "8 (Laatu)", "8 cells separated by ';'"),
    ],
)
def test_a_broken_cell_is_named(broken: str, column: str, remedy: str) -> None:
    """File, line, column by number and name, what was found, and the remedy; nothing is imported."""
    with pytest.raises(InvalidInput) as caught:
        parse_datahub(HEADER + line(3) + broken, file="export.csv")

    message = str(caught.value)
    assert message.startswith(f"export.csv, line 3, column {column}: found ")
    assert remedy in message


def test_an_hour_starts_on_the_hour() -> None:
    """An hour at a quarter past is refused even when hours are split."""
    with pytest.raises(InvalidInput, match=r"column 6 \(Alkuaika\).*60-minute grid"):
        parse_datahub(HEADER + line(1, resolution="PT1H"), hourly="split")


def test_the_same_row_twice_counts_once() -> None:
    """A repeated row is no news, however its zeros are written."""
    assert parse_datahub(HEADER + line() + line(0, "0,15")) == parse_datahub(HEADER + line())


def test_the_same_quarter_with_another_amount_is_a_conflict() -> None:
    """Both lines and both amounts are named."""
    with pytest.raises(Conflict) as caught:
        parse_datahub(HEADER + line() + line(1) + line(0, "0,151000"), file="export.csv")

    message = str(caught.value)
    assert message.startswith("export.csv, line 4 contradicts line 2: ")
    assert "0,151000 kWh (OK) here and 0,150000 kWh (OK) there" in message


@pytest.mark.parametrize(
    ("second", "exports"),
    [
        (line(1, resolution="PT15M"), {}),
        (
            line(0, resolution="PT1H", point=PRODUCTION),
            {POINT: POINT, PRODUCTION: POINT},
        ),
    ],
    ids=["a quarter within an hour", "two points, one direction"],
)
def test_two_rows_for_one_quarter_and_direction_are_a_conflict(
    second: str, exports: dict[str, str]
) -> None:
    """Energy is never counted twice, also when the rows look different."""
    text = HEADER + line(0, resolution="PT1H") + second

    with pytest.raises(Conflict, match=r"line [23] contradicts line [23]"):
        parse_datahub(text, hourly="split", exports=exports)


def test_a_correction_takes_the_version_that_the_caller_gives() -> None:
    """The format knows no versions, so a later download is imported as a higher one."""
    (found,) = parse_datahub(HEADER + line(), version=2)

    assert found.version == 2


@pytest.mark.parametrize(
    ("day", "quarters"),
    [(date(2026, 3, 29), 92), (date(2026, 3, 30), 96), (date(2026, 10, 25), 100)],
)
def test_days_with_a_clock_change_are_imported_whole(day: date, quarters: int) -> None:
    """A local day of 92 or 100 quarters keeps every one and its exact total."""
    intervals = day_intervals(day)

    found = parse_datahub(format_datahub(POINT, [(each, 100_250) for each in intervals]))

    assert len(found) == quarters
    assert tuple(reading.interval for reading in found) == intervals
    assert sum(reading.imported_wh for reading in found) * 4 == 401 * quarters


def test_unknown_choices_are_refused() -> None:
    """A misspelt choice or number does not fall back to another one."""
    with pytest.raises(InvalidInput, match="hourly 'divide' is not one of"):
        parse_datahub(HEADER, hourly="divide")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="18 digits"):
        parse_datahub(HEADER, exports={"12345": POINT})
