"""The metered escrow as a pure function: every state, every transition, every moment has an answer.

`decide` looks at a session, what is asked and the chain's time, and returns what comes of it or why
not.  It reads no clock, verifies no signature and moves nothing: the chain, or who keeps the promise
for it, does that.  Properties that hold of every answer, and are tested of every chain:

- P1  locked before + locked now = paid out + locked after;
- P2  nothing is ever below zero;
- P4  an id is authorised once;
- P6  deadlines are inclusive: what must happen until a time may still happen in that second;
- P7  from every state that holds money there is a time after which anybody can end it (`exits`);
- P8  only a higher sequence counts, the register never falls, no amount is above the cap;
- P12 the payer pays at most the cap, and the parts are the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from sauma.session import closing, opening
from sauma.session.record import Answer, Command, Refusal, Session
from sauma.session.terms import SessionTerms
from sauma.session.words import Reason, SessionState, Transition

_STATES: Final[Mapping[Transition, tuple[SessionState, ...]]] = {
    Transition.READY: (SessionState.AUTHORISED,),
    Transition.START: (SessionState.AUTHORISED,),
    Transition.CANCEL: (SessionState.AUTHORISED,),
    Transition.NO_SHOW: (SessionState.AUTHORISED,),
    Transition.COUNTERSIGN: (SessionState.ACTIVE,),
    Transition.TOP_UP: (SessionState.ACTIVE,),
    Transition.CLOSE: (SessionState.ACTIVE,),
    Transition.CLAIM: (SessionState.ACTIVE,),
    Transition.CLAIM_SILENT: (SessionState.ACTIVE,),
    Transition.CONTEST: (SessionState.CLAIMED,),
    Transition.SETTLE: (SessionState.CLAIMED,),
    Transition.DISPUTE: (SessionState.CLAIMED,),
    Transition.RULE: (SessionState.DISPUTED,),
    Transition.DEFAULT: (SessionState.DISPUTED,),
    Transition.EXPIRE: (SessionState.ACTIVE,),
}
"""From which state each transition of an existing session starts."""

_RULES: Final[Mapping[Transition, Callable[[Session, Command, int], Answer]]] = {
    Transition.READY: opening.ready,
    Transition.START: opening.start,
    Transition.CANCEL: opening.cancel,
    Transition.NO_SHOW: opening.no_show,
    Transition.COUNTERSIGN: opening.countersign,
    Transition.TOP_UP: opening.top_up,
    Transition.CLOSE: closing.close,
    Transition.CLAIM: closing.claim,
    Transition.CLAIM_SILENT: closing.claim_silent,
    Transition.CONTEST: closing.contest,
    Transition.SETTLE: closing.settle,
    Transition.DISPUTE: closing.dispute,
    Transition.RULE: closing.rule,
    Transition.DEFAULT: closing.default,
    Transition.EXPIRE: closing.expire,
}


def decide(
    session: Session | None,
    command: Command,
    now: int,
    *,
    terms: SessionTerms | None = None,
    corrected: Session | None = None,
) -> Answer:
    """Return what comes of a command at a moment of the chain's time, or why it is refused.

    `session` is None where the chain knows none of that id; then `terms` are those to open it with,
    and `corrected` the session that they say they compensate.
    """
    if command.transition in (Transition.AUTHORISE, Transition.CORRECT):
        if session is not None:
            return Refusal(
                reason=Reason.ID_USED,
                message=f"session {command.session_id.hex()} exists already, in state "
                f"{session.state.name.lower()}: a new one needs terms with another key",
            )
        if terms is None or terms.session_id != command.session_id:
            return Refusal(
                reason=Reason.MISSING_EVIDENCE,
                message=f"session {command.session_id.hex()} cannot be opened without its terms",
            )
        if command.transition is Transition.AUTHORISE:
            return opening.authorise(terms, command, now)
        return closing.correct(terms, command, now, corrected)
    state = SessionState.NONE if session is None else session.state
    if session is None or state not in _STATES[command.transition]:
        return Refusal(
            reason=Reason.WRONG_STATE,
            message=f"session {command.session_id.hex()} is {state.name.lower()}: "
            f"{command.transition.name.lower()} is for one that is "
            f"{_STATES[command.transition][0].name.lower()}",
        )
    return _RULES[command.transition](session, command, now)


def exit_of(session: Session) -> tuple[Transition, int] | None:
    """Return the transition by which anybody can end a session, and the last second before it can be.

    P7: there is one for every state that holds money; None says that nothing is held.
    """
    terms = session.terms
    match session.state:
        case SessionState.AUTHORISED:
            return Transition.NO_SHOW, opening.start_deadline(terms)
        case SessionState.ACTIVE:
            return Transition.EXPIRE, opening.end_deadline(terms) + terms.contest_window_s
        case SessionState.CLAIMED:
            return Transition.SETTLE, session.contest_until
        case SessionState.DISPUTED:
            return Transition.DEFAULT, session.arbiter_until
        case _:
            return None
