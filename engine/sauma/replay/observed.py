"""Comparing what the chain is said to have shown with what was signed, and with the chain itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import attrs
import sqlalchemy as sa

from sauma.chain import Chain, ChainEvent, Cursor, is_reference
from sauma.dispatch.rows import OUTSIDE, effect_rows
from sauma.identifiers import AccountId
from sauma.intervals import to_unix
from sauma.journal import SealedEntry
from sauma.replay.report import Finding
from sauma.store import Store, queries
from sauma.store import projections as p


@attrs.frozen(kw_only=True)
class ChainComparison:
    """How much of the chain was compared, and the first difference."""

    finding: Finding | None
    blocks: int
    events: int


def moved_as_signed(connection: sa.Connection, entry: SealedEntry) -> Finding | None:
    """Return the first of our transactions that is said to have moved something else than it says."""
    events = {row["transaction_id"]: row for row in entry.table("chain_events").dicts()}
    moved: dict[bytes, Counter[tuple[str, str, int]]] = defaultdict(Counter)
    for row in entry.table("chain_effects").dicts():
        moved[row["transaction_id"]][row["holder"], row["asset"], row["delta_units"]] += 1
    for identity, event in events.items():
        if not event["succeeded"]:
            continue
        signed = Counter(
            (row.holder, row.asset, row.delta_units)
            for row in connection.execute(
                sa.select(p.transaction_effects).where(
                    p.transaction_effects.c.transaction_id == identity
                )
            )
        )
        if signed and signed != moved[identity]:
            return Finding(
                place=f"entry {entry.sequence} table chain_effects ({identity.hex()})",
                explanation=f"signed was {sorted(signed)}, shown was {sorted(moved[identity])}",
            )
    return None


def compare_chain(store: Store, chain: Chain) -> ChainComparison:
    """Read the chain from its beginning to where the journal stopped, and compare both ways."""
    chain_id = str(chain.chain_id)
    with store.reading() as connection:
        state = queries.chain_state(connection, chain_id)
        holders = {
            account: holder for holder, account in queries.accounts(connection, chain_id).items()
        }
        stated = _stated(connection, chain_id)
    shown: dict[bytes, dict[str, Any]] = {}
    cursor = Cursor()
    while True:
        page = chain.events(cursor)
        for event in page.events:
            if event.block.height <= state.scanned_height:
                shown[event.transaction_id] = _shown(event, holders)
        cursor = page.cursor
        if not page.more or cursor.height >= state.scanned_height:
            break
    blocks = min(cursor.height, state.scanned_height)
    finding = _first_difference(stated, shown)
    if finding is None and cursor.height < state.scanned_height:
        finding = Finding(
            place=f"block {state.scanned_height}",
            explanation=f"the journal read it, but the chain ends at block {cursor.height}",
        )
    return ChainComparison(finding=finding, blocks=blocks, events=len(shown))


def _stated(connection: sa.Connection, chain_id: str) -> dict[bytes, dict[str, Any]]:
    """Return what the journal says that the chain shows, by transaction."""
    events = connection.execute(
        sa.select(p.chain_events).where(
            p.chain_events.c.chain_id == chain_id, p.chain_events.c.retracted_by.is_(None)
        )
    ).all()
    effects: dict[tuple[int, bytes], list[tuple[str, str, int]]] = defaultdict(list)
    for row in connection.execute(sa.select(p.chain_effects)):
        effects[row.sequence, bytes(row.transaction_id)].append(
            (row.holder, row.asset, row.delta_units)
        )
    return {
        bytes(row.transaction_id): {
            "height": row.height,
            "block": bytes(row.block_hash).hex(),
            "time": row.block_time,
            "reference": None if row.reference is None else bytes(row.reference).hex(),
            "succeeded": bool(row.succeeded),
            "fee payer": row.fee_payer,
            "fee": row.fee_units,
            "effects": sorted(effects[row.sequence, bytes(row.transaction_id)]),
        }
        for row in events
    }


def _shown(event: ChainEvent, holders: dict[AccountId, str]) -> dict[str, Any]:
    return {
        "height": event.block.height,
        "block": event.block.block_hash.hex(),
        "time": to_unix(event.block.time),
        "reference": None if event.reference is None else event.reference.hex(),
        "succeeded": event.succeeded,
        "fee payer": holders.get(event.fee_payer, OUTSIDE),
        "fee": event.fee_units,
        "effects": sorted(effect_rows(event.effects, holders)),
    }


def _first_difference(
    stated: dict[bytes, dict[str, Any]], shown: dict[bytes, dict[str, Any]]
) -> Finding | None:
    every = {**stated, **shown}
    for identity in sorted(every, key=lambda key: (every[key]["height"], key)):
        place = f"transaction {identity.hex()} in block {every[identity]['height']}"
        if identity not in shown:
            return Finding(
                place=place, explanation="the journal says it was included, the chain has it not"
            )
        if identity not in stated:
            reference = shown[identity]["reference"]
            ours = reference is not None and is_reference(bytes.fromhex(reference))
            return Finding(
                place=place,
                explanation="the chain has it, the journal does not"
                + (" though it carries one of our references" if ours else ""),
            )
        for name, value in stated[identity].items():
            if shown[identity][name] != value:
                return Finding(
                    place=place,
                    explanation=f"{name}: the journal says {value!r}, the chain "
                    f"{shown[identity][name]!r}",
                )
    return None
