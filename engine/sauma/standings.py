"""`engine.standings`: standing authorisations, held once and charged as often as it takes.

An action is judged by the machine at the chain's time, written to the journal with what it asks of the
chain, and carried by dispatch as steps of sessions are.  Charges of several authorisations are one entry
and one batch.  Terms, micro-sessions and readings lie in the vault, committed by salted digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

import attrs
import sqlalchemy as sa

from sauma.billing import BillStatus
from sauma.dispatch.rows import OUTSIDE
from sauma.errors import (
    InsufficientBalance,
    InvalidInput,
    SessionRefused,
    UnknownName,
    Unsupported,
    WrongNetwork,
)
from sauma.identifiers import AccountId
from sauma.intervals import to_unix
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
from sauma.settlement import ESCROW
from sauma.steps import (
    STANDING_STEP,
    STANDING_STEPS_TAKEN,
    Parties,
    TakenStanding,
    check_charged_once,
    follow_standing,
    judge_standing,
    plan_standing,
    step_key,
)
from sauma.store import Store, Transaction, charged, queries
from sauma.venue import Venue

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


class Standings:
    """Takes actions on standing authorisations.  An engine has one: `engine.standings`."""

    def __init__(
        self,
        store: Store,
        venue: Venue,
        *,
        now: Callable[[], datetime],
        draw_salt: Callable[[], bytes],
    ) -> None:
        """Use `Engine.standings`."""
        self._store = store
        self._venue = venue
        self._now = now
        self._draw_salt = draw_salt

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
        verifier, escrow = self._verifier(), self._escrow()
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
            parties = Parties(holder_of=self._holder_of(connection, steps), escrow=escrow)
            check_charged_once(connection, steps, parties)
            for _, outcome in new:
                self._check_funds(connection, outcome, balance_units)
            self._append(transaction, new, parties)
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

    def _chain_time(self) -> int:
        return to_unix(self._venue.chain.head().newest.time.replace(microsecond=0))

    def _verifier(self) -> StandingVerifier:
        codec: object = self._venue.codec
        if not self._venue.chain.capabilities.standing or not isinstance(codec, StandingVerifier):
            raise Unsupported(
                f"{self._venue.chain_id} keeps no standing authorisations: open a session for each "
                "stay, or use a chain whose capabilities declare `standing`"
            )
        return codec

    def _escrow(self) -> AccountId:
        escrow = self._venue.roles.get(ESCROW)
        if escrow is None:
            raise Unsupported(
                f"the venue on {self._venue.chain_id} names no {ESCROW}: give the account that has "
                "what is held, among its roles"
            )
        return escrow

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
        return follow_standing(connection, standing_id, self._verifier(), times)

    def _holder_of(
        self, connection: sa.Connection, steps: Sequence[StandingStep]
    ) -> Callable[[AccountId], str]:
        accounts = queries.accounts(connection, self._venue.chain_id)
        holders = {account: holder for holder, account in accounts.items()}
        for step in steps:
            parties = [step.caller, step.terms.payer, step.terms.operator]
            for account in (*parties, *(line.terms.payee for line in step.lines)):
                if account not in holders:
                    raise UnknownName(
                        f"{account} takes part in standing authorisation "
                        f"{step.terms.standing_id.hex()} and belongs to nobody here: register its holder"
                    )
        return lambda account: holders.get(account, OUTSIDE)

    def _check_funds(
        self, connection: sa.Connection, outcome: StandingOutcome, balance_units: int
    ) -> None:
        """Refuse to hold what the payer does not have, less what waits to be held of it."""
        if not outcome.locked_units:
            return
        terms = outcome.standing.terms
        known = queries.accounts(connection, self._venue.chain_id)
        payer = next((name for name, account in known.items() if account == terms.payer), OUTSIDE)
        free = balance_units - charged.waiting_units(connection, payer, str(terms.asset))
        if free < outcome.locked_units:
            raise InsufficientBalance(
                f"{terms.payer} has {free} of {terms.asset} to be held and {outcome.locked_units} are "
                "needed: supply it, or allow less"
            )

    def _append(self, transaction: Transaction, new: Done, parties: Parties) -> None:
        rows = []
        for taken, outcome in new:
            standing_id = outcome.standing.standing_id
            digest = transaction.vault_put(
                STANDING_STEP,
                step_key(standing_id, taken.number),
                salt=self._draw_salt(),
                content=taken.step.to_bytes(),
            )
            action = int(taken.step.action)
            rows.append((standing_id, taken.number, action, taken.judged_at, digest))
        rulebook = queries.newest_rulebook(transaction.connection)
        transaction.append(
            kind=STANDING_STEPS_TAKEN,
            time=self._now(),
            tables=[
                Table.from_rows(journal.STANDING_STEPS, rows),
                *plan_standing(new, parties),
            ],
            rulebook_hash=None if rulebook is None else rulebook.rulebook_hash,
        )

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


def _has(done: Done, step: StandingStep) -> bool:
    return any(taken.step == step for taken, _ in done)


def _taken(
    done: Done, step: StandingStep, judged_at: int, verifier: StandingVerifier
) -> tuple[TakenStanding, StandingOutcome]:
    """Judge one more action, never at an earlier time than those before it."""
    at = max([judged_at, *(taken.judged_at for taken, _ in done)])
    outcome = judge_standing(done[-1][1].standing if done else None, step, at, verifier)
    return TakenStanding(number=outcome.standing.steps, judged_at=at, step=step), outcome
