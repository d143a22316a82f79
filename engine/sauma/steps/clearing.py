"""From the readings and offers of an area's interval to trades, residuals and obligations.

In columns: no value is built for a trade or an obligation.  `trade_obligations`, `residual_obligations`
and `check_obligations` say the same of values, and a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

import numpy as np
import sqlalchemy as sa

from sauma.errors import Disagreement
from sauma.identifiers import content_id
from sauma.intervals import Interval
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.matching import Clearing, mechanism
from sauma.rulebook import Rulebook
from sauma.settlement import (
    GRID,
    OPERATOR,
    Good,
    Purpose,
    left_to_supplier,
    split_payment,
)
from sauma.steps.positions import PositionColumns, make_book, read_positions, read_prices
from sauma.store import queries
from sauma.units import cost

INTERVAL_CLEARED: Final = "interval_cleared"

_Owed = tuple[bytes, bytes, int, int, str, str, int]
"""A row of obligations: id, cause, purpose, good, debtor, creditor, units."""
_Left = tuple[str, int, int]
"""What the market left of a participant: name, Wh bought from the supplier, Wh sold to it."""


def clear_interval(
    connection: sa.Connection, rulebook: Rulebook, area: str, interval: Interval
) -> list[Table]:
    """Return positions, trades, residuals and obligations of an area's interval.

    A price that was set under an earlier rulebook and lies outside the floor and cap in force makes no
    offer: that participant deals with the supplier until a new price is set, and nobody else waits.
    """
    positions = read_positions(connection, rulebook, area, interval)
    book = make_book(
        rulebook,
        area,
        interval,
        positions,
        read_prices(connection, area, interval),
        queries.posted_offers(connection, area, interval),
    )
    clearing = mechanism(rulebook.mechanism).clear(book)
    left = _residuals(positions, clearing)
    cause = content_id("interval", rulebook.rulebook_hash, area, interval.start_unix)
    owed = [*_trades_owed(clearing, rulebook), *_residuals_owed(left, cause, rulebook)]
    return [
        _positions_table(positions),
        _trades_table(clearing),
        Table.from_rows(journal.RESIDUALS, left),
        Table.from_rows(journal.OBLIGATIONS, owed),
    ]


def _positions_table(positions: PositionColumns) -> Table:
    return Table.from_columns(
        journal.POSITIONS,
        {
            "participant": positions.names,
            "imported_wh": positions.imported_wh,
            "exported_wh": positions.exported_wh,
            "own_use_wh": positions.own_use_wh,
        },
    )


def _trades_table(clearing: Clearing) -> Table:
    names, ids = clearing.book.participants, clearing.book.offer_ids
    return Table.from_columns(
        journal.TRADES,
        {
            "trade_id": _as_ids(clearing.trade_ids),
            "buyer": [names[number] for number in clearing.trade_buyer.tolist()],
            "seller": [names[number] for number in clearing.trade_seller.tolist()],
            "energy_wh": clearing.trade_energy_wh,
            "price_micro": clearing.trade_price_micro,
            "bid_id": _as_ids(ids[clearing.trade_bid_row]),
            "ask_id": _as_ids(ids[clearing.trade_ask_row]),
        },
    )


def _as_ids(rows: Any) -> Any:
    return np.frombuffer(np.ascontiguousarray(rows).tobytes(), dtype="V32")


def _trades_owed(clearing: Clearing, rulebook: Rulebook) -> Iterator[_Owed]:
    """Yield what each trade makes its parties owe; energy and payment are owed in full, once.

    Raises `Disagreement` if they were not.
    """
    names = clearing.book.participants
    ids = clearing.trade_ids.tobytes()
    due_wh = due_nano = owed_wh = owed_nano = 0
    for index, (buyer_number, seller_number, energy_wh, price) in enumerate(
        zip(
            clearing.trade_buyer.tolist(),
            clearing.trade_seller.tolist(),
            clearing.trade_energy_wh.tolist(),
            clearing.trade_price_micro.tolist(),
            strict=True,
        )
    ):
        if buyer_number == seller_number:
            continue
        buyer, seller = names[buyer_number], names[seller_number]
        payment_nano = cost(energy_wh, price)
        due_wh, due_nano = due_wh + energy_wh, due_nano + payment_nano
        producer_nano, grid_nano, operator_nano = split_payment(payment_nano, rulebook)
        cause = ids[32 * index : 32 * index + 32]
        for purpose, debtor, creditor, units in (
            (Purpose.ENERGY, seller, buyer, energy_wh),
            (Purpose.PRODUCER_SHARE, buyer, seller, producer_nano),
            (Purpose.GRID_SHARE, buyer, GRID, grid_nano),
            (Purpose.OPERATOR_SHARE, buyer, OPERATOR, operator_nano),
        ):
            if purpose is Purpose.ENERGY:
                owed_wh += units
            elif units:
                owed_nano += units
            else:
                continue
            yield _owe(cause, purpose, debtor, creditor, units)
    if (due_wh, due_nano) != (owed_wh, owed_nano):
        raise Disagreement(
            f"{due_wh} Wh and {due_nano} nano-units were traded, but {owed_wh} and {owed_nano} are owed"
        )


def _residuals_owed(left: list[_Left], cause: bytes, rulebook: Rulebook) -> Iterator[_Owed]:
    """Yield what is owed between participants and the supplier for what the market left."""
    supplier = rulebook.supplier
    for name, bought_wh, sold_wh in left:
        if bought_wh:
            units = cost(bought_wh, supplier.sells_at_micro)
            yield _owe(cause, Purpose.SUPPLIER_SALE, name, supplier.name, units)
        if sold_wh:
            units = cost(sold_wh, supplier.buys_at_micro)
            yield _owe(cause, Purpose.SUPPLIER_PURCHASE, supplier.name, name, units)


def _owe(cause: bytes, purpose: Purpose, debtor: str, creditor: str, units: int) -> _Owed:
    number = int(purpose)
    text = f'sauma:obligation:["{cause.hex()}",{number},"{debtor}","{creditor}"]'
    good = Good.ENERGY if purpose is Purpose.ENERGY else Good.MONEY
    return (sha256(text.encode()).digest(), cause, number, int(good), debtor, creditor, units)


def _residuals(positions: PositionColumns, clearing: Clearing) -> list[_Left]:
    """What each participant's meters say less what was traded.

    Where meters reported, they decide; what a participant only offered and did not trade is nobody's
    energy.  Where a posted offer promised more than flowed, the supplier evens it out.
    """
    names = clearing.book.participants
    bought_wh = np.zeros(len(names), dtype=np.int64)
    sold_wh = np.zeros(len(names), dtype=np.int64)
    np.add.at(bought_wh, clearing.trade_buyer, clearing.trade_energy_wh)
    np.add.at(sold_wh, clearing.trade_seller, clearing.trade_energy_wh)
    traded = dict(zip(names, zip(bought_wh.tolist(), sold_wh.tolist(), strict=True), strict=True))
    left = []
    for name, imported, exported, own in zip(
        positions.names,
        positions.imported_wh,
        positions.exported_wh,
        positions.own_use_wh,
        strict=True,
    ):
        bought, sold = traded.pop(name, (0, 0))
        left.append((name, *left_to_supplier(imported - own - bought, exported - own - sold)))
    left += [
        (name, *left_to_supplier(-bought, -sold)) for name, (bought, sold) in sorted(traded.items())
    ]
    return [one for one in left if one[1] or one[2]]
