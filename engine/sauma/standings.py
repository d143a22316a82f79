"""`engine.standings`: standing authorisations, held once and charged as often as it takes.

An action is judged by the machine at the chain's time, written to the journal with what it asks of the
chain, and carried by dispatch as steps of sessions are.  Charges of several authorisations are one entry
and one batch.  Terms, micro-sessions and readings lie in the vault, committed by salted digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import attrs
import sqlalchemy as sa

from sauma.billing import BillStatus
from sauma.errors import InvalidInput, SessionRefused, Unsupported, WrongNetwork
from sauma.holding import Holding
from sauma.identifiers import AccountId
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.session import (
    MicroSession,
    Standing,
    StandingAction,
    StandingOutcome,
    StandingStep,
    StandingTerms,
    StandingVerifier,
)
from sauma.steps import (
    STANDING_STEP,
    STANDING_STEPS_TAKEN,
    Parties,
    TakenStanding,
    check_charged_once,
    follow_standing,
    judge_standing,
    plan_standing,
)
from sauma.store import Transaction, charged

CHARGES_MAX: Final = 200
"""How many authorisations one batch charges at most; the chain may take fewer."""

Done = list[tuple[TakenStanding, StandingOutcome]]


@attrs.frozen(kw_only=True)
class StandingReceipt:
    """What a standing authorisation came to; money in units of its asset."""

    standing_id: bytes
    terms: StandingTerms
    status: BillStatus
    """Open while something is on its way, provisional while a block can be undone, final after that."""
    micro_sessions: int
    charged_units: int
    returned_units: int
    left_units: int
    ends_at: int


class Standings(Holding):
    """Takes actions on standing authorisations.  An engine has one: `engine.standings`."""

    # --- what happens -------------------------------------------------------------------------------

    def authorise(
        self, terms: StandingTerms, signature: bytes = b"", *, caller: AccountId | None = None
    ) -> Standing:
        """Hold the cap, by the payer's signature, or as the payer, who then is the caller.

        The operator brings the signature unless `caller` says otherwise.
        """
        bearer = caller or (terms.operator if signature else terms.payer)
        step = StandingStep(
            action=StandingAction.AUTHORISE, terms=terms, caller=bearer, signature=signature
        )
        return self.submit([step])[0]

    def charge(
        self, charges: Iterable[tuple[StandingTerms, Sequence[MicroSession]]]
    ) -> tuple[Standing, ...]:
        """Charge authorisations of one operator with micro-sessions, all or none, in one batch."""
        return self.submit(
            [
                StandingStep(
                    action=StandingAction.CHARGE,
                    terms=terms,
                    caller=terms.operator,
                    lines=tuple(lines),
                )
                for terms, lines in charges
            ]
        )

    def revoke(self, terms: StandingTerms) -> Standing:
        """Let it end after the payer's notice; the payer signs."""
        step = StandingStep(action=StandingAction.REVOKE, terms=terms, caller=terms.payer)
        return self.submit([step])[0]

    def tick(self) -> int:
        """Have what is left returned wherever the end has passed (P7); return of how many."""
        now, returned = self._chain_time(), 0
        with self._store.reading() as connection:
            open_ids = charged.open_standings(connection)
        for standing_id in open_ids:
            standing = self.standing(standing_id)
            if standing is None or now <= standing.ends_at:
                continue
            terms = standing.terms
            step = StandingStep(action=StandingAction.RETURN, terms=terms, caller=terms.operator)
            try:
                self.submit([step])
            except SessionRefused:
                continue
            returned += 1
        return returned

    def submit(self, steps: Sequence[StandingStep]) -> tuple[Standing, ...]:
        """Take actions that share a batch, or raise and change nothing; the same again is a no-op.

        Returns where each authorisation stands.  Raises `SessionRefused` with the machine's reason,
        `InsufficientBalance` when the payer lacks the cap, `UnknownName` when a party has no account
        here, `Unsupported` where the chain does not keep standing authorisations.
        """
        verifier, escrow = self._verifier(), self._escrow("what is held")
        self._check_together(steps)
        chain, judged_at = self._venue.chain, self._chain_time()
        balance_units = sum(
            chain.balance(step.terms.payer, step.terms.asset).units
            for step in steps
            if step.action is StandingAction.AUTHORISE
        )
        with self._store.transaction() as transaction:
            connection = transaction.connection
            known = [self._followed(connection, step.terms.standing_id) for step in steps]
            if all(_has(done, step) for done, step in zip(known, steps, strict=True)):
                return tuple(done[-1][1].standing for done in known)
            new = [
                _taken(done, step, judged_at, verifier)
                for done, step in zip(known, steps, strict=True)
            ]
            parties = self._parties(connection, escrow, _taking_part(steps))
            check_charged_once(connection, steps, parties)
            for taken, outcome in new:
                self._check_funds(
                    connection,
                    parties,
                    taken.step.terms.payer,
                    taken.step.terms.asset,
                    balance_units=balance_units,
                    needed_units=outcome.locked_units,
                    or_else="allow less",
                )
            self._take(transaction, new, parties)
        return tuple(outcome.standing for _, outcome in new)

    # --- where they stand ---------------------------------------------------------------------------

    def standing(self, standing_id: bytes) -> Standing | None:
        """Return where an authorisation stands with all that was taken, None if there is none."""
        with self._store.reading() as connection:
            done = self._followed(connection, standing_id)
        return done[-1][1].standing if done else None

    def receipts(self) -> tuple[StandingReceipt, ...]:
        """Return what every authorisation came to, in the order they were authorised."""
        with self._store.reading() as connection:
            return tuple(self._receipt(connection, each) for each in charged.standings(connection))

    # --- inside -------------------------------------------------------------------------------------

    def _verifier(self) -> StandingVerifier:
        codec: object = self._venue.codec
        if not self._venue.chain.capabilities.standing or not isinstance(codec, StandingVerifier):
            raise Unsupported(
                f"{self._venue.chain_id} keeps no standing authorisations: open a session for each "
                "stay, or use a chain whose capabilities declare `standing`"
            )
        return codec

    def _check_together(self, steps: Sequence[StandingStep]) -> None:
        if not 0 < len(steps) <= CHARGES_MAX:
            raise InvalidInput(f"{len(steps)} actions: 1 to {CHARGES_MAX} share a batch")
        if len({step.terms.standing_id for step in steps}) != len(steps):
            raise InvalidInput("an authorisation comes twice: give all its micro-sessions together")
        if len(steps) > 1 and {(step.action, step.caller) for step in steps} != {
            (StandingAction.CHARGE, steps[0].caller)
        }:
            raise InvalidInput(
                "only charges by one operator share a batch: submit the others alone"
            )
        for step in steps:
            if step.terms.domain != self._venue.session_domain:
                raise WrongNetwork(
                    f"standing authorisation {step.terms.standing_id.hex()} is for another escrow than "
                    f"that of {self._venue.chain_id}: agree on terms with its domain"
                )

    def _followed(self, connection: sa.Connection, standing_id: bytes) -> Done:
        times = charged.block_times(connection, self._venue.chain_id, standing_id)
        return follow_standing(connection, standing_id, times)

    def _take(self, transaction: Transaction, new: Done, parties: Parties) -> None:
        rows = []
        for taken, outcome in new:
            standing_id, content = outcome.standing.standing_id, taken.step.to_bytes()
            digest = self._keep(transaction, STANDING_STEP, standing_id, taken.number, content)
            action = int(taken.step.action)
            rows.append((standing_id, taken.number, action, taken.judged_at, digest))
        steps = Table.from_rows(journal.STANDING_STEPS, rows)
        self._append(transaction, STANDING_STEPS_TAKEN, [steps, *plan_standing(new, parties)])

    def _receipt(self, connection: sa.Connection, standing_id: bytes) -> StandingReceipt:
        done = self._followed(connection, standing_id)
        standing = done[-1][1].standing
        returned = sum(outcome.returned_units for _, outcome in done)
        return StandingReceipt(
            standing_id=standing_id,
            terms=standing.terms,
            status=charged.status(connection, self._venue.chain_id, standing_id),
            micro_sessions=len(standing.spent_for),
            charged_units=standing.terms.cap_units - standing.left_units - returned,
            returned_units=returned,
            left_units=standing.left_units,
            ends_at=standing.ends_at,
        )


def _taking_part(steps: Sequence[StandingStep]) -> list[tuple[str, AccountId]]:
    found = []
    for step in steps:
        what, terms = f"standing authorisation {step.terms.standing_id.hex()}", step.terms
        payees = (line.terms.payee for line in step.lines)
        found += [(what, each) for each in (step.caller, terms.payer, terms.operator, *payees)]
    return found


def _has(done: Done, step: StandingStep) -> bool:
    return any(taken.step == step for taken, _ in done)


def _taken(
    done: Done, step: StandingStep, judged_at: int, verifier: StandingVerifier
) -> tuple[TakenStanding, StandingOutcome]:
    """Judge one more action, never at an earlier time than those before it."""
    at = max([judged_at, *(taken.judged_at for taken, _ in done)])
    outcome = judge_standing(done[-1][1].standing if done else None, step, at, verifier)
    return TakenStanding(number=outcome.standing.steps, judged_at=at, step=step), outcome
