"""The adapter of the reference chain: node and client in one object, in one process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import attrs

from sauma.chain import (
    Answer,
    Balance,
    Batch,
    BlockRef,
    Capabilities,
    ChainEvent,
    Cursor,
    EventPage,
    Fate,
    Finality,
    Head,
    Point,
    Quote,
    SignedTransaction,
    Signer,
    Status,
    Support,
    Word,
)
from sauma.errors import InvalidInput, NoSigner, Refused, WrongNetwork
from sauma.identifiers import AccountId, AssetId, ChainId
from sauma.intervals import check_utc, to_unix
from sauma.memory.codec import Draft, MemoryTransaction, read, signing_payload, write
from sauma.memory.ledger import Block, is_expired
from sauma.memory.node import MemoryNode
from sauma.memory.packing import Packing
from sauma.memory.rules import (
    ASSET_KIND,
    MEMORY_CAPABILITIES,
    check_account,
    check_asset,
    check_batch,
)
from sauma.memory.sessions import SESSION_RULES, SessionRules, escrow_domain, has_steps
from sauma.session import Session, Standing
from sauma.units import check_integer

GENESIS_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)
PAGE_BLOCKS: Final = 100
STEP_VALIDITY_BLOCKS: Final = 10
"""How many blocks' time a step of a session may take to land: another party's may have come before it."""


class MemoryChain:
    """A chain in memory, kept in a file when `path` says so.

    Without `signers` anybody may ask for anything in anybody's name, for tests and demos.  With them,
    each authority of a batch must have a signer, whose signature the transaction carries.  An
    authority may move what belongs to others, as if everybody had allowed it: this chain keeps
    balances, nonces and batch ids, but checks no signature and no ownership.

    With a `path` every accepted transaction, block and rollback is on the disk before the call
    returns; opening the file again gives the same chain.  One process has the file at a time.

    Calls may come from any thread, but must not overlap: nothing is locked.
    """

    def __init__(
        self,
        name: str = "main",
        *,
        signers: Mapping[AccountId, Signer] | None = None,
        finality_blocks: int = MEMORY_CAPABILITIES.finality_blocks,
        block_seconds: int = MEMORY_CAPABILITIES.block_seconds,
        batch_instructions_max: int = MEMORY_CAPABILITIES.batch_instructions_max,
        outstanding_max: int = MEMORY_CAPABILITIES.outstanding_max,
        validity_s: int | None = None,
        page_blocks: int = PAGE_BLOCKS,
        genesis_time: datetime = GENESIS_TIME,
        session_rules: SessionRules | None = SESSION_RULES,
        path: str | Path | None = None,
    ) -> None:
        """Begin a chain at its genesis block, or open the one that `path` keeps.

        `validity_s` is how many seconds of chain time after its preparation a transaction may land;
        None is for ever.  Without `session_rules` it declares no holds.

        Raises `Conflict` when the file keeps a chain with other rules.
        """
        self._chain_id = ChainId(f"memory:{name}")
        self._capabilities = attrs.evolve(
            MEMORY_CAPABILITIES,
            hold=Support.NATIVE if session_rules else Support.ABSENT,
            contest=Support.NATIVE if session_rules else Support.ABSENT,
            standing=Support.NATIVE if session_rules else Support.ABSENT,
            finality=Finality.INSTANT if finality_blocks == 1 else Finality.DEPTH,
            finality_blocks=_positive(finality_blocks, "finality_blocks"),
            block_seconds=_positive(block_seconds, "block_seconds"),
            batch_instructions_max=_positive(batch_instructions_max, "batch_instructions_max"),
            batch_lots_max=batch_instructions_max,
            outstanding_max=_positive(outstanding_max, "outstanding_max"),
        )
        self._validity_s = None if validity_s is None else _positive(validity_s, "validity_s")
        self._page_blocks = _positive(page_blocks, "page_blocks")
        self._signers = signers
        self._node = MemoryNode(
            self._chain_id,
            genesis_time=check_utc(genesis_time, "genesis_time"),
            finality_blocks=finality_blocks,
            block_seconds=block_seconds,
            outstanding_max=outstanding_max,
            session_rules=session_rules or SESSION_RULES,
            path=None if path is None else Path(path),
        )
        self._ledger = self._node.ledger

    @property
    def chain_id(self) -> ChainId:
        """`memory:<name>`."""
        return self._chain_id

    @property
    def capabilities(self) -> Capabilities:
        """Everything, enforced by the chain."""
        return self._capabilities

    def account(self, address: str) -> AccountId:
        """Return the account of that name on this chain; it needs no opening."""
        return AccountId.on(self._chain_id, address)

    def asset(self, name: str) -> AssetId:
        """Return the asset of that name on this chain; it needs no definition."""
        return AssetId.on(self._chain_id, ASSET_KIND, name)

    def head(self) -> Head:
        """Return the newest block and the newest final height; genesis is block 1, and final."""
        return Head(newest=self._ledger.newest, final_height=self._ledger.final_height)

    def quote(self, batches: Sequence[Batch]) -> Quote:
        """Return what the batches would take: a transaction each, one block, no fee.

        `bytes_total` leaves signatures out.  Raises `Refused` or `InvalidInput` for what the chain
        cannot do; balances are not looked at.
        """
        for batch in batches:
            self._check(batch)
        drafts = [
            self._draft(batch, self._ledger.next_nonce(batch.instructions[0].authority), 0)
            for batch in batches
        ]
        return Quote(
            transactions=len(drafts),
            bytes_total=sum(len(write(draft, {}).raw) for draft in drafts),
            blocks=1 if drafts else 0,
            fees=(),
            fee_asset=None,
        )

    def prepare(
        self,
        batches: Sequence[Batch],
        *,
        outstanding: Sequence[SignedTransaction],
        replaces: SignedTransaction | None = None,
    ) -> tuple[SignedTransaction, ...]:
        """Sign a prefix of the batches, one transaction each; raises when the first one is refused.

        Its lane is that of the first instruction's authority.  What outstanding transactions bring
        is not counted as spendable.  With `replaces` the first batch takes its nonce.
        """
        if replaces is not None and not batches:
            raise InvalidInput("nothing to replace the transaction with: give a batch")
        packing = Packing(
            self._ledger,
            outstanding=[self._read(each).draft for each in outstanding],
            replaces=None if replaces is None else self._read(replaces).draft,
            outstanding_max=self._capabilities.outstanding_max,
        )
        prepared: list[SignedTransaction] = []
        for batch in batches:
            try:
                transaction = self._prepare(batch, packing)
            except (Refused, InvalidInput):
                if not prepared:
                    raise
                break
            if transaction is None:
                break
            prepared.append(transaction.signed(self._ledger.newest.height))
        return tuple(prepared)

    def broadcast(self, transaction: SignedTransaction) -> Answer:
        """Put the bytes into the pool; the same bytes again are `KNOWN`."""
        try:
            ours = self._read(transaction)
        except WrongNetwork as error:
            return Answer(word=Word.REJECTED, code="wrong_chain", message=str(error))
        except InvalidInput as error:
            return Answer(word=Word.REJECTED, code="malformed", message=str(error))
        return self._node.accept(ours)

    def status(self, transaction: SignedTransaction) -> Status:
        """Return what can be proved of a transaction now.

        It is `DEAD` when a final block has another with its nonce or its batch, or is later than its
        validity.  What is included has succeeded.
        """
        ours = self._read(transaction)
        final_height = self._ledger.final_height
        block = self._ledger.block_of(ours.transaction_id)
        if block is not None:
            return Status(
                fate=Fate.INCLUDED, block=block, final=block.height <= final_height, succeeded=True
            )
        death = self._proof_of_death(ours)
        if death is not None:
            return death
        if self._node.pool.find(ours.transaction_id) is not None:
            return Status(fate=Fate.PENDING)
        return Status(fate=Fate.UNSEEN)

    def events(self, since: Cursor) -> EventPage:
        """Return what the next blocks after the cursor include, of everybody, at most one page."""
        ancestor = next((each.height for each in since.points if self._has(each)), 0)
        last = min(self._ledger.newest.height, ancestor + self._page_blocks)
        blocks = [self._block(height) for height in range(ancestor + 1, last + 1)]
        points = [
            Point(height=block.ref.height, block_hash=block.ref.block_hash) for block in blocks
        ]
        return EventPage(
            rolled_back_to=ancestor if ancestor < since.height else None,
            events=tuple(
                _event(block.ref, transaction)
                for block in blocks
                for transaction in block.transactions
            ),
            cursor=since.rolled_back_to(ancestor).advanced(points),
            scanned=blocks[-1].ref if blocks else None,
            final_height=self._ledger.final_by(last),
            more=last < self._ledger.newest.height,
        )

    def balance(self, account: AccountId, asset: AssetId) -> Balance:
        """Return what an account has at the newest block; zero if it was never heard of."""
        check_account(account, self._chain_id)
        check_asset(asset, self._chain_id)
        return Balance(units=self._ledger.balance((account, asset)), block=self._ledger.newest)

    def supply(self, asset: AssetId) -> int:
        """Return how many units of an asset were issued and not retired, at the newest block."""
        check_asset(asset, self._chain_id)
        return self._ledger.supply(asset)

    def session(self, session_id: bytes) -> Session | None:
        """Return a session as it stands at the newest block, if there is one of that id."""
        kept = self._ledger.sessions.get(session_id)
        return kept if isinstance(kept, Session) else None

    def standing(self, standing_id: bytes) -> Standing | None:
        """Return a standing authorisation as it stands at the newest block, if there is one of that id."""
        kept = self._ledger.sessions.get(standing_id)
        return kept if isinstance(kept, Standing) else None

    @property
    def session_domain(self) -> bytes:
        """The domain that terms of sessions on this chain must name."""
        return escrow_domain(self._chain_id)

    def mine(self, blocks: int = 1) -> BlockRef:
        """Add blocks, each with all of the pool that can land in it, and return the newest."""
        for _ in range(_positive(blocks, "blocks")):
            self._node.mine()
        return self._ledger.newest

    def advance(self, seconds: int) -> None:
        """Let chain time pass: the next block comes that much later.  Not kept in the file."""
        self._node.advance(_positive(seconds, "seconds"))

    def rollback(self, blocks: int = 1, *, force: bool = False) -> BlockRef:
        """Undo the newest blocks, as a reorganisation does, and return what is the newest now.

        What they included returns to the pool, and what is mined instead has other hashes.  Raises
        `InvalidInput` below the final height, unless `force` is given, and below genesis.
        """
        return self._node.rollback(_positive(blocks, "blocks"), force=force)

    def drop(self, transaction_id: bytes) -> None:
        """Forget a waiting transaction, as a full pool does.  Not kept in the file."""
        self._node.drop(transaction_id)

    def close(self) -> None:
        """Let go of the file, if there is one; may be repeated."""
        self._node.close()

    def __enter__(self) -> Self:
        """Return the chain itself; leaving closes it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the chain."""
        self.close()

    def _prepare(self, batch: Batch, packing: Packing) -> MemoryTransaction | None:
        self._check(batch)
        slot = packing.slot_for(batch)
        if slot is None:
            return None
        draft = self._draft(batch, *slot)
        packing.check_affordable(draft)
        self._ledger.sessions_after(batch, to_unix(self._ledger.newest.time))
        transaction = write(draft, self._signatures(draft))
        packing.take(transaction.draft)
        return transaction

    def _check(self, batch: Batch) -> None:
        check_batch(
            batch,
            self._chain_id,
            self._capabilities.batch_instructions_max,
            holds=bool(self._capabilities.hold),
        )

    def _draft(self, batch: Batch, nonce: int, attempt: int) -> Draft:
        validity_s = self._validity_s
        if validity_s is None and has_steps(batch):
            validity_s = STEP_VALIDITY_BLOCKS * self._capabilities.block_seconds
        now_s = to_unix(self._ledger.newest.time)
        return Draft(
            chain_id=self._chain_id,
            nonce=nonce,
            attempt=attempt,
            valid_until=None if validity_s is None else now_s + validity_s,
            batch=batch,
        )

    def _signatures(self, draft: Draft) -> dict[AccountId, bytes]:
        if self._signers is None:
            return {}
        signers = {account: self._signers.get(account) for account in draft.authorities}
        for account, signer in signers.items():
            if signer is None:
                raise NoSigner(f"nobody signs for {account}: give this chain its signer")
        payload = signing_payload(draft)
        return {
            account: signer.sign(payload)
            for account, signer in signers.items()
            if signer is not None
        }

    def _read(self, transaction: SignedTransaction) -> MemoryTransaction:
        ours = read(transaction.raw)
        if ours.draft.chain_id != self._chain_id:
            raise WrongNetwork(
                f"transaction {ours.transaction_id.hex()} is for {ours.draft.chain_id}: "
                f"give it to that chain, this one is {self._chain_id}"
            )
        if ours.transaction_id != transaction.transaction_id:
            raise InvalidInput(
                f"bytes of transaction {transaction.transaction_id.hex()} have the id "
                f"{ours.transaction_id.hex()}: they were changed"
            )
        return ours

    def _proof_of_death(self, transaction: MemoryTransaction) -> Status | None:
        final = self._block(self._ledger.final_height).ref
        rival = self._ledger.rival(transaction)
        taken = None if rival is None else self._ledger.block_of(rival)
        if taken is not None and taken.height <= final.height:
            reason = f"its nonce or batch is taken in final block {taken.height}"
            return Status(fate=Fate.DEAD, superseded_by=rival, reason=reason)
        if is_expired(transaction, to_unix(final.time)):
            valid_until = transaction.draft.valid_until
            reason = f"valid until {valid_until}, and final block {final.height} is later"
            return Status(fate=Fate.DEAD, reason=reason)
        return None

    def _block(self, height: int) -> Block:
        block = self._ledger.block(height)
        if block is None:
            raise InvalidInput(f"{self._chain_id} has no block {height}")
        return block

    def _has(self, point: Point) -> bool:
        block = self._ledger.block(point.height)
        return block is not None and block.ref.block_hash == point.block_hash


def _event(block: BlockRef, transaction: MemoryTransaction) -> ChainEvent:
    return ChainEvent(
        block=block,
        transaction_id=transaction.transaction_id,
        reference=transaction.draft.batch.reference,
        effects=transaction.effects,
        succeeded=True,
        fee_payer=transaction.draft.sender,
        fee_units=0,
    )


def _positive(value: int, name: str) -> int:
    if check_integer(value, name) < 1:
        raise InvalidInput(f"{name} {value} must be at least 1")
    return value
