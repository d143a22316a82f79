"""The adapter: two constants and seven calls, for a chain that issues and transfers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from sauma.chain import (
    Answer,
    Balance,
    Batch,
    Capabilities,
    ChainEvent,
    Cursor,
    Effect,
    EventPage,
    ExpiryUnit,
    Fate,
    FeeModel,
    Finality,
    Head,
    Issue,
    Point,
    Quote,
    SignedTransaction,
    Status,
    Support,
    Transfer,
    Word,
)
from sauma.errors import (
    InsufficientBalance,
    InvalidInput,
    NoSigner,
    Refused,
    Unsupported,
    WrongNetwork,
)
from sauma.identifiers import AccountId, AssetId, ChainId
from sauma.units import check_integer
from sauma_template.codec import TemplateCodec, body_of, sign, transaction_id_of
from sauma_template.ledger import BLOCK_SECONDS, Block, Ledger

CHAIN_ID = ChainId("template:main")
CAPABILITIES = Capabilities(
    issue=Support.NATIVE,
    transfer=Support.NATIVE,
    net=Support.ABSENT,
    retire=Support.ABSENT,
    hold=Support.ABSENT,
    contest=Support.ABSENT,
    standing=Support.ABSENT,
    anchor=Support.ABSENT,
    atomic_batch=Support.ABSENT,
    idempotency=Support.NATIVE,
    replacement=Support.ABSENT,
    batch_instructions_max=1,
    batch_lots_max=1,
    outstanding_max=10,
    units_max=10**15,
    finality=Finality.INSTANT,
    finality_blocks=1,
    block_seconds=BLOCK_SECONDS,
    expiry_unit=ExpiryUnit.NONE,
    fee_model=FeeModel.NONE,
    fee_asset=None,
    history_blocks=None,
    activation_units=0,
)


class TemplateChain:
    """A client of the ledger; it remembers nothing between two calls."""

    chain_id = CHAIN_ID
    capabilities = CAPABILITIES

    def __init__(
        self, ledger: Ledger, signers: Collection[AccountId] = (), *, page_blocks: int = 100
    ) -> None:
        """Sign for some accounts; without any, only read."""
        self._ledger = ledger
        self._signers = signers
        self._page_blocks = page_blocks
        self._codec = TemplateCodec()

    def head(self) -> Head:
        """Return the newest block, which is final."""
        return Head(newest=self._ledger.newest, final_height=self._ledger.newest.height)

    def quote(self, batches: Sequence[Batch]) -> Quote:
        """Return what the batches would take: a transaction each, and no fee."""
        raws = [_raw(batch) for batch in batches]
        return Quote(
            transactions=len(raws),
            bytes_total=sum(map(len, raws)),
            blocks=min(1, len(raws)),
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
        """Sign a prefix of the batches; raises when the first one is refused."""
        if replaces is not None:
            raise Unsupported("this chain replaces nothing: wait until the transaction lands")
        prepared: list[SignedTransaction] = []
        for batch in batches:
            waiting = [
                each
                for each in (*outstanding, *prepared)
                if each.transaction_id not in self._ledger.block_of
            ]
            lane = [each for each in waiting if each.sender == batch.instructions[0].authority]
            if len(lane) >= CAPABILITIES.outstanding_max:
                break
            try:
                self._check(batch, waiting)
            except (Refused, InvalidInput):
                if not prepared:
                    raise
                break
            prepared.append(self._signed(batch))
        return tuple(prepared)

    def broadcast(self, transaction: SignedTransaction) -> Answer:
        """Give the bytes to the ledger."""
        said = self._ledger.accept(transaction.raw)
        word = {"accepted": Word.ACCEPTED, "known": Word.KNOWN}.get(said, Word.REJECTED)
        return Answer(word=word, message=said)

    def status(self, transaction: SignedTransaction) -> Status:
        """Return what can be proved; what is included is final, and nothing ever expires."""
        block = self._ledger.block_of.get(transaction.transaction_id)
        if block is not None:
            return Status(fate=Fate.INCLUDED, block=block, final=True, succeeded=True)
        is_waiting = transaction.transaction_id in self._ledger.pool
        return Status(fate=Fate.PENDING if is_waiting else Fate.UNSEEN)

    def events(self, since: Cursor) -> EventPage:
        """Return what the next blocks hold; they are final, so nothing is ever retracted."""
        blocks = self._ledger.blocks[since.height : since.height + self._page_blocks]
        cursor = since.advanced(
            [Point(height=each.ref.height, block_hash=each.ref.block_hash) for each in blocks]
        )
        return EventPage(
            rolled_back_to=None,
            events=tuple(self._event(each, raw) for each in blocks for raw in each.raws),
            cursor=cursor,
            scanned=blocks[-1].ref if blocks else None,
            final_height=cursor.height,
            more=cursor.height < self._ledger.newest.height,
        )

    def balance(self, account: AccountId, asset: AssetId) -> Balance:
        """Return what an account has at the newest block."""
        _check_ours(account, asset)
        units = self._ledger.balances.get((account, asset), 0)
        return Balance(units=units, block=self._ledger.newest)

    def _check(self, batch: Batch, waiting: Sequence[SignedTransaction]) -> None:
        effects = _effects(batch)
        if any(batch.batch_id in each.batch_ids for each in waiting):
            raise Refused(f"batch {batch.batch_id.hex()} is outstanding: ask status() of it")
        if batch.reference in self._ledger.references:
            raise Refused(f"batch {batch.batch_id.hex()} has landed: ask status() of it")
        authority = batch.instructions[0].authority
        if authority not in self._signers:
            raise NoSigner(f"nobody signs for {authority}: give its signer to this chain")
        spent: Counter[tuple[AccountId, AssetId]] = Counter()
        for effect in (*effects, *(effect for each in waiting for effect in each.effects)):
            spent[effect.account, effect.asset] += max(0, -effect.delta_units)
        for effect in effects:
            holding = (effect.account, effect.asset)
            if effect.delta_units < 0 and spent[holding] > self._ledger.balances.get(holding, 0):
                raise InsufficientBalance(
                    f"{effect.account} lacks {effect.asset}: {spent[holding]} are needed"
                )

    def _signed(self, batch: Batch) -> SignedTransaction:
        raw = _raw(batch)
        sender = batch.instructions[0].authority
        return SignedTransaction(
            transaction_id=transaction_id_of(raw),
            raw=raw,
            sender=sender,
            batch_ids=(batch.batch_id,),
            effects=_effects(batch),
            fee_payer=sender,
            fee_units_max=0,
            valid_until=None,
            consumes=(),
            prepared_at=self._ledger.newest.height,
        )

    def _event(self, block: Block, raw: bytes) -> ChainEvent:
        decoded = self._codec.decode(raw)
        return ChainEvent(
            block=block.ref,
            transaction_id=decoded.transaction_id,
            reference=decoded.reference,
            effects=decoded.effects,
            succeeded=True,
            fee_payer=decoded.fee_payer,
            fee_units=0,
        )


def _raw(batch: Batch) -> bytes:
    sender = batch.instructions[0].authority
    body = body_of(sender, batch.reference, _effects(batch))
    return body + sign(sender, body)


def _effects(batch: Batch) -> tuple[Effect, ...]:
    """Return what a batch moves, or refuse what this chain does not declare."""
    if len(batch.instructions) > CAPABILITIES.batch_instructions_max:
        raise Unsupported("this chain takes one instruction a batch: make several batches")
    instruction = batch.instructions[0]
    if not isinstance(instruction, Issue | Transfer):
        kind = type(instruction).__name__.lower()
        raise Unsupported(f"this chain cannot {kind}: use one that declares it")
    units = check_integer(instruction.units, "units")
    if not 0 < units <= CAPABILITIES.units_max:
        raise InvalidInput(f"units {units} must be from 1 to {CAPABILITIES.units_max}")
    _check_ours(instruction.recipient, instruction.asset)
    credit = Effect(account=instruction.recipient, asset=instruction.asset, delta_units=units)
    if isinstance(instruction, Issue):
        return (credit,)
    _check_ours(instruction.sender, instruction.asset)
    debit = Effect(account=instruction.sender, asset=instruction.asset, delta_units=-units)
    return (debit, credit)


def _check_ours(account: AccountId, asset: AssetId) -> None:
    for name in (account, asset):
        if name.chain_id != CHAIN_ID:
            raise WrongNetwork(f"{name} is not on {CHAIN_ID}: name one that is")
