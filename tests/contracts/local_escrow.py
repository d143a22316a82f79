"""A charging session against the contracts in this process: terms, ids, evidence and calls.

Written from the interface alone, so that the tests do not trust the adapter's codec.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Any, Final

import attrs
from eth_abi.abi import encode
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak

from .local_ledger import AREA, ASSETS, LocalLedger, Receipt, asset_word, key_of, sign

(
    AUTHORISE,
    START,
    CANCEL,
    NO_SHOW,
    COUNTERSIGN,
    TOP_UP,
    CLOSE,
    CLAIM,
    CLAIM_SILENT,
    CONTEST,
    SETTLE,
    DISPUTE,
    RULE,
    DEFAULT,
    EXPIRE,
    CORRECT,
    READY,
) = range(1, 18)
NONE, AUTHORISED, ACTIVE, CLAIMED, DISPUTED, SETTLED, RELEASED = range(7)
HOUR_S: Final = 3_600
NOBODY: Final = "0x" + "00" * 20
KINDS: Final = {
    "Authorisation": (1, ("uint64 heldUnits", "uint64 validUntil")),
    "Ready": (2, ("uint64 time",)),
    "Reading": (
        3,
        ("uint64 sequence", "uint64 registerWh", "uint64 time", "uint8 status"),
    ),
    "Receipt": (4, ("uint64 sequence", "uint64 registerWh", "uint64 amountUnits")),
    "Close": (5, ("uint64 sequence", "uint64 amountUnits")),
    "Cancel": (6, ()),
    "Ruling": (7, ("uint64 amountUnits",)),
}
WORD_TYPES: Final = (
    "bytes32",
    *("address",) * 5,
    "bytes32",
    *("uint64",) * 12,
    *("bytes32",) * 3,
)


@attrs.frozen(kw_only=True)
class Terms:
    """The 22 words, in order."""

    domain: bytes
    payer: str
    payee: str
    operator: str
    arbiter: str
    meter: str
    asset: bytes
    price: int = 25
    price_decimals: int = 3
    fixed_fee_units: int = 10
    no_show_fee_units: int = 30
    fee_bps: int = 500
    energy_wh_max: int = 50_000
    starts_before: int
    ends_before: int
    contest_window_s: int = 6 * HOUR_S
    silence_limit_s: int = 4 * HOUR_S
    arbiter_window_s: int = 6 * HOUR_S
    bond_units: int = 5
    tariff: bytes = bytes(32)
    corrects: bytes = bytes(32)
    key: bytes

    @property
    def words(self) -> tuple[Any, ...]:
        """As a tuple for the ABI."""
        return attrs.astuple(self)

    @property
    def session_id(self) -> bytes:
        """SHA-256 of the words."""
        return hashlib.sha256(encode(WORD_TYPES, self.words)).digest()


Statement = tuple[int, str, list[int], bytes]


class Charging:
    """A car, a station with its meter, an operator and an arbiter, with accounts and money in the ledger."""

    def __init__(self, local: LocalLedger, *, cars: int = 1, funds: int = 10**9) -> None:
        self.local = local
        self.escrow = local.escrow
        self.chain_number: int = local.tester.backend.chain.chain_id
        self.payee, self.operator, self.arbiter = local.accounts[1:4]
        self.stranger = local.accounts[9]
        self.meter_key = key_of(9_000)
        self.meter = self.meter_key.public_key.to_checksum_address()
        self.cars = {address_of(key_of(10_000 + n)): key_of(10_000 + n) for n in range(cars)}
        self.payer = next(iter(self.cars))
        self.keys = dict(zip(local.accounts, local.tester.backend.account_keys, strict=False))
        self.numbers = dict(
            zip(
                (self.payee, self.operator, *self.cars),
                local.register(self.payee, self.operator, *self.cars),
                strict=True,
            )
        )
        for car in self.cars:
            local.fund(self.numbers[car], money_units=funds)
        self._made = 0

    @property
    def now(self) -> int:
        """The time of the newest block."""
        return int(self.local.tester.get_block_by_number("latest")["timestamp"])

    @property
    def domain(self) -> bytes:
        """The EIP-712 separator of the escrow for the area, computed here."""
        return domain_of(self.chain_number, self.escrow.address, AREA)

    def terms(self, **changes: Any) -> Terms:
        """Terms of a new session."""
        self._made += 1
        facts: dict[str, Any] = {
            "domain": self.domain,
            "payer": self.payer,
            "payee": self.payee,
            "operator": self.operator,
            "arbiter": self.arbiter,
            "meter": self.meter,
            "asset": asset_word(self.chain_number, self.local.ledger.address, ASSETS[1]),
            "starts_before": self.now + 12 * HOUR_S,
            "ends_before": self.now + 24 * HOUR_S,
            "key": keccak(self._made.to_bytes(8, "big")),
        }
        return Terms(**{**facts, **changes})

    def say(self, terms: Terms, kind: str, signer: str, *numbers: int, **how: Any) -> Statement:
        """A statement with its signature by whoever has the signer's key."""
        number, _ = KINDS[kind]
        key = how.get("key") or self.key_of(signer)
        signature = sign(key, digest(terms, kind, *numbers), compact=how.get("compact", True))
        return (number, signer, [*numbers, *(0,) * (4 - len(numbers))], signature)

    def key_of(self, address: str) -> PrivateKey:
        """The key of an account."""
        if address == self.meter:
            return self.meter_key
        return self.cars.get(address) or self.keys[address]

    def step(
        self,
        transition: int,
        terms: Terms,
        *evidence: Statement,
        caller: str | None = None,
        outcome: Sequence[int] = (0, 0, 0, 0),
        reference: bytes = bytes(32),
    ) -> Receipt:
        """Carry out one step; the outcome is (locked, payee, operator, payer)."""
        return self.escrow.send(
            "step",
            AREA,
            reference,
            transition,
            terms.words,
            evidence,
            packed(*outcome),
            sender=caller or self.stranger,
        )

    def authorisation(self, terms: Terms, units: int = 500, **how: Any) -> Statement:
        """The payer allows so many units."""
        return self.say(terms, "Authorisation", terms.payer, units, self.now + 48 * HOUR_S, **how)

    def reading(self, terms: Terms, sequence: int, register_wh: int, **how: Any) -> Statement:
        """The meter shows something."""
        return self.say(terms, "Reading", self.meter, sequence, register_wh, self.now, 1, **how)

    def authorised(self, terms: Terms, units: int = 500) -> Terms:
        """Lock."""
        self.step(AUTHORISE, terms, self.authorisation(terms, units), outcome=(units, 0, 0, 0))
        return terms

    def active(self, terms: Terms, units: int = 500) -> Terms:
        """Lock and start at register 1,000."""
        self.authorised(terms, units)
        self.step(START, terms, self.reading(terms, 0, 1_000), caller=self.payee)
        return terms

    def claimed(self, terms: Terms, register_wh: int = 11_000) -> Terms:
        """Lock, start, and claim what the meter says."""
        self.active(terms)
        self.step(CLAIM, terms, self.reading(terms, 5, register_wh), caller=self.payee)
        return terms

    def disputed(self, terms: Terms) -> Terms:
        """Countersign 60, have 260 claimed, and dispute."""
        self.active(terms)
        receipt = self.say(terms, "Receipt", terms.payer, 1, 3_000, 60)
        self.step(COUNTERSIGN, terms, receipt)
        self.step(CLAIM, terms, self.reading(terms, 5, 11_000), caller=self.payee)
        self.step_as_payer(DISPUTE, terms, outcome=(5, 57, 3, 240))
        return terms

    def step_as_payer(self, transition: int, terms: Terms, *evidence: Statement, **how: Any) -> Any:
        """A step whose transaction the payer signs: a car's key pays its own gas."""
        self.local.unlock(self.key_of(terms.payer))
        return self.step(transition, terms, *evidence, caller=terms.payer, **how)

    def state(self, terms: Terms) -> int:
        """Where the session stands."""
        record, _ = self.escrow.read("sessionOf", terms.session_id)
        return int(record & 0xFF)

    def money(self, address: str) -> int:
        """What somebody has in the ledger."""
        return self.local.balance(self.numbers[address])[1]

    def locked(self) -> tuple[int, int]:
        """What the escrow has in the area: energy and money."""
        energy_wh, money_units = self.local.read("lockedOf", AREA)
        return energy_wh, money_units


