"""Checking a proof of a bill: offline with the codec alone, and against the chain when there is one.

What is wrong raises `Disagreement`, which names the first wrong thing.  Offline nobody can know in which
block a transaction lies: height, hash and time of the block are checked with a chain only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import attrs

from sauma.anchoring.adjusted_checking import check_adjustment_names, check_adjustment_sums
from sauma.anchoring.proof import BillProof, ProvenRow
from sauma.anchoring.rows import LINE_WORDS, LOCATOR_BYTES, row_leaves
from sauma.anchoring.tree import anchor_id, anchor_reference, root_above
from sauma.billing import LineKind, bill_id
from sauma.chain import Chain, Codec, Decoded, Fate, SignedTransaction
from sauma.errors import Disagreement, InvalidInput, Unavailable
from sauma.identifiers import AccountId, canonical_json, content_id
from sauma.intervals import from_unix, to_unix
from sauma.journal.merkle import root_of
from sauma.units import cost, round_to_cents


@attrs.frozen(kw_only=True)
class ProvenBill:
    """What a proof was found to show: this bill is under a root that `signer` put into a transaction.

    Whether `signer` is the operator one has a contract with, the verifier must know from elsewhere.
    """

    bill_id: bytes
    participant: str
    area: str
    period_start: datetime
    period_end: datetime
    lines: int
    trades: int
    readings: int = 0
    """How many corrected readings are the reason of an adjusting bill."""
    is_adjustment: bool = False
    owed_cents: int
    currency: str
    bills_beside: int
    """How many other bills are under the same root."""
    root: bytes
    transaction_id: bytes
    signer: AccountId
    height: int
    block_checked: bool = False
    """Whether a chain was asked: then the transaction is in that block, which cannot be undone."""


def check_proof(proof: BillProof, codec: Codec) -> ProvenBill:
    """Check a proof without a network; raises `Disagreement` with the first thing that is wrong.

    `codec` is that of the proof's chain, built from its settings.
    """
    bill, lines, others = _split(proof)
    leaves = _check_leaves(proof.rows)
    settlement = _check_names(proof, bill)
    if proof.is_adjustment:
        check_adjustment_names(bill, settlement)
        check_adjustment_sums(bill, lines, others)
    else:
        _check_sums(bill, lines, others)
    decoded = _check_transaction(proof, codec)
    _check_period(proof, bill)
    if root_above(root_of(leaves), proof.index, proof.size, proof.path) != proof.root:
        raise Disagreement(
            "inclusion: the rows do not lead to the root of the anchor by this index, size and path"
        )
    return ProvenBill(
        bill_id=bytes.fromhex(bill["bill_id"]),
        participant=bill["participant"],
        area=bill["area"],
        period_start=from_unix(bill["period_start"]),
        period_end=from_unix(bill["period_end"]),
        lines=len(lines),
        trades=0 if proof.is_adjustment else len(others),
        readings=len(others) if proof.is_adjustment else 0,
        is_adjustment=proof.is_adjustment,
        owed_cents=bill["owed_cents"],
        currency=bill["currency"],
        bills_beside=proof.size - 1,
        root=proof.root,
        transaction_id=proof.transaction_id,
        signer=decoded.sender,
        height=proof.height,
    )


def check_proof_on_chain(proof: BillProof, codec: Codec, chain: Chain) -> ProvenBill:
    """Check a proof, and that the chain has its transaction in the block that it names.

    Raises `Disagreement` for what is wrong, `InvalidInput` while the block can still be undone, and
    `ChainError` when the chain cannot be asked.
    """
    proven = check_proof(proof, codec)
    if str(chain.chain_id) != proof.chain_id:
        raise InvalidInput(f"the proof is about {proof.chain_id}, the node serves {chain.chain_id}")
    newest_height = chain.head().newest.height
    if newest_height < proof.height:
        raise Unavailable(
            f"the node has blocks to {newest_height}, the anchor is in {proof.height}: wait until it "
            "has caught up, or ask another node"
        )
    decoded = codec.decode(proof.raw)
    status = chain.status(
        SignedTransaction(
            transaction_id=decoded.transaction_id,
            raw=proof.raw,
            sender=decoded.sender,
            batch_ids=(),
            effects=decoded.effects,
            fee_payer=decoded.fee_payer,
            fee_units_max=decoded.fee_units_max,
            valid_until=decoded.valid_until,
            consumes=(),
            prepared_at=max(1, proof.height),
        )
    )
    if status.fate is not Fate.INCLUDED or status.block is None or not status.succeeded:
        raise Disagreement(
            f"height: the chain does not have the transaction {decoded.transaction_id.hex()} in block "
            f"{proof.height}, it is {status.fate.value}"
        )
    for name, said, found in (
        ("height", proof.height, status.block.height),
        ("block_hash", proof.block_hash.hex(), status.block.block_hash.hex()),
        ("block_time", proof.block_time, to_unix(status.block.time)),
    ):
        if said != found:
            raise Disagreement(f"{name}: the proof says {said}, the chain {found}")
    if not status.final:
        raise InvalidInput(
            f"block {proof.height} can still be undone: verify again when it is final"
        )
    return attrs.evolve(proven, block_checked=True)


def _split(proof: BillProof) -> tuple[dict[str, Any], list[Any], list[Any]]:
    """Return the bill, its lines, and its trades or readings, which come in that order."""
    facts = [row.facts for row in proof.rows]
    bill: dict[str, Any] = facts[0] if facts else {}
    if bill.get("row") != "bill" and not proof.is_adjustment:
        raise Disagreement("rows[0]: a proof begins with the row of the bill")
    others = "readings" if proof.is_adjustment else "trades"
    counts = (bill["lines"], bill[others])
    kinds = [str(row["row"]) for row in facts[1:]]
    if (
        min(counts) < 0
        or sum(counts) != len(kinds)
        or kinds != sorted(kinds)
        or (kinds.count("line"), kinds.count(others[:-1])) != counts
    ):
        raise Disagreement(
            f"rows[0]: the bill has {bill['lines']} lines and {bill[others]} {others}, in that order; "
            f"{len(facts) - 1} rows follow, not these"
        )
    first_trade = 1 + bill["lines"]
    return bill, facts[1:first_trade], facts[first_trade:]


def _check_leaves(rows: Sequence[ProvenRow]) -> list[bytes]:
    leaves = row_leaves([row.facts for row in rows], [row.salt for row in rows])
    for number, (row, leaf) in enumerate(zip(rows, leaves, strict=True)):
        if leaf[:LOCATOR_BYTES] != row.locator:
            raise Disagreement(f"rows[{number}]: facts, salt or locator of this row were changed")
    return leaves


def _check_period(proof: BillProof, bill: dict[str, Any]) -> None:
    """Check that the anchor's period is the bill's: an adjusting bill is of when it was made."""
    if proof.is_adjustment:
        if not proof.period_start <= bill["made_at"] < proof.period_end:
            raise Disagreement("rows[0] made_at: the bill was not made in the period of the anchor")
    elif not proof.period_start < bill["period_end"] <= proof.period_end:
        raise Disagreement("rows[0] period_end: the bill does not end in the period of the anchor")


def _check_names(proof: BillProof, bill: dict[str, Any]) -> bytes:
    """Check the ids that are hashes of what else is said; return that of the settlement."""
    settlement = content_id(
        "settlement",
        bill["rulebook_hash"],
        bill["area"],
        bill["period_start"],
        bill["period_end"],
        bill["chain_id"],
    )
    for name, said, found in (
        ("chain chain_id", proof.chain_id, bill["chain_id"]),
        (
            "chain settings",
            sha256(canonical_json(dict(proof.settings))).hexdigest(),
            bill["settings_hash"],
        ),
        ("rows[0] settlement_id", bill["settlement_id"], settlement.hex()),
        *(
            ()
            if proof.is_adjustment
            else (
                (
                    "rows[0] bill_id",
                    bill["bill_id"],
                    bill_id(settlement, bill["participant"]).hex(),
                ),
            )
        ),
    ):
        if said != found:
            raise Disagreement(f"{name}: {said} is not {found}, which the rest of the bill gives")
    return settlement


def _check_sums(bill: dict[str, Any], lines: Sequence[Any], trades: Sequence[Any]) -> None:
    """Check that trades make up the lines, and the lines the bill, to the nano-unit."""
    me = bill["participant"]
    traded: dict[tuple[str, str, int], int] = defaultdict(int)
    for number, trade in enumerate(trades, 1 + len(lines)):
        if me not in (trade["buyer"], trade["seller"]) or trade["buyer"] == trade["seller"]:
            raise Disagreement(f"rows[{number}]: {me} has no part in this trade, or both")
        bought = trade["buyer"] == me
        kind = LINE_WORDS[LineKind.BOUGHT if bought else LineKind.SOLD]
        other = trade["seller" if bought else "buyer"]
        traded[kind, other, trade["price_micro"]] += trade["energy_wh"]
    for number, line in enumerate(lines, 1):
        if line["kind"] in (LINE_WORDS[LineKind.BOUGHT], LINE_WORDS[LineKind.SOLD]):
            key = line["kind"], line["counterparty"], line["price_micro"]
            found_wh = traded.pop(key, 0)
            if found_wh != line["energy_wh"]:
                raise Disagreement(
                    f"rows[{number}]: energy_wh {line['energy_wh']}, its trades have {found_wh}"
                )
        whole = cost(line["energy_wh"], line["price_micro"])
        pays = line["kind"] in (LINE_WORDS[LineKind.BOUGHT], LINE_WORDS[LineKind.SUPPLIER_SALE])
        if pays and line["amount_nano"] != whole:
            raise Disagreement(
                f"rows[{number}]: amount_nano {line['amount_nano']}, energy and price make {whole}"
            )
    if traded:
        raise Disagreement(
            f"rows[0]: trades with {sorted(traded)[0][1]} are in no line of the bill"
        )
    owed_nano = sum(line["amount_nano"] for line in lines)
    if owed_nano != bill["owed_nano"]:
        raise Disagreement(
            f"rows[0]: owed_nano {bill['owed_nano']}, the lines add up to {owed_nano}"
        )
    rounded = round_to_cents(owed_nano, bill["carried_nano"])
    if (rounded.cents, rounded.carry_nano) != (bill["owed_cents"], bill["carry_nano"]):
        raise Disagreement(
            f"rows[0]: owed_cents {bill['owed_cents']} and carry_nano {bill['carry_nano']}, owed and "
            f"carried come to {rounded.cents} and {rounded.carry_nano}"
        )


def _check_transaction(proof: BillProof, codec: Codec) -> Decoded:
    """Check that the bytes of the transaction are sound and carry this root under this reference."""
    try:
        decoded = codec.decode(proof.raw)
    except InvalidInput as error:
        raise Disagreement(f"anchor raw: {error}") from error
    if decoded.transaction_id != proof.transaction_id:
        raise Disagreement(
            f"anchor transaction_id: {proof.transaction_id.hex()}, the bytes (raw) have "
            f"{decoded.transaction_id.hex()}"
        )
    if not decoded.signature_valid:
        raise Disagreement(f"anchor raw: the signature of {decoded.sender} does not hold")
    if str(decoded.sender.chain_id) != proof.chain_id:
        raise Disagreement(
            f"chain chain_id: the transaction (raw) is for {decoded.sender.chain_id}"
        )
    if proof.root not in decoded.anchored_roots:
        anchored = [root.hex() for root in decoded.anchored_roots]
        raise Disagreement(f"anchor root: {proof.root.hex()}, the transaction (raw) has {anchored}")
    identity = anchor_id(
        proof.chain_id, (proof.period_start, proof.period_end), proof.size, proof.root
    )
    if decoded.reference != anchor_reference(identity):
        raise Disagreement(
            "anchor: the reference of the transaction stands for another period_start, period_end "
            "or size than these"
        )
    return decoded
