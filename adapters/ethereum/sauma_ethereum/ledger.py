"""The contract's calls, events and errors as bytes; pure.

Signatures are written out here, and a test compares them with the compiled contract's ABI.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import attrs
from eth_abi.abi import decode as decode_abi
from eth_abi.abi import encode as encode_abi
from eth_abi.exceptions import DecodingError, EncodingError

from sauma.errors import InvalidInput

from .artifacts import load_artifact
from .hexadecimal import ADDRESS_BYTES
from .operations import accounts_of, read
from .replies import Log
from .signing import keccak

CONTRACT: Final = "SaumaLedger"
ESCROW_CONTRACT: Final = "SaumaEscrow"
SETTLE: Final = "settle(uint32,bytes32,uint64,bytes,bytes)"
REGISTER_MANY: Final = "registerMany(uint32,address[])"
OPEN_AREA: Final = "openArea(address,address)"
ACCEPT_SETTLER: Final = "acceptSettler(uint32)"
ACCEPT_ISSUER: Final = "acceptIssuer(uint32)"
AREA_STATE: Final = "areaState(uint32)"
AREA_COUNT: Final = "areaCount()"
HEAD_OF: Final = "headOf(uint32)"
ACCOUNTS_OF: Final = "accountsOf(uint32,address)"
OWNER_OF: Final = "ownerOf(uint32,uint32)"
BALANCES_OF: Final = "balancesOf(uint32,uint32[])"
SETTLED_AS: Final = "settledAs(uint32,bytes32)"
LOCKED_OF: Final = "lockedOf(uint32)"
ESCROW: Final = "ESCROW()"
ESCROW_LEDGER: Final = "LEDGER()"
ESCROW_ENERGY: Final = "ENERGY_ASSET()"
ESCROW_MONEY: Final = "MONEY_ASSET()"
ALLOWANCE_OF: Final = "allowanceOf(bytes32)"
FUNCTIONS: Final = (
    SETTLE,
    REGISTER_MANY,
    OPEN_AREA,
    ACCEPT_SETTLER,
    ACCEPT_ISSUER,
    AREA_STATE,
    AREA_COUNT,
    HEAD_OF,
    ACCOUNTS_OF,
    OWNER_OF,
    BALANCES_OF,
    SETTLED_AS,
    LOCKED_OF,
    ESCROW,
)

BATCH_SETTLED: Final = "BatchSettled(uint32,bytes32,uint64,bytes32,bytes32,bytes)"
SIGNED_SETTLED: Final = "SignedSettled(uint32,bytes32,uint64,bytes32,bytes,bytes)"
INTERVAL_COMMITTED: Final = "IntervalCommitted(uint32,bytes32,uint64,bytes32)"
DEPOSITED: Final = "Deposited(uint32,uint32,uint64)"
WITHDRAWN: Final = "Withdrawn(uint32,uint32,address,uint64)"
CLAIMED: Final = "Claimed(uint32,bytes32,uint32,uint32,uint64,uint64)"
CLAIMS_CLOSED: Final = "ClaimsClosed(uint32,bytes32,uint32,uint64,uint64)"
LOCKED_MOVED: Final = "LockedMoved(uint32,bytes32,uint64,bytes32,bool,bytes)"
EVENTS: Final = (
    BATCH_SETTLED,
    SIGNED_SETTLED,
    INTERVAL_COMMITTED,
    DEPOSITED,
    WITHDRAWN,
    CLAIMED,
    CLAIMS_CLOSED,
    LOCKED_MOVED,
)
"""The events that move units or take a sequence."""

NEVER: Final = 2**64 - 1
"""As the last second of a settlement: it may land for ever."""
TABLE_VERSION: Final = b"\x01"
_SELECTOR_BYTES: Final = 4


@attrs.frozen(kw_only=True)
class Settle:
    """A call of `settle`: what it does, and which address each account number in it stands for.

    The contract keeps accounts by number; signed bytes should say whom they pay to somebody who has
    nothing else.  So the last parameter, which the contract only hashes into its audit head, holds
    one byte of version and the owner's address of every account named, in ascending order of their
    numbers.  That costs 320 gas an account.  The contract does not check it: whoever signs could lie
    there, but not unseen, because `events` takes the owners from the contract.
    """

    area: int
    reference: bytes
    """32 bytes: the port's reference, and zeros."""
    valid_until: int
    operations: bytes
    owners: tuple[bytes, ...]

    def calldata(self) -> bytes:
        """Return the bytes of the call."""
        table = TABLE_VERSION + b"".join(self.owners)
        return call(SETTLE, self.area, self.reference, self.valid_until, self.operations, table)

    def owner_by_account(self) -> dict[int, bytes]:
        """Return the address that each account number stands for."""
        return dict(zip(accounts_of(read(self.operations)), self.owners, strict=True))