def address_of(key: PrivateKey) -> str:
    """The address of a key."""
    address: str = key.public_key.to_checksum_address()
    return address


def packed(locked: int, payee: int, operator: int, payer: int) -> int:
    """An outcome in a word."""
    return locked << 192 | payee << 128 | operator << 64 | payer


def domain_of(chain_number: int, escrow: str, area: int) -> bytes:
    """The EIP-712 domain separator, whose salt is the area."""
    return keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address", "bytes32"],
            [
                keccak(
                    b"EIP712Domain(string name,string version,uint256 chainId,"
                    b"address verifyingContract,bytes32 salt)"
                ),
                keccak(b"SaumaEscrow"),
                keccak(b"1"),
                chain_number,
                escrow,
                area.to_bytes(32, "big"),
            ],
        )
    )


def digest(terms: Terms, kind: str, *numbers: int) -> bytes:
    """What is signed for a statement."""
    _, fields = KINDS[kind]
    type_text = f"{kind}({','.join(('bytes32 sessionId', *fields))})"
    message = keccak(
        keccak(type_text.encode())
        + terms.session_id
        + b"".join(number.to_bytes(32, "big") for number in numbers)
    )
    return keccak(b"\x19\x01" + terms.domain + message)


def own_line(shared: int, terms: Terms) -> bytes:
    """What a line of a batch says that is not in the shared terms."""
    return (
        bytes((shared,))
        + bytes.fromhex(terms.payer[2:])
        + bytes.fromhex(terms.meter[2:])
        + terms.starts_before.to_bytes(5, "big")
        + terms.ends_before.to_bytes(5, "big")
        + terms.key
    )


def authorise_line(
    terms: Terms, held: int, valid_until: int, register_wh: int = 0, time: int = 0, shared: int = 0
) -> bytes:
    """A line of `authoriseMany`."""
    numbers = (valid_until, register_wh, time)
    return (
        own_line(shared, terms)
        + struct.pack(">Q", held)
        + b"".join(n.to_bytes(5, "big") for n in numbers)
    )


def close_line(
    terms: Terms, held: int, sequence: int, register_wh: int, amount: int, shared: int = 0
) -> bytes:
    """A line of `closeMany`."""
    return (
        own_line(shared, terms)
        + struct.pack(">QI", held, sequence)
        + register_wh.to_bytes(5, "big")
        + struct.pack(">Q", amount)
    )
