"""English, Finnish and Swedish: sentences, numbers and dates as each language writes them.

Catalogues are `fi.po` and `sv.po` beside this file.  They are compiled in memory when first used, so that no
tool and no build step is needed and nothing compiled can be out of date.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations

from sauma.intervals import find_zone
from sauma.units import NANO_PER_CENT, WH_PER_KWH, Rounding, divide_rounded
from sauma_portal.messages import Message

CODES: Final = ("en", "fi", "sv")
NAMES: Final[Mapping[str, str]] = {"en": "English", "fi": "Suomi", "sv": "Svenska"}
DEFAULT: Final = "en"
MINUS: Final = "\N{MINUS SIGN}"
_LOCALES: Final = {"en": "en_GB", "fi": "fi_FI", "sv": "sv_FI"}
_FOLDER: Final = Path(__file__).parent
_MICRO_PER_CENT: Final = 10_000
_SHOWN_IN_CENTS_NANO: Final = 100_000_000
"""From ten cents on, amounts that need not add up are shown in whole cents."""


class Language:
    """A language with its ways of writing numbers, money and time."""

    def __init__(self, code: str) -> None:
        """Use `language`, which keeps each one."""
        self.code = code
        self.name = NAMES[code]
        self._locale = Locale.parse(_LOCALES[code])
        self._catalogue: NullTranslations = _catalogue(code)

    def gettext(self, text: str) -> str:
        """Return a sentence in this language."""
        return self._catalogue.ugettext(text)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """Return the form of a sentence that fits a number."""
        return self._catalogue.ungettext(singular, plural, number)

    def say(self, message: Message | str) -> str:
        """Return a message in this language."""
        if isinstance(message, str):
            return self.gettext(message)
        values = {
            name: self.say(value) if isinstance(value, Message) else value
            for name, value in message.values.items()
        }
        text = self.gettext(message.text)
        return text % values if values else text

    def decimal(self, value: Decimal, least: int, most: int) -> str:
        """Write a decimal number with at least and at most so many decimals."""
        pattern = "#,##0" + ("." + "0" * least + "#" * (most - least) if most else "")
        return format_decimal(value, format=pattern, locale=self._locale).replace("-", MINUS)

    def integer(self, value: int) -> str:
        """Write a whole number."""
        return self.decimal(Decimal(value), 0, 0)

    def kwh(self, energy_wh: int) -> str:
        """Write energy in kWh, to the Wh."""
        return self.decimal(Decimal(energy_wh) / WH_PER_KWH, 3, 3) + "\N{NO-BREAK SPACE}kWh"

    def price(self, price_micro: int) -> str:
        """Write a price in cents per kWh, exactly, with two decimals or more."""
        cents = self.decimal(Decimal(price_micro) / _MICRO_PER_CENT, 2, 4)
        return cents + "\N{NO-BREAK SPACE}c/kWh"

    def price_typed(self, price_micro: int) -> str:
        """Write a price as people type it: a plain number of cents, without a unit."""
        return self.decimal(Decimal(price_micro) / _MICRO_PER_CENT, 0, 4).replace(MINUS, "-")

    def cents(self, cents: int) -> str:
        """Write whole cents as euros."""
        return self.decimal(Decimal(cents) / 100, 2, 2) + "\N{NO-BREAK SPACE}€"

    def nano(self, nano: int) -> str:
        """Write an amount that is no whole number of cents, exactly."""
        return self.decimal(Decimal(nano) / (100 * NANO_PER_CENT), 2, 9) + "\N{NO-BREAK SPACE}€"

    def nano_short(self, nano: int) -> str:
        """Write an amount to the cent, or to the hundredth of a cent when it is small."""
        decimals = 2 if abs(nano) >= _SHOWN_IN_CENTS_NANO or nano == 0 else 4
        step = 10 ** (9 - decimals)
        rounded = divide_rounded(nano, step, Rounding.HALF_EVEN)
        return (
            self.decimal(Decimal(rounded).scaleb(-decimals), decimals, decimals)
            + "\N{NO-BREAK SPACE}€"
        )

    def price_round(self, price_micro: int) -> str:
        """Write an average price, which is rounded to the hundredth of a cent."""
        rounded = divide_rounded(price_micro, 100, Rounding.HALF_EVEN)
        return self.decimal(Decimal(rounded) / 100, 2, 2) + "\N{NO-BREAK SPACE}c/kWh"

    def percent(self, basis_points: int) -> str:
        """Write basis points as a percentage."""
        return self.decimal(Decimal(basis_points) / 100, 0, 2) + "\N{NO-BREAK SPACE}%"

    def day(self, moment: date | datetime, zone: str = "UTC") -> str:
        """Write a day."""
        return format_date(_local(moment, zone), format="medium", locale=self._locale)

    def month(self, moment: date) -> str:
        """Write a month with its year."""
        return format_date(moment, format="LLLL y", locale=self._locale)

    def clock(self, moment: datetime, zone: str) -> str:
        """Write a time of day."""
        shown = _local(moment, zone)
        if not isinstance(shown, datetime):
            return ""
        return format_time(shown, format="short", tzinfo=shown.tzinfo, locale=self._locale)

    def moment(self, moment: datetime, zone: str) -> str:
        """Write day and time."""
        shown = _local(moment, zone)
        if not isinstance(shown, datetime):
            return self.day(shown)
        return format_datetime(shown, format="short", tzinfo=shown.tzinfo, locale=self._locale)

    def duration(self, seconds: int) -> str:
        """Write about how long something takes."""
        if seconds < 90:
            return self.ngettext("%(num)s second", "%(num)s seconds", seconds) % {"num": seconds}
        minutes = -(-seconds // 60)
        if minutes < 90:
            return self.ngettext("%(num)s minute", "%(num)s minutes", minutes) % {"num": minutes}
        hours = -(-minutes // 60)
        return self.ngettext("%(num)s hour", "%(num)s hours", hours) % {"num": hours}


@cache
def language(code: str) -> Language:
    """Return a language; one that is not spoken here is English."""
    return Language(code if code in CODES else DEFAULT)


def choose(*wishes: str | None) -> str:
    """Return the first wish that is spoken here; wishes may be Accept-Language headers."""
    for wish in wishes:
        for part in (wish or "").split(","):
            code = part.partition(";")[0].strip().lower()[:2]
            if code in CODES:
                return code
    return DEFAULT


def catalogue_path(code: str) -> Path:
    """Return the file of a catalogue."""
    return _FOLDER / f"{code}.po"


def _catalogue(code: str) -> NullTranslations:
    if code == DEFAULT:
        return NullTranslations()
    with catalogue_path(code).open("rb") as file:
        catalogue = read_po(file, locale=code)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def _local(moment: date | datetime, zone: str) -> Any:
    return moment.astimezone(find_zone(zone)) if isinstance(moment, datetime) else moment
