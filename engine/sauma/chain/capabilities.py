"""What a chain can do, and who keeps each promise."""

from __future__ import annotations

import enum

import attrs

from sauma.identifiers import AssetId


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
    standing: Support
    """Are standing authorisations held, and each charge kept within its limits?"""
    anchor: Support
    atomic_batch: Support
    """Are the instructions of an atomic batch all done or none?"""
    idempotency: Support
    """Does the chain itself refuse a second transaction for the same batch, if it moves anything?"""
    replacement: Support
    """Can an unconfirmed transaction be replaced so that never both land?"""
    batch_instructions_max: int
    """How many instructions may share one on-chain reference."""
    batch_lots_max: int
    """How many movements from one account to one other, each of another asset, may share one."""
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
