"""The outbox: prepare, commit, broadcast, follow, finalise.

What makes an effect happen exactly once, wherever the process dies:

- signed bytes are committed, with the journal entry that describes them, before the first is sent;
- after any doubt the *same* bytes are sent again;
- new bytes are made only for what is proved dead at finality;
- a refusal, a time-out and an empty answer are no information: only scanned blocks decide;
- the cursor moves in the transaction that commits what it passed;
- one lane per chain and sender, held by a lease with a fencing number;
- what a process died of again and again is suspended by name, and the others go on.

A step whose parents are not included waits; so instructions leave in waves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Final

import attrs
import sqlalchemy as sa

from sauma.chain import Batch, EventPage, Fate, SignedTransaction
from sauma.dispatch.attempts import Attempts
from sauma.dispatch.bound import Bound, read_bound
from sauma.dispatch.checking import check_signed
from sauma.dispatch.due import (
    OneBatch,
    build_batch,
    due_batches,
    due_steps,
    further_holders,
    lane_of,
)
from sauma.dispatch.progress import Progress, Sent
from sauma.dispatch.remembering import RememberingCodec
from sauma.dispatch.restoring import committed_transactions
from sauma.dispatch.rows import RAW, observed_tables, signed_tables
from sauma.dispatch.suspending import held_transactions, suspended_work
from sauma.errors import (
    ChainError,
    Disagreement,
    InvalidInput,
    Refused,
    StoreBusy,
    UnknownName,
)
from sauma.identifiers import AccountId
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.logs import get_logger
from sauma.settlement import ESCROW, ISSUER
from sauma.store import Lane, Store, Transaction, carried, queries
from sauma.store import projections as p
from sauma.venue import Venue

LEASE_S: Final = 120
PREPARE_BATCHES_MAX: Final = 120
"""How many batches one call of `prepare` is given, so that a commit stays small."""
FOLLOWED_TOGETHER_MAX: Final = 10_000
"""How many transactions are asked after before the store is told of the next ones."""
REASON_BYTES_MAX: Final = 256

CHAIN_OBSERVED: Final = "chain_observed"
TRANSACTIONS_SIGNED: Final = "transactions_signed"
TRANSACTIONS_BURIED: Final = "transactions_buried"

log = get_logger(__name__)


class Dispatch:
    """Carries planned batches to a chain and what the chain shows back into the journal.

    Everything that matters is in the store: a new process with the same store goes on where the last
    one stopped.
    """

    def __init__(
        self,
        store: Store,
        venue: Venue,
        *,
        now: Callable[[], datetime],
        draw_salt: Callable[[], bytes],
        holder: str,
    ) -> None:
        """Take what to work with; `holder` names this process to others that share the store."""
        self._store = store
        self._asked_codec = venue.codec
        self._venue = attrs.evolve(venue, codec=RememberingCodec(venue.codec))
        self._now = now
        self._draw_salt = draw_salt
        self._holder = holder
        self._bound: Bound | None = None
        self._sent_at_height: dict[bytes, int] = {}
        self._following = Attempts(
            store,
            venue.chain_id,
            f"@{holder}",
            now=now,
            are_transactions=True,
            together_max=FOLLOWED_TOGETHER_MAX,
        )

    def close(self) -> None:
        """Note that this process ended, and did not die of what it followed."""
        self._following.close()

    # --- reading the chain ---------------------------------------------------------------------

    def observe(self) -> Progress:
        """Read the chain to its newest block; each page is one entry, committed with the cursor."""
        events = 0
        rolled_back_to: int | None = None
        while True:
            with self._store.reading() as connection:
                state = queries.chain_state(connection, self._venue.chain_id)
                holders = self._read_bound(connection).holders
            page = self._venue.chain.events(state.cursor)
            if page.scanned is None and page.rolled_back_to is None:
                break
            if page.rolled_back_to is not None and page.rolled_back_to < state.final_height:
                raise Disagreement(
                    f"{self._venue.chain_id} took back every block above {page.rolled_back_to}, but "
                    f"block {state.final_height} was final: nothing is sent or billed any more; "
                    "compare with another node before you go on"
                )
            if not self._commit_page(state, page, holders):
                continue
            events += len(page.events)
            if page.rolled_back_to is not None:
                rolled_back_to = page.rolled_back_to
                log.warning("chain_rolled_back", height=page.rolled_back_to)
            if not page.more:
                break
        with self._store.reading() as connection:
            height = queries.chain_state(connection, self._venue.chain_id).scanned_height
        return Progress(blocks_read_to=height, events=events, rolled_back_to=rolled_back_to)

    def _commit_page(
        self, state: queries.ChainState, page: EventPage, holders: Mapping[AccountId, str]
    ) -> bool:
        """Append one page; False when another process moved the cursor meanwhile."""
        chain_id = self._venue.chain_id
        tables = observed_tables(chain_id, page, holders)
        with self._store.transaction() as transaction:
            cursor = transaction.query(
                sa.select(p.chain_states.c.cursor).where(p.chain_states.c.chain_id == chain_id)
            )
            if (cursor[0][0] if cursor else "") != state.cursor.to_text():
                return False
            transaction.append(kind=CHAIN_OBSERVED, time=self._now(), tables=tables)
        return True

    # --- following what is out ------------------------------------------------------------------

    def follow(self) -> Progress:
        """Send again what no block shows yet, and bury what is proved dead."""
        with self._store.reading() as connection:
            height = queries.chain_state(connection, self._venue.chain_id).scanned_height
            unseen = committed_transactions(connection, self._venue, (p.STATE_COMMITTED,))
            suspended = suspended_work(connection)
        ids = {transaction.transaction_id for transaction in unseen}
        self._sent_at_height = {
            one: sent_at for one, sent_at in self._sent_at_height.items() if one in ids
        }
        left = {
            one.transaction_id: one
            for one in unseen
            if one.transaction_id not in suspended
            and self._sent_at_height.get(one.transaction_id, -1) < height
        }
        self._following.suspended.clear()  # who is among them again was resumed
        sent = buried = 0
        while group := self._following.next_of(left.keys()) if left else ():
            with self._following.trying():
                for transaction_id in group:
                    was_sent, was_buried = self._follow_one(left.pop(transaction_id), height)
                    sent, buried = sent + was_sent, buried + was_buried
        return Progress(sent=sent, buried=buried)

    def _follow_one(self, transaction: SignedTransaction, height: int) -> tuple[int, int]:
        """Ask after one, and send it again or bury it; returns how many were."""
        sent = buried = 0
        try:
            status = self._venue.chain.status(transaction)
        except ChainError as error:
            log.warning("status_unknown", error=str(error))
            return 0, 0
        if status.fate is Fate.DEAD:
            self._bury(transaction, status.reason or "proved dead")
            buried = 1
        elif status.fate is Fate.UNSEEN:
            sent = self._send(transaction, height)
        self._following.went_well([transaction.transaction_id])
        return sent, buried

    def _bury(self, transaction: SignedTransaction, reason: str) -> None:
        with self._store.reading() as connection:
            final_height = queries.chain_state(connection, self._venue.chain_id).final_height
        row = (transaction.transaction_id, final_height, _shortened(reason))
        with self._store.transaction() as writing:
            writing.append(
                kind=TRANSACTIONS_BURIED,
                time=self._now(),
                tables=[Table.from_rows(journal.BURIALS, [row])],
            )
        log.warning("transaction_buried", transaction_id=transaction.transaction_id.hex())

    def _send(self, transaction: SignedTransaction, height: int) -> int:
        self._sent_at_height[transaction.transaction_id] = height
        try:
            answer = self._venue.chain.broadcast(transaction)
        except ChainError as error:
            log.warning("broadcast_unanswered", error=str(error))
            return 0
        log.info(
            "transaction_sent",
            transaction_id=transaction.transaction_id.hex(),
            word=answer.word.value,
            code=answer.code,
        )
        return 1

    # --- sending --------------------------------------------------------------------------------

    def send(self) -> Progress:
        """Prepare, commit and broadcast every batch that is due, lane by lane.

        What is refused, and a lane that another process holds, is held up alone.
        """
        with self._store.reading() as connection:
            due = due_batches(connection, self._venue.chain_id)
            steps = due_steps(connection, self._venue, self._asked_codec)
            accounts = self._read_bound(connection).accounts
            suspended = suspended_work(connection)
            done = Sent(held=held_transactions(connection, suspended.values()))
        further = further_holders(accounts)
        lanes: dict[str, list[OneBatch]] = defaultdict(list)
        for batch in (*due.ready, *steps.ready):
            if batch.batch_id in suspended:
                done.hold(batch, suspended[batch.batch_id])
            else:
                lanes[lane_of(batch, further)].append(batch)
        for holder, batches in sorted(lanes.items()):
            self._send_lane(holder, batches, accounts, done)
        for one in done.held:
            log.warning("batch_held", batch_id=one.batch_id.hex(), reason=one.reason)
        return Progress(
            signed=done.signed,
            sent=done.sent,
            waiting=due.waiting + steps.waiting + len(due.ready) + len(steps.ready) - done.batches,
            held=tuple(done.held),
        )

    def _send_lane(
        self,
        holder: str,
        due: Sequence[OneBatch],
        accounts: Mapping[str, AccountId],
        done: Sent,
    ) -> None:
        """Work off one lane under its lease."""
        ready: dict[bytes, tuple[OneBatch, Batch]] = {}
        further = further_holders(accounts)
        for one in due:
            try:
                ready[one.batch_id] = one, build_batch(one, self._venue, accounts, further)
            except UnknownName as error:
                done.hold(one, error)
        if not ready:
            return
        sender = accounts[holder]
        attempts = Attempts(
            self._store,
            self._venue.chain_id,
            str(sender),
            now=self._now,
            are_transactions=False,
            together_max=PREPARE_BATCHES_MAX,
        )
        try:
            with self._lane(sender, attempts, ready.keys()) as lane, attempts.trying():
                self._forget_carried(ready)
                self._work_off(lane, sender, ready, attempts, done)
            for fatal in attempts.suspended:
                if fatal.item_id in ready:
                    done.hold(ready[fatal.item_id][0], fatal)
        except (ChainError, StoreBusy) as error:
            log.warning("lane_interrupted", sender=holder, error=str(error))
            for one, _ in ready.values():
                done.hold(one, error)

    @contextmanager
    def _lane(
        self, sender: AccountId, attempts: Attempts, batch_ids: Collection[bytes]
    ) -> Iterator[Lane]:
        """Hold the lane of a sender, and note in the same commits what is tried in it."""
        with self._store.transaction() as transaction:
            chain_id = self._venue.chain.chain_id
            lane = transaction.acquire_lane(chain_id, sender, self._holder, self._now(), LEASE_S)
            attempts.take_over(transaction, batch_ids, lane)
        try:
            yield lane
        finally:
            with self._store.transaction() as transaction:
                if transaction.release_lane(lane):
                    attempts.end(transaction)
                else:
                    attempts.outlive(transaction)

    def _forget_carried(self, ready: dict[bytes, tuple[OneBatch, Batch]]) -> None:
        """Leave out what another process has signed since we looked, before we had the lane."""
        with self._store.reading() as connection:
            taken = carried.signed_for(connection, list(ready), alive=True)
        for batch_id, _ in taken:
            ready.pop(batch_id, None)

    def _work_off(
        self,
        lane: Lane,
        sender: AccountId,
        ready: dict[bytes, tuple[OneBatch, Batch]],
        attempts: Attempts,
        done: Sent,
    ) -> None:
        """Sign, commit and send what is ready, and take it out; what is refused is held."""
        # nobody else signs for the sender while the lane is ours: read once, it grows by our own
        outstanding = self._outstanding(sender)
        while group := attempts.next_of(ready.keys()) if ready else ():
            asked = {batch_id: ready[batch_id][1] for batch_id in group}
            try:
                prepared = self._prepare(list(asked.values()), outstanding)
            except (Refused, InvalidInput) as error:
                first, _ = ready.pop(group[0])
                done.hold(first, error)
                attempts.went_well(group[:1])
                continue
            if not prepared:
                return
            carried_now = [batch_id for one in prepared for batch_id in one.batch_ids]
            note_next = partial(attempts.note_next, items=ready.keys(), done=carried_now)
            lane = self._commit(lane, sender, prepared, asked, note_next)
            outstanding += prepared
            for batch_id in carried_now:
                ready.pop(batch_id)
            attempts.went_well(carried_now)
            done.signed += len(prepared)
            done.batches += len(carried_now)
            done.sent += self._broadcast(prepared)

    def _outstanding(self, sender: AccountId) -> list[SignedTransaction]:
        """Return what was signed for a sender and is neither final nor dead."""
        with self._store.reading() as connection:
            return committed_transactions(
                connection, self._venue, (p.STATE_COMMITTED, p.STATE_INCLUDED), sender=sender
            )

    def _prepare(
        self, batches: Sequence[Batch], outstanding: Sequence[SignedTransaction]
    ) -> tuple[SignedTransaction, ...]:
        """Have as much as possible signed; what is raised is about the first batch."""
        if len(batches) > 1:
            try:
                return self._venue.chain.prepare(batches, outstanding=outstanding)
            except (Refused, InvalidInput) as error:
                log.info("prepare_refused", batches=len(batches), error=str(error))
        return self._venue.chain.prepare(batches[:1], outstanding=outstanding)

    def _commit(
        self,
        lane: Lane,
        sender: AccountId,
        prepared: Sequence[SignedTransaction],
        asked: Mapping[bytes, Batch],
        note_next: Callable[[Transaction], None],
    ) -> Lane:
        """Write the bytes to disk before anybody else can have them, and what is tried after them."""
        with self._store.reading() as connection:
            issuer = self._read_bound(connection).accounts.get(ISSUER)
        for one in prepared:
            check_signed(
                one,
                sender=sender,
                asked=asked,
                codec=self._venue.codec,
                escrow=self._venue.roles.get(ESCROW),
                outside=None if issuer is None else (issuer, self._venue.energy_asset),
            )
        with self._store.transaction() as transaction:
            lane = transaction.renew_lane(lane, self._now(), LEASE_S)
            _refuse_carried(transaction, prepared)
            holders = self._read_bound(transaction.connection).holders
            digests = transaction.vault_put_all(
                RAW,
                [(one.transaction_id.hex(), self._draw_salt(), one.raw) for one in prepared],
            )
            transaction.append(
                kind=TRANSACTIONS_SIGNED,
                time=self._now(),
                tables=signed_tables(self._venue.chain_id, prepared, digests, holders),
            )
            note_next(transaction)
        return lane

    def _read_bound(self, connection: sa.Connection) -> Bound:
        self._bound = bound = read_bound(connection, self._venue.chain_id, self._bound)
        return bound

    def _broadcast(self, prepared: Sequence[SignedTransaction]) -> int:
        with self._store.reading() as connection:
            height = queries.chain_state(connection, self._venue.chain_id).scanned_height
        return sum(self._send(one, height) for one in prepared)


def _refuse_carried(transaction: Transaction, prepared: Sequence[SignedTransaction]) -> None:
    """Another lane can carry a batch only if a further issuing account was bound just now."""
    batch_ids = [each for one in prepared for each in one.batch_ids]
    taken = carried.signed_for(transaction.connection, batch_ids, alive=True)
    if taken:
        raise StoreBusy(
            f"batch {min(taken)[0].hex()} was signed on another lane meanwhile: repeat the call"
        )


def _shortened(text: str) -> str:
    return text.encode()[:REASON_BYTES_MAX].decode(errors="ignore")
