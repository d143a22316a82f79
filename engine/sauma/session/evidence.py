"""What parties and meters sign, and its bytes: the kind, the session, then fixed-width big-endian fields.

The same bytes are signed wherever a chain has no form of its own (`signing_payload`); on Ethereum
each kind is an EIP-712 struct with these fields in this order.
"""

from __future__ import annotations

import struct
from typing import ClassVar, Final, TypeAlias

import attrs

from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, Fact
from sauma.session.words import EvidenceKind, RegisterStatus
from sauma.units import INT64_MAX, check_integer

SESSION_ID_BYTES: Final = 32
SIGNING_PREFIX: Final = b"\x19sauma session evidence 1\n"
"""Begins what is signed, so that it can never be read as a transaction of any chain."""


@attrs.frozen(kw_only=True)
class _Statement:
    """A statement about one session; its fields behind `session_id` are integers."""

    kind: ClassVar[EvidenceKind]
    layout: ClassVar[str]

    session_id: bytes

    def __attrs_post_init__(self) -> None:
        """Refuse an id that is no hash and numbers that do not fit."""
        if len(self.session_id) != SESSION_ID_BYTES:
            raise InvalidInput(f"session id {self.session_id.hex()} must have 32 bytes")
        for name, value in self.numbers().items():
            if not 0 <= check_integer(int(value), name) <= INT64_MAX:
                raise InvalidInput(f"{name} {value} must not be below zero")

    def numbers(self) -> dict[str, int]:
        """Return the fields behind the session id, in order."""
        return {
            field.name: getattr(self, field.name)
            for field in attrs.fields(type(self))
            if field.name != "session_id"
        }

    def to_bytes(self) -> bytes:
        """Return kind (1), session id (32) and the fields."""
        return (
            bytes((self.kind,))
            + self.session_id
            + struct.pack(self.layout, *self.numbers().values())
        )

    def facts(self) -> dict[str, Fact]:
        """Return the statement as plain values."""
        return {"kind": int(self.kind), "session_id": self.session_id, **self.numbers()}


@attrs.frozen(kw_only=True)
class Authorisation(_Statement):
    """The payer lets so many units be held in all, until a time.  A higher one tops up."""

    kind: ClassVar = EvidenceKind.AUTHORISATION
    layout: ClassVar = ">QQ"

    held_units: int
    valid_until: int


@attrs.frozen(kw_only=True)
class Ready(_Statement):
    """The payee is ready and agrees to the terms; it counts from when the chain has it."""

    kind: ClassVar = EvidenceKind.READY
    layout: ClassVar = ">Q"

    time: int


@attrs.frozen(kw_only=True)
class SessionReading(_Statement):
    """The meter's cumulative register at a moment; sequence 0 is the start."""

    kind: ClassVar = EvidenceKind.READING
    layout: ClassVar = ">QQQB"

    sequence: int
    register_wh: int
    time: int
    status: int = RegisterStatus.PERIODIC


@attrs.frozen(kw_only=True)
class Receipt(_Statement):
    """The payer countersigns a reading and what it comes to."""

    kind: ClassVar = EvidenceKind.RECEIPT
    layout: ClassVar = ">QQQ"

    sequence: int
    register_wh: int
    amount_units: int


@attrs.frozen(kw_only=True)
class Close(_Statement):
    """Payer and payee agree on what is paid."""

    kind: ClassVar = EvidenceKind.CLOSE
    layout: ClassVar = ">QQ"

    sequence: int
    amount_units: int


@attrs.frozen(kw_only=True)
class Cancel(_Statement):
    """Payer or payee calls it off before it starts."""

    kind: ClassVar = EvidenceKind.CANCEL
    layout: ClassVar = ">"


@attrs.frozen(kw_only=True)
class Ruling(_Statement):
    """The arbiter says what is paid in all."""

    kind: ClassVar = EvidenceKind.RULING
    layout: ClassVar = ">Q"

    amount_units: int


Statement: TypeAlias = Authorisation | Ready | SessionReading | Receipt | Close | Cancel | Ruling

_KINDS: Final[dict[int, type[Statement]]] = {
    int(kind.kind): kind
    for kind in (Authorisation, Ready, SessionReading, Receipt, Close, Cancel, Ruling)
}


@attrs.frozen(kw_only=True)
class Signed:
    """A statement with who signed it.  No signature: the signer is the caller, whose transaction it is."""

    statement: Statement
    signer: AccountId
    signature: bytes = b""


def signing_payload(statement: Statement) -> bytes:
    """Return the bytes to sign where a chain has no form of its own: the prefix and the statement."""
    return SIGNING_PREFIX + statement.to_bytes()


def statement_bytes(kind: int) -> int:
    """Return how many bytes a statement of a kind has; raises `InvalidInput` for no kind."""
    found = _KINDS.get(kind)
    if found is None:
        raise InvalidInput(f"{kind} is no kind of evidence")
    return 1 + SESSION_ID_BYTES + struct.calcsize(found.layout)


def read_statement(raw: bytes) -> Statement:
    """Return the statement of its bytes; raises `InvalidInput` for anything else."""
    kind = _KINDS.get(raw[0]) if raw else None
    if kind is None:
        raise InvalidInput(f"{raw.hex()} is no evidence of a session: its first byte is no kind")
    body = raw[1 + SESSION_ID_BYTES :]
    if len(raw) < 1 + SESSION_ID_BYTES or len(body) != struct.calcsize(kind.layout):
        raise InvalidInput(f"{raw.hex()} has the wrong length for {kind.__name__}")
    names = [field.name for field in attrs.fields(kind)]
    numbers = dict(zip(names[1:], struct.unpack(kind.layout, body), strict=True))
    return kind(session_id=raw[1 : 1 + SESSION_ID_BYTES], **numbers)
