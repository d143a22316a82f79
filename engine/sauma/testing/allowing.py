# ruff: noqa: S101 - a wrong answer of a chain is a failed test
"""A standing authorisation on the street of the chain suite: Anna pays, Bert is paid, Cleo operates.

The machine runs beside the chain: what it answers is what the chain must do.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any, Final

import attrs
import pytest

from sauma.chain import Part
from sauma.errors import InvalidInput, Refused
from sauma.identifiers import AccountId, content_id
from sauma.intervals import to_unix
from sauma.session import (
    MicroSession,
    Reason,
    Refusal,
    SessionReading,
    SessionTerms,
    Signed,
    Standing,
    StandingAction,
    StandingOutcome,
    StandingStep,
    StandingTerms,
    standing_batch,
)
from sauma.testing.world import START_UNITS, World, differences

CAP: Final = 300
LIMIT: Final = 50
HOUR: Final = 3_600
REGISTER: Final = 1_000_000
NOTICE_S: Final = 2 * HOUR
YEAR_S: Final = 365 * 86_400


class Allowing:
    """One standing authorisation with the words for it; `standing` is where the machine says it stands."""

    def __init__(self, world: World, **changes: Any) -> None:
        """Agree on terms that fit the chain's present time; nothing happens yet."""
        self.world = world
        harness = world.harness
        self.anna, self.bert, self.cleo = harness.holders
        self.judge = harness.issuer
        newest = world.chain.head().newest.time.replace(microsecond=0)
        terms = StandingTerms(
            domain=harness.session_domain,
            payer=self.anna,
            operator=self.cleo,
            asset=harness.standing_asset,
            cap_units=CAP,
            session_units_max=LIMIT,
            valid_from=newest - timedelta(hours=1),
            valid_until=newest + timedelta(hours=48),
            notice_s=NOTICE_S,
            payees=(self.bert,),
            key="suite",
        )
        self.terms = attrs.evolve(terms, **changes)
        if terms.asset != world.asset and not world.chain.balance(self.anna, terms.asset).units:
            harness.fund_standing(self.anna, START_UNITS)
        self.standing: Standing | None = None
        self._refusals = 0

    @property
    def now(self) -> int:
        """The time of the newest block."""
        return to_unix(self.world.chain.head().newest.time.replace(microsecond=0))

    def wait_until_after(self, moment: int) -> None:
        """Let chain time pass until it is after a moment."""
        if self.now <= moment:
            self.world.harness.pass_time(moment + 1 - self.now)
            self.world.mine()

    def signature(self, signer: AccountId | None = None) -> bytes:
        """Have somebody, the payer unless said otherwise, sign the terms."""
        return self.world.harness.sign_standing(self.terms, signer or self.terms.payer)

    def light(self, number: int, wh: int, **changes: Any) -> MicroSession:
        """Return what flowed at a red light: 25 units a kWh and 10 for plugging in, a tenth Cleo's."""
        newest = self.world.chain.head().newest.time.replace(microsecond=0)
        terms = attrs.evolve(
            SessionTerms(
                domain=self.terms.domain,
                payer=self.terms.payer,
                payee=self.bert,
                operator=self.terms.operator,
                meter=self.world.harness.meter,
                asset=self.terms.asset,
                price=25,
                price_decimals=3,
                fixed_fee_units=10,
                fee_bps=1_000,
                energy_wh_max=50_000,
                starts_before=newest + timedelta(hours=1),
                ends_before=newest + timedelta(hours=2),
                contest_window_s=HOUR,
                silence_limit_s=HOUR,
                key=f"{self.terms.key} {number}",
            ),
            **changes,
        )

        def reading(sequence: int, register_wh: int) -> Signed:
            statement = SessionReading(
                session_id=terms.session_id,
                sequence=sequence,
                register_wh=register_wh,
                time=self.now,
            )
            signature = self.world.harness.sign_evidence(terms, statement, terms.meter)
            return Signed(statement=statement, signer=terms.meter, signature=signature)

        return MicroSession(terms=terms, first=reading(0, REGISTER), last=reading(1, REGISTER + wh))

    def step(
        self,
        action: StandingAction,
        caller: AccountId,
        *lines: MicroSession,
        signature: bytes = b"",
    ) -> StandingStep:
        """Say what is asked."""
        return StandingStep(
            action=action, terms=self.terms, caller=caller, signature=signature, lines=lines
        )

    def allowed(self) -> Allowing:
        """Hold, by the payer's signature, which Cleo brings."""
        step = self.step(StandingAction.AUTHORISE, self.cleo, signature=self.signature())
        do_all(self.world, [(self, step)])
        return self

    def do(
        self, action: StandingAction, caller: AccountId, *lines: MicroSession
    ) -> StandingOutcome:
        """Carry an action out; the chain must move exactly what the machine says."""
        (outcome,) = do_all(self.world, [(self, self.step(action, caller, *lines))])
        return outcome

    def refused(self, action: StandingAction, caller: AccountId, *lines: MicroSession) -> Reason:
        """Ask for what the machine refuses, as if it had agreed; the chain must refuse it too."""
        step = self.step(action, caller, *lines)
        answer = step.decide(self.standing, self.now)
        assert isinstance(answer, Refusal), "the machine refuses this"
        self.check_refused(step, next(self._forged(step)), answer.reason.value)
        return answer.reason

    def check_refused(self, step: StandingStep, outcome: StandingOutcome, why: str) -> None:
        """Fail unless the chain refuses a step with that outcome and nothing moves."""
        self._refusals += 1
        batch_id = content_id("suite-refused", self.terms.standing_id, self._refusals)
        batch = attrs.evolve(standing_batch([(step, outcome)]), batch_id=batch_id)
        before = self.world.snapshot()
        with pytest.raises((Refused, InvalidInput)):
            self.world.chain.prepare([batch], outstanding=())
        self.world.check_nothing_moved(before, why)

    def _forged(self, step: StandingStep) -> Iterator[StandingOutcome]:
        """Yield what would be due without the guard that refuses, and something else at the end."""
        whole = StandingStep(
            action=StandingAction.AUTHORISE, terms=self.terms, caller=self.terms.payer
        ).decide(None, to_unix(self.terms.valid_from))
        assert isinstance(whole, StandingOutcome), "the payer can allow"
        rich = attrs.evolve(whole.standing, left_units=START_UNITS)
        kept = [each for each in (self.standing, None, rich) if each is None or each.left_units]
        callers = (step.caller, self.terms.operator, self.terms.payer)
        times = (self.now, self.now - YEAR_S, to_unix(self.terms.valid_from), self.now + YEAR_S)
        payees = (self.terms.payees, ())
        for standing, caller, now, listed in product(kept, callers, times, payees):
            terms = attrs.evolve(self.terms, payees=listed)
            loose = None if standing is None else attrs.evolve(standing, terms=terms)
            answer = attrs.evolve(step, caller=caller, terms=terms).decide(loose, now)
            if isinstance(answer, StandingOutcome):
                named = attrs.evolve(answer.standing, standing_id=self.terms.standing_id)
                yield attrs.evolve(answer, standing=named)
        # what would be nonsense without any guard: a unit for whoever asks
        yield attrs.evolve(whole, parts=(Part(payee=self.bert, units=1),), returned_units=1)


