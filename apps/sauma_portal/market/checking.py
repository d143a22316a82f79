"""Checking a bill: from the meter to the chain, each step computed again, in plain words.

Nothing here believes the bill.  What it says is compared with the journal's readings, prices and rules,
and with what the chain answers now.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final

import sqlalchemy as sa

from sauma.billing import BillStatus, bill_lines
from sauma.chain import Fate
from sauma.correcting import AdjustingBill
from sauma.dispatch.restoring import restored_transactions
from sauma.engine import Engine
from sauma.errors import ChainError, StoreDamaged
from sauma.identifiers import AccountId
from sauma.intervals import Interval
from sauma.offers import Side, StandingPrices
from sauma.store import carried, queries, registered
from sauma.store import projections as p
from sauma.units import NANO_PER_CENT
from sauma.venue import Venue
from sauma_portal.market.bills import BillDocument, SettledBill, in_chunks
from sauma_portal.market.corrections_checked import check_corrections
from sauma_portal.market.day import read_day
from sauma_portal.market.spans import Span
from sauma_portal.market.verdicts import Step, Verdict
from sauma_portal.messages import N_, say

TRANSACTIONS_MAX: Final = 200
"""How many movements one check asks the chain about; the newest first."""


def check_bill(engine: Engine, bill: BillDocument) -> Verdict:
    """Check a bill from meter to chain; the corrections on it, too, if there are some."""
    corrections = (check_corrections(engine, bill),) if bill.adjusted else ()
    settled: tuple[Step, ...] = ()
    if bill.settled:
        settled = (
            _check_meter(engine, bill),
            _check_limits(engine, bill),
            _check_lines(engine, bill),
        )
    return Verdict(
        steps=(
            _check_record(engine),
            *settled,
            *corrections,
            _check_sum(bill),
            _check_chain(engine, bill),
        )
    )


def _check_record(engine: Engine) -> Step:
    title = say(N_("The record is whole"))
    try:
        found = engine.store.verify_journal()
    except StoreDamaged:
        return Step(
            title=title, finding=say(N_("An entry of the record was changed afterwards.")), ok=False
        )
    return Step(
        title=title,
        finding=say(
            N_("All %(entries)s entries follow one another unchanged."), entries=found.entries
        ),
        ok=True,
    )


def _check_meter(engine: Engine, bill: BillDocument) -> Step:
    """Compare readings with what the bill shares out, interval by interval."""
    title = say(N_("Your meter and the bill say the same"))
    rulebook = engine.rulebook
    billed: dict[int, Counter[str]] = defaultdict(Counter)
    with engine.store.reading() as connection:
        for settled in bill.settled:
            span = Span(start=settled.period_start, end=settled.period_end)
            day = read_day(connection, bill.participant, bill.area, span, rulebook=rulebook)
            residual = _residuals(connection, bill, span)
            for slot in day.slots:
                left, over = residual.get(slot.start, (0, 0))
                billed[slot.start].update(
                    {
                        "in": slot.imported_wh - slot.own_use_wh - slot.bought_wh - left,
                        "out": slot.exported_wh - slot.own_use_wh - slot.sold_wh - over,
                    }
                )
        wrong = sum(1 for each in billed.values() if any(each.values()))
    if wrong:
        return Step(
            title=title,
            finding=say(
                N_("%(wrong)s quarter-hours differ from what the meter reported."), wrong=wrong
            ),
            ok=False,
        )
    return Step(
        title=title,
        finding=say(
            N_(
                "In %(intervals)s quarter-hours the bill has what the meter reported, to the watt-hour."
            ),
            intervals=len(billed),
        ),
        ok=True,
    )


def _residuals(
    connection: sa.Connection, bill: BillDocument, span: Span
) -> dict[int, tuple[int, int]]:
    rows = connection.execute(
        sa.select(p.residuals).where(
            p.residuals.c.area == bill.area,
            p.residuals.c.participant == bill.participant,
            p.residuals.c.interval_start >= span.start,
            p.residuals.c.interval_start < span.end,
        )
    )
    return {row.interval_start: (row.bought_wh, row.sold_wh) for row in rows}


def _check_limits(engine: Engine, bill: BillDocument) -> Step:
    """Compare the price of every trade with the limits that were set then."""
    title = say(N_("Your prices were kept"))
    minutes = engine.rulebook.interval_minutes
    wrong = count = 0
    with engine.store.reading() as connection:
        known = StandingPrices(queries.prices(connection, bill.area))
        for row in _trades(connection, bill):
            interval = Interval.from_start_unix(row.interval_start, minutes)
            buys = row.buyer == bill.participant
            side = Side.BID if buys else Side.ASK
            limit = known.price_at(bill.participant, bill.area, side, interval)
            if limit is None:
                continue  # an offer made by hand, which has a limit of its own
            count += 1
            wrong += row.price_micro > limit if buys else row.price_micro < limit
    if wrong:
        return Step(
            title=title,
            finding=say(N_("%(wrong)s trades broke the price you set."), wrong=wrong),
            ok=False,
        )
    return Step(
        title=title,
        finding=say(
            N_(
                "%(trades)s trades: none was dearer than your limit or cheaper than your selling price."
            ),
            trades=count,
        ),
        ok=True,
    )


def _trades(connection: sa.Connection, bill: BillDocument) -> list[sa.Row[tuple[object, ...]]]:
    first = min(each.period_start for each in bill.settled)
    end = max(each.period_end for each in bill.settled)
    rows = connection.execute(
        sa.select(p.trades).where(
            p.trades.c.area == bill.area,
            p.trades.c.interval_start >= first,
            p.trades.c.interval_start < end,
            p.trades.c.buyer != p.trades.c.seller,
            sa.or_(p.trades.c.buyer == bill.participant, p.trades.c.seller == bill.participant),
        )
    ).all()
    return list(rows)


def _check_lines(engine: Engine, bill: BillDocument) -> Step:
    """Compute the lines of every settlement from trades and rules, and compare."""
    title = say(N_("Every line can be computed again"))
    minutes = engine.rulebook.interval_minutes
    wrong = 0
    with engine.store.reading() as connection:
        for settled in bill.settled:
            period = queries.settlement(connection, settled.settlement_id).period
            again = bill_lines(
                queries.trades(connection, period, minutes),
                queries.residuals(connection, period),
                queries.obligations(connection, period),
            ).get(bill.participant, ())
            wrong += sorted(again) != sorted(settled.lines)
    if wrong:
        return Step(
            title=title,
            finding=say(N_("%(wrong)s settlements give other lines."), wrong=wrong),
            ok=False,
        )
    return Step(
        title=title,
        finding=say(
            N_("From trades, prices and the published rules come the same %(lines)s lines."),
            lines=len(bill.lines),
        ),
        ok=True,
    )


def _check_sum(bill: BillDocument) -> Step:
    title = say(N_("It adds up to the cent"))
    owed_nano = sum(line.amount_nano for line in bill.lines)
    owed_nano += sum(line.amount_nano for each in bill.adjusted for line in each.lines)
    taxed_nano = bill.untaxed_nano + sum(row.gross_nano for row in bill.vat)
    adds_up = (
        owed_nano == bill.owed_nano == taxed_nano
        and all(_adds_up(each) for each in bill.settled)
        and all(_adds_up(each.bill) for each in bill.adjusted)
        and abs(bill.carry_nano) <= NANO_PER_CENT
    )
    if not adds_up:
        return Step(
            title=title, finding=say(N_("The lines do not add up to what is due.")), ok=False
        )
    return Step(
        title=title,
        finding=say(N_("The lines add up to what is due; less than a cent is carried on.")),
        ok=True,
    )


def _adds_up(settled: SettledBill | AdjustingBill) -> bool:
    lines_nano = sum(line.amount_nano for line in settled.lines)
    rounded_nano = settled.owed_cents * NANO_PER_CENT + settled.carry_nano
    return lines_nano == settled.owed_nano and rounded_nano == lines_nano + settled.carried_nano


def _check_chain(engine: Engine, bill: BillDocument) -> Step:
    """Ask the chain for what moved, and compare it with what was traded."""
    title = say(N_("The energy really moved"))
    if bill.status is BillStatus.OPEN:
        return Step(
            title=title,
            finding=say(N_("Some of it is still on its way. Check again in a few minutes.")),
            ok=None,
        )
    venue = engine.venue
    with engine.store.reading() as connection:
        held = registered.accounts_of(connection, venue.chain_id, [bill.participant])
        ids = _transactions(connection, bill)
        shown = restored_transactions(connection, venue, ids[:TRANSACTIONS_MAX])
    try:
        included = [
            each
            for each in shown
            if (status := venue.chain.status(each)).fate is Fate.INCLUDED and status.succeeded
        ]
    except ChainError:
        return Step(
            title=title,
            finding=say(N_("The chain does not answer just now. Try again later.")),
            ok=None,
        )
    missing = len(shown) - len(included)
    moved = _moved(venue, [each.raw for each in included], held.get(bill.participant))
    billed = (
        sum(each.received_wh for each in bill.settled),
        sum(each.sent_wh for each in bill.settled),
    )
    complete = len(ids) <= TRANSACTIONS_MAX
    if missing or (complete and moved != billed):
        return Step(
            title=title,
            finding=say(
                N_("The chain shows something else than the bill. Please tell us at once.")
            ),
            ok=False,
        )
    return Step(
        title=title,
        finding=say(
            N_("The chain confirms %(count)s movements of your energy, signed and unchanged."),
            count=len(included),
        ),
        ok=True,
    )


def _transactions(connection: sa.Connection, bill: BillDocument) -> list[bytes]:
    """Return the transactions that moved energy for somebody in a bill's settlements, newest first."""
    batches: set[bytes] = set()
    for chunk in in_chunks([each.settlement_id for each in bill.settled]):
        batches |= {
            bytes(batch)
            for batch in connection.execute(
                sa.select(p.instructions.c.batch_id).where(
                    p.instructions.c.settlement_id.in_(chunk)
                )
            ).scalars()
        }
    found: dict[bytes, int] = {}
    for batch_chunk in in_chunks(sorted(batches)):
        for row in connection.execute(
            sa.select(p.transactions.c.transaction_id, p.transactions.c.block_height)
            .join(
                p.transaction_batches,
                p.transaction_batches.c.transaction_id == p.transactions.c.transaction_id,
            )
            .join(
                p.transaction_effects,
                p.transaction_effects.c.transaction_id == p.transactions.c.transaction_id,
            )
            .where(
                p.transaction_batches.c.batch_id.in_(batch_chunk),
                p.transaction_effects.c.holder == bill.participant,
                p.transactions.c.succeeded.is_(True),
                carried.is_alive(),
            )
        ):
            found[bytes(row.transaction_id)] = row.block_height or 0
    return sorted(found, key=lambda identity: (-found[identity], identity))


def _moved(venue: Venue, raws: list[bytes], account: AccountId | None) -> tuple[int, int]:
    """Return what signed bytes move to and from an account, decoded from nothing but the bytes."""
    received = sent = 0
    for raw in raws:
        delta = sum(
            effect.delta_units
            for effect in venue.codec.decode(raw).effects
            if effect.account == account and effect.asset == venue.energy_asset
        )
        received += max(delta, 0)
        sent += max(-delta, 0)
    return received, sent
