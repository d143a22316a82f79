"""Standing authorisations against the escrow in this process: words, ids, signatures and calls.

Written from the interface alone, so that the tests do not trust the adapter's codec.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import attrs
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from .local_escrow import HOUR_S, Charging
from .local_ledger import AREA, ASSETS, Receipt, asset_word, sign

AUTHORISE, CHARGE, REVOKE, RETURN = range(1, 5)
ALLOWANCE: Final = (
    b"Allowance(bytes32 allowanceId,uint64 capUnits,uint64 sessionUnitsMax,uint64 until)"
)
WORD_TYPES: Final = (
    "bytes32",
    "address",
    "address",
    "bytes32",
    *("uint64",) * 5,
    *("bytes32",) * 2,
)
Charge = tuple[int, Sequence[int]]
"""An allowance's index in its group, and what each of its micro-sessions comes to."""


@attrs.frozen(kw_only=True)
class Allowance:
    """The 11 words, in order, and whom it may pay."""

    domain: bytes
    payer: str
    operator: str
    asset: bytes
    cap_units: int = 600
    session_units_max: int = 50
    valid_from: int = 0
    until: int
    notice_s: int = HOUR_S
    key: bytes = bytes(32)
    payees: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[Any, ...]:
        """As a tuple for the ABI."""
        listed = b"".join(encode(["address"], [payee]) for payee in self.payees)
        payees = hashlib.sha256(listed).digest() if listed else bytes(32)
        first = attrs.astuple(self, filter=lambda field, _: field.name not in ("payees", "key"))
        return (*first, payees, self.key)

    @property
    def allowance_id(self) -> bytes:
        """SHA-256 of the words."""
        return hashlib.sha256(encode(WORD_TYPES, self.words)).digest()

    @property
    def digest(self) -> bytes:
        """What the payer signs."""
        fields = (self.cap_units, self.session_units_max, self.until)
        types = ["bytes32", "bytes32", *("uint64",) * 3]
        message = keccak(encode(types, [keccak(ALLOWANCE), self.allowance_id, *fields]))
        return keccak(b"\x19\x01" + self.domain + message)


class Standing:
    """Allowances of the cars of a charging scene, all of one plan."""

    def __init__(self, here: Charging, *, payees: Sequence[str] | None = None) -> None:
        self.here = here
        self.until = here.now + 30 * 24 * HOUR_S
        self.payees = tuple((here.payee,) if payees is None else payees)
        numbers = here.local.register(*self.payees, here.operator)
        self.numbers = dict(zip((*self.payees, here.operator), numbers, strict=True))

    def allowance(self, payer: str | None = None, **changes: Any) -> Allowance:
        """What a car, the first one unless said otherwise, allows."""
        here = self.here
        facts: dict[str, Any] = {
            "domain": here.domain,
            "payer": payer or here.payer,
            "operator": here.operator,
            "asset": asset_word(here.chain_number, here.local.ledger.address, ASSETS[1]),
            "until": self.until,
            "payees": self.payees,
        }
        return Allowance(**{**facts, **changes})

    def allow(self, allowance: Allowance, *, signature: bytes | None = None, **how: Any) -> Receipt:
        """Bring the payer's signature."""
        if signature is None:
            signature = sign(self.here.key_of(allowance.payer), allowance.digest, compact=True)
        payees = how.pop("payees", allowance.payees)
        units = how.pop("units", allowance.cap_units)
        return self.stand(
            AUTHORISE, allowance, payees=payees, signature=signature, units=units, **how
        )

    def stand(
        self,
        action: int,
        allowance: Allowance,
        *,
        payees: Sequence[str] = (),
        signature: bytes = b"",
        units: int = 0,
        caller: str | None = None,
        reference: bytes = bytes(32),
    ) -> Receipt:
        """Ask for something about one allowance."""
        sender = caller or self.here.stranger
        if sender in self.here.cars:
            self.here.local.unlock(self.here.key_of(sender))
        return self.here.escrow.send(
            "stand",
            AREA,
            reference,
            action,
            allowance.words,
            list(payees),
            signature,
            units,
            sender=sender,
        )

    def charge(
        self,
        charges: Sequence[Charge],
        credits_: Sequence[tuple[int, int]],
        *,
        payees: bytes | None = None,
        caller: str | None = None,
        reference: bytes | None = None,
        until: int | None = None,
        limit: int = 50,
        behind: bytes = b"",
    ) -> Receipt:
        """Charge allowances with micro-sessions, and pay whom they say."""
        return self.here.escrow.send(
            "charge",
            AREA,
            self.here.local.reference() if reference is None else reference,
            limit,
            self.until if until is None else until,
            self.list if payees is None else payees,
            b"".join(charge_line(*charge) for charge in charges),
            b"".join(credit_line(*credit) for credit in credits_),
            sender=caller or self.here.operator,
            behind=behind,
        )

    @property
    def list(self) -> bytes:
        """Whom these allowances may pay, as the escrow is told; none where that is anybody."""
        if not self.payees:
            return b""
        listed = (*self.payees, self.here.operator)
        return b"".join(self.numbers[each].to_bytes(4, "big") for each in listed)

    @property
    def table(self) -> bytes:
        """What the adapter sends behind a charge: version 1, and the addresses of those in the list."""
        return b"\x01" + b"".join(bytes.fromhex(each[2:]) for each in self.numbers)

    @property
    def group(self) -> bytes:
        """Where these allowances lie."""
        types = ["uint32", "address", "uint64", "uint64", "bytes32"]
        plan = [AREA, self.here.operator, 50, self.until, keccak(self.list)]
        return keccak(encode(types, plan))

    def left(self, allowance: Allowance) -> tuple[int, int]:
        """What is left of one, and until when."""
        _, place, left = self.here.escrow.read("allowanceOf", allowance.allowance_id)
        return left, place >> 64


def charge_line(index: int, units: Sequence[int]) -> bytes:
    """What `charge` is told of one allowance."""
    each = b"".join(one.to_bytes(4, "big") for one in units)
    return index.to_bytes(4, "big") + bytes((len(units),)) + each


def credit_line(account: int, units: int, energy_wh: int = 0) -> bytes:
    """What `charge` is told of who is paid."""
    return account.to_bytes(4, "big") + energy_wh.to_bytes(8, "big") + units.to_bytes(8, "big")
