"""Participants, prices, and files from disk."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sauma_metering
from sauma.errors import Conflict, InvalidInput
from sauma.identifiers import complete_gsrn
from sauma.offers import MeteringPoint, Side, StandingPrice
from sauma.units import PRICE_MICRO_MAX, format_scaled
from sauma_metering import (
    ParticipantRow,
    Role,
    format_datahub,
    parse_participants,
    parse_plain,
    parse_prices,
    production_points,
    read_participants,
    read_prices,
    read_readings,
    recognise_format,
)

FIRST, SECOND, THIRD = (complete_gsrn(f"643000000000000{number:02d}") for number in (1, 2, 3))
PARTICIPANTS = "participant,metering_point,area,account,role,production_point\n"
PRICES = "participant,area,side,price_per_kwh,valid_from\n"
PLAIN = f"metering_point,interval_start,imported_wh,exported_wh\n{FIRST},2021-03-13T10:00Z,5,0\n"
DATAHUB = format_datahub(FIRST, [(parse_plain(PLAIN)[0].interval, 5_000)])


def test_a_line_is_a_participant() -> None:
    """An empty account is left to the keystore; everything else is as written."""
    text = (
        PARTICIPANTS + f"koivu,{FIRST},a-1,,,\nkuusi,{SECOND},a-1,memory:x:kuusi,prosumer,{THIRD}\n"
    )

    found = parse_participants(text)

    assert found == (
        ParticipantRow(participant="koivu", area="a-1", metering_point=FIRST),
        ParticipantRow(
            participant="kuusi",
            area="a-1",
            metering_point=SECOND,
            account="memory:x:kuusi",
            role=Role.PROSUMER,
            production_point=THIRD,
        ),
    )
    assert found[0].to_metering_point() == MeteringPoint(
        gsrn=FIRST, participant="koivu", area="a-1"
    )
    assert production_points(found) == {THIRD: SECOND}


def test_only_three_columns_are_needed() -> None:
    """Account, role and production point may be left out as columns."""
    (found,) = parse_participants(f"area,participant,metering_point\na-1,koivu,{FIRST}\n")

    assert found == ParticipantRow(participant="koivu", area="a-1", metering_point=FIRST)


@pytest.mark.parametrize(
    ("line", "column", "remedy"),
    [
        (f"Koivu,{FIRST},a-1,,,", "1 (participant)", "not a name"),
        ("koivu,123,a-1,,,", "2 (metering_point)", "18 digits"),
        (f"koivu,{FIRST},a 1,,,", "3 (area)", "area 'a 1' is not a name"),
        (f"koivu,{FIRST},a-1,N@W,,", "4 (account)", "leave it empty"),
        (f"koivu,{FIRST},a-1,nem:!,,", "4 (account)", "CAIP-10"),
        (f"koivu,{FIRST},a-1,,king,", "5 (role)", "consumer, producer, prosumer"),
        (f"koivu,{FIRST},a-1,,,7", "6 (production_point)", "18 digits"),
    ],
)
def test_a_broken_participant_is_named(line: str, column: str, remedy: str) -> None:
    """File, line, column and remedy stand in the error."""
    with pytest.raises(InvalidInput) as caught:
        parse_participants(PARTICIPANTS + line + "\n", file="p.csv")

    assert str(caught.value).startswith(f"p.csv, line 2, column {column}: found ")
    assert remedy in str(caught.value)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (f"kuusi,{FIRST},a-1,,,", "described in two ways"),
        (f"koivu,{SECOND},a-1,TB,,", "account TB here and TA there"),
        (f"koivu,{SECOND},a-1,,,", "account none here and TA there"),
        (f"koivu,{SECOND},a-1,TA,,{THIRD}", "belongs to two metering points"),
    ],
)
def test_participants_that_contradict_each_other_are_a_conflict(second: str, message: str) -> None:
    """A metering point has one owner, a participant one account; both lines are named."""
    text = PARTICIPANTS + f"koivu,{FIRST},a-1,TA,,{THIRD}\n" + second + "\n"

    with pytest.raises(Conflict) as caught:
        parse_participants(text, file="p.csv")

    assert str(caught.value).startswith("p.csv, line 3 contradicts line 2: ")
    assert message in str(caught.value)


def test_a_participant_may_have_two_metering_points() -> None:
    """Two lines of one participant stand side by side; a repeated line counts once."""
    line = f"koivu,{FIRST},a-1,TA,,\n"

    found = parse_participants(PARTICIPANTS + line + f"koivu,{SECOND},a-1,TA,,\n" + line)

    assert [row.metering_point for row in found] == [FIRST, SECOND]


@given(st.integers(min_value=-PRICE_MICRO_MAX, max_value=PRICE_MICRO_MAX), st.sampled_from(".,"))
def test_a_price_is_read_exactly(price_micro: int, separator: str) -> None:
    """Six decimals with a point or a quoted comma are micro-units, without any rounding."""
    text = format_scaled(price_micro, 6).replace(".", separator)

    found = parse_prices(PRICES + f'koivu,a-1,sell,"{text}",2021-03-01T00:00:00+02:00\n')

    assert found == (
        StandingPrice(
            participant="koivu",
            area="a-1",
            side=Side.ASK,
            price_micro=price_micro,
            valid_from=datetime(2021, 2, 28, 22, tzinfo=UTC),
        ),
    )


@pytest.mark.parametrize(
    ("line", "column", "remedy"),
    [
        ("ko ivu,a-1,buy,0.1,2021-03-01T00:00Z", "1 (participant)", "not a name"),
        ("koivu,,buy,0.1,2021-03-01T00:00Z", "2 (area)", "not a name"),
        ("koivu,a-1,bid,0.1,2021-03-01T00:00Z", "3 (side)", "buy or sell"),
        ("koivu,a-1,buy,0.1234567,2021-03-01T00:00Z", "4 (price_per_kwh)", "6 decimals"),
        ("koivu,a-1,buy,7 c,2021-03-01T00:00Z", "4 (price_per_kwh)", "decimal number"),
        ("koivu,a-1,buy,1001,2021-03-01T00:00Z", "4 (price_per_kwh)", "another unit"),
        ("koivu,a-1,buy,0.1,2021-03-01", "5 (valid_from)", "naive"),
    ],
)
def test_a_broken_price_is_named(line: str, column: str, remedy: str) -> None:
    """File, line, column and remedy stand in the error."""
    with pytest.raises(InvalidInput) as caught:
        parse_prices(PRICES + line + "\n", file="prices.csv")

    assert str(caught.value).startswith(f"prices.csv, line 2, column {column}: found ")
    assert remedy in str(caught.value)


def test_an_unquoted_decimal_comma_is_explained() -> None:
    """A price such as 0,07 falls into two cells; the error asks about the comma."""
    with pytest.raises(InvalidInput, match="is a comma in a number unquoted"):
        parse_prices(PRICES + "koivu,a-1,buy,0,07,2021-03-01T00:00Z\n")


def test_two_prices_from_one_moment_are_a_conflict() -> None:
    """A repeated line counts once, another price names both lines."""
    line = "koivu,a-1,buy,0.10,2021-03-01T00:00Z\n"

    assert len(parse_prices(PRICES + line + line)) == 1
    with pytest.raises(Conflict, match=r"line 3 contradicts line 2: .* 0.11.* here and 0.10"):
        parse_prices(PRICES + line + line.replace("0.10", "0.11"))


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(("text", "name"), [(PLAIN, "plain"), (DATAHUB, "datahub")])
def test_a_format_is_recognised_by_its_header(
    tmp_path: Path, mark: str, text: str, name: str
) -> None:
    """The same reading comes out of either file, with and without a byte order mark."""
    path = tmp_path / "readings.csv"
    path.write_text(mark + text, encoding="utf-8")

    assert recognise_format(mark + text) == name
    assert read_readings(path) == read_readings(str(path), name) == parse_plain(PLAIN)


def test_a_file_of_no_known_format_is_refused(tmp_path: Path) -> None:
    """The error shows both headers that are known."""
    path = tmp_path / "readings.csv"
    path.write_text("time;energy\n", encoding="utf-8")

    with pytest.raises(InvalidInput, match=r"line 1: .*metering_point,.*Mittauspisteen tunnus;"):
        read_readings(path)
    with pytest.raises(InvalidInput, match="format 'xml' is not one of"):
        read_readings(path, "xml")  # type: ignore[arg-type]


def test_a_file_in_another_encoding_names_the_line(tmp_path: Path) -> None:
    """Latin-1 from a spreadsheet is refused with the line of the first foreign byte."""
    path = tmp_path / "export.csv"
    path.write_bytes(PLAIN.encode() + "ä".encode("latin-1"))

    with pytest.raises(InvalidInput, match=r"export.csv, line 3: byte 0xe4 is not UTF-8"):
        read_readings(path)


def test_a_file_that_is_not_there_is_the_callers_fault(tmp_path: Path) -> None:
    """The error names the file."""
    for read in (read_readings, read_participants, read_prices):
        with pytest.raises(InvalidInput, match=r"cannot read .*nowhere.csv"):
            read(tmp_path / "nowhere.csv")


def test_public_names_exist() -> None:
    """What `__all__` lists is there, once."""
    assert len(set(sauma_metering.__all__)) == len(sauma_metering.__all__)
    assert all(hasattr(sauma_metering, name) for name in sauma_metering.__all__)
