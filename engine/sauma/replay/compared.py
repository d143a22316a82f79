"""Comparing what the journal says with the chain itself, both ways."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

import attrs
import msgspec
import sqlalchemy as sa

from sauma.chain import (
    BlockRef,
    Chain,
    ChainEvent,
    Codec,
    Cursor,
    EventPage,
    Fate,
    Finality,
    Point,
    SignedTransaction,
)
from sauma.dispatch.rows import OUTSIDE, vaulted_raw
from sauma.identifiers import AccountId
from sauma.intervals import to_unix
from sauma.replay.past import Past, Sent
from sauma.replay.report import Finding
from sauma.store import projections as p

BLOCKS_ASKED_MAX: Final = 16
"""How many blocks that the walk did not show are asked for one by one, the newest first."""

_Facts = dict[str, Any]


@attrs.define(kw_only=True)
class ChainComparison:
    """What was compared, filled while findings are yielded."""

    blocks: int = 0
    events: int = 0


def finality_findings(past: Past, chain: Chain | None) -> Iterator[Finding]:
    """Yield what rests on blocks that were not final when it was done.

    From how many confirmations on a block is final the chain says, or else the settings in the
    journal; a chain whose finality is no matter of depth is asked only for its newest final block.
    """
    depth = _finality_blocks(past, chain)
    if depth is None:
        return
    for claim in past.claims:
        final_height = max(1, claim.scanned_height_max - depth + 1)
        if claim.final_height > final_height:
            yield Finding(
                place=claim.place,
                explanation=f"holds block {claim.final_height} to be final, when only block "
                f"{claim.scanned_height_max} was read and a block is final from {depth} "
                f"confirmations on: final was block {final_height}",
            )


def chain_findings(
    connection: sa.Connection, past: Past, codec: Codec, chain: Chain, counts: ChainComparison
) -> Iterator[Finding]:
    """Read the chain from its beginning to its end, and yield where journal and chain differ."""
    if past.chain_id is None:
        past.notes.append(Finding(place="chain", explanation="the journal settles on none"))
        return
    if str(chain.chain_id) != past.chain_id:
        yield Finding(
            place=f"chain {chain.chain_id}",
            explanation=f"the journal settles on {past.chain_id}: compare it with that chain",
        )
        return
    final_height = chain.head().final_height
    if past.final_height > final_height:
        yield Finding(
            place=f"block {past.final_height}",
            explanation=f"the journal says that it is final, the chain {final_height}",
        )
        return
    common_height = _common_height(past, chain)
    if common_height < past.final_height:
        yield Finding(
            place=f"block {past.scanned_height}",
            explanation=f"the chain has what the journal read only up to block {common_height}, "
            f"and block {past.final_height} was final",
        )
        return
    walk = _Walk(past, common_height)
    walk.read(chain)
    counts.blocks, counts.events = common_height, len(walk.shown)
    yield from walk.block_findings(chain)
    yield from _event_findings(_stated(connection, past, common_height), walk)
    yield from _later_findings(past, walk)
    yield from _dead_findings(connection, past, codec, chain)


def _finality_blocks(past: Past, chain: Chain | None) -> int | None:
    if chain is not None and str(chain.chain_id) == past.chain_id:
        capabilities = chain.capabilities
        return None if capabilities.finality is Finality.TAG else capabilities.finality_blocks
    stated = msgspec.json.decode(past.settings).get("finality_blocks")
    return stated if isinstance(stated, int) else None


def _common_height(past: Past, chain: Chain) -> int:
    """Return up to where the chain still has what the journal read; note what it has undone since."""
    if not past.cursor.points:
        return past.scanned_height
    page = chain.events(past.cursor)
    if page.rolled_back_to is None:
        return past.scanned_height
    past.notes.append(
        Finding(
            place=f"block {past.scanned_height}",
            explanation=f"the chain has it no more; what the journal says above block "
            f"{page.rolled_back_to} is not final and was not compared",
        )
    )
    return page.rolled_back_to


class _Walk:
    """What the chain shows from its first block to its last."""

    def __init__(self, past: Past, common_height: int) -> None:
        self._past = past
        self._common_height = common_height
        self._named = {
            height: digest for height, digest in past.blocks.items() if 0 < height <= common_height
        }
        self._wrong: dict[int, bytes] = {}
        self._late: dict[int, int] = {}
        self.shown: dict[bytes, ChainEvent] = {}
        self.later: list[ChainEvent] = []

    def read(self, chain: Chain) -> None:
        """Read every page."""
        cursor = Cursor()
        while True:
            page = chain.events(cursor)
            self._take(page)
            cursor = page.cursor
            if not page.more:
                return

    def _take(self, page: EventPage) -> None:
        for block in (*(event.block for event in page.events), page.scanned):
            if block is not None:
                self._compare(block.height, block.block_hash)
                self._compare_time(block)
        for event in page.events:
            if event.block.height <= self._common_height:
                self.shown[event.transaction_id] = event
            else:
                self.later.append(event)
        for point in page.cursor.points:
            self._compare(point.height, point.block_hash)

    def _compare(self, height: int, block_hash: bytes) -> None:
        if self._named.pop(height, block_hash) != block_hash:
            self._wrong[height] = block_hash

    def _compare_time(self, block: BlockRef) -> None:
        said = self._past.times.get(block.height)
        if block.height <= self._common_height and said not in (None, to_unix(block.time)):
            self._late[block.height] = to_unix(block.time)

    def block_findings(self, chain: Chain) -> Iterator[Finding]:
        """Yield the blocks that the journal names and the chain does not have."""
        for height, digest in sorted(self._named.items(), reverse=True)[:BLOCKS_ASKED_MAX]:
            cursor = Cursor(points=(Point(height=height, block_hash=digest),))
            if chain.events(cursor).rolled_back_to is not None:
                self._wrong[height] = b""
        for height, block_hash in sorted(self._wrong.items()):
            has = f"has {block_hash.hex()}" if block_hash else "does not have it"
            yield Finding(
                place=f"block {height}",
                explanation=f"the journal names {self._past.blocks[height].hex()}, the chain {has}",
            )
        for height, time in sorted(self._late.items()):
            yield Finding(
                place=f"block {height}",
                explanation=f"time: the journal says {self._past.times[height]}, the chain {time}",
            )

    def facts(self, event: ChainEvent, sequence: int | None) -> _Facts:
        """Return an event as the journal would have said it in an entry, None for now."""

        def holder(account: AccountId) -> str:
            is_bound = sequence is None or self._past.bound_in.get(account, 0) < sequence
            return self._past.holders.get(account, OUTSIDE) if is_bound else OUTSIDE

        return {
            "height": event.block.height,
            "block": event.block.block_hash.hex(),
            "time": to_unix(event.block.time),
            "reference": None if event.reference is None else event.reference.hex(),
            "succeeded": event.succeeded,
            "fee payer": holder(event.fee_payer),
            "fee": event.fee_units,
            "effects": sorted(
                (holder(effect.account), str(effect.asset), effect.delta_units)
                for effect in event.effects
            ),
        }


def _stated(
    connection: sa.Connection, past: Past, common_height: int
) -> dict[bytes, tuple[int, _Facts]]:
    """Return what the journal says that the chain shows, by transaction, each with its entry."""
    effects: dict[tuple[int, bytes], list[tuple[str, str, int]]] = defaultdict(list)
    for row in connection.execute(sa.select(p.chain_effects)):
        effects[row.sequence, bytes(row.transaction_id)].append(
            (row.holder, row.asset, row.delta_units)
        )
    rows = connection.execute(
        sa.select(p.chain_events)
        .where(
            p.chain_events.c.chain_id == past.chain_id,
            p.chain_events.c.retracted_by.is_(None),
            p.chain_events.c.height <= common_height,
        )
        .order_by(p.chain_events.c.sequence, p.chain_events.c.row_number)
    )
    return {
        bytes(row.transaction_id): (
            row.sequence,
            {
                "height": row.height,
                "block": bytes(row.block_hash).hex(),
                "time": row.block_time,
                "reference": None if row.reference is None else bytes(row.reference).hex(),
                "succeeded": bool(row.succeeded),
                "fee payer": row.fee_payer,
                "fee": row.fee_units,
                "effects": sorted(effects[row.sequence, bytes(row.transaction_id)]),
            },
        )
        for row in rows
    }


def _event_findings(stated: dict[bytes, tuple[int, _Facts]], walk: _Walk) -> Iterator[Finding]:
    for identity, (sequence, said) in stated.items():
        event = walk.shown.get(identity)
        place = f"transaction {identity.hex()} in block {said['height']}"
        if event is None:
            yield Finding(
                place=place,
                explanation=f"entry {sequence} says it was included, the chain has it not",
            )
            continue
        shown = walk.facts(event, sequence)
        for name, value in said.items():
            if shown[name] != value:
                yield Finding(
                    place=place,
                    explanation=f"{name}: entry {sequence} says {value!r}, the chain "
                    f"{shown[name]!r}",
                )
    for identity, event in walk.shown.items():
        if identity not in stated:
            yield Finding(
                place=f"transaction {identity.hex()} in block {event.block.height}",
                explanation="the chain has it, the journal does not" + _whose(walk, event),
            )


def _whose(walk: _Walk, event: ChainEvent) -> str:
    payer = walk.facts(event, None)["fee payer"]
    return "" if payer == OUTSIDE else f" though {payer} sent it"


def _later_findings(past: Past, walk: _Walk) -> Iterator[Finding]:
    """Yield what lies in later blocks, was sent by one of our accounts and never signed here.

    So a journal whose end was cut off is found out by what was signed in the missing part.
    """
    for event in walk.later:
        if event.transaction_id in past.sent:
            continue
        payer = past.holders.get(event.fee_payer)
        batch_id = past.references.get(event.reference or b"")
        place = f"transaction {event.transaction_id.hex()} in block {event.block.height}"
        if payer is not None and (event.reference is not None or payer.startswith("@")):
            yield Finding(
                place=place,
                explanation=f"{payer} sent it after the journal's last block, "
                + ("" if batch_id is None else f"for batch {batch_id.hex()}, ")
                + "and the journal never signed it: its end is missing",
            )


def _dead_findings(
    connection: sa.Connection, past: Past, codec: Codec, chain: Chain
) -> Iterator[Finding]:
    """Yield buried transactions that the chain does not prove dead."""
    for one in past.sent.values():
        if not one.is_buried:
            continue
        status = chain.status(_transaction(connection, codec, one))
        if status.fate is not Fate.DEAD:
            yield Finding(
                place=f"transaction {one.transaction_id.hex()}",
                explanation=f"the journal buried it as dead, the chain says it is "
                f"{status.fate.value}",
            )


def _transaction(connection: sa.Connection, codec: Codec, one: Sent) -> SignedTransaction:
    raw = vaulted_raw(connection, one.transaction_id, one.raw_digest)
    decoded = codec.decode(raw)
    return SignedTransaction(
        transaction_id=one.transaction_id,
        raw=raw,
        sender=decoded.sender,
        batch_ids=one.batch_ids,
        effects=decoded.effects,
        fee_payer=decoded.fee_payer,
        fee_units_max=one.fee_units_max,
        valid_until=one.valid_until,
        consumes=tuple(sorted(one.consumes)),
        prepared_at=one.prepared_at,
    )
