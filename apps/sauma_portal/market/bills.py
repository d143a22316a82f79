"""A household's bills by month: what the engine settled, put together with taxes and comparison.

The engine bills every settlement to the cent and carries the rest; a month is the sum of its settlements,
so what is due is exactly what was settled, and what rounding left goes on to the next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final

import attrs
import sqlalchemy as sa

from sauma.billing import BillLine, BillStatus, LineKind
from sauma.correcting import CorrectedReading
from sauma.intervals import from_unix
from sauma.store import carried, queries
from sauma.store import projections as p
from sauma.units import Rounding, cost, divide_rounded
from sauma_portal.market.corrections import (
    Adjustment,
    came_too_late,
    correction_times,
    read_adjustments,
    uncertain,
)
from sauma_portal.market.progress import settlement_of
from sauma_portal.market.spans import Span, month_of, month_span, next_month
from sauma_portal.market.vat import VatRow, read_vat
from sauma_portal.references import BillNumber

_BOUGHT: Final = (LineKind.BOUGHT, LineKind.SUPPLIER_SALE)


@attrs.frozen(kw_only=True)
class SettledBill:
    """The engine's bill for one settlement, in its newest version."""

    bill_id: bytes
    version: int
    settlement_id: bytes
    period_start: int
    period_end: int
    status: BillStatus
    received_wh: int
    sent_wh: int
    owed_nano: int
    carried_nano: int
    owed_cents: int
    carry_nano: int
    lines: tuple[BillLine, ...]


@attrs.frozen(kw_only=True)
class BillDocument:
    """Everything that a bill says: the page, the API and a printed bill all show this.

    Amounts in nano-units are signed: above zero the household owes.  `untaxed_nano` is what bears no VAT:
    what neighbours who are not in the VAT register get or pay.  `due` is None while the month runs.
    """

    number: BillNumber
    participant: str
    area: str
    settled: tuple[SettledBill, ...]
    lines: tuple[BillLine, ...]
    """One for each kind, counterparty and price, summed over the month."""
    vat: tuple[VatRow, ...]
    untaxed_nano: int
    retail_nano: int
    """What the same energy would have cost at ordinary prices."""
    retail_micro: int
    is_running: bool
    """Whether the month is not over, or something of it is not settled yet."""
    due: date | None
    estimated: int
    missing: int
    """How many readings behind it are estimated or missing."""
    adjusted: tuple[Adjustment, ...] = ()
    """Corrections that were made in this month, of whatever month: they are part of what is due."""
    adjusted_by: tuple[Adjustment, ...] = ()
    """Corrections of this month's settlements, on this bill or on a later one."""
    too_late: tuple[CorrectedReading, ...] = ()
    """Readings of this month that came after the correction window."""

    def _wh(self, *kinds: LineKind) -> int:
        return sum(line.energy_wh for line in self.lines if line.kind in kinds)

    def _nano(self, *kinds: LineKind) -> int:
        return sum(line.amount_nano for line in self.lines if line.kind in kinds)

    @property
    def bought_wh(self) -> int:
        """What neighbours sold to it."""
        return self._wh(LineKind.BOUGHT)

    @property
    def sold_wh(self) -> int:
        """What it sold to neighbours."""
        return self._wh(LineKind.SOLD)

    @property
    def from_supplier_wh(self) -> int:
        """What the supplier of last resort had to sell to it."""
        return self._wh(LineKind.SUPPLIER_SALE)

    @property
    def to_supplier_wh(self) -> int:
        """What the supplier of last resort bought."""
        return self._wh(LineKind.SUPPLIER_PURCHASE)

    @property
    def groups(self) -> tuple[tuple[LineKind, int, int], ...]:
        """Energy and amount of each kind that occurs, in the order of a bill."""
        kinds = [kind for kind in LineKind if any(line.kind is kind for line in self.lines)]
        return tuple((kind, self._wh(kind), self._nano(kind)) for kind in kinds)

    @property
    def average_micro(self) -> int | None:
        """What a kWh from neighbours cost on average, or, for who only sells, earned."""
        kind = LineKind.BOUGHT if self.bought_wh else LineKind.SOLD
        energy_wh = self._wh(kind)
        return average_micro(energy_wh, self._nano(kind)) if energy_wh else None

    @property
    def adjusted_nano(self) -> int:
        """What corrections made in this month come to."""
        return sum(each.bill.owed_nano for each in self.adjusted)

    @property
    def owed_nano(self) -> int:
        """What is owed for the month, exactly."""
        return sum(each.owed_nano for each in self.settled) + self.adjusted_nano

    @property
    def owed_cents(self) -> int:
        """What is due, in cents; below zero it is paid out."""
        adjusted = sum(each.bill.owed_cents for each in self.adjusted)
        return sum(each.owed_cents for each in self.settled) + adjusted

    @property
    def carried_nano(self) -> int:
        """What rounding left from before, of bills and of corrections."""
        first = [each.carried_nano for each in self.settled[:1]]
        return sum(first) + sum(each.bill.carried_nano for each in self.adjusted[:1])

    @property
    def carry_nano(self) -> int:
        """What rounding leaves for the next bill."""
        return self.owed_nano + self.carried_nano - self.owed_cents * 10_000_000

    @property
    def saved_nano(self) -> int:
        """What was saved against ordinary prices; below zero it was a loss."""
        return self.retail_nano - self.owed_nano

    @property
    def status(self) -> BillStatus:
        """How sure it is: the least of its settlements; a correction moves nothing and is final."""
        nothing = BillStatus.FINAL if self.adjusted else BillStatus.OPEN
        return min((each.status for each in self.settled), default=nothing)

    @property
    def vat_nano(self) -> int:
        """All tax that it contains."""
        return sum(row.vat_nano for row in self.vat)


