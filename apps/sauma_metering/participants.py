"""The participants file: who takes part, where, with which metering points and which wallet.

::

    participant,metering_point,area,account
    koivu,643000000000000016,kortteli-1,
    saarni,643000000000000054,kortteli-1,nem:testnet:TA…

One line a metering point; a participant with two of them has two lines.  `account` is a CAIP-10
account or a chain's own address; left empty, the wallet is made by the engine's keystore.
`production_point` is the second GSRN under which Datahub keeps what this metering point exports.
`role` (consumer, producer, prosumer) is for people and changes no settlement.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from typing import Final

import attrs

from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, check_gsrn, check_name
from sauma.offers import MeteringPoint
from sauma_metering.table import Row, read_rows

REQUIRED: Final = ("participant", "metering_point", "area")
OPTIONAL: Final = ("account", "role", "production_point")

_ADDRESS = re.compile(r"[-.%a-zA-Z0-9]{1,128}")


class Role(enum.Enum):
    """What a participant does, as people say it."""

    CONSUMER = "consumer"
    PRODUCER = "producer"
    PROSUMER = "prosumer"


@attrs.frozen(kw_only=True)
class ParticipantRow:
    """One line of a participants file; `account` is None where the keystore makes the wallet."""

    participant: str
    area: str
    metering_point: str
    account: str | None = None
    role: Role | None = None
    production_point: str | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse what is no name, no GSRN and no account."""
        check_name(self.participant)
        check_name(self.area, "area")
        check_gsrn(self.metering_point)
        if self.account is not None:
            check_account(self.account)
        if self.production_point is not None:
            check_gsrn(self.production_point)

    def to_metering_point(self) -> MeteringPoint:
        """Return what the engine registers."""
        return MeteringPoint(gsrn=self.metering_point, participant=self.participant, area=self.area)


def parse_participants(text: str, *, file: str = "participants") -> tuple[ParticipantRow, ...]:
    """Return the lines of a participants file, each once, in their order.

    A metering point belongs to one participant and area, and a participant has one account: lines
    that say otherwise raise `Conflict` and name both.
    """
    by_point: dict[str, tuple[ParticipantRow, int]] = {}
    accounts: dict[str, tuple[str | None, int]] = {}
    producers: dict[str, tuple[str, int]] = {}
    for row in read_rows(text, file=file, separator=",", required=REQUIRED, optional=OPTIONAL):
        found = _parse_row(row)
        first, line = by_point.setdefault(found.metering_point, (found, row.line))
        if first != found:
            raise row.conflict(
                line, f"metering point {found.metering_point} is described in two ways"
            )
        if found.production_point is not None:
            owner, line = producers.setdefault(
                found.production_point, (found.metering_point, row.line)
            )
            if owner != found.metering_point:
                raise row.conflict(
                    line,
                    f"production point {found.production_point} belongs to two metering points",
                )
        account, line = accounts.setdefault(found.participant, (found.account, row.line))
        if account != found.account:
            raise row.conflict(
                line,
                f"participant {found.participant} has account {found.account or 'none'} here "
                f"and {account or 'none'} there",
            )
    return tuple(found for found, _ in by_point.values())


def production_points(participants: Iterable[ParticipantRow]) -> dict[str, str]:
    """Return the metering point that each production point belongs to: `exports` for Datahub files."""
    return {
        participant.production_point: participant.metering_point
        for participant in participants
        if participant.production_point is not None
    }


def check_account(text: str) -> str:
    """Return a CAIP-10 account or a chain's own address, or raise `InvalidInput`."""
    if ":" in text:
        return AccountId(text).text
    if not _ADDRESS.fullmatch(text):
        raise InvalidInput(
            f"account {text!r} is neither CAIP-10 such as nem:testnet:TA… nor an address: "
            "leave it empty and the keystore makes a wallet"
        )
    return text


def _parse_row(row: Row) -> ParticipantRow:
    return ParticipantRow(
        participant=row.read("participant", check_name),
        area=row.read("area", lambda text: check_name(text, "area")),
        metering_point=row.read("metering_point", check_gsrn),
        account=row.read("account", check_account) if row["account"] else None,
        role=row.read("role", _parse_role) if row["role"] else None,
        production_point=(
            row.read("production_point", check_gsrn) if row["production_point"] else None
        ),
    )


def _parse_role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError as error:
        known = ", ".join(role.value for role in Role)
        raise InvalidInput(f"role is one of {known}, or empty") from error
