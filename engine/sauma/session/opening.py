"""From nothing to a session that charges: authorise, ready, start, cancel, no-show, countersign, top up."""

from __future__ import annotations

import attrs

from sauma.intervals import to_unix
from sauma.session.arithmetic import gross_units
from sauma.session.evidence import (
    Authorisation,
    Cancel,
    Ready,
    Receipt,
    SessionReading,
)
from sauma.session.record import Answer, Command, Outcome, Refusal, Session
from sauma.session.terms import NO_WORD, SessionTerms
from sauma.session.words import Reason, SessionState, Transition
from sauma.units import INT64_MAX


def start_deadline(terms: SessionTerms) -> int:
    """Return the last second in which a session may start."""
    return to_unix(terms.starts_before)


def end_deadline(terms: SessionTerms) -> int:
    """Return the second by which a session should have ended."""
    return to_unix(terms.ends_before)


def authorise(terms: SessionTerms, command: Command, now: int) -> Answer:
    """1: lock the cap that the payer authorised; the chain refuses it when the payer has less (P2)."""
    authorisation = command.find(Authorisation, terms.payer)
    if authorisation is None:
        return missing(command, "an Authorisation signed by the payer")
    if terms.corrects != NO_WORD:
        return Refusal(
            reason=Reason.NOT_CORRECTABLE,
            message="terms that correct a session are closed in the same step: use correct",
        )
    if now > authorisation.valid_until:
        return Refusal(
            reason=Reason.AUTHORISATION_EXPIRED,
            message=f"the authorisation was valid until {authorisation.valid_until}, it is {now}: "
            "ask the payer for a new one",
        )
    if now > start_deadline(terms):
        return Refusal(
            reason=Reason.STARTED_TOO_LATE,
            message=f"it had to start by {start_deadline(terms)}, it is {now}: agree on new terms",
        )
    if not 0 < authorisation.held_units <= INT64_MAX:
        return Refusal(
            reason=Reason.CAP_NOT_HIGHER,
            message=f"a cap of {authorisation.held_units} holds nothing: authorise more",
        )
    return Outcome(
        transition=Transition.AUTHORISE,
        session=Session(
            terms=terms,
            session_id=command.session_id,
            state=SessionState.AUTHORISED,
            steps=1,
            held_units=authorisation.held_units,
        ),
        locked_units=authorisation.held_units,
    )


def ready(session: Session, command: Command, now: int) -> Answer:
    """17: put the payee's `Ready` on record, until the start deadline; the chain's time dates it."""
    if command.find(Ready, session.terms.payee) is None:
        return missing(command, "a Ready signed by the payee")
    if now > start_deadline(session.terms):
        return too_late_to_start(session, now)
    return Outcome(
        transition=Transition.READY,
        session=attrs.evolve(session, steps=session.steps + 1, is_ready=True),
    )


def start(session: Session, command: Command, now: int) -> Answer:
    """2: the payee starts with reading 0 of the bound meter, until the start deadline."""
    terms = session.terms
    if command.caller != terms.payee:
        return wrong_caller(command, "the payee", terms.payee)
    reading = command.find(SessionReading, terms.meter)
    if reading is None or reading.sequence != 0:
        return missing(command, "the reading with sequence 0, signed by the session's meter")
    if now > start_deadline(terms):
        return too_late_to_start(session, now)
    return Outcome(
        transition=Transition.START,
        session=attrs.evolve(
            session,
            steps=session.steps + 1,
            state=SessionState.ACTIVE,
            register_start_wh=reading.register_wh,
            register_wh=reading.register_wh,
            heard_at=now,
        ),
    )


def cancel(session: Session, command: Command, now: int) -> Answer:  # noqa: ARG001
    """3: payer or payee call it off at any time before it starts.

    Once the payee was ready, the payer pays the no-show fee for it.
    """
    terms = session.terms
    by_payee = command.caller == terms.payee or command.find(Cancel, terms.payee) is not None
    by_payer = command.caller == terms.payer or command.find(Cancel, terms.payer) is not None
    if not by_payer and not by_payee:
        return missing(command, "a Cancel signed by payer or payee")
    return _released(session, Transition.CANCEL, owes_fee=session.is_ready and not by_payee)


def no_show(session: Session, command: Command, now: int) -> Answer:
    """4: after the start deadline anybody ends it; the payee gets the fee only if it was ready."""
    if now <= start_deadline(session.terms):
        return too_early(command, start_deadline(session.terms), now)
    return _released(session, Transition.NO_SHOW, owes_fee=session.is_ready)


