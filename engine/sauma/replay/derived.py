"""Computing again what follows from what was given, and comparing it byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import sqlalchemy as sa

from sauma.billing import BillStatus
from sauma.errors import InvalidInput
from sauma.intervals import Interval, to_unix
from sauma.journal import SealedEntry, Table, TableClass, first_difference
from sauma.replay.past import Past
from sauma.replay.report import Finding, found_in
from sauma.replay.sessions import step_again
from sauma.replay.standings import standing_again
from sauma.rulebook import Rulebook
from sauma.settlement import ChainTerms
from sauma.steps import (
    ANCHOR_KEY,
    ANCHOR_PLANNED,
    BILLS_ISSUED,
    INTERVAL_CLEARED,
    SESSION_STEP_TAKEN,
    SETTLEMENT_CORRECTED,
    SETTLEMENT_PLANNED,
    STANDING_STEPS_TAKEN,
    clear_interval,
    correct_settlement,
    issue_bills,
    open_anchors,
    plan_anchor,
    plan_settlement,
)
from sauma.store import corrected, queries, vault


def derived_findings(
    connection: sa.Connection, entry: SealedEntry, past: Past
) -> Iterator[Finding]:
    """Yield the differences between an entry's derived tables and the same computed again.

    `connection` sees the projections as they were before the entry.
    """
    step = _STEPS.get(entry.kind)
    if step is None:
        return
    derived = {
        table.name: table
        for table in entry.tables
        if table.schema.table_class is TableClass.DERIVED
    }
    recomputed = {
        table.schema.name: table.seal()
        for table in step(connection, entry, past)
        if table.schema.table_class is TableClass.DERIVED
    }
    if sorted(recomputed) != sorted(derived):
        yield found_in(
            entry,
            f"has the derived tables {sorted(derived)}, computed were {sorted(recomputed)}",
        )
        return
    for name in sorted(derived):
        difference = first_difference(derived[name], recomputed[name])
        if difference is not None:
            yield Finding(place=f"entry {entry.sequence}", explanation=str(difference))


def _in_force(past: Past, entry: SealedEntry) -> tuple[Rulebook, Interval]:
    if past.rulebook is None or entry.header.interval is None:
        raise InvalidInput(f"the {entry.kind} entry names no rulebook or no interval")
    return past.rulebook, entry.header.interval


def _clear_again(connection: sa.Connection, entry: SealedEntry, past: Past) -> Sequence[Table]:
    rulebook, interval = _in_force(past, entry)
    area = entry.header.area
    if queries.is_cleared(connection, area, interval):
        raise InvalidInput(f"the interval {interval} of {area} is cleared already")
    if queries.is_settled(connection, area, interval.start_unix):
        raise InvalidInput(f"the interval {interval} of {area} is cleared after its settlement")
    return clear_interval(connection, rulebook, area, interval)


def _plan_again(connection: sa.Connection, entry: SealedEntry, past: Past) -> Sequence[Table]:
    rulebook, interval = _in_force(past, entry)
    start, end = (to_unix(moment) for moment in rulebook.settlement_period(interval))
    (row,) = entry.table("chain_terms").dicts()
    if row["chain_id"] != past.chain_id:
        raise InvalidInput(f"plans for {row['chain_id']}, the journal settles on {past.chain_id}")
    quotes: list[tuple[str, int]] = [
        (quote["holder"], quote["units"]) for quote in entry.table("fee_quotes").dicts()
    ]
    payers = [holder for holder, _ in quotes]
    if payers != sorted(set(payers)) or not set(payers) <= set(past.accounts):
        raise InvalidInput(f"fee quotes are for {payers}: each holder once, in order, with account")
    tables = plan_settlement(
        connection, rulebook, entry.header.area, (start, end), ChainTerms(**row), quotes
    )
    for summary in tables:
        if summary.schema.name == "settlements":
            identity = summary.value("settlement_id", 0)
            if queries.has_settlement(connection, identity):
                raise InvalidInput(f"the settlement {identity.hex()} is planned already")
    return tables


def _bill_again(connection: sa.Connection, entry: SealedEntry, past: Past) -> Sequence[Table]:
    rulebook, interval = _in_force(past, entry)
    bills = entry.table("bills")
    settlement = queries.settlement(connection, bills.value("settlement_id", 0))
    if (settlement.area, settlement.period_start) != (entry.header.area, interval.start_unix):
        raise InvalidInput(
            f"bills the settlement of {settlement.area} from {settlement.period_start}, its header "
            f"says {entry.header.area} at {interval}"
        )
    if int(BillStatus.FINAL) in bills.values("status"):
        past.claim(f"entry {entry.sequence} table bills")
    return issue_bills(connection, rulebook, settlement, entry.sequence)


def _correct_again(connection: sa.Connection, entry: SealedEntry, past: Past) -> Sequence[Table]:
    _, interval = _in_force(past, entry)
    settlement = queries.settlement(
        connection, entry.table("corrections").value("settlement_id", 0)
    )
    if (settlement.area, settlement.period_start) != (entry.header.area, interval.start_unix):
        raise InvalidInput(
            f"corrects the settlement of {settlement.area} from {settlement.period_start}, its header "
            f"says {entry.header.area} at {interval}"
        )
    if not corrected.is_billed(connection, settlement):
        raise InvalidInput(
            f"corrects the settlement {settlement.settlement_id.hex()} before it was billed"
        )
    return correct_settlement(connection, settlement)


def _anchor_again(connection: sa.Connection, entry: SealedEntry, _: Past) -> Sequence[Table]:
    (stated,) = entry.table("anchors").dicts()
    (kept,) = entry.table("anchor_keys").dicts()
    period = (stated["period_start"], stated["period_end"])
    waiting = open_anchors(connection).get(period)
    if waiting is None:
        raise InvalidInput(f"anchors {period}, in which no bills wait for an anchor")
    item = vault.get_item(connection, ANCHOR_KEY, kept["anchor_id"].hex())
    if item is None or item.digest != kept["key_digest"]:
        raise InvalidInput(
            f"the vault does not hold the key of anchor {kept['anchor_id'].hex()}: without it the root "
            "cannot be computed again"
        )
    identity, tables = plan_anchor(connection, period, waiting, item.content)
    if identity != kept["anchor_id"]:
        raise InvalidInput(
            f"its key is for anchor {kept['anchor_id'].hex()}, the bills and the key make "
            f"{identity.hex()}"
        )
    return tables


_STEPS: Final[dict[str, Callable[[sa.Connection, SealedEntry, Past], Sequence[Table]]]] = {
    INTERVAL_CLEARED: _clear_again,
    SETTLEMENT_PLANNED: _plan_again,
    SETTLEMENT_CORRECTED: _correct_again,
    BILLS_ISSUED: _bill_again,
    ANCHOR_PLANNED: _anchor_again,
    SESSION_STEP_TAKEN: step_again,
    STANDING_STEPS_TAKEN: standing_again,
}
