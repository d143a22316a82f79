"""Chains whose sessions break one rule each: their machine is told, or answers, something else."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from sauma.errors import InsufficientBalance
from sauma.memory import SessionRules
from sauma.memory.sessions import NamedVerifier
from sauma.session import (
    Answer,
    Outcome,
    Reason,
    Refusal,
    Transition,
)
from sauma.testing.relaxing import (
    Question,
    Relaxation,
    as_settled,
    backwards,
    by_both,
    by_the_payee,
    by_the_payer,
    by_whom_it_should_be,
    forget,
    in_any_order,
    much_earlier,
    much_later,
    windows_open,
    with_nothing_held,
)

from .fault import Fault

T = Transition


class Told(SessionRules):
    """Lacks a guard, for one transition or for all."""

    def __init__(self, relax: Relaxation, *only: Transition) -> None:
        self.relax = relax
        self.only = only

    def decide(self, session, command, now, *, terms, corrected) -> Answer:
        question = Question(
            session=session, command=command, now=now, terms=terms, corrected=corrected
        )
        if not self.only or command.transition in self.only:
            question = self.relax(question)
        return super().decide(
            question.session,
            question.command,
            question.now,
            terms=terms,
            corrected=question.corrected,
        )


class Answers(SessionRules):
    """Answers something else than the machine, and looks at no movements."""

    def __init__(
        self, change: Callable[[Question, Answer], Answer], *, looks: bool = False
    ) -> None:
        self.change = change
        self.looks = looks

    def decide(self, session, command, now, *, terms, corrected) -> Answer:
        answer = super().decide(session, command, now, terms=terms, corrected=corrected)
        question = Question(
            session=session, command=command, now=now, terms=terms, corrected=corrected
        )
        return self.change(question, answer)

    def check_movements(self, step, outcome, instructions) -> None:
        if self.looks:
            super().check_movements(step, outcome, instructions)


def never_ready(question: Question) -> Question:
    session = question.session
    if session is None:
        return question
    return attrs.evolve(question, session=attrs.evolve(session, is_ready=False))


def pay_again(question: Question, answer: Answer) -> Answer:
    session = question.session
    if session is None or not session.state.is_terminal:
        return answer
    return Outcome(
        transition=question.command.transition,
        session=attrs.evolve(session, steps=session.steps + 1),
    )


def pay_above_the_cap(question: Question, answer: Answer) -> Answer:
    session = question.session
    if session is None or not isinstance(answer, Refusal) or answer.reason is not Reason.ABOVE_CAP:
        return answer
    return Outcome(
        transition=question.command.transition,
        session=attrs.evolve(session, steps=session.steps + 1),
    )


def keep_one(question: Question, answer: Answer) -> Answer:
    if isinstance(answer, Outcome) and answer.payer_units:
        return attrs.evolve(answer, payer_units=answer.payer_units - 1)
    return answer


class OverwritesARunningSession(Fault):
    caught_by = "CS-250"
    session_rules = Told(forget, T.AUTHORISE)


class StartsWithoutTheMeter(Fault):
    caught_by = "CS-251"
    session_rules = Told(by_whom_it_should_be, T.START)


class BelievesEverybody(NamedVerifier):
    def verify_statement(self, terms, statement, signer, signature) -> bool:
        return True


class Credulous(SessionRules):
    verifier = BelievesEverybody()


class BelievesAnySignature(Fault):
    caught_by = "CS-252"
    session_rules = Credulous()


class LetsAnybodyCancel(Fault):
    caught_by = "CS-253"
    session_rules = Told(by_the_payee, T.CANCEL)


class ForgetsThatThePayeeWasReady(Fault):
    caught_by = "CS-254"
    session_rules = Told(never_ready)


class EndsANoShowAtOnce(Fault):
    caught_by = "CS-255"
    session_rules = Told(much_later, T.NO_SHOW)


class StartsTooLate(Fault):
    caught_by = "CS-256"
    session_rules = Told(much_earlier, T.START)


class TakesAnOldAuthorisation(Fault):
    caught_by = "CS-256"
    session_rules = Told(much_earlier, T.AUTHORISE)


class TopsUpTwice(Fault):
    caught_by = "CS-257"
    session_rules = Told(with_nothing_held, T.TOP_UP)


class LetsThePayeeSetThePrice(Fault):
    caught_by = "CS-258"
    session_rules = Told(by_both, T.CLOSE)


class AcceptsOlderEvidence(Fault):
    caught_by = "CS-259"
    session_rules = Told(in_any_order)


class AcceptsABackwardsRegister(Fault):
    caught_by = "CS-259"
    session_rules = Told(backwards, T.COUNTERSIGN)


class PaysBeforeTheWindow(Fault):
    caught_by = "CS-260"
    session_rules = Told(much_later, T.SETTLE)


class FindsTheStationSilentAtOnce(Fault):
    caught_by = "CS-261"
    session_rules = Told(much_later, T.CLAIM_SILENT)


class KeepsTheWindowOpen(Fault):
    caught_by = "CS-262"
    session_rules = Told(windows_open, T.CONTEST)


class DisputesForAnybody(Fault):
    caught_by = "CS-263"
    session_rules = Told(by_the_payer, T.DISPUTE)


class LetsAnybodyRule(Fault):
    caught_by = "CS-264"
    session_rules = Told(by_whom_it_should_be, T.RULE)


class WaitsForNoArbiter(Fault):
    caught_by = "CS-265"
    session_rules = Told(much_later, T.DEFAULT)


class ExpiresAtOnce(Fault):
    caught_by = "CS-266"
    session_rules = Told(much_later, T.EXPIRE)


class NeverExpires(Fault):
    """When the station vanishes, the money stays where it is."""

    caught_by = "CS-266"
    session_rules = Told(much_earlier, T.EXPIRE)


class CorrectsARunningSession(Fault):
    caught_by = "CS-267"
    session_rules = Told(as_settled)


class PaysASessionTwice(Fault):
    caught_by = "CS-268"
    session_rules = Answers(pay_again)


class MovesWhatItIsAsked(Fault):
    """Looks at the state, and not at the amounts."""

    caught_by = "CS-269"
    session_rules = Answers(lambda question, answer: answer)


class KeepsARefund(Fault):
    caught_by = "CS-220"
    session_rules = Answers(keep_one, looks=True)


class IgnoresTheCap(Fault):
    caught_by = "CS-221"
    session_rules = Answers(pay_above_the_cap)


class LendsWhatIsMissing(Fault):
    """Holds what the payer does not have: it issues it."""

    caught_by = "CS-222"

    def prepare(self, batches, *, outstanding, replaces=None):
        try:
            return self.inner.prepare(batches, outstanding=outstanding, replaces=replaces)
        except InsufficientBalance:
            self.harness.fund(batches[0].instructions[0].authority, 1_000)
            return self.inner.prepare(batches, outstanding=outstanding, replaces=replaces)


class Anywhere(SessionRules):
    def check_domain(self, terms, domain) -> None:
        return


class TakesTermsOfAnotherEscrow(Fault):
    caught_by = "CS-270"
    session_rules = Anywhere()
