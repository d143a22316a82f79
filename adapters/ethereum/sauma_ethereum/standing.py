"""Standing authorisations as calls of the escrow, both ways, and what they move; pure.

`stand` authorises, revokes and returns one; `charge` charges many of one plan.  The escrow knows
accounts by number and allowances by their place, so behind the parameters of `charge`, where the EVM
does not look, its calldata has a table of the addresses of all whom it may pay: signed bytes say whom
they pay to somebody who has no node.  As in `settle`, whoever signs could lie there, but not unseen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from sauma.chain import Effect
from sauma.errors import InvalidInput
from sauma.identifiers import AccountId
from sauma.session import StandingAction

from .caip import account_of
from .ledger import answer, encode, selector
from .settings import EthereumSettings

WORDS: Final = (
    "bytes32",
    "address",
    "address",
    "bytes32",
    *("uint64",) * 5,
    "bytes32",
    "bytes32",
)
ALLOWANCE_TYPE: Final = f"({','.join(WORDS)})"
STAND_TYPES: Final = ("uint32", "bytes32", "uint8", ALLOWANCE_TYPE, "address[]", "bytes", "uint64")
STAND: Final = f"stand({','.join(STAND_TYPES)})"
CHARGE_TYPES: Final = ("uint32", "bytes32", "uint64", "uint64", "bytes", "bytes", "bytes")
CHARGE: Final = f"charge({','.join(CHARGE_TYPES)})"
TABLE_VERSION: Final = b"\x01"
_SELECTOR_BYTES: Final = 4
_ADDRESS_BYTES: Final = 20
_NUMBER_BYTES: Final = 4
_UNITS_BYTES: Final = 4
_HEAD_BYTES: Final = 5
_CREDIT_BYTES: Final = 20


@attrs.frozen(kw_only=True)
class StandCall:
    """A call of `stand`: the words of an allowance, whom it may pay, the payer's signature, what moves."""

    area: int
    reference: bytes
    action: StandingAction
    words: tuple[Any, ...]
    payees: tuple[str, ...]
    signature: bytes
    units: int

    def calldata(self) -> bytes:
        """Return the bytes of the call."""
        return selector(STAND) + encode(
            STAND_TYPES,
            self.area,
            self.reference,
            int(self.action),
            self.words,
            list(self.payees),
            self.signature,
            self.units,
        )

    @property
    def standing_id(self) -> bytes:
        """The id: SHA-256 of the words."""
        return hashlib.sha256(encode((ALLOWANCE_TYPE,), self.words)).digest()

    @property
    def payer(self) -> bytes:
        """The address of the payer."""
        return _bytes_of(self.words[1])

    def owners(self) -> tuple[bytes, ...]:
        """Return whose accounts it needs."""
        if self.action is not StandingAction.AUTHORISE:
            return (self.payer,)
        named = (self.words[1], self.words[2], *self.payees)
        return tuple(dict.fromkeys(map(_bytes_of, named)))

    def effects(self, settings: EthereumSettings) -> tuple[Effect, ...]:
        """Return what it moves."""
        return standing_effects(self.action, self.units, self.standing_id, self.payer, settings)


@attrs.frozen(kw_only=True)
class ChargeCall:
    """A call of `charge`: a plan, what each allowance is charged, and who gets how much of it."""

    area: int
    reference: bytes
    session_units_max: int
    until: int
    listed: tuple[bytes, ...]
    """The addresses that may be paid, the operator last; none where that is anybody."""
    charges: tuple[tuple[bytes, tuple[int, ...]], ...]
    """Of each authorisation its id and the units of each micro-session; of one that was read, no id."""
    credits: tuple[tuple[bytes, int], ...]

    @property
    def named(self) -> tuple[bytes, ...]:
        """The addresses in the table behind the call: the list, else those that are paid."""
        return self.listed or tuple(account for account, _ in self.credits)

    def owners(self) -> tuple[bytes, ...]:
        """Return whose accounts it needs."""
        return tuple(dict.fromkeys(self.named))

    def standing_ids(self) -> tuple[bytes, ...]:
        """Return which authorisations are charged."""
        return tuple(standing_id for standing_id, _ in self.charges)

    def micro_sessions(self) -> int:
        """Return how many micro-sessions are charged for."""
        return sum(len(units) for _, units in self.charges)

    def calldata(self, number_of: Mapping[bytes, int], place_of: Mapping[bytes, int]) -> bytes:
        """Return the bytes of the call, by the ledger's numbers and the allowances' places."""
        placed = sorted((place_of[standing_id], units) for standing_id, units in self.charges)
        lines = b"".join(
            place.to_bytes(_NUMBER_BYTES, "big")
            + bytes((len(units),))
            + b"".join(each.to_bytes(_UNITS_BYTES, "big") for each in units)
            for place, units in placed
        )
        credited = b"".join(
            number_of[account].to_bytes(_NUMBER_BYTES, "big") + units.to_bytes(16, "big")
            for account, units in self.credits
        )
        listed = b"".join(number_of[each].to_bytes(_NUMBER_BYTES, "big") for each in self.listed)
        called = encode(
            CHARGE_TYPES,
            self.area,
            self.reference,
            self.session_units_max,
            self.until,
            listed,
            lines,
            credited,
        )
        return selector(CHARGE) + called + TABLE_VERSION + b"".join(self.named)

    def effects(self, settings: EthereumSettings) -> tuple[Effect, ...]:
        """Return what it moves: out of the escrow, to those who are paid."""
        paid = [(account_of(each, settings.chain), units) for each, units in self.credits]
        return charge_effects(self.reference, paid, settings)


