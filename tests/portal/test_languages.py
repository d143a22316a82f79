"""Three languages: every sentence is there, and numbers and dates have each language's form."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

import sauma_portal
from sauma_portal.languages import catalogue_path, choose, language

PACKAGE = Path(sauma_portal.__file__).parent
OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true"}


def sentences():
    """Every sentence that code and templates say: text, or singular and plural."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        with path.open("rb") as file:
            for _, text, _, _ in extract("python", file, keywords={"N_": None, "ngettext": (1, 2)}):
                found.add(text)
    for path in PACKAGE.rglob("*.html"):
        with path.open("rb") as file:
            for _, _, text, _ in babel_extract(file, ("_", "gettext", "ngettext"), [], OPTIONS):
                found.add(tuple(part for part in text if part) if isinstance(text, tuple) else text)
    return found


def values(text):
    """The names of the values in a sentence."""
    return set(re.findall(r"%\(\w+\)s", text))


@pytest.mark.parametrize("code", ["fi", "sv"])
def test_every_sentence_is_translated_and_none_is_left_over(code):
    """The catalogue has what is said, no more and no less, with the same values in it."""
    with catalogue_path(code).open("rb") as file:
        catalogue = {message.id: message.string for message in read_po(file) if message.id}

    assert set(catalogue) == sentences()
    for key, translated in catalogue.items():
        forms = translated if isinstance(translated, tuple) else (translated,)
        assert all(forms), key
        said = key if isinstance(key, tuple) else (key,)
        assert [values(form) for form in forms] == [values(form) for form in said]


def test_numbers_prices_and_amounts_have_their_languages_form():
    """Decimal comma and its own thousands in Finnish and Swedish, a point in English."""
    said = {
        code: (
            language(code).kwh(1_234_567),
            language(code).price(95_000),
            language(code).cents(-123_456),
        )
        for code in ("en", "fi", "sv")
    }

    assert said["en"] == ("1,234.567\xa0kWh", "9.50\xa0c/kWh", "−1,234.56\xa0€")
    assert said["fi"] == ("1\xa0234,567\xa0kWh", "9,50\xa0c/kWh", "−1\xa0234,56\xa0€")
    assert said["sv"] == ("1\xa0234,567\xa0kWh", "9,50\xa0c/kWh", "−1\xa0234,56\xa0€")


def test_nothing_is_rounded_away_where_amounts_must_add_up():
    """Exact amounts show every nano-unit; short ones cents, or hundredths of a cent when small."""
    english = language("en")

    assert english.nano(123_456_789) == "0.123456789\xa0€"
    assert english.nano(500_000_000) == "0.50\xa0€"
    assert english.nano_short(1_234_567_890) == "1.23\xa0€"
    assert english.nano_short(1_234_567) == "0.0012\xa0€"
    assert english.nano_short(0) == "0.00\xa0€"
    assert english.price(95_001) == "9.5001\xa0c/kWh"


def test_dates_and_times_are_local():
    """Times are shown in the market's zone, in the language's order."""
    moment = datetime(2026, 11, 1, 22, 30, tzinfo=UTC)

    assert language("fi").moment(moment, "Europe/Helsinki") == "2.11.2026 0.30"
    assert language("sv").day(moment, "Europe/Helsinki") == "2 nov. 2026"
    assert language("en").month(date(2026, 11, 1)) == "November 2026"
    assert language("fi").duration(3) == "3 sekuntia"
    assert language("en").duration(21_660) == "7 hours"


def test_the_first_spoken_wish_is_taken():
    """A cookie before the browser's list, in its order; English when nothing is spoken here."""
    assert choose("sv", "fi") == "sv"
    assert choose(None, "de-DE,fi;q=0.8,en;q=0.5") == "fi"
    assert choose(None, "de") == "en"
    assert choose("xx", None) == "en"
    assert language("xx").code == "en"
