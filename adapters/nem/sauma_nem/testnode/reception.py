"""Receiving announced transactions: the server's checks in order, and the state of the pool."""

from __future__ import annotations

import attrs

from sauma_nem.binary import serialise
from sauma_nem.signing import verify
from sauma_nem.transactions import Cosignature, Multisig, Transaction
from sauma_nem.unreadable import Unreadable

from .chain import Chain
from .execution import debtor, execute
from .pool import Pool, PoolEntry, ResultCache
from .results import NOT_BOOTED, RestError, Result
from .settings import NodeSettings
from .state import Ledger
from .validation import Context, validate


@attrs.frozen(kw_only=True)
class Answer:
    """The result of an announce; `changed` is what now waits, None if nothing new does."""

    result: Result
    entry: PoolEntry
    changed: PoolEntry | None = None


class Reception:
    """The pool with the ledger as it would be if everything in it were confirmed."""

    def __init__(self, chain: Chain, settings: NodeSettings, nemesis: bytes) -> None:
        """Start with an empty pool above the chain's ledger."""
        self.pool = Pool()
        self.ledger = Ledger(chain.ledger)
        self._chain = chain
        self._settings = settings
        self._nemesis = nemesis
        self._results = ResultCache()

    def context(self, ledger: Ledger, now_seconds: int) -> Context:
        """How a transaction is judged that would stand in the next block."""
        return Context(
            ledger=ledger,
            height=self._chain.height + 1,
            now_seconds=now_seconds,
            network=self._settings.network,
            nemesis=self._nemesis,
            fees_required=self._settings.fees_required,
        )

    def receive(
        self, transaction: Transaction, now_seconds: int, *, is_booted: bool = True
    ) -> Answer:
        """Check a transaction and keep it if it passes.

        Raises Unreadable or RestError where the server's validation throws, and where it was not
        booted; the same transaction announced again then gets NEUTRAL, as there.
        """
        entry = PoolEntry.of(transaction)
        if transaction.network_byte != self._settings.network.byte:
            return Answer(result=Result.FAILURE_WRONG_NETWORK, entry=entry)
        remembered = self._results.get(entry.transaction_hash, now_seconds)
        if remembered is not None:
            return Answer(result=Result(remembered), entry=entry)
        self._results.put(entry.transaction_hash, Result.NEUTRAL, now_seconds)
        if not is_booted:
            raise RestError(503, NOT_BOOTED)
        answer = self._admit(entry, now_seconds)
        if answer.result is not Result.SUCCESS:
            self._results.put(entry.transaction_hash, answer.result, now_seconds)
        return answer

    def receive_from_peer(self, transaction: Transaction, now_seconds: int) -> Answer:
        """Check what a peer has waiting: as an announce, but nothing is remembered of the answer.

        Of a wrapper that waits here already the cosignatures are taken.  Raises as `receive` does.
        """
        answer = self._admit(PoolEntry.of(transaction), now_seconds)
        if answer.result is not Result.NEUTRAL or not isinstance(transaction, Multisig):
            return answer
        for cosignature in transaction.cosignatures:
            taken = self._admit(PoolEntry.of(cosignature), now_seconds)
            answer = answer if taken.changed is None else taken
        return answer

    def _admit(self, entry: PoolEntry, now_seconds: int) -> Answer:
        result = self._check(entry, now_seconds)
        if result is not Result.SUCCESS:
            return Answer(result=result, entry=entry)
        if isinstance(entry.transaction, Cosignature):
            return self._cosign(entry, entry.transaction)
        self._take(entry)
        return Answer(result=Result.SUCCESS, entry=entry, changed=entry)

    def _check(self, entry: PoolEntry, now_seconds: int) -> Result:
        transaction = entry.transaction
        hashes = tuple(entry.hashes())
        if self.pool.holds_any(hashes):
            return Result.NEUTRAL
        if not self.pool.admits(
            transaction,
            importance=self._settings.importances.get(debtor(transaction), 0.0),
            block_transactions_max=self._settings.block_transactions_max,
        ):
            return Result.FAILURE_TRANSACTION_CACHE_TOO_FULL
        if any(map(self._chain.knows_hash, hashes)):
            return Result.NEUTRAL
        if not is_signed(transaction):
            return Result.FAILURE_SIGNATURE_NOT_VERIFIABLE
        return self._check_rules(entry, now_seconds)

    def _check_rules(self, entry: PoolEntry, now_seconds: int) -> Result:
        result = validate(entry.transaction, self.context(self.ledger, now_seconds))
        if result is Result.SUCCESS and entry.deadline_seconds() < now_seconds:
            return Result.FAILURE_PAST_DEADLINE
        return result

    def _cosign(self, entry: PoolEntry, cosignature: Cosignature) -> Answer:
        """Attach a cosignature to its wrapper; a second one of the same cosigner is ignored."""
        waiting = self.pool.wrapper_for(cosignature)
        if waiting is None or not self._may_cosign(cosignature, waiting.transaction):
            return Answer(result=Result.FAILURE_MULTISIG_NO_MATCHING_MULTISIG, entry=entry)
        wrapper = waiting.transaction
        if not isinstance(wrapper, Multisig):
            raise RuntimeError("only a wrapper has an inner hash")
        cosigned = attrs.evolve(wrapper, cosignatures=(*wrapper.cosignatures, cosignature))
        if cosigned == wrapper:
            return Answer(result=Result.SUCCESS, entry=entry)
        changed = attrs.evolve(waiting, transaction=cosigned)
        self.pool.put(changed)
        execute(cosignature, self.ledger, self._chain.height + 1)
        return Answer(result=Result.SUCCESS, entry=entry, changed=changed)

    def _may_cosign(self, cosignature: Cosignature, wrapper: Transaction) -> bool:
        multisig = debtor(wrapper)
        cosigner = self.ledger.account(cosignature.signer_address)
        return (
            multisig == cosignature.multisig_address
            and multisig in cosigner.cosignatory_of
            and wrapper.signer != cosignature.signer
        )

    def _take(self, entry: PoolEntry) -> None:
        execute(entry.transaction, self.ledger, self._chain.height + 1)
        self.pool.put(entry)

    def adopt(self, transaction: Transaction) -> None:
        """Take what was waiting when the node last stopped; it was checked then."""
        self._take(PoolEntry.of(transaction))

    def drop_expired(self, now_seconds: int) -> bool:
        """Forget what can never be confirmed any more, and what depended on it; whether any was."""
        if not self.pool.has_expired(now_seconds):
            return False
        self.judge_again(now_seconds)
        return True

    def drop(self, transaction_hash: bytes, now_seconds: int) -> bool:
        """Forget a waiting transaction and what depended on it; whether it waited."""
        kept = [
            each.transaction
            for each in self.pool.entries()
            if each.transaction_hash != transaction_hash
        ]
        if len(kept) == len(self.pool):
            return False
        self.pool = Pool()
        self._results.forget(transaction_hash)
        self.judge_again(now_seconds, tuple(kept))
        return True

    def judge_again(self, now_seconds: int, returned: tuple[Transaction, ...] = ()) -> None:
        """Build the pool anew above the chain: `returned` transactions first, then what waited.

        What is confirmed, expired or no longer valid vanishes without a word, as on the server.
        """
        entries = [*map(PoolEntry.of, returned), *self.pool.entries()]
        self.pool = Pool()
        self.ledger = Ledger(self._chain.ledger)
        for entry in entries:
            hashes = tuple(entry.hashes())
            if any(map(self._chain.knows_hash, hashes)) or self.pool.holds_any(hashes):
                continue
            try:
                result = self._check_rules(entry, now_seconds)
            except (Unreadable, RestError):
                continue
            if result is Result.SUCCESS:
                self._take(entry)


def is_signed(transaction: Transaction) -> bool:
    """Whether the signatures of a transaction and of its cosignatures hold."""
    if isinstance(transaction, Multisig) and not all(map(is_signed, transaction.cosignatures)):
        return False
    if transaction.signature is None:
        return False
    return verify(transaction.signer, serialise(transaction), transaction.signature)