def parse_settle(calldata: bytes) -> Settle:
    """Return the call of `settle` that bytes are, in canonical form only; raises `InvalidInput`."""
    if calldata[:_SELECTOR_BYTES] != selector(SETTLE):
        raise InvalidInput(f"calldata {calldata[:4].hex() or 'nothing'}… is no call of settle")
    area, reference, valid_until, operations, table = _decoded(SETTLE, calldata[_SELECTOR_BYTES:])
    addresses = table[len(TABLE_VERSION) :]
    owners = tuple(
        addresses[start : start + ADDRESS_BYTES]
        for start in range(0, len(addresses), ADDRESS_BYTES)
    )
    settle = Settle(
        area=area,
        reference=reference,
        valid_until=valid_until,
        operations=operations,
        owners=owners,
    )
    if len(accounts_of(read(operations))) != len(owners) or settle.calldata() != calldata:
        raise InvalidInput(
            "a call of settle must be canonical, and name the owner of each of its accounts"
        )
    return settle


def call(signature: str, *values: Any) -> bytes:
    """Return the bytes of a call of the contract; raises `InvalidInput` for what does not fit."""
    return selector(signature) + encode(_types(signature), *values)


def encode(types: tuple[str, ...], *values: Any) -> bytes:
    """Return values as the contract ABI writes them; raises `InvalidInput` for what does not fit."""
    try:
        return encode_abi(types, values)
    except EncodingError as error:
        raise InvalidInput(f"{types} cannot take {values}: {error}") from error


def answer(types: tuple[str, ...], data: bytes) -> tuple[Any, ...]:
    """Return what a contract answered; raises `InvalidInput` for bytes that are not of these types."""
    try:
        return tuple(decode_abi(types, data))
    except (DecodingError, OverflowError) as error:
        raise InvalidInput(
            f"{data.hex()[:80]} is no answer of the types {types}: {error}"
        ) from error


@attrs.frozen(kw_only=True)
class LedgerEvent:
    """An event of the contract: which, of which area, its indexed value, and its other fields."""

    signature: str
    area: int
    indexed: bytes
    """The second indexed field, 32 bytes: a reference, a root or an account number."""
    fields: tuple[Any, ...]

    @property
    def account(self) -> int:
        """The indexed field as an account number."""
        return int.from_bytes(self.indexed, "big")


_INDEXED: Final = 2
"""How many fields of each event in `EVENTS` are indexed: the first two."""


def parse_log(log: Log) -> LedgerEvent | None:
    """Return the event of a log entry; None for one that moves nothing."""
    signature = _event_topics().get(log.topics[0]) if log.topics else None
    if signature is None or len(log.topics) != 1 + _INDEXED:
        return None
    return LedgerEvent(
        signature=signature,
        area=int.from_bytes(log.topics[1], "big"),
        indexed=log.topics[2],
        fields=answer(_types(signature)[_INDEXED:], log.data),
    )


def event_topic(signature: str) -> bytes:
    """Return the topic that begins the log entries of an event."""
    return keccak(signature.encode())


@cache
def selector(signature: str) -> bytes:
    """Return the four bytes that a call of a function begins with."""
    return keccak(signature.encode())[:_SELECTOR_BYTES]


def revert_reason(data: bytes) -> str | None:
    """Return a custom error of the contracts as text, such as `Expired(validUntil=1)`."""
    known = _errors().get(data[:_SELECTOR_BYTES])
    if known is None:
        return None
    name, names, types = known
    try:
        values = decode_abi(types, data[_SELECTOR_BYTES:])
    except (DecodingError, OverflowError):
        return name
    shown = (value.hex() if isinstance(value, bytes) else value for value in values)
    pairs = ", ".join(f"{key}={value}" for key, value in zip(names, shown, strict=True))
    return f"{name}({pairs})"


@cache
def _event_topics() -> dict[bytes, str]:
    return {event_topic(signature): signature for signature in EVENTS}


@cache
def _errors() -> dict[bytes, tuple[str, tuple[str, ...], tuple[str, ...]]]:
    found = {}
    for entry in (*load_artifact(CONTRACT).abi, *load_artifact(ESCROW_CONTRACT).abi):
        if entry["type"] == "error":
            types = tuple(each["type"] for each in entry["inputs"])
            names = tuple(each["name"] for each in entry["inputs"])
            signature = f"{entry['name']}({','.join(types)})"
            found[selector(signature)] = (entry["name"], names, types)
    return found


@cache
def _types(signature: str) -> tuple[str, ...]:
    inside = signature[signature.index("(") + 1 : -1]
    return tuple(inside.split(",")) if inside else ()


def _decoded(signature: str, data: bytes) -> tuple[Any, ...]:
    return answer(_types(signature), data)