def countersign(session: Session, command: Command, now: int) -> Answer:
    """5: keep the payer's highest receipt.  It need not be on the chain; where it is, it is kept there."""
    receipt = command.find(Receipt, session.terms.payer)
    if receipt is None:
        return missing(command, "a Receipt signed by the payer")
    answer = taken(session, receipt)
    if isinstance(answer, Refusal):
        return answer
    kept = attrs.evolve(answer, steps=session.steps + 1, heard_at=now)
    return Outcome(transition=Transition.COUNTERSIGN, session=kept)


def top_up(session: Session, command: Command, now: int) -> Answer:
    """6: the payer authorises a higher cap, and the difference is locked."""
    authorisation = command.find(Authorisation, session.terms.payer)
    if authorisation is None:
        return missing(command, "an Authorisation signed by the payer")
    if now > authorisation.valid_until:
        return Refusal(
            reason=Reason.AUTHORISATION_EXPIRED,
            message=f"the authorisation was valid until {authorisation.valid_until}, it is {now}: "
            "ask the payer for a new one",
        )
    if authorisation.held_units <= session.held_units:
        return Refusal(
            reason=Reason.CAP_NOT_HIGHER,
            message=f"{session.held_units} are held and {authorisation.held_units} authorised: "
            "authorise a higher total to top up",
        )
    return Outcome(
        transition=Transition.TOP_UP,
        session=attrs.evolve(session, steps=session.steps + 1, held_units=authorisation.held_units),
        locked_units=authorisation.held_units - session.held_units,
    )


def taken(session: Session, statement: Receipt | SessionReading) -> Session | Refusal:
    """Return a session with newer evidence on record.

    P8: its sequence is higher, its register not lower, its amount neither lower nor above the cap.
    """
    if statement.sequence <= session.sequence:
        return Refusal(
            reason=Reason.SEQUENCE_NOT_HIGHER,
            message=f"sequence {statement.sequence} is not above {session.sequence}, which is on "
            "record: give newer evidence",
        )
    if statement.register_wh < session.register_wh:
        return Refusal(
            reason=Reason.REGISTER_BACKWARDS,
            message=f"register {statement.register_wh} Wh is below {session.register_wh} Wh, which "
            "is on record: a meter that was reset ends its session",
        )
    priced = gross_units(
        session.terms, session.held_units, session.register_start_wh, statement.register_wh
    )
    is_receipt = isinstance(statement, Receipt)
    amount = statement.amount_units if isinstance(statement, Receipt) else priced
    if amount > session.held_units:
        return Refusal(
            reason=Reason.ABOVE_CAP,
            message=f"{amount} is above the cap of {session.held_units}: top up first",
        )
    if amount > priced:
        return Refusal(
            reason=Reason.ABOVE_METER,
            message=f"{amount} is above {priced}, which is the price of what the meter says",
        )
    if amount < session.amount_units:
        return Refusal(
            reason=Reason.AMOUNT_LOWER,
            message=f"{amount} is below {session.amount_units}, which is on record: "
            "close by agreement to pay less",
        )
    return attrs.evolve(
        session,
        sequence=statement.sequence,
        register_wh=statement.register_wh,
        amount_units=amount,
        acknowledged_units=amount if is_receipt else session.acknowledged_units,
    )


def missing(command: Command, what: str) -> Refusal:
    """Refuse for want of evidence."""
    return Refusal(
        reason=Reason.MISSING_EVIDENCE,
        message=f"{command.transition.name.lower()} of session {command.session_id.hex()} needs {what}",
    )


def wrong_caller(command: Command, role: str, who: object) -> Refusal:
    """Refuse somebody who may not ask for this."""
    return Refusal(
        reason=Reason.WRONG_CALLER,
        message=f"{command.transition.name.lower()} of session {command.session_id.hex()} is for "
        f"{role}, {who}, not for {command.caller}",
    )


def too_early(command: Command, until: int, now: int) -> Refusal:
    """Refuse what a deadline still protects."""
    return Refusal(
        reason=Reason.TOO_EARLY,
        message=f"{command.transition.name.lower()} of session {command.session_id.hex()} can be "
        f"after {until}, it is {now}: wait",
    )


def too_late_to_start(session: Session, now: int) -> Refusal:
    """Refuse a start after its deadline."""
    return Refusal(
        reason=Reason.STARTED_TOO_LATE,
        message=f"it had to start by {start_deadline(session.terms)}, it is {now}: "
        "end it as a no-show and agree on new terms",
    )


def _released(session: Session, transition: Transition, *, owes_fee: bool) -> Outcome:
    fee = min(session.held_units, session.terms.no_show_fee_units) if owes_fee else 0
    return Outcome(
        transition=transition,
        session=attrs.evolve(
            session, steps=session.steps + 1, state=SessionState.RELEASED, paid_units=fee
        ),
        payee_units=fee,
        payer_units=session.held_units - fee,
    )