def do_all(world: World, asked: list[tuple[Allowing, StandingStep]]) -> tuple[StandingOutcome, ...]:
    """Carry actions out in one batch; the chain must move exactly what the machine says."""
    verifier = world.harness.standing_verifier
    done = []
    for here, step in asked:
        if verifier is not None:
            step.verify(verifier)
        answer = step.decide(here.standing, here.now)
        assert isinstance(answer, StandingOutcome), answer
        done.append((step, answer))
    assets = {here.terms.asset for here, _ in asked}
    before = [_units(world, asset) for asset in assets]
    transactions = world.land(standing_batch(done))
    included = world.chain.status(transactions[-1]).block
    assert included is not None, "what is included has a block"
    settled = []
    for here, step in asked:
        again = step.decide(here.standing, to_unix(included.time.replace(microsecond=0)))
        assert isinstance(again, StandingOutcome), again
        here.standing = again.standing
        settled.append(again)
    after = [_units(world, asset) for asset in assets]
    moved = {
        name: units
        for earlier, later in zip(before, after, strict=True)
        for name, units in differences(earlier, later).items()
        if units
    }
    assert moved == _expected(world, settled), "the chain moves what the machine says"
    return tuple(settled)


def _expected(world: World, outcomes: list[StandingOutcome]) -> dict[str, int]:
    names = {account: name for name, account in world.accounts.items()}
    deltas = dict.fromkeys(names.values(), 0)
    for outcome in outcomes:
        payer = names[outcome.standing.terms.payer]
        deltas[payer] += outcome.returned_units - outcome.locked_units
        for part in outcome.parts:
            deltas[names[part.payee]] += part.units
    return {name: units for name, units in deltas.items() if units}


def _units(world: World, asset: Any) -> dict[str, int]:
    return {
        name: world.chain.balance(account, asset).units for name, account in world.accounts.items()
    }
