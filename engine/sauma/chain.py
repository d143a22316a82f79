"""The port: what the engine asks of a chain, and what a chain promises.

A chain has two constants (`chain_id`, `capabilities`) and seven calls.  It remembers nothing for the
engine: what is outstanding is handed in.  A refusal, a time-out and an empty answer are no
information; only blocks that were scanned decide.  No call waits for a block.

A `Codec` is the pure half of an adapter: it reads signed bytes without a network, so that an auditor
can check what a transaction does without trusting whoever made it.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol, TypeAlias, runtime_checkable

import attrs

from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, AssetId, ChainId

REFERENCE_MAGIC: Final = b"\xfeSAU"
"""Begins every on-chain reference; NEM wallets show a message that begins with fe as hexadecimal."""
REFERENCE_VERSION: Final = 1
REFERENCE_HASH_BYTES: Final = 24
REFERENCE_BYTES: Final = 30


class Support(enum.Enum):
    """Whether a chain can do something, and who keeps the promise."""

    NATIVE = "native"
    """The chain enforces it."""
    EMULATED = "emulated"
    """The operator keeps it, with what the chain offers; an auditor can see whether it was kept."""
    ABSENT = "absent"
    """Refused with `Unsupported`; nothing moves."""

    def __bool__(self) -> bool:
        """Tell whether it can be asked for at all."""
        return self is not Support.ABSENT


class Finality(enum.Enum):
    """How a chain says that a block cannot be undone."""

    INSTANT = "instant"
    DEPTH = "depth"
    TAG = "tag"


class ExpiryUnit(enum.Enum):
    """What `SignedTransaction.valid_until` counts."""

    NONE = "none"
    UNIX_SECONDS = "unix_seconds"
    HEIGHT = "height"


class FeeModel(enum.Enum):
    """How a chain prices a transaction."""

    NONE = "none"
    FIXED = "fixed"
    AUCTION = "auction"


@attrs.frozen(kw_only=True)
class Capabilities:
    """What a chain can do: promises both ways, declared works and undeclared is refused.

    Every field is required, so that a new one makes each adapter decide.
    """

    issue: Support
    transfer: Support
    net: Support
    retire: Support
    hold: Support
    contest: Support
    anchor: Support
    atomic_batch: Support
    """Are the instructions of an atomic batch all done or none?"""
    idempotency: Support
    """Does the chain itself refuse a second transaction for the same batch?"""
    replacement: Support
    """Can an unconfirmed transaction be replaced so that never both land?"""
    batch_instructions_max: int
    """How many instructions may share one on-chain reference."""
    outstanding_max: int
    """How many transactions of one sender may wait at a time."""
    units_max: int
    """The largest number of an asset's smallest units in one movement."""
    finality: Finality
    finality_blocks: int
    """From how many confirmations on a block is final; 1 is the newest block."""
    block_seconds: int
    expiry_unit: ExpiryUnit
    fee_model: FeeModel
    fee_asset: AssetId | None
    history_blocks: int | None
    """How many blocks back a node can be asked; None is all."""
    activation_units: int
    """What a new account costs before it can receive, in units of the fee asset."""


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
    """Set units of the payer aside for a session until it is captured, released or expires."""

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
    parts: tuple[Part, ...]


@attrs.frozen(kw_only=True)
class Release:
    """Give back to the payer what a session still holds."""

    instruction_id: bytes
    authority: AccountId
    evidence: bytes
    session_id: bytes


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


@attrs.frozen(kw_only=True, order=True)
class Effect:
    """One movement that a transaction makes.  Per asset, a transaction's effects sum to issued − retired.

    An account that issues (on NEM: the one that keeps the supply) is outside circulation and has no
    effect of its own.
    """

    account: AccountId
    asset: AssetId
    delta_units: int
    session_id: bytes | None = None


