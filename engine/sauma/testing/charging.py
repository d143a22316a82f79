# ruff: noqa: S101 - a wrong answer of a chain is a failed test
"""A session on the street of the chain suite: Anna pays, Bert delivers, Cleo operates, the issuer rules.

The machine runs beside the chain: what it answers is what the chain must do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import attrs
import pytest

from sauma.chain import Batch, BatchKind, Instruction
from sauma.errors import InvalidInput, Refused
from sauma.identifiers import AccountId, content_id
from sauma.intervals import to_unix
from sauma.session import (
    Authorisation,
    Cancel,
    Close,
    Outcome,
    Ready,
    Reason,
    Receipt,
    Refusal,
    Ruling,
    Session,
    SessionReading,
    SessionState,
    SessionStep,
    SessionTerms,
    Signed,
    Statement,
    Transition,
    batches_for,
    decide,
    exit_of,
    instructions_for,
)
from sauma.testing.relaxing import Question, answer_without_a_guard
from sauma.testing.world import START_UNITS, World, differences

CAP: Final = 500
REGISTER: Final = 1_000_000
HOUR: Final = 3_600


class Charging:
    """One session with the words for it; `session` is where the machine says that it stands."""

    def __init__(self, world: World, **changes: Any) -> None:
        """Agree on terms that fit the chain's present time; nothing happens yet."""
        self.world = world
        harness = world.harness
        self.anna, self.bert, self.cleo = harness.holders
        self.judge, self.meter = harness.issuer, harness.meter
        newest = world.chain.head().newest.time.replace(microsecond=0)
        terms = SessionTerms(
            domain=harness.session_domain,
            payer=self.anna,
            payee=self.bert,
            operator=self.cleo,
            arbiter=self.judge,
            meter=self.meter,
            asset=harness.session_asset,
            price=25,
            price_decimals=3,
            fixed_fee_units=10,
            no_show_fee_units=30,
            fee_bps=500,
            energy_wh_max=50_000,
            starts_before=newest + timedelta(hours=12),
            ends_before=newest + timedelta(hours=24),
            contest_window_s=6 * HOUR,
            silence_limit_s=4 * HOUR,
            arbiter_window_s=6 * HOUR,
            bond_units=5,
            key="suite",
        )
        self.terms = attrs.evolve(terms, **changes)
        if terms.asset != world.asset and not world.chain.balance(self.anna, terms.asset).units:
            harness.fund_session(self.anna, START_UNITS)
        self.session: Session | None = None
        self.corrected: Session | None = None
        self._refusals = 0

    # --- what is signed ---------------------------------------------------------------------------

    def signed(self, statement: Statement, *signers: AccountId) -> tuple[Signed, ...]:
        """Have somebody sign."""
        return tuple(
            Signed(
                statement=statement,
                signer=signer,
                signature=self.world.harness.sign_evidence(self.terms, statement, signer),
            )
            for signer in signers
        )

    def authorisation(self, units: int = CAP, valid_s: int = 48 * HOUR) -> tuple[Signed, ...]:
        """The payer allows so many units."""
        return self.signed(
            Authorisation(
                session_id=self.terms.session_id,
                held_units=units,
                valid_until=self.now + valid_s,
            ),
            self.terms.payer,
        )

    def ready(self) -> tuple[Signed, ...]:
        """The payee is ready."""
        return self.signed(Ready(session_id=self.terms.session_id, time=self.now), self.bert)

    def reading(
        self, sequence: int, wh: int, signer: AccountId | None = None
    ) -> tuple[Signed, ...]:
        """The meter shows so many Wh more than when the car came."""
        statement = SessionReading(
            session_id=self.terms.session_id,
            sequence=sequence,
            register_wh=REGISTER + wh,
            time=self.now,
        )
        return self.signed(statement, signer or self.meter)

    def receipt(
        self, sequence: int, wh: int, units: int, signer: AccountId | None = None
    ) -> tuple[Signed, ...]:
        """The payer countersigns."""
        statement = Receipt(
            session_id=self.terms.session_id,
            sequence=sequence,
            register_wh=REGISTER + wh,
            amount_units=units,
        )
        return self.signed(statement, signer or self.anna)

    def close(self, sequence: int, units: int) -> tuple[Signed, ...]:
        """Both agree."""
        statement = Close(session_id=self.terms.session_id, sequence=sequence, amount_units=units)
        return self.signed(statement, self.terms.payer, self.terms.payee)

    def cancel(self, signer: AccountId) -> tuple[Signed, ...]:
        """Somebody calls it off."""
        return self.signed(Cancel(session_id=self.terms.session_id), signer)

    def ruling(self, units: int, signer: AccountId | None = None) -> tuple[Signed, ...]:
        """The arbiter rules."""
        statement = Ruling(session_id=self.terms.session_id, amount_units=units)
        return self.signed(statement, signer or self.judge)

    # --- what happens -----------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """The time of the newest block."""
        return to_unix(self.world.chain.head().newest.time.replace(microsecond=0))

    def wait(self, seconds: int) -> None:
        """Let chain time pass, and a block come."""
        self.world.harness.pass_time(seconds)
        self.world.mine()

    def wait_until_after(self, moment: int) -> None:
        """Let chain time pass until it is after a moment."""
        if self.now <= moment:
            self.wait(moment + 1 - self.now)
        assert self.now > moment, "when time passes, the next block comes later"

    def step(
        self, transition: Transition, caller: AccountId, evidence: tuple[Signed, ...] = ()
    ) -> SessionStep:
        """Say what is asked."""
        return SessionStep(
            transition=transition, terms=self.terms, caller=caller, evidence=evidence
        )

    def outcome(self, step: SessionStep, now: int | None = None) -> Outcome | Refusal:
        """Return what the machine answers, at the newest block unless said otherwise."""
        return decide(
            self.session,
            step.command(self.world.harness.verifier),
            self.now if now is None else now,
            terms=self.terms,
            corrected=self.corrected,
        )

    def batches(self, step: SessionStep, outcome: Outcome) -> tuple[Batch, ...]:
        """Return the batches of a step as the chain is asked for them."""
        instructions = instructions_for(step, outcome, escrow=self.world.harness.session_escrow)
        one_by_one = self.world.harness.session_escrow is not None
        return batches_for(instructions, outcome, one_by_one=one_by_one)

    def batch(self, step: SessionStep, outcome: Outcome) -> Batch:
        """Return the first, and mostly the only one of them."""
        return self.batches(step, outcome)[0]

    def do(
        self, transition: Transition, caller: AccountId, evidence: tuple[Signed, ...] = ()
    ) -> Outcome:
        """Carry a transition out; the chain must move exactly what the machine says."""
        step = self.step(transition, caller, evidence)
        answer = self.outcome(step)
        assert isinstance(answer, Outcome), answer
        before = self.units()
        for batch in self.batches(step, answer):
            transactions = self.world.land(batch)

        moved = {name: units for name, units in differences(before, self.units()).items() if units}
        included = self.world.chain.status(transactions[-1]).block
        assert included is not None, "what is included has a block"
        settled = self.outcome(step, to_unix(included.time.replace(microsecond=0)))
        assert isinstance(settled, Outcome), settled
        self.session = settled.session
        assert moved == self.expected(settled), "the chain moves what the machine says"
        return settled

    def expected(self, outcome: Outcome) -> dict[str, int]:
        """Return what an outcome moves, by name, without those for whom nothing changes."""
        names = {account: name for name, account in self.world.accounts.items()}
        deltas = dict.fromkeys(names.values(), 0)
        deltas[names[self.terms.payer]] += outcome.payer_units - outcome.locked_units
        deltas[names[self.terms.payee]] += outcome.payee_units
        deltas[names[self.terms.operator]] += outcome.operator_units
        return {name: units for name, units in deltas.items() if units}

    def refused(
        self, transition: Transition, caller: AccountId, evidence: tuple[Signed, ...] = ()
    ) -> Reason:
        """Ask for what the machine refuses, as if it had agreed; the chain must refuse it too."""
        step = self.step(transition, caller, evidence)
        answer = self.outcome(step)
        assert isinstance(answer, Refusal), "the machine refuses this"
        self._refusals += 1
        batch_id = content_id("suite-refused", self.terms.session_id, self._refusals)
        batch = attrs.evolve(self.batch(step, self.forged(step)), batch_id=batch_id)
        self.check_refused(batch, answer.reason.value)
        return answer.reason

    def check_refused(self, batch: Batch, why: str) -> None:
        """Fail unless the chain refuses a batch and nothing moves."""
        before = self.world.snapshot()
        with pytest.raises((Refused, InvalidInput)):
            self.world.chain.prepare([batch], outstanding=())
        self.world.check_nothing_moved(before, why)

    def forged(self, step: SessionStep) -> Outcome:
        """Return what would be due without the guard that refuses, or else everything to the payee."""
        question = Question(
            session=self.session,
            command=step.command(self.world.harness.verifier),
            now=self.now,
            terms=self.terms,
            corrected=self.corrected,
        )
        answer = answer_without_a_guard(question)
        if answer is not None:
            return answer
        session = self.session or Session(
            terms=self.terms,
            session_id=self.terms.session_id,
            state=SessionState.NONE,
            steps=0,
            held_units=CAP,
        )
        return Outcome(
            transition=step.transition,
            session=attrs.evolve(session, steps=session.steps + 1),
            payee_units=session.locked_units or CAP,
        )

    def units(self) -> dict[str, int]:
        """Return what everybody has of the session asset, by name."""
        asset = self.terms.asset
        return {
            name: self.world.chain.balance(account, asset).units
            for name, account in self.world.accounts.items()
        }

    # --- the usual way ----------------------------------------------------------------------------

    def authorised(self, units: int = CAP) -> Charging:
        """Hold."""
        self.do(Transition.AUTHORISE, self.anna, self.authorisation(units))
        return self

    def active(self, units: int = CAP) -> Charging:
        """Hold and start."""
        self.authorised(units).do(Transition.START, self.bert, self.reading(0, 0))
        return self

    def claimed(self, wh: int = 10_000) -> Charging:
        """Hold, start and claim what the meter says."""
        self.active().do(Transition.CLAIM, self.bert, self.reading(5, wh))
        return self

    def disputed(self) -> Charging:
        """Countersign 60, have 260 claimed, and dispute."""
        self.active()
        self.do(Transition.COUNTERSIGN, self.bert, self.receipt(1, 2_000, 60))
        self.do(Transition.CLAIM, self.bert, self.reading(5, 10_000))
        self.do(Transition.DISPUTE, self.anna)
        return self

    def leave(self, caller: AccountId) -> Outcome:
        """Wait for the exit of the present state and take it."""
        assert self.session is not None, "there is a session to leave"
        found = exit_of(self.session)
        assert found is not None, "a state that holds money has an exit"
        transition, last = found
        self.wait_until_after(last)
        return self.do(transition, caller)


