"""`Engine`: what integrators hold; the only shell around the pure core.

It wires a store, a chain, a clock and a rulebook.  Every call that changes something is one entry of
the journal, committed or not; the same call again is a no-op, the same key with other contents a
`Conflict`.  Nothing waits for a block: `step` does what can be done now and says what it did.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import attrs

from sauma import intake
from sauma.agreement import Agreement, check_agreement
from sauma.anchoring import BillProof
from sauma.billing import BillStatus
from sauma.charging import Sessions
from sauma.clock import Clock
from sauma.desk import in_force
from sauma.dispatch import Dispatch, Progress, Suspended
from sauma.dispatch.suspending import resume, suspended_work
from sauma.errors import InvalidInput, StoreError
from sauma.intervals import Interval, to_unix
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.logs import get_logger
from sauma.planner import Planner, do_each
from sauma.proving import prove_bill
from sauma.standings import Standings
from sauma.statements import (
    AdjustingStatement,
    BillStatement,
    read_adjustments,
    read_statements,
)
from sauma.steps import (
    ANCHOR_KEY,
    ANCHOR_PLANNED,
    BILLS_ISSUED,
    SETTLEMENT_CORRECTED,
    bills_are_due,
    correct_settlement,
    due_corrections,
    first_interval,
    issue_bills,
    open_anchors,
    plan_anchor,
)
from sauma.store import Store, anchored, corrected, queries
from sauma.store.anchored import AnchorStanding
from sauma.venue import Venue

log = get_logger(__name__)


class Engine(Planner):
    """A settlement engine: offers and readings in, energy moved on a chain, bills out.

    Open it with `Engine.open`, give it participants, prices and readings, call `clear_due`, `settle_due`
    and then `step` as often as blocks come.  Everything survives the process; nothing is global.
    """

    def __init__(
        self,
        store: Store,
        venue: Venue,
        *,
        clock: Clock,
        draw_salt: Callable[[], bytes],
        holder: str,
    ) -> None:
        """Use `Engine.open`."""
        super().__init__(store, venue, clock=clock, draw_salt=draw_salt, holder=holder)
        self._sessions = Sessions(store, venue, now=clock.now, draw_salt=draw_salt)
        self._standings = Standings(store, venue, now=clock.now, draw_salt=draw_salt)
        self._dispatch = Dispatch(store, venue, now=clock.now, draw_salt=draw_salt, holder=holder)

    @property
    def sessions(self) -> Sessions:
        """Prepaid metered delivery: take steps of sessions, and see where they stand."""
        return self._sessions

    @property
    def standings(self) -> Standings:
        """Standing authorisations: have them held, charge them, and see where they stand."""
        return self._standings

    # --- what follows ---------------------------------------------------------------------------

    def step(self) -> Progress:
        """Do everything that can be done now: read the chain, bill, anchor, send what is due.

        Call it again when a block may have come.  A node that is down raises `Unavailable`; nothing is
        lost by that.  When chain and journal disagree it raises `Disagreement` and sends nothing more.
        """
        seen = self._dispatch.observe()
        self.issue_bills()
        self.anchor_due()
        followed = self._dispatch.follow()
        sent = self._dispatch.send()
        return attrs.evolve(
            sent,
            blocks_read_to=seen.blocks_read_to,
            events=seen.events,
            rolled_back_to=seen.rolled_back_to,
            sent=followed.sent + sent.sent,
            buried=followed.buried,
        )

    def resume(self, item_id: bytes, *, reason: str) -> None:
        """Let a batch or transaction be tried again that was suspended because processes died of it.

        The journal keeps who was asked why: `reason` is yours to give.  Raises `UnknownName` for one
        that is not suspended.
        """
        with self._store.transaction() as transaction:
            resume(transaction, item_id, reason=reason, time=self._clock.now())

    def close(self) -> None:
        """Close the store; another process can go on."""
        try:
            self._dispatch.close()
        except StoreError as error:
            log.warning("end_not_noted", error=str(error))
        finally:
            super().close()

    def issue_bills(self) -> int:
        """Issue every bill whose status changed since it was last issued; return how many."""
        with self._store.reading() as connection:
            changed = [
                settlement
                for settlement in queries.unfinished_settlements(connection)
                if bills_are_due(connection, settlement)
            ]
        if not changed:
            return 0
        issued = 0
        with self._store.transaction() as transaction:
            connection = transaction.connection
            rulebook = in_force(connection)
            for settlement in changed:
                tables = issue_bills(
                    connection, rulebook, settlement, transaction.head_sequence + 1
                )
                if any(len(table) for table in tables):
                    first = Interval.from_start_unix(
                        settlement.period_start, rulebook.interval_minutes
                    )
                    self._append_in(
                        transaction, BILLS_ISSUED, tables, area=settlement.area, interval=first
                    )
                    issued += len(tables[0])
        return issued

    def correct(self, area: str, interval: Interval) -> bool:
        """Correct the settlement of an interval by the readings that came late; False if there are none.

        Raises `InvalidInput` while the interval is not settled and billed: then there is nothing to
        correct yet.
        """
        with self._store.transaction() as transaction:
            connection = transaction.connection
            rulebook = in_force(connection)
            intake.check_length(interval, rulebook)
            settlement = queries.settlement_covering(connection, area, interval.start_unix)
            if settlement is None or not corrected.is_billed(connection, settlement):
                raise InvalidInput(
                    f"the interval {interval} of {area} is not settled and billed yet: correct it when "
                    "it is"
                )
            tables = correct_settlement(connection, settlement)
            first = first_interval(settlement, rulebook)
            self._append_in(transaction, SETTLEMENT_CORRECTED, tables, area=area, interval=first)
        return bool(tables)

    def correct_due(self, *, early: bool = False) -> int:
        """Correct every settlement whose late readings waited until their period closed; return how many.

        With `early`, those whose period is not over too.  One that cannot be corrected does not hold up
        the others: its error is raised after them.
        """
        with self._store.reading() as connection:
            now = datetime.max.replace(tzinfo=UTC) if early else self._clock.now()
            due = due_corrections(connection, in_force(connection), now)
        return do_each(self.correct, due)

    def anchor_due(self) -> int:
        """Plan the anchor of every anchor period that is over and has bills not anchored; return how many.

        What is billed later, in an area that was held up, gets an anchor of its own.
        """
        now_unix = to_unix(self._clock.now())
        planned = 0
        with self._store.reading() as connection:
            due = [period for period in open_anchors(connection) if period[1] <= now_unix]
        for period in due:
            with self._store.transaction() as transaction:
                waiting = open_anchors(transaction.connection).get(period)
                if waiting is None:
                    continue
                key = self._draw_salt()
                anchor_id, tables = plan_anchor(transaction.connection, period, waiting, key)
                digest = transaction.vault_put(
                    ANCHOR_KEY, anchor_id.hex(), salt=self._draw_salt(), content=key
                )
                keys = Table.from_rows(journal.ANCHOR_KEYS, [(anchor_id, digest)])
                self._append_in(transaction, ANCHOR_PLANNED, [keys, *tables])
                planned += 1
        return planned

    # --- what can be asked ----------------------------------------------------------------------

    def statements(self, participant: str | None = None) -> tuple[BillStatement, ...]:
        """Return the bills as they stand, of one participant or of all."""
        with self._store.reading() as connection:
            return read_statements(connection, participant)

    def adjustments(self, participant: str | None = None) -> tuple[AdjustingStatement, ...]:
        """Return the adjusting bills that corrections made, of one participant or of all."""
        with self._store.reading() as connection:
            return read_adjustments(connection, participant)

    def agreement(self) -> Agreement:
        """Compare chain, journal and bills; raise `Disagreement` when they do not say the same."""
        with self._store.reading() as connection:
            return check_agreement(connection, self._venue)

    def suspended(self) -> tuple[Suspended, ...]:
        """Return the batches and transactions that are left alone until `resume`."""
        with self._store.reading() as connection:
            return tuple(suspended_work(connection).values())

    @property
    def finished(self) -> bool:
        """Whether every settlement has moved, is final, is billed and is anchored as far as is due."""
        now_unix = to_unix(self._clock.now())
        with self._store.reading() as connection:
            return (
                not queries.unfinished_settlements(connection)
                and anchored.least_anchor_status(connection) is BillStatus.FINAL
                and all(end > now_unix for _, end in open_anchors(connection))
            )

    @property
    def moved(self) -> bool:
        """Whether every settlement and every anchor is on the chain, final or not."""
        with self._store.reading() as connection:
            return (
                not queries.unfinished_settlements(connection, BillStatus.PROVISIONAL)
                and anchored.least_anchor_status(connection) is not BillStatus.OPEN
            )

    def anchors(self) -> tuple[AnchorStanding, ...]:
        """Return every anchor with what the chain shows of it, in the order they were planned."""
        with self._store.reading() as connection:
            return tuple(anchored.anchor_standings(connection))

    def prove(self, bill_id: bytes) -> BillProof:
        """Return the proof that a bill is under a root on the chain.

        Raises `Refused` while its anchor is in no block.
        """
        with self._store.reading() as connection:
            return prove_bill(connection, bill_id)