@attrs.frozen(kw_only=True)
class SignedTransaction:
    """Signed bytes and all that a process without memory needs to send, follow, replace or bury them."""

    transaction_id: bytes
    raw: bytes
    sender: AccountId
    """The lane: the account whose nonces, outpoints or pool room this uses."""
    batch_ids: tuple[bytes, ...]
    effects: tuple[Effect, ...]
    fee_payer: AccountId
    fee_units_max: int
    valid_until: int | None
    """In the chain's expiry unit; None: it may land for ever."""
    consumes: tuple[bytes, ...]
    """Nonce or outpoints: two transactions that share one can never both land."""
    prepared_at: int
    """The height from which a search for it starts."""


@attrs.frozen(kw_only=True)
class Decoded:
    """What signed bytes say, read without a network."""

    transaction_id: bytes
    sender: AccountId
    reference: bytes | None
    effects: tuple[Effect, ...]
    fee_payer: AccountId
    fee_units_max: int
    valid_until: int | None
    signature_valid: bool


@attrs.frozen(kw_only=True, order=True)
class BlockRef:
    """A block: height, hash and the chain's own time of it."""

    height: int
    block_hash: bytes
    time: datetime


@attrs.frozen(kw_only=True)
class Head:
    """The newest block, and the newest block that cannot be undone."""

    newest: BlockRef
    final_height: int


class Fate(enum.Enum):
    """What can be proved of a transaction now."""

    UNSEEN = "unseen"
    """Nothing is known: it may be on its way, forgotten, or not yet included."""
    PENDING = "pending"
    """A node has it in its pool."""
    INCLUDED = "included"
    DEAD = "dead"
    """It can never land: a final block proves it."""


@attrs.frozen(kw_only=True)
class Status:
    """What is known of one transaction."""

    fate: Fate
    block: BlockRef | None = None
    final: bool = False
    succeeded: bool | None = None
    culprit: bytes | None = None
    """The instruction that made an included transaction fail."""
    superseded_by: bytes | None = None
    reason: str | None = None


class Word(enum.Enum):
    """A node's word on a broadcast: a hint, never a verdict."""

    ACCEPTED = "accepted"
    KNOWN = "known"
    REJECTED = "rejected"


@attrs.frozen(kw_only=True)
class Answer:
    """What a node said when it was given a transaction."""

    word: Word
    code: str = ""
    message: str = ""


@attrs.frozen(kw_only=True)
class Quote:
    """What batches would take, before anything is signed or sent."""

    transactions: int
    bytes_total: int
    blocks: int
    fees: tuple[tuple[AccountId, int], ...]
    """Fee per payer in units of the fee asset, by account."""
    fee_asset: AssetId | None


@attrs.frozen(kw_only=True, order=True)
class Point:
    """A block that a cursor remembers."""

    height: int
    block_hash: bytes


CURSOR_POINTS_MAX: Final = 32
CURSOR_POINTS_DENSE: Final = 10


@attrs.frozen(kw_only=True)
class Cursor:
    """How far events were read: a block locator, newest point first, thinning out backwards.

    An empty cursor stands before the first block.  After a reorganisation the chain looks for the
    newest point that it still has, and says from where everything is retracted.
    """

    points: tuple[Point, ...] = ()

    @property
    def height(self) -> int:
        """The height up to which everything was read; 0 before the first block."""
        return self.points[0].height if self.points else 0

    def advanced(self, blocks: Sequence[Point]) -> Cursor:
        """Return the cursor after reading further blocks (oldest first), thinned out.

        Kept are the newest `CURSOR_POINTS_DENSE` points, then ever fewer: a point is left out when
        the next older one is still near enough for every rollback that would have ended at it.  So a
        rollback of any depth finds an ancestor at no more than twice that depth, as far back as the
        oldest point; the points double their distance every two, so that is far.
        """
        every = [*reversed(blocks), *self.points]
        kept = every[:CURSOR_POINTS_DENSE]
        rest = every[CURSOR_POINTS_DENSE:]
        for index, point in enumerate(rest):
            older = rest[index + 1] if index + 1 < len(rest) else None
            shallowest = every[0].height - kept[-1].height + 1
            if older is None or every[0].height - older.height > 2 * shallowest:
                kept.append(point)
        return Cursor(points=tuple(kept[:CURSOR_POINTS_MAX]))

    def rolled_back_to(self, height: int) -> Cursor:
        """Return the cursor without the points above a height."""
        return Cursor(points=tuple(point for point in self.points if point.height <= height))

    def to_text(self) -> str:
        """Write the cursor as `height:hash` pairs, newest first, for the store."""
        return ",".join(f"{point.height}:{point.block_hash.hex()}" for point in self.points)

    @classmethod
    def from_text(cls, text: str) -> Cursor:
        """Read what `to_text` wrote; raises `InvalidInput` for anything else."""
        pairs = (pair.partition(":") for pair in text.split(",") if pair)
        try:
            return cls(
                points=tuple(
                    Point(height=int(height), block_hash=bytes.fromhex(digest))
                    for height, _, digest in pairs
                )
            )
        except ValueError as error:
            raise InvalidInput(
                f"{text!r} is no cursor: read the chain from its beginning"
            ) from error


