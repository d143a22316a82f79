"""What a station says, in words that are the same for every version of OCPP."""

from __future__ import annotations

import enum
from datetime import datetime

import attrs

from sauma.errors import InvalidInput
from sauma.intervals import to_unix
from sauma.session import RegisterStatus
from sauma.units import INT64_MAX, check_integer

TEXT_CHARACTERS_MAX = 64
"""The longest token or transaction name that a station may use; OCPP allows 36."""


class Verdict(enum.Enum):
    """Whether a driver may charge, and if not, why not."""

    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    """Nobody knows this token."""
    NO_CREDIT = "no_credit"
    """The driver's wallet does not have what would be held."""
    BUSY = "busy"
    """This token charges already."""
    BLOCKED = "blocked"
    """The driver, or the escrow, refused."""


class Advice(enum.Enum):
    """What a station should do after a reading."""

    GO_ON = "go_on"
    STOP = "stop"
    """What is held is used up: what flows from now on is the payee's risk."""


@attrs.frozen(kw_only=True)
class Sample:
    """The energy register of a connector at a moment; it never runs backwards."""

    register_wh: int
    time: datetime
    status: RegisterStatus = RegisterStatus.PERIODIC

    def __attrs_post_init__(self) -> None:
        """Refuse a register below zero or beyond 64 bits, and a time without a zone."""
        if not 0 <= check_integer(self.register_wh, "register_wh") <= INT64_MAX:
            raise InvalidInput(f"register_wh {self.register_wh} must be from 0 to {INT64_MAX}")
        to_unix(self.time)


@attrs.frozen(kw_only=True)
class ChargeStarted:
    """A car began to charge.  `transaction` is the station's own name for it, None before 2.0.1."""

    station: str
    connector: int
    token: str
    sample: Sample
    transaction: str | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse names that no station has."""
        check_text(self.token, "token")
        if self.transaction is not None:
            check_text(self.transaction, "transaction")


@attrs.frozen(kw_only=True)
class ChargeSampled:
    """The meter was read while a car charges.

    Either name may be missing: a station that started offline has no transaction to tell.
    """

    station: str
    samples: tuple[Sample, ...]
    transaction: str | None = None
    connector: int | None = None


@attrs.frozen(kw_only=True)
class ChargeEnded:
    """A car stopped charging, with the station's reason.

    Without a last reading the one that came before stands.
    """

    station: str
    sample: Sample | None
    reason: str
    transaction: str | None = None
    connector: int | None = None
    token: str | None = None


def check_text(text: str, what: str) -> str:
    """Return a station's name for something; raises `InvalidInput` for an empty or endless one."""
    if not 0 < len(text) <= TEXT_CHARACTERS_MAX:
        raise InvalidInput(f"{what} {text[:80]!r} must have 1 to {TEXT_CHARACTERS_MAX} characters")
    return text