def standing_effects(
    action: StandingAction,
    units: int,
    standing_id: bytes,
    payer: bytes,
    settings: EthereumSettings,
) -> tuple[Effect, ...]:
    """Return what an action on one authorisation moves between its payer and the escrow."""
    if not units:
        return ()
    sign = -1 if action is StandingAction.AUTHORISE else 1
    asset = settings.money_asset
    own = Effect(account=account_of(payer, settings.chain), asset=asset, delta_units=sign * units)
    held = Effect(
        account=settings.escrow_account,
        asset=asset,
        delta_units=-sign * units,
        session_id=standing_id,
    )
    return (own, held) if sign < 0 else (held, own)


def charge_effects(
    reference: bytes, paid: Sequence[tuple[AccountId, int]], settings: EthereumSettings
) -> tuple[Effect, ...]:
    """Return what a charge moves; what all of its authorisations give together has its reference."""
    asset = settings.money_asset
    held = Effect(
        account=settings.escrow_account,
        asset=asset,
        delta_units=-sum(units for _, units in paid),
        session_id=reference,
    )
    return (
        held,
        *(Effect(account=account, asset=asset, delta_units=units) for account, units in paid),
    )


def parse_stand(calldata: bytes) -> StandCall:
    """Return the call of `stand` that bytes are, in canonical form only; raises `InvalidInput`."""
    area, reference, action, words, payees, signature, units = answer(
        STAND_TYPES, calldata[_SELECTOR_BYTES:]
    )
    if action not in set(StandingAction):
        raise InvalidInput(f"{action} is no action on a standing authorisation")
    parsed = StandCall(
        area=area,
        reference=reference,
        action=StandingAction(action),
        words=tuple(words),
        payees=tuple(payees),
        signature=signature,
        units=units,
    )
    if parsed.calldata() != calldata:
        raise InvalidInput("a call of stand must be canonical")
    return parsed


def parse_charge(calldata: bytes) -> ChargeCall:
    """Return the call of `charge` that bytes are, in canonical form only; raises `InvalidInput`."""
    fields = answer(CHARGE_TYPES, calldata[_SELECTOR_BYTES:])
    area, reference, limit, until, listed, lines, credited = fields
    called = _SELECTOR_BYTES + len(encode(CHARGE_TYPES, *fields))
    table = calldata[called:]
    names = [
        table[place : place + _ADDRESS_BYTES] for place in range(1, len(table), _ADDRESS_BYTES)
    ]
    accounts = [
        int.from_bytes(credited[place : place + _NUMBER_BYTES], "big")
        for place in range(0, len(credited), _CREDIT_BYTES)
    ]
    numbers = [
        int.from_bytes(listed[place : place + _NUMBER_BYTES], "big")
        for place in range(0, len(listed), _NUMBER_BYTES)
    ] or accounts
    address_of = dict(zip(numbers, names, strict=False))
    is_whole = len(table) == 1 + _ADDRESS_BYTES * len(numbers)
    if not is_whole or not set(accounts) <= set(numbers):
        raise InvalidInput("a call of charge must name the address of each whom it may pay")
    places = dict(_charges(lines))
    parsed = ChargeCall(
        area=area,
        reference=reference,
        session_units_max=limit,
        until=until,
        listed=tuple(names) if listed else (),
        charges=tuple((place.to_bytes(32, "big"), units) for place, units in places.items()),
        credits=tuple(
            (address_of[account], int.from_bytes(credited[start + 4 : start + 20], "big"))
            for account, start in zip(accounts, range(0, len(credited), _CREDIT_BYTES), strict=True)
        ),
    )
    place_of = {each: int.from_bytes(each, "big") for each in parsed.standing_ids()}
    number_of = dict(zip(names, numbers, strict=True))
    if parsed.calldata(number_of, place_of) != calldata:
        raise InvalidInput("a call of charge must be canonical")
    return parsed


def charged_units(lines: bytes) -> int:
    """Return what the charges of a call, or of its event, come to."""
    return sum(sum(units) for _, units in _charges(lines))


def _charges(lines: bytes) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield the place of each allowance and the units of its micro-sessions."""
    place = 0
    while place < len(lines):
        head = lines[place : place + _HEAD_BYTES]
        end = place + _HEAD_BYTES + head[-1] * _UNITS_BYTES
        if len(head) < _HEAD_BYTES or end > len(lines):
            raise InvalidInput("the charges of a call are cut off")
        units = tuple(
            int.from_bytes(lines[start : start + _UNITS_BYTES], "big")
            for start in range(place + _HEAD_BYTES, end, _UNITS_BYTES)
        )
        yield int.from_bytes(head[:_NUMBER_BYTES], "big"), units
        place = end


def _bytes_of(address: str) -> bytes:
    return bytes.fromhex(address[2:])
