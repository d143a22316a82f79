"""Checking signed transactions: their bytes say what the journal says, and what was planned."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import sqlalchemy as sa

from sauma.chain import BatchKind, Codec, Decoded, batch_reference
from sauma.dispatch.rows import OUTSIDE, vaulted_raw
from sauma.journal import SealedEntry
from sauma.replay.report import Finding
from sauma.settlement import ENERGY, ISSUER, MovementKind
from sauma.store import projections as p
from sauma.store import queries


def signed_finding(connection: sa.Connection, entry: SealedEntry, codec: Codec) -> Finding | None:
    """Return the first transaction of an entry whose bytes do not say what they should."""
    batches: dict[bytes, list[bytes]] = defaultdict(list)
    for row in entry.table("transaction_batches").dicts():
        batches[row["transaction_id"]].append(row["batch_id"])
    effects: dict[bytes, Counter[tuple[str, str, int]]] = defaultdict(Counter)
    for row in entry.table("transaction_effects").dicts():
        effects[row["transaction_id"]][row["holder"], row["asset"], row["delta_units"]] += 1
    for number, row in enumerate(entry.table("transactions").dicts()):
        identity = row["transaction_id"]
        problem = _problem(connection, row, batches[identity], effects[identity], codec)
        if problem is not None:
            return Finding(
                place=f"entry {entry.sequence} table transactions row {number} ({identity.hex()})",
                explanation=problem,
            )
    return None


def _problem(
    connection: sa.Connection,
    row: dict[str, Any],
    batch_ids: list[bytes],
    effects: Counter[tuple[str, str, int]],
    codec: Codec,
) -> str | None:
    decoded = codec.decode(vaulted_raw(connection, row["transaction_id"], row["raw_digest"]))
    accounts = queries.accounts(connection, row["chain_id"])
    holders = {account: holder for holder, account in accounts.items()}
    said = Counter(
        (holders.get(one.account, OUTSIDE), str(one.asset), one.delta_units)
        for one in decoded.effects
    )
    references = [batch_reference(batch_id, BatchKind.SETTLEMENT) for batch_id in batch_ids]
    facts: list[tuple[str, object, object]] = [
        ("id", row["transaction_id"].hex(), decoded.transaction_id.hex()),
        ("signature", True, decoded.signature_valid),
        ("sender", row["sender"], holders.get(decoded.sender, OUTSIDE)),
        ("fee payer", row["fee_payer"], holders.get(decoded.fee_payer, OUTSIDE)),
        ("fee", row["fee_units_max"], decoded.fee_units_max),
        ("validity", row["valid_until"], decoded.valid_until),
        ("effects", sorted(effects.elements()), sorted(said.elements())),
        ("references", references, [decoded.reference]),
        *_planned_facts(connection, row["chain_id"], batch_ids, decoded, said),
    ]
    for name, stated, found in facts:
        if stated != found:
            return f"{name}: the journal says {stated!r}, the signed bytes {found!r}"
    return None


def _planned_facts(
    connection: sa.Connection,
    chain_id: str,
    batch_ids: list[bytes],
    decoded: Decoded,
    said: Counter[tuple[str, str, int]],
) -> list[tuple[str, object, object]]:
    """Return what the plan wanted to move beside what the bytes move, net by holder and asset."""
    chain = queries.chain_row(connection)
    if chain is None or chain[0] != chain_id:
        return [("chain", chain, chain_id)]
    assets = {ENERGY: chain[1]}
    planned: Counter[tuple[str, str]] = Counter()
    authorities = set()
    for row in connection.execute(
        sa.select(p.instructions).where(p.instructions.c.batch_id.in_(batch_ids))
    ):
        asset = assets.get(row.asset_role, chain[2] or "")
        authorities.add(row.authority)
        for holder, delta in _movement_effects(connection, row):
            planned[holder, asset] += delta
    moved: Counter[tuple[str, str]] = Counter()
    for (holder, asset, delta), count in said.items():
        moved[holder, asset] += delta * count
    accounts = queries.accounts(connection, chain_id)
    return [
        ("planned movement", _without_zero(planned), _without_zero(moved)),
        ("authority", {accounts.get(name) for name in authorities}, {decoded.sender}),
    ]


def _movement_effects(connection: sa.Connection, row: Any) -> list[tuple[str, int]]:
    if row.kind == MovementKind.ISSUE:
        return [(row.target, row.units)]
    if row.kind == MovementKind.TRANSFER:
        if row.asset_role == ENERGY and row.source == ISSUER:
            return [(row.target, row.units)]
        return [(row.source, -row.units), (row.target, row.units)]
    legs = connection.execute(
        sa.select(p.instruction_legs).where(
            p.instruction_legs.c.instruction_id == row.instruction_id
        )
    )
    return [(leg.holder, leg.delta_units) for leg in legs]


def _without_zero(counts: Counter[tuple[str, str]]) -> dict[tuple[str, str], int]:
    return {key: delta for key, delta in sorted(counts.items()) if delta}
