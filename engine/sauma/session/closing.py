"""How a session ends: by agreement, by claim and window, by dispute and ruling, by expiry; correcting."""

from __future__ import annotations

import attrs

from sauma.session.arithmetic import share, share_difference
from sauma.session.evidence import Authorisation, Close, Receipt, Ruling, SessionReading
from sauma.session.opening import (
    end_deadline,
    missing,
    taken,
    too_early,
    wrong_caller,
)
from sauma.session.record import Answer, Command, Outcome, Refusal, Session
from sauma.session.terms import SessionTerms
from sauma.session.words import Reason, SessionState, Transition


def close(session: Session, command: Command, now: int) -> Answer:  # noqa: ARG001
    """7: pay at once what both signed, or what the payer countersigned last."""
    terms = session.terms
    by_payer, by_payee = command.find(Close, terms.payer), command.find(Close, terms.payee)
    if by_payer is not None and by_payer == by_payee:
        if by_payer.sequence <= session.sequence:
            return Refusal(
                reason=Reason.SEQUENCE_NOT_HIGHER,
                message=f"sequence {by_payer.sequence} is not above {session.sequence}, which is "
                "on record: sign a newer Close",
            )
        if by_payer.amount_units > session.held_units:
            return Refusal(
                reason=Reason.ABOVE_CAP,
                message=f"{by_payer.amount_units} is above the cap of {session.held_units}: "
                "top up first, or close at no more",
            )
        agreed = attrs.evolve(
            session, sequence=by_payer.sequence, amount_units=by_payer.amount_units
        )
        return _settled(agreed, Transition.CLOSE, by_payer.amount_units)
    receipt = command.find(Receipt, terms.payer)
    if receipt is None:
        return missing(command, "one Close signed by both, or a Receipt signed by the payer")
    if command.caller != terms.payee:
        return wrong_caller(command, "the payee", terms.payee)
    answer = taken(session, receipt)
    if isinstance(answer, Refusal):
        return answer
    return _settled(answer, Transition.CLOSE, answer.amount_units)


def claim(session: Session, command: Command, now: int) -> Answer:
    """8: the payee claims what the meter's last reading comes to, and the window opens."""
    terms = session.terms
    if command.caller != terms.payee:
        return wrong_caller(command, "the payee", terms.payee)
    reading = command.find(SessionReading, terms.meter)
    if reading is None:
        return missing(command, "a reading signed by the session's meter")
    answer = taken(session, reading)
    if isinstance(answer, Refusal):
        return answer
    return _claimed(answer, Transition.CLAIM, now)


def claim_silent(session: Session, command: Command, now: int) -> Answer:
    """9: the payer closes when the station is silent, with the newest evidence it has, or none."""
    terms = session.terms
    if command.caller != terms.payer:
        return wrong_caller(command, "the payer", terms.payer)
    silent_after = min(session.heard_at + terms.silence_limit_s, end_deadline(terms))
    if now <= silent_after:
        return Refusal(
            reason=Reason.STATION_NOT_SILENT,
            message=f"the station counts as silent after {silent_after}, it is {now}: wait, or "
            "close by agreement",
        )
    evidence = _newest(session, command)
    answer = session if evidence is None else taken(session, evidence)
    if isinstance(answer, Refusal):
        return answer
    return _claimed(answer, Transition.CLAIM_SILENT, now)


def contest(session: Session, command: Command, now: int) -> Answer:
    """10: either side replaces the evidence by newer one; the window moves once, and not again."""
    terms = session.terms
    if command.caller not in (terms.payer, terms.payee):
        return wrong_caller(command, "payer or payee", terms.payer)
    if now > session.contest_until:
        return _window_over(session, now)
    evidence = _newest(session, command)
    if evidence is None:
        return missing(command, "a reading of the session's meter or a Receipt of the payer")
    answer = taken(session, evidence)
    if isinstance(answer, Refusal):
        return answer
    until = session.contest_until if session.is_extended else now + terms.contest_window_s
    return Outcome(
        transition=Transition.CONTEST,
        session=attrs.evolve(
            answer,
            steps=session.steps + 1,
            heard_at=now,
            contest_until=until,
            is_extended=True,
        ),
    )


def settle(session: Session, command: Command, now: int) -> Answer:
    """11: after the window anybody has the claim paid."""
    if now <= session.contest_until:
        return too_early(command, session.contest_until, now)
    return _settled(session, Transition.SETTLE, session.amount_units)


def dispute(session: Session, command: Command, now: int) -> Answer:
    """12: the payer disputes what it never countersigned; that alone stays locked, with the bond."""
    terms = session.terms
    if command.caller != terms.payer:
        return wrong_caller(command, "the payer", terms.payer)
    if terms.arbiter is None:
        return Refusal(
            reason=Reason.NO_ARBITER, message="these terms name no arbiter: contest with evidence"
        )
    if now > session.contest_until:
        return _window_over(session, now)
    if session.amount_units <= session.acknowledged_units:
        return Refusal(
            reason=Reason.NOTHING_DISPUTED,
            message=f"the claim of {session.amount_units} is no more than the payer countersigned",
        )
    shares = share(terms, session.acknowledged_units)
    return Outcome(
        transition=Transition.DISPUTE,
        session=attrs.evolve(
            session,
            steps=session.steps + 1,
            state=SessionState.DISPUTED,
            paid_units=session.acknowledged_units,
            bond_units=terms.bond_units,
            arbiter_until=now + terms.arbiter_window_s,
        ),
        locked_units=terms.bond_units,
        payee_units=shares.payee_units,
        operator_units=shares.operator_units,
        payer_units=session.held_units - session.amount_units,
    )


