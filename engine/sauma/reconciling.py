"""Ledger against chain: what the events that were read add up to, and what the chain says is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import attrs
import sqlalchemy as sa

from sauma.settlement import ISSUER, role_of
from sauma.store import projections as p
from sauma.store import queries
from sauma.venue import Venue


@attrs.frozen(kw_only=True)
class Reconciliation:
    """How the balances of all holders compare, in Wh."""

    height: int
    """The block up to which the ledger was read."""
    checked: int
    """Holders that were compared at that block."""
    moved_on: int
    """Holders for whom the chain answered at a later block and differs: that proves nothing."""
    differences: Mapping[str, tuple[int, int]]
    """Ledger and chain of each holder for whom they differ."""

    @property
    def difference_wh(self) -> int:
        """The sum of all differences, each taken positive; anything but 0 is an error."""
        return sum(abs(ledger - chain) for ledger, chain in self.differences.values())


def reconcile(connection: sa.Connection, venue: Venue) -> Reconciliation:
    """Ask the chain for the balance of every bound holder but the issuer, and compare.

    Raises `ChainError` when the chain cannot be asked.
    """
    held = ledger_balances(connection, venue)
    height = queries.chain_state(connection, venue.chain_id).scanned_height
    checked = moved_on = 0
    differences: dict[str, tuple[int, int]] = {}
    for holder, account in sorted(queries.accounts(connection, venue.chain_id).items()):
        if role_of(holder) == ISSUER:
            continue
        balance = venue.chain.balance(account, venue.energy_asset)
        if balance.units == held.get(holder, 0):
            checked += 1
        elif balance.block.height != height:
            moved_on += 1
        else:
            checked += 1
            differences[holder] = (held.get(holder, 0), balance.units)
    return Reconciliation(
        height=height, checked=checked, moved_on=moved_on, differences=differences
    )


def ledger_balances(connection: sa.Connection, venue: Venue) -> dict[str, int]:
    """Return what every holder has by the events that were read and not taken back."""
    standing = sa.and_(
        p.chain_events.c.sequence == p.chain_effects.c.sequence,
        p.chain_events.c.transaction_id == p.chain_effects.c.transaction_id,
        p.chain_events.c.retracted_by.is_(None),
    )
    held: dict[str, int] = defaultdict(int)
    for row in connection.execute(
        sa.select(p.chain_effects.c.holder, p.chain_effects.c.delta_units).where(
            p.chain_effects.c.asset == str(venue.energy_asset), sa.exists().where(standing)
        )
    ):
        held[row.holder] += row.delta_units
    return dict(held)
