"""Signed transactions and chain events as journal tables, in words of holders; and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import sqlalchemy as sa

from sauma.chain import BlockRef, ChainEvent, Effect, EventPage, SignedTransaction
from sauma.errors import StoreDamaged
from sauma.identifiers import AccountId, canonical_json
from sauma.intervals import from_unix, to_unix
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.store import vault

OUTSIDE: Final = "@outside"
"""The holder of every account that nobody bound."""
RAW: Final = "raw"
"""The vault's kind of signed bytes."""
_TOKENS: Final = msgspec.json.Decoder(list[str])


def signed_tables(
    chain_id: str,
    prepared: Sequence[SignedTransaction],
    digests: Sequence[bytes],
    holders: Mapping[AccountId, str],
) -> list[Table]:
    """Return the tables that commit to signed transactions: what replay decodes and compares."""
    return [
        Table.from_rows(
            journal.TRANSACTIONS,
            [
                (
                    one.transaction_id,
                    chain_id,
                    holders.get(one.sender, OUTSIDE),
                    holders.get(one.fee_payer, OUTSIDE),
                    one.fee_units_max,
                    one.valid_until,
                    one.prepared_at,
                    digest,
                    _tokens(one.consumes),
                )
                for one, digest in zip(prepared, digests, strict=True)
            ],
        ),
        Table.from_rows(
            journal.TRANSACTION_BATCHES,
            [(one.transaction_id, batch_id) for one in prepared for batch_id in one.batch_ids],
        ),
        Table.from_rows(
            journal.TRANSACTION_EFFECTS,
            [
                (one.transaction_id, *row)
                for one in prepared
                for row in effect_rows(one.effects, holders)
            ],
        ),
    ]


def _tokens(consumes: tuple[bytes, ...]) -> bytes:
    return canonical_json([token.hex() for token in consumes]) if consumes else b"[]"


def observed_tables(
    chain_id: str, page: EventPage, holders: Mapping[AccountId, str]
) -> list[Table]:
    """Return the tables of what a page of events says."""
    scanned = page.scanned or cursor_block(page)
    return [
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


def consumed(text: bytes) -> tuple[bytes, ...]:
    """Read the tokens that a transaction consumes from their journal form."""
    return () if text == b"[]" else tuple(map(bytes.fromhex, _TOKENS.decode(text)))


def vaulted_raw(connection: sa.Connection, transaction_id: bytes, digest: bytes) -> bytes:
    """Return the signed bytes from the vault, checked against the digest in the journal."""
    return vaulted_raws(connection, {transaction_id: digest})[transaction_id]


def vaulted_raws(connection: sa.Connection, digests: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Return the signed bytes of transactions from the vault, checked against their digests."""
    items = vault.get_items(connection, RAW, [identity.hex() for identity in digests])
    for identity, digest in digests.items():
        item = items.get(identity.hex())
        if item is None or item.digest != digest:
            raise StoreDamaged(
                f"the vault does not hold the signed bytes of {identity.hex()} that the journal "
                "commits to: restore the store from a copy before anything is signed anew"
            )
    return {identity: items[identity.hex()].content for identity in digests}


def effect_rows(
    effects: Sequence[Effect], holders: Mapping[AccountId, str]
) -> list[tuple[str, str, int]]:
    return [
        (holders.get(effect.account, OUTSIDE), str(effect.asset), effect.delta_units)
        for effect in effects
    ]


def event_row(
    chain_id: str, event: ChainEvent, holders: Mapping[AccountId, str]
) -> tuple[object, ...]:
    return (
        chain_id,
        event.block.height,
        event.block.block_hash,
        to_unix(event.block.time),
        event.transaction_id,
        event.reference,
        event.succeeded,
        holders.get(event.fee_payer, OUTSIDE),
        event.fee_units,
    )


def cursor_block(page: EventPage) -> BlockRef:
    """Return where a page that only takes back leaves the reader."""
    if not page.cursor.points:
        return BlockRef(height=0, block_hash=bytes(32), time=from_unix(0))
    newest = page.cursor.points[0]
    return BlockRef(height=newest.height, block_hash=newest.block_hash, time=from_unix(0))