def rule(session: Session, command: Command, now: int) -> Answer:
    """13: the arbiter rules between what was countersigned and what was claimed; who loses pays the bond."""
    terms = session.terms
    ruling = None if terms.arbiter is None else command.find(Ruling, terms.arbiter)
    if ruling is None:
        return missing(command, "a Ruling signed by the arbiter")
    if now > session.arbiter_until:
        return _window_over(session, now, session.arbiter_until)
    if not session.acknowledged_units <= ruling.amount_units <= session.amount_units:
        return Refusal(
            reason=Reason.RULING_OUT_OF_RANGE,
            message=f"a ruling of {ruling.amount_units} is not from {session.acknowledged_units} "
            f"to {session.amount_units}",
        )
    return _ruled(session, Transition.RULE, ruling.amount_units)


def default(session: Session, command: Command, now: int) -> Answer:
    """14: the arbiter was silent, so what the payer countersigned stands."""
    if now <= session.arbiter_until:
        return too_early(command, session.arbiter_until, now)
    return _ruled(session, Transition.DEFAULT, session.acknowledged_units)


def expire(session: Session, command: Command, now: int) -> Answer:
    """15: nobody claimed in time: what the payer countersigned is paid, the rest goes back."""
    last = end_deadline(session.terms) + session.terms.contest_window_s
    if now <= last:
        return too_early(command, last, now)
    outcome = _settled(session, Transition.EXPIRE, session.acknowledged_units)
    return attrs.evolve(outcome, session=attrs.evolve(outcome.session, state=SessionState.RELEASED))


def correct(terms: SessionTerms, command: Command, now: int, corrected: Session | None) -> Answer:
    """16: a settled session stays as it is; a new one that names it pays the difference, signed by both."""
    if (
        corrected is None
        or corrected.state is not SessionState.SETTLED
        or corrected.session_id != terms.corrects
        or {corrected.terms.payer, corrected.terms.payee} != {terms.payer, terms.payee}
        or corrected.terms.asset != terms.asset
    ):
        return Refusal(
            reason=Reason.NOT_CORRECTABLE,
            message=f"{terms.corrects.hex()} is no settled session of {terms.payer} and "
            f"{terms.payee} in {terms.asset}: a correction names one",
        )
    authorisation = command.find(Authorisation, terms.payer)
    by_payer, by_payee = command.find(Close, terms.payer), command.find(Close, terms.payee)
    if authorisation is None or by_payer is None or by_payer != by_payee:
        return missing(command, "the payer's Authorisation and one Close signed by both")
    if now > authorisation.valid_until:
        return Refusal(
            reason=Reason.AUTHORISATION_EXPIRED,
            message=f"the authorisation was valid until {authorisation.valid_until}, it is {now}: "
            "ask the payer for a new one",
        )
    if not 0 < by_payer.amount_units <= authorisation.held_units:
        return Refusal(
            reason=Reason.ABOVE_CAP,
            message=f"a correction of {by_payer.amount_units} is not from 1 to the cap of "
            f"{authorisation.held_units}",
        )
    opened = Session(
        terms=terms,
        session_id=command.session_id,
        state=SessionState.ACTIVE,
        steps=0,
        held_units=authorisation.held_units,
        sequence=by_payer.sequence,
        amount_units=by_payer.amount_units,
    )
    outcome = _settled(opened, Transition.CORRECT, by_payer.amount_units)
    return attrs.evolve(outcome, locked_units=authorisation.held_units)


def _newest(session: Session, command: Command) -> Receipt | SessionReading | None:
    found = (
        command.find(Receipt, session.terms.payer),
        command.find(SessionReading, session.terms.meter),
    )
    given = [each for each in found if each is not None]
    return max(given, key=lambda each: each.sequence, default=None)


def _claimed(session: Session, transition: Transition, now: int) -> Outcome:
    return Outcome(
        transition=transition,
        session=attrs.evolve(
            session,
            steps=session.steps + 1,
            state=SessionState.CLAIMED,
            heard_at=now,
            contest_until=now + session.terms.contest_window_s,
        ),
    )


def _settled(session: Session, transition: Transition, gross: int) -> Outcome:
    shares = share(session.terms, gross)
    return Outcome(
        transition=transition,
        session=attrs.evolve(
            session, steps=session.steps + 1, state=SessionState.SETTLED, paid_units=gross
        ),
        payee_units=shares.payee_units,
        operator_units=shares.operator_units,
        payer_units=session.held_units - gross,
    )


def _ruled(session: Session, transition: Transition, gross: int) -> Outcome:
    """Pay the rest of a ruled amount; the bond is the payee's when all that was claimed is granted."""
    shares = share_difference(session.terms, session.paid_units, gross)
    lost = gross == session.amount_units
    return Outcome(
        transition=transition,
        session=attrs.evolve(
            session, steps=session.steps + 1, state=SessionState.SETTLED, paid_units=gross
        ),
        payee_units=shares.payee_units + (session.bond_units if lost else 0),
        operator_units=shares.operator_units,
        payer_units=session.amount_units - gross + (0 if lost else session.bond_units),
    )


def _window_over(session: Session, now: int, until: int | None = None) -> Refusal:
    return Refusal(
        reason=Reason.WINDOW_OVER,
        message=f"that was possible until {session.contest_until if until is None else until}, it "
        f"is {now}: have the session settled",
    )
