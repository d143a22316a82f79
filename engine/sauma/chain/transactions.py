"""Signed bytes, what they do, and what can be proved of them."""

from __future__ import annotations

import enum

import attrs

from sauma.chain.blocks import BlockRef
from sauma.identifiers import AccountId, AssetId


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
    anchored_roots: tuple[bytes, ...] = ()
    """The Merkle roots that it puts on the chain, in the order of its instructions."""


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