def average_micro(energy_wh: int, amount_nano: int) -> int:
    """Return an average price in micro-units per kWh, half to even; what is earned counts as a price too."""
    return divide_rounded(abs(amount_nano), energy_wh, Rounding.HALF_EVEN)


@attrs.frozen(kw_only=True)
class Terms:
    """What of the portal shapes a bill."""

    zone: str
    retail_micro: int
    supplier_buys_micro: int
    due_days: int
    now: int
    vat_registered: frozenset[str] = frozenset()
    """The participants that charge VAT on what they sell."""


def read_bill(
    connection: sa.Connection, *, participant: str, area: str, number: BillNumber, terms: Terms
) -> BillDocument | None:
    """Return somebody's bill for a month; None when nothing of it was settled."""
    found = read_bills(
        connection, participant=participant, area=area, numbers=[number], terms=terms
    )
    return next(iter(found), None)


def read_bills(
    connection: sa.Connection,
    *,
    participant: str,
    area: str,
    numbers: Iterable[BillNumber],
    terms: Terms,
) -> list[BillDocument]:
    """Return somebody's bills for some months, without those of which nothing was settled."""
    every = read_adjustments(connection, participant, area, terms.zone)
    found = (_read(connection, participant, area, number, terms, every) for number in numbers)
    return [bill for bill in found if bill is not None]


def _read(
    connection: sa.Connection,
    participant: str,
    area: str,
    number: BillNumber,
    terms: Terms,
    every: Sequence[Adjustment],
) -> BillDocument | None:
    span = month_span(number.month, terms.zone)
    settled = read_settled(connection, participant, area, span)
    adjusted = tuple(each for each in every if each.made_at in span)
    if not settled and not adjusted:
        return None
    lines = _summed(settled)
    vat, untaxed_nano = read_vat(
        connection,
        participant,
        area,
        {each.settlement_id: (each.period_start, each.period_end) for each in settled},
        [each.sequence for each in adjusted],
        zone=terms.zone,
        registered=terms.vat_registered,
    )
    is_running = terms.now < span.end or _has_unsettled(connection, participant, area, span)
    estimated, missing = uncertain(connection, participant, area, span)
    compared = (*lines, *(line for each in adjusted for line in each.lines))
    bought_wh = sum(line.energy_wh for line in compared if line.kind in _BOUGHT)
    sold_wh = sum(line.energy_wh for line in compared if line.kind not in _BOUGHT)
    return BillDocument(
        number=number,
        participant=participant,
        area=area,
        settled=settled,
        lines=lines,
        vat=vat,
        untaxed_nano=untaxed_nano,
        retail_nano=cost(bought_wh, terms.retail_micro) - cost(sold_wh, terms.supplier_buys_micro),
        retail_micro=terms.retail_micro,
        is_running=is_running,
        due=None if is_running else next_month(number.month) + timedelta(days=terms.due_days - 1),
        estimated=estimated,
        missing=missing,
        adjusted=adjusted,
        adjusted_by=tuple(each for each in every if each.month == number.month),
        too_late=came_too_late(connection, participant, area, span),
    )


