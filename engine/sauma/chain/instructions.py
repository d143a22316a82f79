"""What is asked of a chain: instructions, and batches that share one on-chain reference."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Final, TypeAlias

import attrs

from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, AssetId

REFERENCE_MAGIC: Final = b"\xfeSAU"
"""Begins every on-chain reference; NEM wallets show a message that begins with fe as hexadecimal."""
REFERENCE_VERSION: Final = 1
REFERENCE_HASH_BYTES: Final = 24
REFERENCE_BYTES: Final = 30


class BatchKind(enum.IntEnum):
    """What a batch is for; one byte of its on-chain reference."""

    SETTLEMENT = 1
    ANCHOR = 2
    SESSION = 3


@attrs.frozen(kw_only=True)
class Issue:
    """Bring new units into circulation, to the recipient's account.

    `on_behalf_of` names the producer when the units go straight to the buyer.
    """

    instruction_id: bytes
    authority: AccountId
    evidence: bytes
    recipient: AccountId
    asset: AssetId
    units: int
    on_behalf_of: AccountId | None = None


@attrs.frozen(kw_only=True)
class Transfer:
    """Move units from one account to another."""

    instruction_id: bytes
    authority: AccountId
    evidence: bytes
    sender: AccountId
    recipient: AccountId
    asset: AssetId
    units: int


@attrs.frozen(kw_only=True, order=True)
class Leg:
    """One account's part of a netted movement."""

    account: AccountId
    asset: AssetId
    delta_units: int


@attrs.frozen(kw_only=True)
class Net:
    """Move what is left after netting: legs that sum to zero for each asset, never split."""

    instruction_id: bytes
    authority: AccountId
    evidence: bytes
    legs: tuple[Leg, ...]


@attrs.frozen(kw_only=True)
class Hold:
    """Set units of the payer aside for a session until it is captured, released or expires.

    For this and the three below, `evidence` is the `SessionStep` that asks for it, or the `StandingStep`:
    then the session is a standing authorisation, whose id stands in the place of a session's.
    """

    instruction_id: bytes
    authority: AccountId
    evidence: bytes
    session_id: bytes
    payer: AccountId
    asset: AssetId
    units: int
    expires_at: datetime


@attrs.frozen(kw_only=True)
class Attest:
    """Put signed readings or a ruling of a session on record."""

    instruction_id: bytes
    authority: AccountId
    evidence: bytes
    session_id: bytes
    step: int
    statement: bytes


@attrs.frozen(kw_only=True)
class Part:
    """One payee's share of a capture."""

    payee: AccountId
    units: int


@attrs.frozen(kw_only=True)
class Capture:
    """Pay from what a session holds."""

    instruction_id: bytes
    authority: AccountId
    evidence: bytes
    session_id: bytes
    asset: AssetId
    parts: tuple[Part, ...]


@attrs.frozen(kw_only=True)
class Release:
    """Give back to the payer what a session holds and does not need."""

    instruction_id: bytes
    authority: AccountId
    evidence: bytes
    session_id: bytes
    payer: AccountId
    asset: AssetId
    units: int


@attrs.frozen(kw_only=True)
class Retire:
    """Take units out of circulation, from the account's balance."""

    instruction_id: bytes
    authority: AccountId
    evidence: bytes
    account: AccountId
    asset: AssetId
    units: int


@attrs.frozen(kw_only=True)
class Anchor:
    """Put a Merkle root on the chain, so that what it covers cannot be changed afterwards."""

    instruction_id: bytes
    authority: AccountId
    evidence: bytes
    root: bytes


Instruction: TypeAlias = (
    Issue | Transfer | Net | Hold | Attest | Capture | Release | Retire | Anchor
)


@attrs.frozen(kw_only=True)
class Batch:
    """Instructions that share one on-chain reference.

    `atomic` asks for all or nothing in one transaction; a chain that cannot refuses it.
    """

    batch_id: bytes
    kind: BatchKind
    instructions: tuple[Instruction, ...]
    atomic: bool = False

    def __attrs_post_init__(self) -> None:
        """Refuse an id that is no hash and a batch without instructions."""
        if len(self.batch_id) != 32:
            raise InvalidInput(f"batch id {self.batch_id.hex()} must have 32 bytes")
        if not self.instructions:
            raise InvalidInput(f"batch {self.batch_id.hex()} has no instructions")

    @property
    def reference(self) -> bytes:
        """The 30 bytes that the chain carries: magic, version, kind, 24 bytes of the batch id."""
        return batch_reference(self.batch_id, self.kind)


def batch_reference(batch_id: bytes, kind: BatchKind) -> bytes:
    """Return the on-chain reference of a batch: magic (4), version (1), kind (1), hash (24)."""
    return REFERENCE_MAGIC + bytes((REFERENCE_VERSION, kind)) + batch_id[:REFERENCE_HASH_BYTES]


def is_reference(payload: bytes) -> bool:
    """Tell whether a payload found on a chain is one of our references."""
    return len(payload) == REFERENCE_BYTES and payload.startswith(
        REFERENCE_MAGIC + bytes((REFERENCE_VERSION,))
    )
