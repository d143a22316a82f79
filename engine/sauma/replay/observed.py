"""Checking what the chain is said to have shown: pages that follow each other, and our own transactions.

Each page must begin where the one before it ended, or where it says that the chain was rolled back
to, and never below a final block.  A transaction of ours moves what its bytes say, within its fee and
its validity.  One that the journal never signed, and that one of our accounts sent under one of our
references, or with which the issuing account moved energy, is a finding; a stranger's copy of a
reference is noted, since anybody can copy one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from sauma.chain import Cursor
from sauma.dispatch.rows import OUTSIDE
from sauma.errors import InvalidInput
from sauma.journal import SealedEntry
from sauma.replay.past import Effects, Past, Sent, effects_in
from sauma.replay.report import Finding, found_in
from sauma.settlement import CLEARING, ESCROW, ISSUER, role_of


def observed_findings(entry: SealedEntry, past: Past) -> Iterator[Finding]:
    """Yield what an observation says that cannot be, by what was observed and signed before."""
    if entry.kind != "chain_observed":
        return
    (row,) = entry.table("observations").dicts()
    for problem in _page_problems(row, past):
        yield found_in(entry, problem, table="observations", row=0)
    events = list(entry.table("chain_events").dicts())
    for number, problem in _block_problems(row, events, past):
        yield found_in(entry, problem, table="chain_events", row=number)
    effects = effects_in(entry.table("chain_effects").dicts())
    known = {event["transaction_id"] for event in events}
    for identity in effects:
        if identity not in known:
            yield found_in(entry, f"{identity.hex()} is not in this entry", table="chain_effects")
    seen: set[bytes] = set()
    for number, event in enumerate(events):
        identity = event["transaction_id"]
        twice = identity in seen or _holds(past, identity, row["rolled_back_to"])
        seen.add(identity)
        problems = [
            *(["is on the chain twice"] if twice else []),
            *_event_problems(entry, number, event, effects[identity], past),
        ]
        for problem in problems:
            yield found_in(
                entry,
                f"transaction {identity.hex()}: {problem}",
                table="chain_events",
                row=number,
            )


def _page_problems(row: dict[str, Any], past: Past) -> Iterator[str]:
    if row["chain_id"] != past.chain_id:
        yield f"reads {row['chain_id']}, the journal settles on {past.chain_id}"
    rolled_back_to, scanned_height = row["rolled_back_to"], row["scanned_height"]
    base = past.scanned_height if rolled_back_to is None else rolled_back_to
    if rolled_back_to is None and scanned_height <= base:
        yield f"read to block {scanned_height}, though {base} was read before"
    if rolled_back_to is not None and not 0 <= rolled_back_to < past.scanned_height:
        yield f"rolls back to block {rolled_back_to}, read was only {past.scanned_height}"
    if rolled_back_to is not None and rolled_back_to < past.final_height_max:
        yield (
            f"rolls back to block {rolled_back_to}, though block {past.final_height_max} was final: "
            "what is final cannot be undone"
        )
    if not 0 <= row["final_height"] <= max(scanned_height, base):
        yield f"final_height {row['final_height']} is beyond the last block read, {scanned_height}"
    if row["scanned_time"] and row["scanned_time"] < _time_at(past, base):
        yield f"block {scanned_height} is older than block {base} before it"
    yield from _cursor_problems(row, past, base)


def _cursor_problems(row: dict[str, Any], past: Past, base: int) -> Iterator[str]:
    text = row["cursor"].decode(errors="replace")
    try:
        cursor = Cursor.from_text(text)
    except ValueError as error:
        yield f"cursor {text[:80]!r} cannot be read: {error}"
        return
    if cursor.to_text() != text:
        yield f"cursor {text[:80]!r} is not in canonical form"
    heights = [point.height for point in cursor.points]
    if any(newer <= older for newer, older in pairwise(heights)):
        yield f"the cursor's blocks {heights} are not in falling order"
    newest = (cursor.points[0].height, cursor.points[0].block_hash) if heights else (0, bytes(32))
    if newest != (row["scanned_height"], row["scanned_hash"]):
        yield (
            f"read to block {row['scanned_height']} {row['scanned_hash'].hex()}, but the cursor "
            f"stands at block {newest[0]} {newest[1].hex()}"
        )
    for point in cursor.points:
        known = past.blocks.get(point.height)
        if point.height <= base and known not in (None, point.block_hash):
            yield (
                f"the cursor has block {point.height} {point.block_hash.hex()}, before it was "
                f"{known.hex() if known else known}"
            )


def _block_problems(
    row: dict[str, Any], events: Sequence[dict[str, Any]], past: Past
) -> Iterator[tuple[int, str]]:
    """Yield events that lie in no block of the page, or in one that contradicts the others."""
    base = past.scanned_height if row["rolled_back_to"] is None else row["rolled_back_to"]
    hashes = _cursor_hashes(row["cursor"])
    times = {row["scanned_height"]: row["scanned_time"]} if row["scanned_time"] else {}
    height, time = base, _time_at(past, base)
    for number, event in enumerate(events):
        where = f"block {event['height']}"
        if event["chain_id"] != past.chain_id:
            yield number, f"is of {event['chain_id']}, the journal settles on {past.chain_id}"
        if not base < event["height"] <= row["scanned_height"] or event["height"] < height:
            yield (
                number,
                f"lies in {where}, out of turn: read were {base + 1} to {row['scanned_height']}",
            )
        if hashes.setdefault(event["height"], event["block_hash"]) != event["block_hash"]:
            yield (
                number,
                f"{where} has the hash {event['block_hash'].hex()} here and "
                f"{hashes[event['height']].hex()} elsewhere",
            )
        if times.setdefault(event["height"], event["block_time"]) != event["block_time"]:
            yield number, f"{where} has two times"
        if event["block_time"] < time or (
            row["scanned_time"] and event["block_time"] > row["scanned_time"]
        ):
            yield number, f"{where} is older than the block before it, or newer than the one after"
        height, time = event["height"], event["block_time"]


def _event_problems(
    entry: SealedEntry, number: int, event: dict[str, Any], moved: Effects, past: Past
) -> Iterator[str]:
    """Yield where a transaction shown contradicts what was signed; note strangers' copies."""
    identity = event["transaction_id"]
    if not event["succeeded"] and moved:
        yield "failed, and is said to have moved something"
    one = past.sent.get(identity)
    if one is not None:
        yield from _signed_problems(event, moved, one, past)
        return
    reference = event["reference"]
    batch_id = past.references.get(reference) if reference is not None else None
    payer = event["fee_payer"]
    if batch_id is not None and payer != OUTSIDE:
        yield (
            f"{payer} sent it with the reference of batch {batch_id.hex()}, but the journal never "
            "signed it"
        )
    elif batch_id is not None:
        past.notes.append(
            found_in(
                entry,
                f"transaction {identity.hex()} of a stranger copies the reference of batch "
                f"{batch_id.hex()}",
                table="chain_events",
                row=number,
            )
        )
    if payer == ESCROW and moved:
        yield f"{payer} moved what sessions hold, and the journal never signed for it"
    energy = [holder for holder, asset, _ in moved if asset == past.energy_asset]
    if role_of(payer) in (ISSUER, CLEARING) and energy:
        yield f"{payer} moved energy of {sorted(set(energy))} that the journal never signed for"


