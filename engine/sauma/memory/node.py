"""The node half of the reference chain: it takes bytes, makes blocks, and keeps a record of both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sauma.chain import Answer, BlockRef, Word
from sauma.errors import Conflict, InvalidInput, StoreDamaged
from sauma.identifiers import ChainId, canonical_json
from sauma.intervals import format_time, to_unix
from sauma.memory.codec import MemoryTransaction, read
from sauma.memory.ledger import GENESIS_HEIGHT, Block, Ledger, Pool, is_expired, time_after
from sauma.memory.recording import Recording
from sauma.memory.sessions import SessionRules

RECORD_VERSION: Final = 1


class MemoryNode:
    """Ledger and pool with one door each way; what it takes is on the disk before it is believed."""

    def __init__(
        self,
        chain_id: ChainId,
        *,
        genesis_time: datetime,
        finality_blocks: int,
        block_seconds: int,
        outstanding_max: int,
        session_rules: SessionRules,
        path: Path | None,
    ) -> None:
        """Begin at genesis, or repeat what the file recorded."""
        self.ledger = Ledger(chain_id, genesis_time, finality_blocks, session_rules)
        self.pool = Pool()
        self._block_seconds = block_seconds
        self._outstanding_max = outstanding_max
        self._skipped_s = 0
        self._recording: Recording | None = None
        if path is not None:
            rules = canonical_json(
                {
                    "version": RECORD_VERSION,
                    "chain": str(chain_id),
                    "genesis_time": format_time(genesis_time),
                    "finality_blocks": finality_blocks,
                    "block_seconds": block_seconds,
                }
            )
            self._recording = self._open(path, rules)

    def accept(self, transaction: MemoryTransaction) -> Answer:
        """Put a transaction of this chain into the pool, or say why not; mining looks at balances."""
        transaction_id = transaction.transaction_id
        if self.ledger.block_of(transaction_id) or self.pool.find(transaction_id):
            return Answer(word=Word.KNOWN)
        refusal = self._refusal(transaction)
        if refusal is not None:
            return Answer(word=Word.REJECTED, code=refusal[0], message=refusal[1])
        self._record("transaction", transaction.raw)
        self.pool.put(transaction)
        return Answer(word=Word.ACCEPTED)

    def mine(self) -> BlockRef:
        """Add a block with all of the pool that can land in it."""
        seconds = self._block_seconds + self._skipped_s
        time = time_after(self.ledger.newest, seconds)
        block = self.ledger.next_block(self.ledger.select(self.pool.all(), time), time)
        self._record("block", _block_payload(block, seconds))
        self._add(block)
        self._skipped_s = 0
        return self.ledger.newest

    def advance(self, seconds: int) -> None:
        """Let the next block come that much later."""
        self._skipped_s += seconds

    def drop(self, transaction_id: bytes) -> None:
        """Forget a waiting transaction, as a full pool does."""
        waiting = self.pool.find(transaction_id)
        if waiting is not None:
            self.pool.drop(waiting)

    def rollback(self, blocks: int, *, force: bool) -> BlockRef:
        """Undo the newest blocks; what they included waits again."""
        height = self.ledger.newest.height - blocks
        floor = GENESIS_HEIGHT if force else self.ledger.final_height
        if height < floor:
            raise InvalidInput(
                f"rolling {blocks} blocks back leads to height {height}, below {floor}: "
                "undo fewer blocks" + ("" if force else ", or give force=True")
            )
        self._record("rollback", canonical_json({"height": height}))
        self._undo(height)
        return self.ledger.newest

    def close(self) -> None:
        """Let go of the file, if there is one; may be repeated."""
        if self._recording is not None:
            self._recording.close()

    def _refusal(self, transaction: MemoryTransaction) -> tuple[str, str] | None:
        if not transaction.seal_valid:
            return "seal", "the seal does not fit the body"
        sender, nonce = transaction.draft.slot
        next_nonce = self.ledger.next_nonce(sender)
        if nonce < next_nonce:
            return "nonce_taken", f"nonce {nonce} of {sender} is taken, the next is {next_nonce}"
        if nonce >= next_nonce + self._outstanding_max:
            return "nonce_too_far", f"nonce {nonce} of {sender} is far above the next, {next_nonce}"
        waiting = self.pool.at(transaction.draft.slot)
        if waiting is not None and waiting.draft.attempt >= transaction.draft.attempt:
            return "nonce_waiting", f"nonce {nonce} of {sender} is used by one that waits"
        if self.ledger.batch_landed_in(transaction.draft.batch.batch_id) is not None:
            return "batch_landed", f"batch {transaction.draft.batch.batch_id.hex()} has landed"
        if is_expired(transaction, to_unix(self._next_time())):
            return "expired", f"it was valid until {transaction.draft.valid_until}"
        return None

    def _next_time(self) -> datetime:
        return time_after(self.ledger.newest, self._block_seconds)

    def _add(self, block: Block) -> None:
        self.ledger.append(block)
        self.pool.purge(self.ledger, self._next_time())

    def _undo(self, height: int) -> None:
        for transaction in self.ledger.rollback(height):
            self.pool.put(transaction)

    def _record(self, kind: str, payload: bytes) -> None:
        if self._recording is not None:
            self._recording.append(kind, payload)

    def _open(self, path: Path, rules: bytes) -> Recording:
        recording = Recording(path)
        try:
            records = recording.read()
            first = next(records, None)
            if first is None:
                recording.append("chain", rules)
            elif first != ("chain", rules):
                raise Conflict(
                    f"{path} keeps a chain with other rules: {first[1].decode(errors='replace')}, "
                    f"not {rules.decode()}; open it with its own"
                )
            for kind, payload in records:
                self._repeat(kind, payload)
        except BaseException:
            recording.close()
            raise
        return recording

    def _repeat(self, kind: str, payload: bytes) -> None:
        """Do again what was recorded; the record's digests have shown that it is what was written."""
        if kind == "transaction":
            self.pool.put(read(payload))
            return
        facts: dict[str, Any] = json.loads(payload)
        if kind == "rollback":
            self._undo(facts["height"])
            return
        time = time_after(self.ledger.newest, facts["seconds"])
        block = self.ledger.next_block(self._recorded(facts["transactions"]), time)
        if block.ref.block_hash.hex() != facts["hash"]:
            raise StoreDamaged(
                f"recorded block {facts['hash']} became {block.ref.block_hash.hex()}: "
                "the file was written by other rules"
            )
        self._add(block)

    def _recorded(self, transaction_ids: Sequence[str]) -> tuple[MemoryTransaction, ...]:
        found = [self.pool.find(bytes.fromhex(each)) for each in transaction_ids]
        if None in found:
            raise StoreDamaged("a recorded block includes a transaction that is not on record")
        return tuple(each for each in found if each is not None)


def _block_payload(block: Block, seconds: int) -> bytes:
    return canonical_json(
        {
            "hash": block.ref.block_hash,
            "seconds": seconds,
            "transactions": [each.transaction_id for each in block.transactions],
        }
    )
