"""Checking signed transactions: their bytes say what the journal says, and what was planned.

And that they were allowed: a batch goes out once.  A second transaction for it needs the first to be
buried, failed for good, or to consume the same token; and what a batch waits for must be included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from sauma.chain import Codec, Decoded
from sauma.dispatch.rows import OUTSIDE, vaulted_raw
from sauma.errors import SaumaError
from sauma.journal import SealedEntry
from sauma.replay.past import Effects, Past, Sent, signed_in
from sauma.replay.report import Finding, found_in
from sauma.settlement import ENERGY, ISSUER, MovementKind, role_of
from sauma.store import charged
from sauma.store import projections as p


def signed_findings(
    connection: sa.Connection, entry: SealedEntry, past: Past, codec: Codec
) -> Iterator[Finding]:
    """Yield the transactions of an entry whose bytes do not say what they should, or may not be."""
    if entry.kind != "transactions_signed":
        return
    yield from _stray_findings(entry, past)
    signed = signed_in(entry)
    for number, (row, one) in enumerate(
        zip(entry.table("transactions").dicts(), signed, strict=True)
    ):
        try:
            problems = [
                *_said_problems(connection, row, one, past, codec),
                *_double_problems(one, past, signed[:number]),
                *_parent_problems(connection, one, past),
            ]
        except SaumaError as error:
            problems = [str(error)]
        for problem in problems:
            yield found_in(
                entry,
                f"transaction {one.transaction_id.hex()}: {problem}",
                table="transactions",
                row=number,
            )


def _stray_findings(entry: SealedEntry, past: Past) -> Iterator[Finding]:
    """Yield rows that belong to no transaction of the entry, and transactions that come twice."""
    identities = entry.table("transactions").values("transaction_id")
    seen: set[bytes] = set()
    for number, identity in enumerate(identities):
        if identity in seen or identity in past.sent:
            yield found_in(
                entry, f"{identity.hex()} was signed before", table="transactions", row=number
            )
        seen.add(identity)
    for name in ("transaction_batches", "transaction_effects"):
        for number, identity in enumerate(entry.table(name).values("transaction_id")):
            if identity not in seen:
                yield found_in(
                    entry, f"{identity.hex()} is not in this entry", table=name, row=number
                )


def _said_problems(
    connection: sa.Connection, row: dict[str, Any], one: Sent, past: Past, codec: Codec
) -> Iterator[str]:
    """Yield where journal, signed bytes and plan differ."""
    if row["chain_id"] != past.chain_id:
        yield f"is for {row['chain_id']}, the journal settles on {past.chain_id}"
        return
    decoded = codec.decode(vaulted_raw(connection, one.transaction_id, one.raw_digest))
    said: Effects = Counter(
        (past.holder(each.account, OUTSIDE), str(each.asset), each.delta_units)
        for each in decoded.effects
    )
    references = [past.reference_of(batch_id) for batch_id in one.batch_ids]
    roots = [past.anchors[batch_id] for batch_id in one.batch_ids if batch_id in past.anchors]
    facts: list[tuple[str, object, object]] = [
        ("id", one.transaction_id.hex(), decoded.transaction_id.hex()),
        ("signature", True, decoded.signature_valid),
        ("sender", one.sender, past.holder(decoded.sender, OUTSIDE)),
        ("fee payer", one.fee_payer, past.holder(decoded.fee_payer, OUTSIDE)),
        ("fee", one.fee_units_max, decoded.fee_units_max),
        ("validity", one.valid_until, decoded.valid_until),
        ("effects", sorted(one.effects.elements()), sorted(said.elements())),
        (
            "anchored roots",
            [root.hex() for root in roots],
            [root.hex() for root in decoded.anchored_roots],
        ),
        ("references", [each.hex() for each in references], [_hex(decoded.reference)]),
    ]
    for name, stated, found in facts:
        if stated != found:
            yield f"{name}: the journal says {stated!r}, the signed bytes {found!r}"
    yield from _plan_problems(connection, one, past, decoded, said)


def _plan_problems(
    connection: sa.Connection, one: Sent, past: Past, decoded: Decoded, said: Effects
) -> Iterator[str]:
    """Yield where the bytes move, net by holder and asset, something else than the plan wanted."""
    assets = {ENERGY: past.energy_asset}
    planned: Counter[tuple[str, str]] = Counter()
    authorities = set()
    for batch_id in one.batch_ids:
        if batch_id in past.anchors:
            authorities.add(ISSUER)
            continue
        if batch_id in past.sessions:
            authorities.add(_step_authority(connection, batch_id))
            for holder, asset, delta in _step_effects(connection, batch_id):
                planned[holder, asset] += delta
            continue
        rows = _instructions(connection, batch_id)
        if not rows:
            yield f"its batch {batch_id.hex()} was never planned"
        for row in rows:
            authorities.add(row.authority)
            asset = assets.get(row.asset_role, past.fee_asset or "")
            for holder, delta in _movement_effects(connection, row):
                planned[holder, asset] += delta
    moved: Counter[tuple[str, str]] = Counter()
    for (holder, asset, delta), count in said.items():
        moved[holder, asset] += delta * count
    if _without_zero(planned) != _without_zero(moved):
        yield f"planned was {_without_zero(planned)}, the signed bytes move {_without_zero(moved)}"
    signing = {
        account
        for holder, account in past.accounts.items()
        if holder in authorities or (role_of(holder) == ISSUER and authorities == {ISSUER})
    }
    if len(authorities) != 1 or decoded.sender not in signing:
        yield f"planned was that {sorted(authorities)} sign, signed has {decoded.sender}"


def _double_problems(one: Sent, past: Past, beside: Sequence[Sent]) -> Iterator[str]:
    for batch_id in one.batch_ids:
        others = [*past.by_batch.get(batch_id, ())]
        others += [other for other in beside if batch_id in other.batch_ids]
        for other in others:
            if other.is_alive and (other.is_done or not other.consumes & one.consumes):
                yield (
                    f"its batch {batch_id.hex()} is carried already by transaction "
                    f"{other.transaction_id.hex()}, which is not dead"
                )


def _parent_problems(connection: sa.Connection, one: Sent, past: Past) -> Iterator[str]:
    """Yield the instructions that a batch had to wait for and that no block had included."""
    parent, child = p.instructions.alias("parent"), p.instructions.alias("child")
    for batch_id in one.batch_ids:
        for earlier in _earlier_steps(connection, batch_id):
            if not any(each.is_done for each in past.by_batch.get(earlier, ())):
                yield f"was signed before the batch {earlier.hex()} of its session was included"
        rows = connection.execute(
            sa.select(parent.c.batch_id, parent.c.instruction_id)
            .select_from(child)
            .join(
                p.instruction_parents,
                p.instruction_parents.c.instruction_id == child.c.instruction_id,
            )
            .join(parent, parent.c.instruction_id == p.instruction_parents.c.parent_id)
            .where(child.c.batch_id == batch_id, parent.c.batch_id != batch_id)
            .order_by(parent.c.sequence, parent.c.row_number)
        )
        for row in rows:
            carriers = past.by_batch.get(bytes(row.batch_id), ())
            if not any(each.is_done for each in carriers):
                yield (
                    f"was signed before the instruction {bytes(row.instruction_id).hex()} that its "
                    "batch waits for was included"
                )


def _earlier_steps(connection: sa.Connection, batch_id: bytes) -> list[bytes]:
    """Return the batches that come before one in its sessions; none for what is no session's."""
    session_ids = connection.execute(
        sa.select(p.session_batches.c.session_id).where(p.session_batches.c.batch_id == batch_id)
    ).scalars()
    earlier: dict[bytes, None] = {}
    for session_id in list(session_ids):
        every = charged.batches(connection, bytes(session_id))
        own = next(row for row in every if row.batch_id == batch_id)
        before = [row for row in every if (row.number, row.part) < (own.number, own.part)]
        earlier |= dict.fromkeys(row.batch_id for row in before)
    return list(earlier)


def _instructions(connection: sa.Connection, batch_id: bytes) -> Sequence[Any]:
    return connection.execute(
        sa.select(p.instructions).where(p.instructions.c.batch_id == batch_id)
    ).all()


def _step_authority(connection: sa.Connection, batch_id: bytes) -> str:
    authority: str = connection.execute(
        sa.select(p.session_batches.c.authority)
        .where(p.session_batches.c.batch_id == batch_id)
        .limit(1)
    ).scalar_one()
    return authority


def _step_effects(connection: sa.Connection, batch_id: bytes) -> list[tuple[str, str, int]]:
    """Return what a batch of a session moves: holder, asset, units."""
    rows = connection.execute(
        sa.select(p.session_effects).where(p.session_effects.c.batch_id == batch_id)
    )
    return [(row.holder, row.asset, row.delta_units) for row in rows]


def _movement_effects(connection: sa.Connection, row: Any) -> list[tuple[str, int]]:
    """Return what a planned instruction does to whom; the issuing account is outside circulation."""
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


def _hex(reference: bytes | None) -> str | None:
    return None if reference is None else reference.hex()
