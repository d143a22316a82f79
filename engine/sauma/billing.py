"""Bills: what a participant bought and sold, what it owes in cents, and what the chain says of it.

Lines come from trades and residuals, which the journal proves.  The energy that moved comes from the
chain's events, and a bill is provisional while a block that carries its settlement can be undone.
Cents appear here and nowhere else: once a bill, half to even; the rest is carried and shown.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Sequence

import attrs

from sauma.errors import Disagreement
from sauma.identifiers import content_id
from sauma.matching.clearing import Trade
from sauma.rulebook import Supplier
from sauma.settlement.obligations import GRID, OPERATOR, Obligation, Purpose, Residual
from sauma.units import cost, round_to_cents


class BillStatus(enum.IntEnum):
    """How sure a bill is."""

    OPEN = 1
    """Energy has still to move."""
    PROVISIONAL = 2
    """It moved, in a block that can be undone."""
    FINAL = 3
    """It moved, in a block that cannot be undone; or nothing had to move."""


class LineKind(enum.IntEnum):
    """What a line of a bill is for."""

    BOUGHT = 1
    SOLD = 2
    SUPPLIER_SALE = 3
    SUPPLIER_PURCHASE = 4


@attrs.frozen(kw_only=True, order=True)
class BillLine:
    """Energy at a price.  `amount_nano` is what the participant owes; below zero it is owed.

    On a line that sells, the price is what the buyer pays and the amount the producer's share of it.
    """

    kind: LineKind
    counterparty: str
    price_micro: int
    energy_wh: int
    amount_nano: int


@attrs.frozen(kw_only=True)
class ChainEnergy:
    """What the chain says it moved for a participant in a settlement, in Wh."""

    received_wh: int = 0
    sent_wh: int = 0


@attrs.frozen(kw_only=True)
class Bill:
    """One participant's bill for one settlement.

    `owed_cents * 10**7 + carry_nano == owed_nano + carried_nano`.
    """

    settlement_id: bytes
    participant: str
    status: BillStatus
    lines: tuple[BillLine, ...]
    chain: ChainEnergy
    carried_nano: int
    owed_nano: int
    owed_cents: int
    carry_nano: int

    @property
    def bill_id(self) -> bytes:
        """The id: the hash of settlement and participant; versions of a bill share it."""
        return bill_id(self.settlement_id, self.participant)

    @property
    def bought_wh(self) -> int:
        """What was bought from neighbours."""
        return sum(line.energy_wh for line in self.lines if line.kind is LineKind.BOUGHT)

    @property
    def sold_wh(self) -> int:
        """What was sold to neighbours."""
        return sum(line.energy_wh for line in self.lines if line.kind is LineKind.SOLD)


def bill_id(settlement: bytes, participant: str) -> bytes:
    """Return the id of a participant's bill for a settlement."""
    return content_id("bill", settlement, participant)


def bill_lines(
    trades: Iterable[Trade],
    residuals: Iterable[tuple[Residual, Supplier]],
    obligations: Iterable[Obligation],
) -> dict[str, tuple[BillLine, ...]]:
    """Return the lines of every participant, one for each kind, counterparty and price, in that order.

    Each residual comes with the supplier of the rulebook that was in force when it arose.  A trade
    with oneself has no line: it moves neither energy nor money.
    """
    earned_nano = {
        owed.cause_id: owed.units for owed in obligations if owed.purpose is Purpose.PRODUCER_SHARE
    }
    sums: dict[tuple[str, LineKind, str, int], list[int]] = defaultdict(lambda: [0, 0])

    def add(participant: str, kind: LineKind, other: str, price: int, wh: int, nano: int) -> None:
        line = sums[participant, kind, other, price]
        line[0] += wh
        line[1] += nano

    for trade in trades:
        if trade.buyer == trade.seller:
            continue
        wh, price = trade.energy_wh, trade.price_micro
        add(trade.buyer, LineKind.BOUGHT, trade.seller, price, wh, cost(wh, price))
        earned = earned_nano.get(trade.trade_id, 0)
        add(trade.seller, LineKind.SOLD, trade.buyer, price, wh, -earned)
    for residual, supplier in residuals:
        who = residual.participant
        if residual.bought_wh:
            wh, price = residual.bought_wh, supplier.sells_at_micro
            add(who, LineKind.SUPPLIER_SALE, supplier.name, price, wh, cost(wh, price))
        if residual.sold_wh:
            wh, price = residual.sold_wh, supplier.buys_at_micro
            add(who, LineKind.SUPPLIER_PURCHASE, supplier.name, price, wh, -cost(wh, price))
    lines: dict[str, list[BillLine]] = defaultdict(list)
    for (participant, kind, other, price), (wh, nano) in sums.items():
        lines[participant].append(
            BillLine(
                kind=kind, counterparty=other, price_micro=price, energy_wh=wh, amount_nano=nano
            )
        )
    return {participant: tuple(sorted(lines[participant])) for participant in sorted(lines)}


def make_bill(
    *,
    settlement_id: bytes,
    participant: str,
    lines: Sequence[BillLine],
    status: BillStatus,
    chain: ChainEnergy,
    carried_nano: int,
) -> Bill:
    """Return the bill of these lines, rounded to cents once."""
    owed_nano = sum(line.amount_nano for line in lines)
    rounded = round_to_cents(owed_nano, carried_nano)
    return Bill(
        settlement_id=settlement_id,
        participant=participant,
        status=status,
        lines=tuple(lines),
        chain=chain,
        carried_nano=carried_nano,
        owed_nano=owed_nano,
        owed_cents=rounded.cents,
        carry_nano=rounded.carry_nano,
    )


def check_bill_lines(
    lines: dict[str, tuple[BillLine, ...]],
    obligations: Iterable[Obligation],
    suppliers: Iterable[str],
) -> None:
    """Raise `Disagreement` unless everybody's bill says what the obligations say, to the nano-unit.

    Everybody but the grid, the operator and the suppliers has a bill: nobody may be forgotten.
    """
    billed_nano = {
        participant: sum(line.amount_nano for line in own) for participant, own in lines.items()
    }
    owed_nano: dict[str, int] = defaultdict(int)
    for owed in obligations:
        if owed.purpose is not Purpose.ENERGY:
            owed_nano[owed.debtor] += owed.units
            owed_nano[owed.creditor] -= owed.units
    for participant in sorted({*billed_nano, *owed_nano} - {GRID, OPERATOR, *suppliers}):
        billed = billed_nano.get(participant, 0)
        if billed != owed_nano[participant]:
            raise Disagreement(
                f"the bill of {participant} says {billed} nano-units, "
                f"the obligations {owed_nano[participant]}: do not settle"
            )
