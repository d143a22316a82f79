"""`engine.sessions`: prepaid metered delivery, carried like any batch, each step exactly once.

A step is judged by the machine at the chain's time, written to the journal with what it asks of the
chain, and carried by dispatch when its predecessors are included.  Terms and evidence lie in the
vault, committed by salted digest.
"""

from __future__ import annotations

from typing import Final

import attrs
import sqlalchemy as sa

from sauma.billing import BillStatus
from sauma.chain import Support
from sauma.dispatch.rows import OUTSIDE
from sauma.errors import SessionRefused, UnknownName, Unsupported, WrongNetwork
from sauma.holding import Holding
from sauma.identifiers import AccountId
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.session import (
    Outcome,
    Session,
    SessionState,
    SessionStep,
    SessionTerms,
    Signed,
    Transition,
    Verifier,
    delivered_wh,
    exit_of,
)
from sauma.settlement import ESCROW
from sauma.steps import (
    SESSION_STEP,
    SESSION_STEP_TAKEN,
    Parties,
    Taken,
    corrected_by,
    follow,
    judge,
    plan_step,
)
from sauma.store import Transaction, charged

CAPABILITIES: Final = ("hold", "contest")
LOCKING: Final = (
    Transition.AUTHORISE,
    Transition.TOP_UP,
    Transition.DISPUTE,
    Transition.CORRECT,
)
"""Transitions that may lock what the payer has; the chain is asked for it before the store is locked."""


@attrs.frozen(kw_only=True)
class SessionReceipt:
    """What a session came to, read back from the chain; money in units of its asset.

    `held_units` is what went into the escrow, `gross_units` what was paid of it, the operator's
    `fee_units` among it, `refunded_units` what came back; `locked_units` is what is there still.
    """

    session_id: bytes
    terms: SessionTerms
    state: SessionState
    status: BillStatus
    """Open while a step is on its way, provisional while a block can be undone, final after that."""
    energy_wh: int
    held_units: int
    gross_units: int
    fee_units: int
    refunded_units: int

    @property
    def locked_units(self) -> int:
        """What the escrow still has of it."""
        return self.held_units - self.gross_units - self.refunded_units


