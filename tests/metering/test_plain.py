"""The plain CSV of readings: what it gives back, and the place it names when it is broken."""

from datetime import UTC, date, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.errors import Conflict, InvalidInput
from sauma.identifiers import complete_gsrn
from sauma.intervals import Interval, day_intervals, find_zone
from sauma.offers import Quality, Reading
from sauma.units import ENERGY_WH_MAX
from sauma_metering import KEY_DEFAULT, format_plain, parse_plain

POINT = complete_gsrn("64300000000000001")
HEADER = "metering_point,interval_start,imported_wh,exported_wh\n"
FULL_HEADER = "metering_point,interval_start,imported_wh,exported_wh,quality,version,key\n"
GOOD = f"{POINT},2021-03-13T10:00:00Z,120,7\n"

energies = st.integers(min_value=0, max_value=ENERGY_WH_MAX)
keys = st.text("aZ09-_. ,;\"'åÖ€𝄞", min_size=1, max_size=12).filter(lambda key: key == key.strip())


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    quality = draw(st.sampled_from(Quality))
    missing = quality is Quality.MISSING
    return Reading(
        metering_point=complete_gsrn(f"{draw(st.integers(0, 10**17 - 1)):017d}"),
        interval=Interval.from_start_unix(draw(st.integers(0, 4_000_000)) * 900),
        imported_wh=0 if missing else draw(energies),
        exported_wh=0 if missing else draw(energies),
        quality=quality,
        version=draw(st.integers(1, 2**31)),
        key=draw(keys),
    )


def test_a_line_is_a_reading() -> None:
    """Columns that are left out mean measured, version 1 and the default key."""
    found = parse_plain(HEADER + GOOD)

    assert found == (
        Reading(
            metering_point=POINT,
            interval=Interval(start=datetime(2021, 3, 13, 10, tzinfo=UTC)),
            imported_wh=120,
            exported_wh=7,
            quality=Quality.MEASURED,
            version=1,
            key=KEY_DEFAULT,
        ),
    )


@given(st.lists(readings(), max_size=20, unique_by=lambda reading: reading.reading_id))
def test_what_is_written_comes_back(given_readings: list[Reading]) -> None:
    """Any readings survive writing and reading, whatever their keys contain."""
    assert parse_plain(format_plain(given_readings)) == tuple(given_readings)


@pytest.mark.parametrize("key", [" a", "a\n", "a\rb"])
def test_a_key_that_would_not_survive_is_refused(key: str) -> None:
    """Line breaks and white space around a cell are lost, so a key with them cannot be written."""
    (reading,) = parse_plain(HEADER + GOOD)

    with pytest.raises(InvalidInput, match="plain CSV cannot carry it"):
        format_plain([attrs.evolve(reading, key=key)])


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + HEADER + GOOD,
        HEADER.replace("\n", "\r\n") + GOOD.replace("\n", "\r\n"),
        "\n" + HEADER + "\n\n" + GOOD + "\n",
        HEADER + f" {POINT} , 2021-03-13T12:00:00+02:00 , 120 , 7",
        f"exported_wh,imported_wh,metering_point,interval_start\n7,120,{POINT},2021-03-13T10:00Z\n",
        FULL_HEADER + f"{POINT},2021-03-13T10:00:00Z,120,7,,,\n",
        HEADER + f'"{POINT}","2021-03-13T10:00:00Z","120","7"\n',
    ],
    ids=["bom", "crlf", "empty lines", "spaces and offset", "other order", "empty cells", "quotes"],
)
def test_spelling_does_not_matter(text: str) -> None:
    """A byte order mark, line ends, white space, column order and quotes change nothing."""
    assert parse_plain(text) == parse_plain(HEADER + GOOD)


@pytest.mark.parametrize(
    ("line", "place", "found", "remedy"),
    [
        (f"{POINT[:-1]}9,2021-03-13T10:00Z,1,0", "column 1 (metering_point)", POINT[:-1] + "9",
         "check digit"),
        ("123,2021-03-13T10:00Z,1,0", "column 1 (metering_point)", "'123'", "18 digits"),
        (f"{POINT},2021-03-13T10:00:00,1,0", "column 2 (interval_start)", "'2021-03-13T10:00:00'",
         "naive"),
        (f"{POINT},13.3.2021 10:00,1,0", "column 2 (interval_start)", "'13.3.2021 10:00'",
         "ISO 8601"),
        (f"{POINT},2021-03-13T10:07:00Z,1,0", "column 2 (interval_start)",
         "'2021-03-13T10:07:00Z'", "15-minute grid"),
        (f"{POINT},2021-03-13T10:00:00.5Z,1,0", "column 2 (interval_start)",
         "'2021-03-13T10:00:00.5Z'", "whole seconds"),
        (f"{POINT},2021-03-13T10:00Z,1.5,0", "column 3 (imported_wh)", "'1.5'", "whole Wh"),
        (f"{POINT},2021-03-13T10:00Z,0,1e3", "column 4 (exported_wh)", "'1e3'", "digits only"),
        (f"{POINT},2021-03-13T10:00Z,0,120.0", "column 4 (exported_wh)", "'120.0'", "decimals"),
        (f"{POINT},2021-03-13T10:00Z,-5,0", "column 3 (imported_wh)", "'-5'", "exported_wh"),
        (f"{POINT},2021-03-13T10:00Z,,0", "column 3 (imported_wh)", "nothing", "write 0"),
        (f"{POINT},2021-03-13T10:00Z,٣,0", "column 3 (imported_wh)", "'٣'", "digits only"),
        (f"{POINT},2021-03-13T10:00Z,1", "column 4 (exported_wh)", "end of the line", "4 cells"),
        (f"{POINT},2021-03-13T10:00Z,1,0,9", "column 5 (no header)", "'9'", "4 cells"),
    ],
)  # fmt: skip
def test_a_broken_cell_is_named(line: str, place: str, found: str, remedy: str) -> None:
    """File, line, column by number and name, what was found, and the remedy; nothing is imported."""
    with pytest.raises(InvalidInput) as caught:
        parse_plain(HEADER + GOOD + line + "\n", file="march.csv")

    message = str(caught.value)
    assert message.startswith(f"march.csv, line 3, {place}: found ")
    assert found in message
    assert remedy in message


