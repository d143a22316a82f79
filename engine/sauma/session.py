"""Words of prepaid metered delivery (a car at a charger), the same for every chain.

A session holds the payer's money, attests what the meter says, captures what was used and releases
the rest.  These are its states and kinds of evidence; a chain that declares `hold` keeps them.
"""

from __future__ import annotations

import enum
from datetime import datetime

import attrs

from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, AssetId, content_id
from sauma.intervals import to_unix
from sauma.units import check_energy, check_integer, check_price


class SessionState(enum.Enum):
    """Where a session stands."""

    NONE = "none"
    AUTHORISED = "authorised"
    ACTIVE = "active"
    CLAIMED = "claimed"
    DISPUTED = "disputed"
    SETTLED = "settled"
    RELEASED = "released"


class Evidence(enum.Enum):
    """What a party signs."""

    AUTHORISATION = "authorisation"
    READY = "ready"
    READING = "reading"
    RECEIPT = "receipt"
    CLOSE = "close"
    CANCEL = "cancel"
    RULING = "ruling"


@attrs.frozen(kw_only=True)
class SessionTerms:
    """What payer and payee agreed before anything flowed.

    Amounts are in the smallest units of `asset`; the price is in micro-units per kWh.
    """

    payer: AccountId
    payee: AccountId
    operator: AccountId
    asset: AssetId
    price_micro: int
    held_units_max: int
    energy_wh_max: int
    starts_before: datetime
    ends_before: datetime
    key: str

    def __attrs_post_init__(self) -> None:
        """Refuse amounts below zero and deadlines in the wrong order."""
        check_price(self.price_micro)
        check_energy(self.energy_wh_max, "energy_wh_max")
        if check_integer(self.held_units_max, "held_units_max") <= 0:
            raise InvalidInput(f"held_units_max {self.held_units_max} must be above zero")
        if to_unix(self.starts_before) >= to_unix(self.ends_before):
            raise InvalidInput(
                f"a session must start before it ends: {self.starts_before.isoformat()} is not "
                f"before {self.ends_before.isoformat()}"
            )

    @property
    def session_id(self) -> bytes:
        """The 32-byte id of the session: the hash of its terms."""
        return content_id(
            "session",
            str(self.payer),
            str(self.payee),
            str(self.operator),
            str(self.asset),
            self.price_micro,
            self.held_units_max,
            self.energy_wh_max,
            to_unix(self.starts_before),
            to_unix(self.ends_before),
            self.key,
        )
