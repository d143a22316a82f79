"""Whether chain, journal and bills say the same, to the Wh and the nano-unit."""

from __future__ import annotations

from collections import defaultdict

import attrs
import sqlalchemy as sa

from sauma.billing import BillStatus, LineKind
from sauma.errors import Disagreement
from sauma.reconciling import reconcile
from sauma.settlement import Purpose
from sauma.statements import read_statements
from sauma.steps import SettlementStanding
from sauma.store import corrected, queries
from sauma.store import projections as p
from sauma.venue import Venue


@attrs.frozen(kw_only=True)
class Agreement:
    """What three sources say of the same settlements; they were found to agree when this exists.

    `delivered_wh` is what participants have more on the chain than before; after netting it is `net_wh`,
    less than what was traded.  Shares divide what buyers pay.
    """

    settlements: int
    bills: int
    status: BillStatus
    """The least of all bills."""
    traded_wh: int
    billed_wh: int
    net_wh: int
    delivered_wh: int
    paid_nano: int
    billed_nano: int
    producers_nano: int
    grid_nano: int
    operator_nano: int
    balances_checked: int


def check_agreement(connection: sa.Connection, venue: Venue | None = None) -> Agreement:
    """Compare journal, bills and chain; raise `Disagreement` with the two numbers that differ.

    With a venue, every holder's balance is asked of the chain and compared with the events' sum.  One
    that differs at a later block than the last one read proves nothing, and is not counted.
    """
    settlements = queries.settlements(connection)
    traded_wh = 0
    shares: dict[Purpose, int] = defaultdict(int)
    net_wh = delivered_wh = 0
    for settlement in settlements:
        for one in queries.obligations(connection, settlement.period):
            if one.purpose is Purpose.ENERGY:
                traded_wh += one.units
            else:
                shares[one.purpose] += one.units
        standing = SettlementStanding.read(connection, settlement)
        net_wh += standing.planned_wh
        delivered_wh += standing.delivered_wh
    statements = read_statements(connection)
    bought = [line for one in statements for line in one.bill.lines if line.kind is LineKind.BOUGHT]
    paid = (Purpose.PRODUCER_SHARE, Purpose.GRID_SHARE, Purpose.OPERATOR_SHARE)
    agreement = Agreement(
        settlements=len(settlements),
        bills=len(statements),
        status=min((one.bill.status for one in statements), default=BillStatus.OPEN),
        traded_wh=traded_wh,
        billed_wh=sum(line.energy_wh for line in bought),
        net_wh=net_wh,
        delivered_wh=delivered_wh,
        paid_nano=sum(shares[purpose] for purpose in paid),
        billed_nano=sum(line.amount_nano for line in bought),
        producers_nano=shares[Purpose.PRODUCER_SHARE],
        grid_nano=shares[Purpose.GRID_SHARE],
        operator_nano=shares[Purpose.OPERATOR_SHARE],
        balances_checked=0 if venue is None else _check_balances(connection, venue),
    )
    _compare(agreement)
    _check_corrections(connection)
    return agreement


def _compare(found: Agreement) -> None:
    if not found.settlements:
        return
    if found.traded_wh != found.billed_wh:
        raise Disagreement(
            f"the journal says {found.traded_wh} Wh were traded, the bills {found.billed_wh}"
        )
    if found.paid_nano != found.billed_nano:
        raise Disagreement(
            f"the journal says buyers pay {found.paid_nano} nano-units, "
            f"the bills {found.billed_nano}"
        )
    if found.status is not BillStatus.OPEN and found.net_wh != found.delivered_wh:
        raise Disagreement(
            f"{found.net_wh} Wh were to be delivered, the chain says {found.delivered_wh}"
        )


def _check_corrections(connection: sa.Connection) -> None:
    """Compare every adjusting bill with the obligations of its correction, to the nano-unit."""
    owed_nano: dict[tuple[int, str], int] = defaultdict(int)
    for row in connection.execute(sa.select(p.adjusting_obligations)):
        owed_nano[row.sequence, row.debtor] += row.units
        owed_nano[row.sequence, row.creditor] -= row.units
    for row, bill in corrected.adjusting_bills(connection):
        found_nano = owed_nano[row.sequence, bill.participant]
        if bill.owed_nano != found_nano or row.new_nano != bill.new_nano:
            raise Disagreement(
                f"the adjusting bill of {bill.participant} says {bill.owed_nano} nano-units and "
                f"{row.new_nano} in all, the obligations {found_nano} and {bill.new_nano}"
            )


def _check_balances(connection: sa.Connection, venue: Venue) -> int:
    """Compare what events say every holder has with what the chain says; return how many."""
    found = reconcile(connection, venue)
    for holder, (ledger_wh, chain_wh) in found.differences.items():
        raise Disagreement(
            f"{holder} has {chain_wh} Wh on the chain at block {found.height}, "
            f"the events read so far add up to {ledger_wh}"
        )
    return found.checked