def billed_months(
    connection: sa.Connection, participant: str, area: str, zone: str
) -> tuple[date, ...]:
    """Return the months in which something was settled or corrected for somebody, newest first."""
    starts = connection.execute(
        sa.select(p.settlements.c.period_start)
        .distinct()
        .join(p.bills, p.bills.c.settlement_id == p.settlements.c.settlement_id)
        .where(p.bills.c.participant == participant, p.settlements.c.area == area)
    ).scalars()
    moments = [*starts, *correction_times(connection, participant, area)]
    return tuple(sorted({month_of(from_unix(moment), zone) for moment in moments}, reverse=True))


def read_settled(
    connection: sa.Connection, participant: str, area: str, span: Span
) -> tuple[SettledBill, ...]:
    """Return the newest version of each of somebody's bills in a span, in the order of issue."""
    rows = connection.execute(
        sa.select(p.bills, p.settlements.c.period_start, p.settlements.c.period_end)
        .join(p.settlements, p.settlements.c.settlement_id == p.bills.c.settlement_id)
        .where(
            p.bills.c.participant == participant,
            p.settlements.c.area == area,
            p.settlements.c.period_start >= span.start,
            p.settlements.c.period_start < span.end,
        )
        .order_by(p.bills.c.sequence, p.bills.c.row_number)
    ).all()
    newest = {bytes(row.bill_id): row for row in rows}
    lines = _lines(connection, {identity: row.version for identity, row in newest.items()})
    return tuple(
        SettledBill(
            bill_id=identity,
            version=row.version,
            settlement_id=bytes(row.settlement_id),
            period_start=row.period_start,
            period_end=row.period_end,
            status=BillStatus(row.status),
            received_wh=row.chain_received_wh,
            sent_wh=row.chain_sent_wh,
            owed_nano=row.owed_nano,
            carried_nano=row.carried_nano,
            owed_cents=row.owed_cents,
            carry_nano=row.carry_nano,
            lines=tuple(lines[identity]),
        )
        for identity, row in newest.items()
    )


def _lines(connection: sa.Connection, versions: dict[bytes, int]) -> dict[bytes, list[BillLine]]:
    found: dict[bytes, list[BillLine]] = defaultdict(list)
    for chunk in in_chunks(list(versions)):
        for row in connection.execute(
            sa.select(p.bill_lines)
            .where(p.bill_lines.c.bill_id.in_(chunk))
            .order_by(p.bill_lines.c.sequence, p.bill_lines.c.row_number)
        ):
            identity = bytes(row.bill_id)
            if versions[identity] == row.version:
                found[identity].append(
                    BillLine(
                        kind=LineKind(row.kind),
                        counterparty=row.counterparty,
                        price_micro=row.price_micro,
                        energy_wh=row.energy_wh,
                        amount_nano=row.amount_nano,
                    )
                )
    return found


def in_chunks(ids: Sequence[bytes]) -> Iterable[Sequence[bytes]]:
    """Give ids in pieces that a database takes at a time."""
    for first in range(0, len(ids), carried.IDS_MAX):
        yield ids[first : first + carried.IDS_MAX]


def _summed(settled: Iterable[SettledBill]) -> tuple[BillLine, ...]:
    sums: dict[tuple[LineKind, str, int], list[int]] = defaultdict(lambda: [0, 0])
    for bill in settled:
        for line in bill.lines:
            total = sums[line.kind, line.counterparty, line.price_micro]
            total[0] += line.energy_wh
            total[1] += line.amount_nano
    return tuple(
        BillLine(kind=kind, counterparty=other, price_micro=price, energy_wh=wh, amount_nano=nano)
        for (kind, other, price), (wh, nano) in sorted(sums.items())
    )


def _has_unsettled(connection: sa.Connection, participant: str, area: str, span: Span) -> bool:
    """Tell whether intervals of somebody are cleared in a span and not settled yet."""
    starts = connection.execute(
        sa.select(p.positions.c.interval_start).where(
            p.positions.c.area == area,
            p.positions.c.participant == participant,
            p.positions.c.interval_start >= span.start,
            p.positions.c.interval_start < span.end,
        )
    ).scalars()
    settlements = queries.settlements(connection, area)
    return any(settlement_of(settlements, area, start) is None for start in starts)
