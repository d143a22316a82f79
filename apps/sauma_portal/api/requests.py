"""What a program sends to the API: plain structures; fields that are not known are refused."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Text = Annotated[str, Meta(max_length=300)]
Micro = Annotated[int, Meta(ge=-1_000_000_000, le=1_000_000_000)]


class Incoming(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a program sends; fields that are not known are refused."""


class Registering(Incoming):
    """Somebody who joins."""

    display_name: Text
    email: Text
    password: Text
    buys: bool = True
    sells: bool = False
    area: Text = ""
    place: Text = ""
    hidden: bool = False
    own_wallet: bool = False
    language: Literal["en", "fi", "sv"] = "en"


class Granting(Incoming):
    """A token that is asked for with a password."""

    email: Text
    password: Text
    name: Text
    scopes: Annotated[list[Literal["read", "trade", "account", "staff"]], Meta(max_length=4)]
    days: Annotated[int, Meta(ge=1, le=366)] = 90


class Profile(Incoming):
    """What one changes of oneself; what is left out stays."""

    display_name: Text | None = None
    buys: bool | None = None
    sells: bool | None = None
    place: Text | None = None
    hidden: bool | None = None
    vat_registered: bool | None = None
    language: Literal["en", "fi", "sv"] | None = None


class Password(Incoming):
    """One's own password."""

    password: Text


class PasswordChange(Incoming):
    """A password and the one to replace it."""

    password: Text
    new_password: Text


class ResetRequest(Incoming):
    """Whose password was forgotten."""

    email: Text


class Reset(Incoming):
    """The key from a letter, and the new password."""

    key: Text
    password: Text


class Claiming(Incoming):
    """A metering point that is one's own."""

    metering_point: Text


class Proving(Incoming):
    """The signature over the text that was given, in hexadecimal digits."""

    public_key: Text
    signature: Text


class WantedPrices(Incoming):
    """At which prices one wants to deal, in micro-euros per kWh; null ends a side."""

    buy_micro: Micro | None = None
    sell_micro: Micro | None = None


class Decision(Incoming):
    """What a member of the staff decides on a metering point, and why."""

    decision: Literal["confirm", "refuse"]
    reason: Text


class TradingDecision(Incoming):
    """What a member of the staff decides on a household's trading, and why."""

    decision: Literal["pause", "resume"]
    reason: Text
