"""The rulebook: what it may say, its one text and hash, and the periods in which it settles."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.errors import InvalidInput, RulebookViolation
from sauma.intervals import Interval, day_intervals, format_time, parse_time
from sauma.rulebook import Delivery, Netting, NettingPeriod, Rulebook, Supplier

EXAMPLES = Path(__file__).parents[2] / "examples" / "neighbourhood"
SUPPLIER = Supplier(name="supplier", sells_at_micro=160_000, buys_at_micro=40_000)
TOML = """
name = "seed"
version = 1
price_cap = "0,50"
[supplier]
name = "supplier"
sells_at = "0.16"
buys_at = "0.04"
"""


def rulebook(**changes: object) -> Rulebook:
    return Rulebook(**{"name": "seed", "version": 1, "supplier": SUPPLIER, **changes})


@pytest.mark.parametrize("file", ["rulebook.toml", "rulebook-uniform.toml"])
def test_the_examples_are_rulebooks(file):
    """The committed contracts read, and read back from their canonical facts."""
    book = Rulebook.from_toml((EXAMPLES / file).read_text(encoding="utf-8"))

    assert book.supplier == SUPPLIER
    assert book.price_cap_micro == 500_000
    assert Rulebook.from_facts(book.to_facts()) == book


def test_a_file_says_what_the_fields_say():
    """Prices are texts in units per kWh, with a comma or a point; all else has a default."""
    assert Rulebook.from_toml(TOML) == rulebook(price_cap_micro=500_000)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"name": "No Name"}, "rulebook"),
        ({"version": 0}, "version"),
        ({"version": True}, "version"),
        ({"version": 1.0}, "version"),
        ({"supplier": {"name": "supplier"}}, "supplier"),
        ({"currency": "euro"}, "currency"),
        ({"currency": "EURO"}, "currency"),
        ({"currency": 978}, "currency"),
        ({"zone": "Mars/Olympus"}, "time zone"),
        ({"zone": None}, "time zone"),
        ({"interval_minutes": 7}, "interval_minutes"),
        ({"interval_minutes": 15.0}, "interval_minutes"),
        ({"interval_minutes": True}, "interval_minutes"),
        ({"mechanism": "Equal Shares"}, "mechanism"),
        ({"producer_bps": 8_001}, "add up to 10001"),
        ({"producer_bps": 8_500, "grid_bps": 2_000, "operator_bps": -500}, "negative"),
        ({"producer_bps": 0.8}, "share"),
        ({"producer_minority": "yes"}, "producer_minority"),
        ({"own_use_first": 1}, "own_use_first"),
        ({"price_cap_micro": 10**10}, "price_cap"),
        ({"price_floor_micro": "0"}, "price_floor"),
        ({"price_floor_micro": 600_000}, "above price_cap"),
        ({"delivery": "producer_wallets"}, "delivery"),
        ({"netting": None}, "netting"),
        ({"netting_period": "day"}, "netting_period"),
        ({"correction_window_days": -1}, "correction_window_days"),
        ({"correction_window_days": 1_099}, "correction_window_days"),
        ({"correction_window_days": 1.5}, "correction_window_days"),
        ({"correction_window_days": 1, "reading_deadline_minutes": 1_440}, "is over before"),
        ({"correction_period": "day"}, "correction_period"),
    ],
)
def test_every_bad_field_is_named(changes, word):
    """A rulebook that contradicts itself does not exist, and the message says which field."""
    with pytest.raises(InvalidInput, match=word):
        rulebook(**changes)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('"seed"', "seed", "no valid TOML"),
        ("version = 1", "", r"lacks \['version'\]"),
        ("version = 1", "version = 1\ncolour = 3", "colour"),
        ("version = 1", 'version = 1\nnetting = "some"', r"netting 'some' is not one of \['none'"),
        ("version = 1", "version = 1\nprice_cap_micro = 5", "price_cap_micro"),
        ('"0,50"', "0.5", "price_cap must be a text"),
        ('"0.16"', '"0.1600001"', "supplier.sells_at"),
        ('"0.16"', '"0.01"', "buying must not be dearer"),
        ('buys_at = "0.04"', "", "lacks .*buys_at"),
        ('buys_at = "0.04"', 'buys_at = "0.04"\nnotes = ""', "notes"),
        ("[supplier]", "[suppliers]", "supplier"),
    ],
)
def test_every_bad_line_of_a_file_is_named(old, new, word):
    """What a person writes wrong is told in the words of the file."""
    with pytest.raises(InvalidInput, match=word):
        Rulebook.from_toml(TOML.replace(old, new))


@pytest.mark.parametrize("supplier", [None, "supplier", {}, {"name": "s", "extra": 1}])
def test_facts_without_a_supplier_are_refused(supplier):
    """Whoever hands over facts gets a named error, and no TypeError."""
    with pytest.raises(InvalidInput, match="supplier"):
        Rulebook.from_facts({"name": "seed", "version": 1, "supplier": supplier})


@pytest.mark.parametrize("producer_bps", [0, 4_999, 5_000])
def test_the_producer_gets_the_majority(producer_bps):
    """Half or less for the producer has to be said on purpose."""
    shares = {"producer_bps": producer_bps, "grid_bps": 10_000 - producer_bps, "operator_bps": 0}

    with pytest.raises(RulebookViolation, match="producer_minority = true"):
        rulebook(**shares)
    assert rulebook(**shares, producer_minority=True).producer_bps == producer_bps


def test_5001_of_10000_is_a_majority():
    """The smallest majority needs no permission."""
    assert rulebook(producer_bps=5_001, grid_bps=4_999, operator_bps=0).producer_bps == 5_001


def test_the_hash_stays_what_it_is():
    """What a rulebook hashes to today it hashes to in ten years: these values never change."""
    assert rulebook().to_bytes() == (
        b'{"currency":"EUR","delivery":"producer_wallets","grid_bps":1500,"interval_minutes":15,'
        b'"mechanism":"equal_shares","name":"seed","netting":"none","netting_period":"interval",'
        b'"operator_bps":500,"own_use_first":true,"price_cap_micro":500000,"price_floor_micro":0,'
        b'"producer_bps":8000,"producer_minority":false,"supplier":{"buys_at_micro":40000,'
        b'"name":"supplier","sells_at_micro":160000},"version":1,"zone":"Europe/Helsinki"}'
    )
    assert rulebook().rulebook_hash.hex() == (
        "041df1ceef386fb195ff095d7b7d9dc1f661c200ec50c28949d7961ff5e7fe37"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"own_use_first": False},
        {"delivery": Delivery.ISSUER_DIRECT},
        {"netting": Netting.PER_PAIR},
        {"correction_window_days": 11},
        {"correction_period": NettingPeriod.MONTH},
        {"supplier": attrs.evolve(SUPPLIER, buys_at_micro=39_999)},
    ],
)
def test_whatever_changes_changes_the_hash(changes):
    """No two rulebooks share a hash, and each reads back from its facts."""
    changed = rulebook(**changes)

    assert changed.rulebook_hash != rulebook().rulebook_hash
    assert Rulebook.from_facts(changed.to_facts()) == changed


def test_a_price_outside_floor_and_cap_is_refused():
    """The message says the price, the bounds and the currency."""
    book = rulebook(price_floor_micro=10_000)

    assert book.check_limit(500_000, "the price of anna") == 500_000
    for price in (500_001, 9_999):
        with pytest.raises(
            RulebookViolation, match=r"anna .* EUR/kWh is outside 0.010000 to 0.500000"
        ):
            book.check_limit(price, "the price of anna")


@pytest.mark.parametrize(
    ("period", "moment", "start", "end"),
    [
        (NettingPeriod.INTERVAL, "2026-03-29T00:45Z", "2026-03-29T00:45:00Z", "2026-03-29T01:00:00Z"),
        (NettingPeriod.DAY, "2026-03-29T10:00Z", "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"),
        (NettingPeriod.DAY, "2026-10-25T21:45Z", "2026-10-24T21:00:00Z", "2026-10-25T22:00:00Z"),
        (NettingPeriod.DAY, "2026-06-20T21:00Z", "2026-06-20T21:00:00Z", "2026-06-21T21:00:00Z"),
        (NettingPeriod.MONTH, "2026-03-31T20:45Z", "2026-02-28T22:00:00Z", "2026-03-31T21:00:00Z"),
        (NettingPeriod.MONTH, "2026-12-31T22:00Z", "2026-12-31T22:00:00Z", "2027-01-31T22:00:00Z"),
    ],
)  # fmt: skip
def test_periods_are_local(period, moment, start, end):
    """A day or month is that of the people who live there, whatever the clock did that day."""
    interval = Interval(start=parse_time(moment))

    found = rulebook(netting_period=period).settlement_period(interval)

    assert tuple(map(format_time, found)) == (start, end)


@pytest.mark.parametrize("period", NettingPeriod)
@given(
    day=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    zone=st.sampled_from(["Europe/Helsinki", "America/Santiago", "Asia/Kathmandu", "Asia/Beirut"]),
)
def test_periods_tile_time(period, day, zone):
    """Every interval of a day lies in its period, and all that lie in it name the same one."""
    book = rulebook(netting_period=period, zone=zone)

    for interval in day_intervals(day, zone)[::9]:
        start, end = book.settlement_period(interval)
        assert start <= interval.start < interval.end <= end
        last = Interval.from_start_unix(int(end.timestamp()) - 900)
        after = Interval(start=end)
        assert book.settlement_period(Interval(start=start)) == (start, end)
        assert book.settlement_period(last) == (start, end)
        assert book.settlement_period(after)[0] == end


def test_a_correction_window_ends_to_the_second():
    """What arrives at its last moment corrects, a second later it does not."""
    rules = rulebook(correction_window_days=11)
    interval = Interval(start=datetime(2026, 6, 21, 9, 0, tzinfo=UTC))
    last = interval.end + timedelta(days=11)

    assert rules.corrects(interval, last)
    assert not rules.corrects(interval, last + timedelta(seconds=1))
    assert not rulebook(correction_window_days=0).corrects(interval, interval.end)


def test_a_correction_period_closes_at_local_midnight():
    """Helsinki's day is over at 21 UTC in summer."""
    arrived = datetime(2026, 6, 21, 20, 59, 59, tzinfo=UTC)

    assert rulebook().correction_closes(arrived) == datetime(2026, 6, 21, 21, 0, tzinfo=UTC)