class Sessions(Holding):
    """Takes steps of sessions, and says where they stand.  An engine has one: `engine.sessions`."""

    # --- what happens to a session ------------------------------------------------------------------

    def submit(self, step: SessionStep) -> Session:
        """Take a step, or raise and change nothing; the same step again is a no-op.

        Returns where the session stands with it.  Raises `SessionRefused` with the machine's reason,
        `InsufficientBalance` when the payer lacks what is to be held, `UnknownName` when a party has no
        account here, `Unsupported` where the chain holds nothing.
        """
        verifier, escrow = self._verifier(), self._escrow("what sessions hold")
        if step.terms.domain != self._venue.session_domain:
            raise WrongNetwork(
                f"session {step.terms.session_id.hex()} is for another escrow than that of "
                f"{self._venue.chain_id}: agree on terms with its domain"
            )
        chain, judged_at = self._venue.chain, self._chain_time()
        balance_units = (
            chain.balance(step.terms.payer, step.terms.asset).units
            if step.transition in LOCKING
            else 0
        )
        with self._store.transaction() as transaction:
            connection = transaction.connection
            session_id = step.terms.session_id
            done = self._followed(connection, session_id)
            session = done[-1][1].session if done else None
            if session is not None and any(taken.step == step for taken, _ in done):
                return session
            # a chain that undid blocks shows an earlier time than its steps were judged at
            judged_at = max([judged_at, *(taken.judged_at for taken, _ in done)])
            corrected = corrected_by(connection, step, verifier)
            outcome = judge(session, step, judged_at, verifier, corrected)
            parties = self._parties(connection, escrow, _taking_part(step))
            self._check_funds(
                connection,
                parties,
                step.terms.payer,
                step.terms.asset,
                balance_units=balance_units,
                needed_units=outcome.locked_units,
                or_else="hold less",
            )
            taken = Taken(
                number=outcome.session.steps,
                judged_at=judged_at,
                is_emulated=self._venue.chain.capabilities.hold is Support.EMULATED,
                step=step,
            )
            self._take(transaction, taken, outcome, parties)
        return outcome.session

    def authorise(self, terms: SessionTerms, evidence: Signed) -> Session:
        """Hold what the payer authorised, or more of it: top up."""
        session = self.session(terms.session_id)
        transition = Transition.AUTHORISE if session is None else Transition.TOP_UP
        return self._ask(terms, transition, terms.payer, evidence)

    def start(self, terms: SessionTerms, reading: Signed) -> Session:
        """Begin, with the meter's reading 0."""
        return self._ask(terms, Transition.START, terms.payee, reading)

    def report(self, terms: SessionTerms, receipt: Signed) -> Session:
        """Put a countersigned reading on record: what is acknowledged is paid whatever happens."""
        return self._ask(terms, Transition.COUNTERSIGN, terms.payee, receipt)

    def close(self, terms: SessionTerms, *evidence: Signed) -> Session:
        """Pay at once, with the payer's receipt or with one `Close` of both."""
        return self._ask(terms, Transition.CLOSE, terms.payee, *evidence)

    def claim(self, terms: SessionTerms, reading: Signed) -> Session:
        """Claim what the meter says, without the payer; the window opens."""
        return self._ask(terms, Transition.CLAIM, terms.payee, reading)

    def contest(self, terms: SessionTerms, caller: AccountId, evidence: Signed) -> Session:
        """Put newer evidence in the place of what was claimed."""
        return self._ask(terms, Transition.CONTEST, caller, evidence)

    def cancel(self, terms: SessionTerms, caller: AccountId) -> Session:
        """Call it off before it starts."""
        return self._ask(terms, Transition.CANCEL, caller)

    def tick(self) -> int:
        """Take every exit whose time has come, so that nothing stays locked (P7); return how many."""
        now, taken = self._chain_time(), 0
        with self._store.reading() as connection:
            open_ids = charged.open_sessions(connection)
        for session_id in open_ids:
            session = self.session(session_id)
            leaving = None if session is None else exit_of(session)
            if session is not None and leaving is not None and now > leaving[1]:
                terms = session.terms
                try:
                    self._ask(terms, leaving[0], terms.operator)
                except SessionRefused:
                    continue
                taken += 1
        return taken

    # --- where sessions stand -----------------------------------------------------------------------

    def session(self, session_id: bytes) -> Session | None:
        """Return where a session stands with every step that was taken, None if there is none."""
        with self._store.reading() as connection:
            done = self._followed(connection, session_id)
        return done[-1][1].session if done else None

    def receipts(self) -> tuple[SessionReceipt, ...]:
        """Return what every session came to, as the chain shows it, in the order they began."""
        with self._store.reading() as connection:
            return tuple(
                self._receipt(connection, session_id) for session_id in charged.sessions(connection)
            )

    def receipt(self, session_id: bytes) -> SessionReceipt:
        """Return what one session came to; raises `UnknownName` for one that was never opened."""
        with self._store.reading() as connection:
            return self._receipt(connection, session_id)

    # --- inside -------------------------------------------------------------------------------------

    def _ask(
        self, terms: SessionTerms, transition: Transition, caller: AccountId, *evidence: Signed
    ) -> Session:
        return self.submit(
            SessionStep(transition=transition, terms=terms, caller=caller, evidence=evidence)
        )

    def _verifier(self) -> Verifier:
        capabilities = self._venue.chain.capabilities
        missing = [name for name in CAPABILITIES if not getattr(capabilities, name)]
        if missing or not isinstance(self._venue.codec, Verifier):
            raise Unsupported(
                f"{self._venue.chain_id} declares no {' and no '.join(missing) or 'evidence'}: "
                "sessions need a chain that holds"
            )
        return self._venue.codec

    def _followed(
        self, connection: sa.Connection, session_id: bytes
    ) -> list[tuple[Taken, Outcome]]:
        times = charged.block_times(connection, self._venue.chain_id, session_id)
        return follow(connection, session_id, self._verifier(), times)

    def _take(
        self, transaction: Transaction, taken: Taken, outcome: Outcome, parties: Parties
    ) -> None:
        session_id, content = outcome.session.session_id, taken.step.to_bytes()
        digest = self._keep(transaction, SESSION_STEP, session_id, taken.number, content)
        row = (
            session_id,
            taken.number,
            int(taken.step.transition),
            taken.judged_at,
            taken.is_emulated,
            digest,
        )
        steps = Table.from_rows(journal.SESSION_STEPS, [row])
        self._append(transaction, SESSION_STEP_TAKEN, [steps, *plan_step(taken, outcome, parties)])

    def _receipt(self, connection: sa.Connection, session_id: bytes) -> SessionReceipt:
        done = self._followed(connection, session_id)
        if not done:
            raise UnknownName(f"session {session_id.hex()} was never opened here")
        session = done[-1][1].session
        terms = session.terms
        shown = charged.shown_effects(connection, self._venue.chain_id, session_id)
        holders = self._holders(connection, [terms.payer, terms.operator])
        payer, operator = holders.get(terms.payer, OUTSIDE), holders.get(terms.operator, OUTSIDE)
        held = sum(-units for holder, units in shown if holder == payer and units < 0)
        refunded = sum(units for holder, units in shown if holder == payer and units > 0)
        escrow_out = sum(-units for holder, units in shown if holder == ESCROW and units < 0)
        return SessionReceipt(
            session_id=session_id,
            terms=terms,
            state=session.state,
            status=charged.status(connection, self._venue.chain_id, session_id),
            energy_wh=delivered_wh(terms, session.register_start_wh, session.register_wh),
            held_units=held,
            gross_units=escrow_out - refunded,
            fee_units=sum(units for holder, units in shown if holder == operator and units > 0),
            refunded_units=refunded,
        )


def _taking_part(step: SessionStep) -> list[tuple[str, AccountId]]:
    terms = step.terms
    what = f"session {terms.session_id.hex()}"
    return [(what, each) for each in (step.caller, terms.payer, terms.payee, terms.operator)]
