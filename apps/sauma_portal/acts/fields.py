"""Fields of forms, read one by one: what is wrong with each is said beside it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from sauma.errors import InvalidInput
from sauma.identifiers import check_gsrn
from sauma.rulebook import Rulebook
from sauma.units import parse_decimal
from sauma_portal.messages import N_, FormError, Message, say
from sauma_portal.passwords import CHARACTERS_MAX, CHARACTERS_MIN
from sauma_portal.settings import AreaPlan

EMAIL_CHARACTERS_MAX: Final = 254
NAME_CHARACTERS_MAX: Final = 60
REASON_CHARACTERS_MAX: Final = 500
CENT_DECIMALS: Final = 4
"""A price in c/kWh has four decimals in the micro-units of the engine."""
_EMAIL: Final = re.compile(r"[^\s@\"'<>(),;:\\]{1,64}@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.[a-z]{2,}")


class Fields:
    """The values of a form and what was found wrong with them."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Take what came; only text counts."""
        self._values = values
        self.wrong: dict[str, Message] = {}

    def text(self, name: str) -> str:
        """Return a field's text, composed and without spaces around it; empty when it is missing."""
        value = self._values.get(name)
        return unicodedata.normalize("NFC", value).strip() if isinstance(value, str) else ""

    def is_set(self, name: str) -> bool:
        """Tell whether a box is ticked."""
        return self._values.get(name) not in (None, "", False, "0", "false")

    def refuse(self, name: str, message: Message) -> None:
        """Note what is wrong with a field, unless something is already."""
        self.wrong.setdefault(name, message)

    def check(self) -> None:
        """Raise `FormError` when something is wrong."""
        if self.wrong:
            raise FormError(self.wrong)

    def email(self, name: str = "email") -> str:
        """Return an e-mail address in small letters."""
        value = self.text(name).lower()
        if len(value) > EMAIL_CHARACTERS_MAX or not _EMAIL.fullmatch(value):
            self.refuse(name, say(N_("Write an e-mail address, such as anna@example.fi.")))
        return value

    def display_name(self, name: str = "display_name") -> str:
        """Return what neighbours see: visible characters of any script."""
        value = " ".join(self.text(name).split())
        if not value:
            self.refuse(name, say(N_("Choose a name that your neighbours will see.")))
        elif len(value) > NAME_CHARACTERS_MAX:
            self.refuse(name, say(N_("Use at most %(most)s characters."), most=NAME_CHARACTERS_MAX))
        elif not all(map(_is_visible, value)):
            self.refuse(name, say(N_("Use letters, digits and ordinary signs only.")))
        return value

    def new_password(self, name: str = "password", known: tuple[str, ...] = ()) -> str:
        """Return a password that is long enough and none of what everybody knows of the person."""
        value = self._values.get(name)
        value = unicodedata.normalize("NFC", value) if isinstance(value, str) else ""
        if len(value) < CHARACTERS_MIN:
            self.refuse(
                name,
                say(
                    N_("Use at least %(least)s characters; a few words are good."),
                    least=CHARACTERS_MIN,
                ),
            )
        elif len(value) > CHARACTERS_MAX:
            self.refuse(name, say(N_("Use at most %(most)s characters."), most=CHARACTERS_MAX))
        elif value.casefold() in {each.casefold() for each in known} or len(set(value)) < 4:
            self.refuse(name, say(N_("That is easy to guess. Choose something else.")))
        return value

    def password(self, name: str = "password") -> str:
        """Return a password as it was typed."""
        value = self._values.get(name)
        return unicodedata.normalize("NFC", value) if isinstance(value, str) else ""

    def choice(self, name: str, allowed: tuple[str, ...], otherwise: str | None = None) -> str:
        """Return one of the allowed values."""
        value = self.text(name)
        if not value and otherwise is not None:
            return otherwise
        if value not in allowed:
            self.refuse(name, say(N_("Choose one from the list.")))
        return value

    def place(self, plan: AreaPlan, name: str = "place") -> str | None:
        """Return a square of the plan, or None."""
        value = self.text(name).upper()
        if not value:
            return None
        if value not in plan.squares:
            self.refuse(name, say(N_("Choose one from the list.")))
        return value

    def gsrn(self, name: str = "metering_point") -> str:
        """Return the 18 digits of a metering point; spaces between them are left out."""
        value = self.text(name).replace(" ", "")
        if not (len(value) == 18 and value.isascii() and value.isdigit()):
            self.refuse(
                name,
                say(
                    N_(
                        "A metering point has 18 digits. You find them on the bill of your grid company."
                    )
                ),
            )
            return value
        try:
            check_gsrn(value)
        except InvalidInput:
            self.refuse(
                name,
                say(N_("One of the digits is wrong. Compare them with your grid company's bill.")),
            )
        return value

    def price(self, name: str, rulebook: Rulebook) -> int | None:
        """Return a price in micro-units per kWh from cents per kWh; None when nothing was typed."""
        typed = self.text(name)
        if not typed:
            return None
        try:
            price_micro = parse_decimal(typed, CENT_DECIMALS, name)
        except InvalidInput:
            self.refuse(name, say(N_("Write a price in cents, such as 9.5.")))
            return None
        if not rulebook.price_floor_micro <= price_micro <= rulebook.price_cap_micro:
            self.refuse(
                name,
                say(
                    N_("Choose a price from %(least)s to %(most)s cents per kWh."),
                    least=cents_text(rulebook.price_floor_micro),
                    most=cents_text(rulebook.price_cap_micro),
                ),
            )
        return price_micro

    def reason(self, name: str = "reason") -> str:
        """Return why a member of the staff does something."""
        value = " ".join(self.text(name).split())
        if not value:
            self.refuse(name, say(N_("Say why: it is kept with what you do.")))
        elif len(value) > REASON_CHARACTERS_MAX:
            self.refuse(
                name, say(N_("Use at most %(most)s characters."), most=REASON_CHARACTERS_MAX)
            )
        return value[:REASON_CHARACTERS_MAX]


def _is_visible(character: str) -> bool:
    return character == " " or unicodedata.category(character)[0] not in "CZ"


def cents_text(price_micro: int) -> str:
    """Write a price in cents per kWh, as the bounds of a price are said."""
    whole, rest = divmod(price_micro, 10**CENT_DECIMALS)
    return f"{whole}.{rest:04d}".rstrip("0").rstrip(".")
