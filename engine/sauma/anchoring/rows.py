"""What is anchored: a bill as rows, each with a salt of its own.

::

    row    canonical JSON of the facts of a bill, of a line of it, or of a trade that it is made of
    salt   HMAC-SHA256(key of the bill, number of the row as 8 bytes, big-endian)
    leaf   SHA-256(0x00 ‖ salt ‖ row)

A row has little to guess: a price and some energy.  Without the salt its hash says nothing of it, and
the salts of one bill say nothing of those of another.  Ids of trades and offers are left out, since they
are unsalted hashes of what a neighbour offered.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import attrs

from sauma.billing import Bill, BillLine, LineKind
from sauma.identifiers import Fact, canonical_json
from sauma.intervals import to_unix
from sauma.journal.merkle import leaf_hash
from sauma.matching.clearing import Trade

KEY_BYTES: Final = 32
LOCATOR_BYTES: Final = 4
"""Of each leaf a proof shows the first bytes, to name the row when one was changed."""

Row: TypeAlias = dict[str, Fact]
"""`row` says what it is, such as `bill`, `line` or `trade`; the rest are integers and texts."""

LINE_WORDS: Final = {kind: kind.name.lower() for kind in LineKind}


@attrs.frozen(kw_only=True)
class AnchoredBill:
    """A bill as it was first issued, with what names its settlement and the trades it is made of."""

    bill: Bill
    area: str
    period_start: int
    period_end: int
    rulebook_hash: bytes
    currency: str
    chain_id: str
    settings_hash: bytes
    """SHA-256 of the canonical JSON from which the chain's codec is built."""
    trades: tuple[Trade, ...]


def bill_rows(anchored: AnchoredBill) -> list[Row]:
    """Return the rows of a bill: the bill itself, its lines, its trades in order of time and names."""
    bill = anchored.bill
    trades = sorted(map(_trade_row, anchored.trades), key=_trade_order)
    return [
        {
            "row": "bill",
            "bill_id": bill.bill_id.hex(),
            "settlement_id": bill.settlement_id.hex(),
            "participant": bill.participant,
            "area": anchored.area,
            "chain_id": anchored.chain_id,
            "settings_hash": anchored.settings_hash.hex(),
            "period_start": anchored.period_start,
            "period_end": anchored.period_end,
            "rulebook_hash": anchored.rulebook_hash.hex(),
            "currency": anchored.currency,
            "lines": len(bill.lines),
            "trades": len(trades),
            "owed_nano": bill.owed_nano,
            "carried_nano": bill.carried_nano,
            "owed_cents": bill.owed_cents,
            "carry_nano": bill.carry_nano,
        },
        *map(line_row, bill.lines),
        *trades,
    ]


def line_row(line: BillLine) -> Row:
    """Return the row of a line."""
    return {
        "row": "line",
        "kind": LINE_WORDS[line.kind],
        "counterparty": line.counterparty,
        "energy_wh": line.energy_wh,
        "price_micro": line.price_micro,
        "amount_nano": line.amount_nano,
    }


def _trade_row(trade: Trade) -> Row:
    return {
        "row": "trade",
        "interval_start": to_unix(trade.interval.start),
        "interval_minutes": trade.interval.minutes,
        "buyer": trade.buyer,
        "seller": trade.seller,
        "energy_wh": trade.energy_wh,
        "price_micro": trade.price_micro,
    }


def _trade_order(row: Row) -> tuple[str, ...]:
    return (str(row["interval_start"]).zfill(20), str(row["buyer"]), str(row["seller"]), str(row))


def bill_key(key: bytes, bill_id: bytes) -> bytes:
    """Return the key of a bill's salts, from the key of the anchor; it tells nothing of other bills."""
    return hmac.digest(key, bill_id, "sha256")


def row_salts(key: bytes, bill_id: bytes, count: int) -> list[bytes]:
    """Return the salts of a bill's rows."""
    own = bill_key(key, bill_id)
    return [hmac.digest(own, number.to_bytes(8, "big"), "sha256") for number in range(count)]


def row_leaves(rows: Iterable[Row], salts: Sequence[bytes]) -> list[bytes]:
    """Return the leaf hashes of salted rows."""
    return [leaf_hash(salt + canonical_json(row)) for row, salt in zip(rows, salts, strict=True)]