@attrs.frozen(kw_only=True)
class ChainEvent:
    """One included transaction that moved what we watch or carries one of our references."""

    block: BlockRef
    transaction_id: bytes
    reference: bytes | None
    effects: tuple[Effect, ...]
    succeeded: bool
    fee_payer: AccountId
    fee_units: int


@attrs.frozen(kw_only=True)
class EventPage:
    """What happened since a cursor: retractions first, then events in chain order.

    `rolled_back_to` is the height above which everything reported earlier no longer holds, or None.
    """

    rolled_back_to: int | None
    events: tuple[ChainEvent, ...]
    cursor: Cursor
    scanned: BlockRef | None
    """The last block read, or None when there was none to read."""
    final_height: int
    """Up to which height the blocks read are final."""
    more: bool


@attrs.frozen(kw_only=True)
class Balance:
    """What an account has of an asset, with the block at which it holds."""

    units: int
    block: BlockRef


@runtime_checkable
class Signer(Protocol):
    """Who signs for an account: a keystore, a remote signer, a delegated account.  Never a key string."""

    @property
    def account(self) -> AccountId:
        """The account that this signer signs for."""
        ...

    @property
    def public_key(self) -> bytes:
        """The key that others verify with."""
        ...

    def sign(self, payload: bytes) -> bytes:
        """Return the signature of a payload; the same payload gives the same signature."""
        ...


@runtime_checkable
class Chain(Protocol):
    """A chain as the engine sees it: two constants and seven calls."""

    @property
    def chain_id(self) -> ChainId:
        """Which chain this is."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it promises."""
        ...

    def head(self) -> Head:
        """Return the newest block and the newest final height."""
        ...

    def quote(self, batches: Sequence[Batch]) -> Quote:
        """Return what the batches would take; needs no key and sends nothing."""
        ...

    def prepare(
        self,
        batches: Sequence[Batch],
        *,
        outstanding: Sequence[SignedTransaction],
        replaces: SignedTransaction | None = None,
    ) -> tuple[SignedTransaction, ...]:
        """Pack, price and sign a prefix of whole batches; reads the chain and changes nothing.

        `outstanding` is every committed transaction of these senders that is neither final nor dead.
        Returns nothing when there is no room now.  Raises `Refused` (nothing was signed) or `ChainError`.
        """
        ...

    def broadcast(self, transaction: SignedTransaction) -> Answer:
        """Give the bytes to a node; may be repeated with the same bytes at any time.

        Raises `Unavailable` when nothing was sent and `OutcomeUnknown` when no answer came.
        """
        ...

    def status(self, transaction: SignedTransaction) -> Status:
        """Return what can be proved of a transaction now."""
        ...

    def events(self, since: Cursor) -> EventPage:
        """Return what happened since the cursor, asked for by us or not; at most one page."""
        ...

    def balance(self, account: AccountId, asset: AssetId) -> Balance:
        """Return what an account has, with the block at which that holds."""
        ...


@runtime_checkable
class Codec(Protocol):
    """The pure, offline half of an adapter: what an auditor loads."""

    def decode(self, raw: bytes) -> Decoded:
        """Return what signed bytes say; raises `InvalidInput` for bytes that are no transaction."""
        ...
