"""What stands for the chain itself: replace this file by a client of your node."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import attrs

from sauma.chain import BlockRef, Effect
from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, AssetId
from sauma_template.codec import TemplateCodec

BLOCK_SECONDS = 10
GENESIS = datetime(2026, 1, 1, tzinfo=UTC)


@attrs.frozen(kw_only=True)
class Block:
    """A block and the bytes that it holds."""

    ref: BlockRef
    raws: tuple[bytes, ...]


class Ledger:
    """Takes bytes, makes blocks, and keeps balances; every block is final."""

    def __init__(self) -> None:
        """Start with an empty block at height 1."""
        self.blocks: list[Block] = []
        self.pool: dict[bytes, bytes] = {}
        self.block_of: dict[bytes, BlockRef] = {}
        self.references: set[bytes] = set()
        self.balances: dict[tuple[AccountId, AssetId], int] = {}
        self._codec = TemplateCodec()
        self.mine()

    @property
    def newest(self) -> BlockRef:
        """The newest block."""
        return self.blocks[-1].ref

    def accept(self, raw: bytes) -> str:
        """Put bytes into the pool: `accepted`, `known`, or why not."""
        try:
            decoded = self._codec.decode(raw)
        except InvalidInput as error:
            return str(error)
        if not decoded.signature_valid:
            return "the signature does not hold"
        transaction_id = decoded.transaction_id
        if transaction_id in self.pool or transaction_id in self.block_of:
            return "known"
        if decoded.reference in self.references:
            return "the reference has landed"
        self.pool[transaction_id] = raw
        return "accepted"

    def mine(self) -> None:
        """Make a block of all that waits and can be paid."""
        height = len(self.blocks) + 1
        taken = [key for key, raw in self.pool.items() if self._apply(raw)]
        digest = hashlib.sha256(b"template-block:%d:" % height + b"".join(taken)).digest()
        ref = BlockRef(
            height=height,
            block_hash=digest,
            time=GENESIS + timedelta(seconds=BLOCK_SECONDS * height),
        )
        self.blocks.append(Block(ref=ref, raws=tuple(self.pool.pop(key) for key in taken)))
        self.block_of.update(dict.fromkeys(taken, ref))

    def _apply(self, raw: bytes) -> bool:
        decoded = self._codec.decode(raw)
        if decoded.reference is None or decoded.reference in self.references:
            return False
        if not all(self._can(effect) for effect in decoded.effects):
            return False
        self.references.add(decoded.reference)
        for effect in decoded.effects:
            holding = (effect.account, effect.asset)
            self.balances[holding] = self.balances.get(holding, 0) + effect.delta_units
        return True

    def _can(self, effect: Effect) -> bool:
        return self.balances.get((effect.account, effect.asset), 0) + effect.delta_units >= 0