def do_together(
    world: World,
    asked: Sequence[tuple[Charging, Transition, AccountId, tuple[Signed, ...]]],
) -> None:
    """Carry a step of each of several sessions out in one batch, whole or not at all."""
    steps = [
        (here, here.step(transition, caller, evidence))
        for here, transition, caller, evidence in asked
    ]
    before = asked[0][0].units()
    instructions: list[Instruction] = []
    for here, step in steps:
        answer = here.outcome(step)
        assert isinstance(answer, Outcome), answer
        instructions += instructions_for(step, answer, escrow=world.harness.session_escrow)
    batch = Batch(
        batch_id=content_id("suite-together", *(each.instruction_id for each in instructions)),
        kind=BatchKind.SESSION,
        instructions=tuple(instructions),
        atomic=True,
    )
    (transaction,) = world.land(batch)
    included = world.chain.status(transaction).block
    assert included is not None, "what is included has a block"
    expected: Counter[str] = Counter()
    for here, step in steps:
        settled = here.outcome(step, to_unix(included.time.replace(microsecond=0)))
        assert isinstance(settled, Outcome), settled
        here.session = settled.session
        for name, units in here.expected(settled).items():
            expected[name] += units
    moved = differences(before, asked[0][0].units())
    assert {name: units for name, units in moved.items() if units} == expected, (
        "the chain moves what the machine says"
    )
