"""Market time units: the grid, the days of 92, 96 and 100 quarter-hours, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.errors import InvalidInput
from sauma.intervals import (
    MINUTES_ALLOWED,
    Interval,
    check_utc,
    day_intervals,
    find_zone,
    format_time,
    from_unix,
    parse_time,
    to_unix,
)

NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
moments = st.integers(-2_208_988_800_000, 7_258_118_400_000).map(
    lambda unix_ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=unix_ms)
)
"""From 1900 to 2200, to the millisecond."""


@pytest.mark.parametrize(
    ("day", "quarters", "first", "last"),
    [
        (date(2026, 6, 21), 96, "2026-06-20T21:00:00Z", "2026-06-21T20:45:00Z"),
        (date(2026, 3, 29), 92, "2026-03-28T22:00:00Z", "2026-03-29T20:45:00Z"),
        (date(2026, 10, 25), 100, "2026-10-24T21:00:00Z", "2026-10-25T21:45:00Z"),
        (date(2026, 1, 1), 96, "2025-12-31T22:00:00Z", "2026-01-01T21:45:00Z"),
    ],
)
def test_a_local_day_has_as_many_quarters_as_the_clock_says(day, quarters, first, last):
    """In Helsinki the day of the change in spring has 92 quarter-hours, in autumn 100."""
    intervals = day_intervals(day)

    assert len(intervals) == quarters
    assert (str(intervals[0]), str(intervals[-1])) == (first, last)
    assert all(one.end == two.start for one, two in pairwise(intervals))


def test_hours_divide_a_day_too():
    """Another length gives fewer intervals of the same day."""
    assert len(day_intervals(date(2026, 10, 25), minutes=60)) == 25


@pytest.mark.parametrize(
    ("start", "remedy"),
    [
        (NOON.replace(tzinfo=None), r"naive: say which zone, such as 2026-06-21T12:00:00\+00:00"),
        (NOON.replace(minute=7), "not on the 15-minute grid: round it"),
        (NOON.replace(second=1), "not on the 15-minute grid"),
        (NOON.replace(microsecond=1), "fraction of a second: give whole seconds"),
        ("2026-06-21T12:00:00Z", "must be a datetime"),
        (date(2026, 6, 21), "must be a datetime"),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), "years 1 to 9999"),
    ],
)
def test_a_start_is_aware_whole_and_on_the_grid(start, remedy):
    """Each other start is refused, with what to do about it."""
    with pytest.raises(InvalidInput, match=remedy):
        Interval(start=start)


@pytest.mark.parametrize("minutes", [0, 7, 45, 1440, -15, 15.0, True, "15", None])
def test_only_lengths_that_divide_an_hour_are_used(minutes):
    """A length is one of a few whole numbers; a float or a truth value is none."""
    with pytest.raises(InvalidInput, match="is not one of"):
        Interval(start=NOON, minutes=minutes)
    with pytest.raises(InvalidInput, match="is not one of"):
        Interval.containing(NOON, minutes)
    with pytest.raises(InvalidInput, match="is not one of"):
        day_intervals(date(2026, 6, 21), minutes=minutes)


def test_one_instant_is_one_interval_in_every_zone():
    """Equal instants are equal intervals, whatever offset they were written with."""
    helsinki = NOON.astimezone(find_zone("Europe/Helsinki"))

    assert Interval(start=helsinki) == Interval(start=NOON)
    assert hash(Interval(start=helsinki)) == hash(Interval(start=NOON))
    assert Interval(start=helsinki).start.tzinfo is UTC


@given(moments, st.sampled_from(MINUTES_ALLOWED))
def test_every_moment_lies_in_one_interval(moment, minutes):
    """The interval of a moment starts at or before it and ends after it, also before 1970."""
    interval = Interval.containing(moment, minutes)

    assert interval.start <= moment < interval.end
    assert interval == Interval.from_start_unix(interval.start_unix, minutes)


@given(st.integers(-(10**10), 10**11))
def test_seconds_and_texts_read_back(unix_s):
    """A time written as seconds or as text is the same time when read."""
    moment = from_unix(unix_s)

    assert to_unix(moment) == unix_s
    if moment.year >= 1000:
        assert parse_time(format_time(moment)) == moment


@pytest.mark.parametrize(
    "text", ["", "noon", "2026-06-21", "2026-06-21T12:00", "2026-13-01T00:00Z"]
)
def test_a_text_needs_its_offset(text):
    """A text that is no time, or leaves open which zone, is refused by name."""
    with pytest.raises(InvalidInput, match="valid_from"):
        parse_time(text, "valid_from")


def test_an_offset_is_kept_in_mind():
    """Local time with its offset is the instant it says."""
    assert parse_time("2026-06-21T15:00:00+03:00") == NOON
    assert check_utc(NOON) == NOON


@pytest.mark.parametrize(
    "name", ["", "Europe", "Mars/Olympus", "../etc/passwd", "/etc/localtime", 3]
)
def test_an_unknown_zone_is_refused(name):
    """Only IANA names are zones; nothing outside their database is looked at."""
    with pytest.raises(InvalidInput, match="use an IANA name"):
        find_zone(name)