@pytest.mark.parametrize(
    ("cells", "place", "remedy"),
    [
        (
            "guessed,1,a",
            "line 2, column 5 (quality): found 'guessed'",
            "measured, estimated, missing",
        ),
        ("measured,1.0,a", "line 2, column 6 (version): found '1.0'", "whole numbers from 1"),
        ("measured,0,a", "line 2: version is 0", "count from 1"),
        (f"measured,1,{'a' * 200}", "line 2: key", "1 to 128 characters"),
        ("missing,1,a", "line 2: the missing reading", "give 0 Wh"),
    ],
)
def test_a_broken_optional_cell_is_named(cells: str, place: str, remedy: str) -> None:
    """Quality, version and key are checked as strictly as the rest."""
    text = FULL_HEADER + f"{POINT},2021-03-13T10:00Z,1,0,{cells}\n"

    with pytest.raises(InvalidInput) as caught:
        parse_plain(text, file="march.csv")

    assert str(caught.value).startswith(f"march.csv, {place}")
    assert remedy in str(caught.value)


def test_energy_out_of_bounds_is_named() -> None:
    """More than a terawatt-hour in a quarter is no reading."""
    with pytest.raises(InvalidInput, match=r"readings, line 2: imported_wh is 1000000000001 Wh"):
        parse_plain(HEADER + f"{POINT},2021-03-13T10:00Z,1000000000001,0\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: found nothing: the first line must be metering_point,"),
        ("a,b\n", "line 1, column 1: found 'a', which is not a column"),
        ("metering_point,metering_point\n", "line 1, column 2: 'metering_point' stands twice"),
        ("metering_point,interval_start,imported_wh\n", "line 1: the header lacks 'exported_wh'"),
        (HEADER + f'"{POINT},1\n', "line 2: unexpected end of data: check its quotation marks"),
    ],
)
def test_a_broken_table_is_named(text: str, message: str) -> None:
    """A header that lacks, repeats or invents a column is refused with the place."""
    with pytest.raises(InvalidInput) as caught:
        parse_plain(text)

    assert f"readings, {message}" in str(caught.value)


def test_a_line_after_a_quoted_line_break_keeps_its_number() -> None:
    """Lines are counted as an editor counts them, also behind a cell with a line break in it."""
    text = FULL_HEADER + f'{POINT},2021-03-13T10:00Z,1,0,,,"a\nb"\n{POINT},x,1,0,,,\n'

    with pytest.raises(InvalidInput, match=r"readings, line 4, column 2 \(interval_start\)"):
        parse_plain(text)


def test_the_same_reading_twice_counts_once() -> None:
    """A repeated line is no news, also when it is spelled with another offset."""
    again = f"{POINT},2021-03-13T12:00:00+02:00,120,7\n"

    assert parse_plain(HEADER + GOOD + again) == parse_plain(HEADER + GOOD)


def test_the_same_reading_with_other_contents_is_a_conflict() -> None:
    """Both lines and both contents are named."""
    other = f"{POINT},2021-03-13T10:00:00Z,121,7\n"

    with pytest.raises(Conflict) as caught:
        parse_plain(HEADER + GOOD + other, file="march.csv")

    message = str(caught.value)
    assert message.startswith("march.csv, line 3 contradicts line 2: ")
    assert "121 Wh in and 7 Wh out" in message
    assert "120 Wh in and 7 Wh out" in message


@pytest.mark.parametrize("cells", ["measured,2,meter", "measured,1,other"])
def test_another_version_or_key_is_another_reading(cells: str) -> None:
    """A correction and a reading under another key stand beside the first one."""
    start = f"{POINT},2021-03-13T10:00:00Z"

    found = parse_plain(f"{FULL_HEADER}{start},120,7,measured,1,meter\n{start},121,7,{cells}\n")

    assert [reading.imported_wh for reading in found] == [120, 121]


@pytest.mark.parametrize(
    ("day", "quarters"),
    [(date(2026, 3, 29), 92), (date(2026, 3, 30), 96), (date(2026, 10, 25), 100)],
)
def test_days_with_a_clock_change_are_imported_whole(day: date, quarters: int) -> None:
    """A local day of 92 or 100 quarters keeps every one, written in local time with its offset."""
    intervals = day_intervals(day)
    zone_lines = [
        f"{POINT},{interval.start.astimezone(find_zone('Europe/Helsinki')).isoformat()},{index},0\n"
        for index, interval in enumerate(intervals)
    ]

    found = parse_plain(HEADER + "".join(zone_lines))

    assert len(found) == quarters
    assert tuple(reading.interval for reading in found) == intervals
    assert [reading.imported_wh for reading in found] == list(range(quarters))