def _signed_problems(event: dict[str, Any], moved: Effects, one: Sent, past: Past) -> Iterator[str]:
    references = [past.reference_of(each) for each in one.batch_ids]
    if event["reference"] not in references:
        shown = "none" if event["reference"] is None else event["reference"].hex()
        yield f"reference: signed was {[key.hex() for key in references]}, shown was {shown}"
    if event["succeeded"] and moved != one.effects:
        yield (f"signed was {sorted(one.effects.elements())}, shown was {sorted(moved.elements())}")
    if event["fee_payer"] != one.fee_payer:
        yield f"fee payer: signed was {one.fee_payer}, shown was {event['fee_payer']}"
    if not 0 <= event["fee_units"] <= one.fee_units_max:
        yield f"fee: at most {one.fee_units_max} was signed, shown was {event['fee_units']}"
    if one.is_expired(height=event["height"], time=event["block_time"]):
        yield f"was valid until {one.valid_until} and is said to lie in a later block"
    if event["height"] < one.prepared_at:
        yield f"was prepared at block {one.prepared_at} and is said to lie in an earlier one"
    if one.is_buried:
        yield "was buried as dead, and is said to be included"


def buried_findings(entry: SealedEntry, past: Past) -> Iterator[Finding]:
    """Yield burials that nothing observed before justifies.

    A transaction is dead when a final block is later than its validity, or when another has taken what
    it consumes or carries its batch.  Which final block it was only the chain shows; the journal must
    at least have read one that is late enough.
    """
    if entry.kind != "transactions_buried":
        return
    seen: set[bytes] = set()
    for number, row in enumerate(entry.table("burials").dicts()):
        identity = row["transaction_id"]
        one = past.sent.get(identity)
        problem: str | None = None
        if one is None or one.is_buried or identity in seen:
            problem = "was never signed, or is buried already"
        elif one.height is not None:
            problem = f"lies in block {one.height}: it is not dead"
        elif row["final_height"] != past.final_height:
            problem = (
                f"buried with final block {row['final_height']}, final was {past.final_height}"
            )
        elif not _is_justified(one, past):
            problem = (
                f"was valid until {one.valid_until} and nothing took its place: block "
                f"{past.scanned_height} of {past.scanned_time} does not prove it dead"
            )
        seen.add(identity)
        if problem is not None:
            yield found_in(
                entry, f"transaction {identity.hex()}: {problem}", table="burials", row=number
            )
    past.claim(f"entry {entry.sequence} table burials")


def _is_justified(one: Sent, past: Past) -> bool:
    newest_time = max(past.times.values(), default=0)
    if one.is_expired(height=past.scanned_height, time=newest_time):
        return True
    if past.outsiders.get(one.sender):
        return True
    others = [other for other in past.sent.values() if other is not one and other.is_final]
    return any(
        other.consumes & one.consumes or set(other.batch_ids) & set(one.batch_ids)
        for other in others
    )


def _holds(past: Past, identity: bytes, rolled_back_to: int | None) -> bool:
    """Tell whether a transaction was shown before and is not taken back now."""
    height = past.events.get(identity)
    return height is not None and (rolled_back_to is None or height <= rolled_back_to)


def _time_at(past: Past, height: int) -> int:
    """Return the time of the newest block up to a height of which one was said; 0 before any."""
    if height in past.times:
        return past.times[height]
    return max((time for at, time in past.times.items() if at <= height), default=0)


def _cursor_hashes(text: bytes) -> dict[int, bytes]:
    try:
        cursor = Cursor.from_text(text.decode())
    except (InvalidInput, ValueError):
        return {}
    return {point.height: point.block_hash for point in cursor.points}
