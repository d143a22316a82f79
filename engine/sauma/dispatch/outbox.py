"""The outbox: prepare, commit, broadcast, follow, finalise.

What makes an effect happen exactly once, wherever the process dies:

- signed bytes are committed, with the journal entry that describes them, before the first is sent;
- after any doubt the *same* bytes are sent again;
- new bytes are made only for what is proved dead at finality;
- a refusal, a time-out and an empty answer are no information: only scanned blocks decide;
- the cursor moves in the transaction that commits what it passed;
- one lane per chain and sender, held by a lease with a fencing number.

A step whose parents are not included waits; so instructions leave in waves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import attrs
import sqlalchemy as sa

from sauma.chain import Batch, EventPage, Fate, SignedTransaction
from sauma.dispatch.due import build_batch, due_batches
from sauma.dispatch.rows import (
    RAW,
    consumed,
    cursor_block,
    effect_rows,
    event_row,
    signed_tables,
    vaulted_raw,
)
from sauma.errors import ChainError, Disagreement, Refused, StoreDamaged, UnknownName
from sauma.identifiers import AccountId
from sauma.intervals import to_unix
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.logs import get_logger
from sauma.settlement import PlannedBatch
from sauma.store import Lane, Store, queries
from sauma.store import projections as p
from sauma.venue import Venue

LEASE_S: Final = 120
PREPARE_BATCHES_MAX: Final = 120
"""How many batches one call of `prepare` is given, so that a commit stays small."""
REASON_BYTES_MAX: Final = 256

CHAIN_OBSERVED: Final = "chain_observed"
TRANSACTIONS_SIGNED: Final = "transactions_signed"
TRANSACTIONS_BURIED: Final = "transactions_buried"

log = get_logger(__name__)


@attrs.frozen(kw_only=True)
class Held:
    """A batch that cannot leave now, and why; the others are not held up by it."""

    batch_id: bytes
    authority: str
    reason: str


@attrs.frozen(kw_only=True)
class Progress:
    """What one round did."""

    blocks_read_to: int = 0
    events: int = 0
    rolled_back_to: int | None = None
    signed: int = 0
    sent: int = 0
    buried: int = 0
    waiting: int = 0
    held: tuple[Held, ...] = ()


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
        self._venue = venue
        self._now = now
        self._draw_salt = draw_salt
        self._holder = holder
        self._sent_at_height: dict[bytes, int] = {}

    # --- reading the chain ---------------------------------------------------------------------

    def observe(self) -> Progress:
        """Read the chain to its newest block; each page is one entry, committed with the cursor."""
        events = 0
        rolled_back_to: int | None = None
        while True:
            with self._store.reading() as connection:
                state = queries.chain_state(connection, self._venue.chain_id)
                accounts = queries.accounts(connection, self._venue.chain_id)
            page = self._venue.chain.events(state.cursor)
            if page.scanned is None and page.rolled_back_to is None:
                break
            holders = {account: holder for holder, account in accounts.items()}
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
        scanned = page.scanned or cursor_block(page)
        tables = [
            Table.from_rows(
                journal.OBSERVATIONS,
                [
                    (
                        chain_id,
                        page.rolled_back_to,
                        scanned.height,
                        scanned.block_hash,
                        to_unix(scanned.time),
                        page.final_height,
                        page.cursor.to_text().encode(),
                    )
                ],
            ),
            Table.from_rows(
                journal.CHAIN_EVENTS,
                [event_row(chain_id, event, holders) for event in page.events],
            ),
            Table.from_rows(
                journal.CHAIN_EFFECTS,
                [
                    (event.transaction_id, *row)
                    for event in page.events
                    for row in effect_rows(event.effects, holders)
                ],
            ),
        ]
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
        sent = buried = 0
        with self._store.reading() as connection:
            height = queries.chain_state(connection, self._venue.chain_id).scanned_height
            unseen = self._transactions(connection, (p.STATE_COMMITTED,))
        for transaction in unseen:
            if self._sent_at_height.get(transaction.transaction_id, -1) >= height:
                continue
            try:
                status = self._venue.chain.status(transaction)
            except ChainError as error:
                log.warning("status_unknown", error=str(error))
                continue
            if status.fate is Fate.DEAD:
                self._bury(transaction, status.reason or "proved dead")
                buried += 1
            elif status.fate is Fate.UNSEEN:
                sent += self._send(transaction, height)
        return Progress(sent=sent, buried=buried)

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
        """Prepare, commit and broadcast every batch that is due, lane by lane."""
        with self._store.reading() as connection:
            due = due_batches(connection, self._venue.chain_id)
            accounts = queries.accounts(connection, self._venue.chain_id)
        held: list[Held] = []
        signed = sent = 0
        lanes: dict[str, list[PlannedBatch]] = defaultdict(list)
        for batch in due.ready:
            lanes[batch.authority].append(batch)
        for authority, batches in sorted(lanes.items()):
            account = accounts.get(authority)
            if account is None:
                held += [_held(one, f"nobody bound an account of {authority}") for one in batches]
                continue
            lane_signed, lane_sent, lane_held = self._send_lane(account, batches, accounts)
            signed, sent = signed + lane_signed, sent + lane_sent
            held += lane_held
        for one in held:
            log.warning("batch_held", batch_id=one.batch_id.hex(), reason=one.reason)
        return Progress(
            signed=signed,
            sent=sent,
            waiting=due.waiting + len(due.ready) - signed,
            held=tuple(held),
        )

    def _send_lane(
        self, sender: AccountId, due: Sequence[PlannedBatch], accounts: Mapping[str, AccountId]
    ) -> tuple[int, int, list[Held]]:
        """Work off one lane; a batch that is refused is held, the next ones go on."""
        held: list[Held] = []
        ready: list[tuple[PlannedBatch, Batch]] = []
        for one in due:
            try:
                ready.append((one, build_batch(one, self._venue, accounts)))
            except UnknownName as error:
                held.append(_held(one, str(error)))
        chain_id = self._venue.chain.chain_id
        lane = self._store.acquire_lane(chain_id, sender, self._holder, self._now(), LEASE_S)
        signed = sent = 0
        try:
            while ready:
                chunk = [batch for _, batch in ready[:PREPARE_BATCHES_MAX]]
                try:
                    prepared = self._prepare(sender, chunk)
                except Refused as error:
                    held.append(_held(ready.pop(0)[0], str(error)))
                    continue
                if not prepared:
                    break
                lane = self._commit(lane, prepared)
                signed += len(prepared)
                sent += self._broadcast(prepared)
                covered = {batch_id for one in prepared for batch_id in one.batch_ids}
                ready = [pair for pair in ready if pair[1].batch_id not in covered]
        except ChainError as error:
            log.warning("chain_unavailable", error=str(error))
            held += [_held(one, str(error)) for one, _ in ready]
        finally:
            self._store.release_lane(lane)
        return signed, sent, held

    def _prepare(
        self, sender: AccountId, batches: Sequence[Batch]
    ) -> tuple[SignedTransaction, ...]:
        with self._store.reading() as connection:
            every = self._transactions(connection, (p.STATE_COMMITTED, p.STATE_INCLUDED))
        outstanding = [one for one in every if one.sender == sender]
        return self._venue.chain.prepare(batches, outstanding=outstanding)

    def _commit(self, lane: Lane, prepared: Sequence[SignedTransaction]) -> Lane:
        """Write the bytes to disk before anybody else can have them."""
        for one in prepared:
            self._check_bytes(one)
        with self._store.reading() as connection:
            accounts = queries.accounts(connection, self._venue.chain_id)
        holders = {account: holder for holder, account in accounts.items()}
        lane = self._store.renew_lane(lane, self._now(), LEASE_S)
        with self._store.transaction() as transaction:
            transaction.check_fence(lane)
            digests = [
                transaction.vault_put(
                    RAW, one.transaction_id.hex(), salt=self._draw_salt(), content=one.raw
                )
                for one in prepared
            ]
            transaction.append(
                kind=TRANSACTIONS_SIGNED,
                time=self._now(),
                tables=signed_tables(self._venue.chain_id, prepared, digests, holders),
            )
        return lane

    def _check_bytes(self, prepared: SignedTransaction) -> None:
        """Refuse bytes that do not say what the adapter says they do."""
        decoded = self._venue.codec.decode(prepared.raw)
        same = (
            decoded.transaction_id == prepared.transaction_id
            and decoded.signature_valid
            and sorted(decoded.effects) == sorted(prepared.effects)
        )
        if not same:
            raise Disagreement(
                f"transaction {prepared.transaction_id.hex()} does not decode to what the adapter "
                "says of it: nothing was sent; the adapter is at fault"
            )

    def _broadcast(self, prepared: Sequence[SignedTransaction]) -> int:
        with self._store.reading() as connection:
            height = queries.chain_state(connection, self._venue.chain_id).scanned_height
        return sum(self._send(one, height) for one in prepared)

    def _transactions(
        self, connection: sa.Connection, states: Sequence[int]
    ) -> list[SignedTransaction]:
        """Return committed transactions in some states, rebuilt from what is on disk."""
        chain_id = self._venue.chain_id
        accounts = queries.accounts(connection, chain_id)
        batch_ids: dict[bytes, list[bytes]] = defaultdict(list)
        wanted = connection.execute(
            sa.select(p.transactions)
            .where(p.transactions.c.chain_id == chain_id, p.transactions.c.state.in_(states))
            .order_by(p.transactions.c.sequence, p.transactions.c.row_number)
        ).all()
        if not wanted:
            return []
        first = min(row.sequence for row in wanted)
        for row in connection.execute(
            sa.select(p.transaction_batches).where(p.transaction_batches.c.sequence >= first)
        ):
            batch_ids[bytes(row.transaction_id)].append(bytes(row.batch_id))
        return [
            self._restored(connection, row, batch_ids[bytes(row.transaction_id)], accounts)
            for row in wanted
        ]

    def _restored(
        self,
        connection: sa.Connection,
        row: Any,
        batch_ids: Sequence[bytes],
        accounts: Mapping[str, AccountId],
    ) -> SignedTransaction:
        transaction_id = bytes(row.transaction_id)
        raw = vaulted_raw(connection, transaction_id, bytes(row.raw_digest))
        decoded = self._venue.codec.decode(raw)
        if decoded.transaction_id != transaction_id:
            raise StoreDamaged(
                f"the bytes of transaction {transaction_id.hex()} decode to another id: "
                "nothing is sent; restore the store from a copy"
            )
        return SignedTransaction(
            transaction_id=transaction_id,
            raw=raw,
            sender=accounts[row.sender],
            batch_ids=tuple(batch_ids),
            effects=decoded.effects,
            fee_payer=accounts[row.fee_payer],
            fee_units_max=row.fee_units_max,
            valid_until=row.valid_until,
            consumes=consumed(bytes(row.consumes)),
            prepared_at=row.prepared_at,
        )


def _held(batch: PlannedBatch, reason: str) -> Held:
    return Held(batch_id=batch.batch_id, authority=batch.authority, reason=reason)


def _shortened(text: str) -> str:
    return text.encode()[:REASON_BYTES_MAX].decode(errors="ignore")
