"""What a session machine would answer if one of its guards were missing.

A refusal proves little when the request was nonsense anyway.  So the suite asks for what would be due
if the guard that refuses were not there; and faulty chains are made of the same missing guards.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import attrs

from sauma.identifiers import AccountId
from sauma.session import (
    Command,
    EvidenceKind,
    Outcome,
    Session,
    SessionState,
    SessionTerms,
    decide,
)

YEAR_S: Final = 365 * 86_400


@attrs.frozen(kw_only=True)
class Question:
    """Everything that a machine is asked with."""

    session: Session | None
    command: Command
    now: int
    terms: SessionTerms
    corrected: Session | None = None


Relaxation: TypeAlias = Callable[[Question], Question]


def forget(question: Question) -> Question:
    """Know of no session."""
    return attrs.evolve(question, session=None)


def much_later(question: Question) -> Question:
    """Believe that every deadline is over."""
    return attrs.evolve(question, now=question.now + YEAR_S)


def much_earlier(question: Question) -> Question:
    """Believe that no deadline is over."""
    return attrs.evolve(question, now=question.now - YEAR_S)


def by_the_payer(question: Question) -> Question:
    """Take whoever asks for the payer."""
    return _called_by(question, question.terms.payer)


def by_the_payee(question: Question) -> Question:
    """Take whoever asks for the payee."""
    return _called_by(question, question.terms.payee)


def by_whom_it_should_be(question: Question) -> Question:
    """Take evidence of whomever for that of the right party."""
    terms = question.terms
    right = {
        EvidenceKind.AUTHORISATION: terms.payer,
        EvidenceKind.READY: terms.payee,
        EvidenceKind.READING: terms.meter,
        EvidenceKind.RECEIPT: terms.payer,
        EvidenceKind.RULING: terms.arbiter or terms.payer,
    }
    evidence = tuple(
        attrs.evolve(each, signer=right.get(each.statement.kind, each.signer))
        for each in question.command.evidence
    )
    return attrs.evolve(question, command=attrs.evolve(question.command, evidence=evidence))


def by_both(question: Question) -> Question:
    """Take what one signed for signed by both."""
    evidence = tuple(
        attrs.evolve(each, signer=party)
        for each in question.command.evidence
        for party in (question.terms.payer, question.terms.payee)
    )
    return attrs.evolve(question, command=attrs.evolve(question.command, evidence=evidence))


def in_any_order(question: Question) -> Question:
    """Take any evidence for newer."""
    return _remembering(question, sequence=-1)


def backwards(question: Question) -> Question:
    """Take any register and amount for not lower."""
    if question.session is None:
        return question
    return _remembering(question, register_wh=question.session.register_start_wh, amount_units=0)


def cheaper(question: Question) -> Question:
    """Take any amount for not lower."""
    return _remembering(question, amount_units=0)


def with_nothing_held(question: Question) -> Question:
    """Take any cap for higher."""
    return _remembering(question, held_units=0)


def windows_open(question: Question) -> Question:
    """Believe that the window closes just now."""
    return _remembering(question, contest_until=question.now, is_extended=True)


def running(question: Question) -> Question:
    """Take a session that is over for one that runs."""
    return _remembering(question, state=SessionState.ACTIVE)


def as_settled(question: Question) -> Question:
    """Take a session that runs for one that is over."""
    if question.corrected is None:
        return question
    settled = attrs.evolve(question.corrected, state=SessionState.SETTLED)
    return attrs.evolve(question, corrected=settled)


RELAXATIONS: Final[tuple[Relaxation, ...]] = (
    forget,
    much_later,
    much_earlier,
    by_the_payer,
    by_the_payee,
    by_whom_it_should_be,
    by_both,
    in_any_order,
    backwards,
    cheaper,
    with_nothing_held,
    windows_open,
    running,
    as_settled,
)


def answer_without_a_guard(question: Question) -> Outcome | None:
    """Return what would be due without the guard that refuses, or without two, or None."""
    singles = [(each,) for each in RELAXATIONS]
    for relaxations in (*singles, *itertools.permutations(RELAXATIONS, 2)):
        relaxed = question
        for relax in relaxations:
            relaxed = relax(relaxed)
        answer = decide(
            relaxed.session,
            relaxed.command,
            relaxed.now,
            terms=relaxed.terms,
            corrected=relaxed.corrected,
        )
        if isinstance(answer, Outcome):
            return answer
    return None


def _called_by(question: Question, caller: AccountId) -> Question:
    return attrs.evolve(question, command=attrs.evolve(question.command, caller=caller))


def _remembering(question: Question, **changes: Any) -> Question:
    if question.session is None:
        return question
    return attrs.evolve(question, session=attrs.evolve(question.session, **changes))
