"""What the entries so far said, kept at hand: accounts, transactions, batches and blocks.

Folded by the one replay that owns it, from entries that were checked.  It keeps its own account of
where transactions stand, beside the projections, so that the two are compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, Final

import attrs
import sqlalchemy as sa

from sauma.chain import BatchKind, Codec, Cursor, batch_reference
from sauma.dispatch.rows import consumed
from sauma.identifiers import AccountId
from sauma.journal import SealedEntry
from sauma.replay.report import Finding
from sauma.rulebook import Rulebook
from sauma.store import queries
from sauma.store.points import Points

Effects = Counter[tuple[str, str, int]]
"""How often each (holder, asset, delta) occurs."""

FIRST_TIME: Final = 1_000_000_000
"""What a validity counts: from here on seconds since 1970, below it block heights."""


@attrs.define(kw_only=True)
class Sent:
    """A signed transaction, and where the entries so far leave it."""

    transaction_id: bytes
    sequence: int
    batch_ids: tuple[bytes, ...]
    sender: str
    fee_payer: str
    fee_units_max: int
    valid_until: int | None
    prepared_at: int
    raw_digest: bytes
    consumes: frozenset[bytes]
    effects: Effects
    height: int | None = None
    """The block that includes it; None while no block does."""
    succeeded: bool | None = None
    is_final: bool = False
    is_buried: bool = False

    @property
    def is_alive(self) -> bool:
        """Whether its batches may still land by it, or have."""
        return not self.is_buried and not (self.is_final and not self.succeeded)

    @property
    def is_done(self) -> bool:
        """Whether a block includes it and it succeeded."""
        return self.height is not None and bool(self.succeeded)

    def is_expired(self, *, height: int, time: int) -> bool:
        """Tell whether a block of that height and time is too late for it."""
        if self.valid_until is None:
            return False
        return self.valid_until < (time if self.valid_until >= FIRST_TIME else height)


@attrs.frozen(kw_only=True)
class Claim:
    """Something that was done because blocks up to a height were held to be final."""

    place: str
    final_height: int
    scanned_height_max: int


@attrs.define(kw_only=True)
class Past:
    """What the entries so far said."""

    codec: Codec | None = None
    """Who reads signed bytes, and verifies evidence."""
    rulebook: Rulebook | None = None
    chain_id: str | None = None
    energy_asset: str = ""
    fee_asset: str | None = None
    settings: bytes = b"{}"
    accounts: dict[str, AccountId] = attrs.field(factory=dict)
    holders: dict[AccountId, str] = attrs.field(factory=dict)
    bound_in: dict[AccountId, int] = attrs.field(factory=dict)
    """The entry that bound an account: before it, whatever the account did was done by an outsider."""
    sent: dict[bytes, Sent] = attrs.field(factory=dict)
    unsettled: dict[bytes, Sent] = attrs.field(factory=dict)
    """Those that are neither final nor buried."""
    by_batch: dict[bytes, list[Sent]] = attrs.field(factory=lambda: defaultdict(list))
    references: dict[bytes, bytes] = attrs.field(factory=dict)
    """The on-chain reference of each planned batch."""
    anchors: dict[bytes, bytes] = attrs.field(factory=dict)
    """The root of each anchor, by its batch."""
    sessions: set[bytes] = attrs.field(factory=set)
    """The batches of sessions."""
    events: dict[bytes, int] = attrs.field(factory=dict)
    """The height of every transaction shown and not taken back."""
    blocks: dict[int, bytes] = attrs.field(factory=dict)
    """The hash of each block that was named and not taken back."""
    times: dict[int, int] = attrs.field(factory=dict)
    """The time of each of these blocks, where it was said."""
    cursor: Cursor = attrs.field(factory=Cursor)
    scanned_height: int = 0
    scanned_time: int = 0
    scanned_height_max: int = 0
    final_height: int = 0
    final_height_max: int = 0
    outsiders: dict[str, int] = attrs.field(factory=dict)
    """How many transactions of a holder were shown that the journal never signed: they take nonces too."""
    suspended: set[bytes] = attrs.field(factory=set)
    """Batches and transactions that are left alone until somebody resumes them."""
    claims: list[Claim] = attrs.field(factory=list)
    notes: list[Finding] = attrs.field(factory=list)
    time_unix: int | None = None
    points: Points = attrs.field(factory=Points)

    def fold(self, connection: sa.Connection, entry: SealedEntry) -> None:
        """Take in an entry that was checked; `connection` sees the projections with it."""
        if entry.kind == "rulebook_published":
            self.rulebook = queries.newest_rulebook(connection)
        elif entry.kind == "chain_configured":
            (row,) = entry.table("chains").dicts()
            self.chain_id, self.energy_asset = row["chain_id"], row["energy_asset"]
            self.fee_asset, self.settings = row["fee_asset"], row["settings"]
        elif entry.kind == "participants_registered" and self.chain_id is not None:
            self._fold_accounts(queries.accounts(connection, self.chain_id), entry.sequence)
        elif entry.kind == "settlement_planned":
            for batch_id in entry.table("instructions").values("batch_id"):
                self.references[batch_reference(batch_id, BatchKind.SETTLEMENT)] = batch_id
        elif entry.kind == "anchor_planned":
            (row,) = entry.table("anchors").dicts()
            self.references[batch_reference(row["batch_id"], BatchKind.ANCHOR)] = row["batch_id"]
            self.anchors[row["batch_id"]] = row["root"]
        elif entry.kind in ("session_step_taken", "standing_steps_taken"):
            for batch_id in entry.table("session_batches").values("batch_id"):
                self.references[batch_reference(batch_id, BatchKind.SESSION)] = batch_id
                self.sessions.add(batch_id)
        elif entry.kind == "transactions_signed":
            self._fold_signed(entry)
        elif entry.kind == "chain_observed":
            self._fold_observed(entry)
        elif entry.kind == "transactions_buried":
            for row in entry.table("burials").dicts():
                self.unsettled.pop(row["transaction_id"]).is_buried = True
        elif entry.kind == "work_suspended":
            self.suspended.update(entry.table("suspensions").values("item_id"))
        elif entry.kind == "work_resumed":
            self.suspended.difference_update(entry.table("resumptions").values("item_id"))

    def claim(self, place: str) -> None:
        """Note that something rests on what is held to be final now."""
        self.claims.append(
            Claim(
                place=place,
                final_height=self.final_height,
                scanned_height_max=self.scanned_height_max,
            )
        )

    def reference_of(self, batch_id: bytes) -> bytes:
        """Return the on-chain reference of a batch, of an anchor, a session or a settlement."""
        if batch_id in self.sessions:
            return batch_reference(batch_id, BatchKind.SESSION)
        is_anchor = batch_id in self.anchors
        return batch_reference(batch_id, BatchKind.ANCHOR if is_anchor else BatchKind.SETTLEMENT)

    def holder(self, account: AccountId, outside: str) -> str:
        """Return who holds an account now."""
        return self.holders.get(account, outside)

    def _fold_accounts(self, accounts: dict[str, AccountId], sequence: int) -> None:
        for holder, account in accounts.items():
            if holder not in self.accounts:
                self.accounts[holder] = account
                self.holders[account] = holder
                self.bound_in[account] = sequence

    def _fold_signed(self, entry: SealedEntry) -> None:
        for one in signed_in(entry):
            self.sent[one.transaction_id] = self.unsettled[one.transaction_id] = one
            for batch_id in one.batch_ids:
                self.by_batch[batch_id].append(one)

    def _fold_observed(self, entry: SealedEntry) -> None:
        (row,) = entry.table("observations").dicts()
        if row["rolled_back_to"] is not None:
            self._retract(row["rolled_back_to"])
        for event in entry.table("chain_events").dicts():
            identity, height = event["transaction_id"], event["height"]
            self.events[identity] = height
            self.blocks[height], self.times[height] = event["block_hash"], event["block_time"]
            one = self.sent.get(identity)
            if one is None:
                self.outsiders[event["fee_payer"]] = self.outsiders.get(event["fee_payer"], 0) + 1
            else:
                one.height, one.succeeded = height, event["succeeded"]
        self.cursor = Cursor.from_text(row["cursor"].decode())
        for point in self.cursor.points:
            self.blocks.setdefault(point.height, point.block_hash)
        self.scanned_height, self.scanned_time = row["scanned_height"], row["scanned_time"]
        if self.scanned_time:
            self.times[self.scanned_height] = self.scanned_time
        self.scanned_height_max = max(self.scanned_height_max, self.scanned_height)
        self.final_height = row["final_height"]
        self.final_height_max = max(self.final_height_max, self.final_height)
        for one in [*self.unsettled.values()]:
            if one.height is not None and one.height <= self.final_height:
                self.unsettled.pop(one.transaction_id).is_final = True

    def _retract(self, height: int) -> None:
        self.events = {key: at for key, at in self.events.items() if at <= height}
        self.blocks = {at: digest for at, digest in self.blocks.items() if at <= height}
        self.times = {at: time for at, time in self.times.items() if at <= height}
        for one in self.unsettled.values():
            if one.height is not None and one.height > height:
                one.height = one.succeeded = None


def signed_in(entry: SealedEntry) -> list[Sent]:
    """Return the transactions of a `transactions_signed` entry."""
    batches: dict[bytes, list[bytes]] = defaultdict(list)
    for row in entry.table("transaction_batches").dicts():
        batches[row["transaction_id"]].append(row["batch_id"])
    effects = effects_in(entry.table("transaction_effects").dicts())
    return [
        Sent(
            transaction_id=row["transaction_id"],
            sequence=entry.sequence,
            batch_ids=tuple(batches[row["transaction_id"]]),
            sender=row["sender"],
            fee_payer=row["fee_payer"],
            fee_units_max=row["fee_units_max"],
            valid_until=row["valid_until"],
            prepared_at=row["prepared_at"],
            raw_digest=row["raw_digest"],
            consumes=frozenset(consumed(row["consumes"])),
            effects=effects[row["transaction_id"]],
        )
        for row in entry.table("transactions").dicts()
    ]


def effects_in(rows: Iterable[dict[str, Any]]) -> defaultdict[bytes, Effects]:
    """Return the effects of each transaction from the rows of a table of them."""
    effects: defaultdict[bytes, Effects] = defaultdict(Counter)
    for row in rows:
        effects[row["transaction_id"]][row["holder"], row["asset"], row["delta_units"]] += 1
    return effects
