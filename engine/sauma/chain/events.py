"""What blocks show: events, retractions and balances."""

from __future__ import annotations

import attrs

from sauma.chain.blocks import BlockRef, Cursor
from sauma.chain.transactions import Effect
from sauma.identifiers import AccountId


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
    """Up to which height the blocks read are final; where depth decides, by those read so far alone."""
    more: bool


@attrs.frozen(kw_only=True)
class Balance:
    """What an account has of an asset, with the block at which it holds."""

    units: int
    block: BlockRef
