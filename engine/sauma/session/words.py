"""Words of a session: where it stands, what can happen to it, what a party signs, why it is refused.

The numbers are part of the byte forms and never change.
"""

from __future__ import annotations

import enum


class SessionState(enum.IntEnum):
    """Where a session stands."""

    NONE = 0
    AUTHORISED = 1
    ACTIVE = 2
    CLAIMED = 3
    DISPUTED = 4
    SETTLED = 5
    RELEASED = 6

    @property
    def is_terminal(self) -> bool:
        """Whether nothing is held any more and nothing can follow."""
        return self in (SessionState.SETTLED, SessionState.RELEASED)


class Transition(enum.IntEnum):
    """What can happen to a session; the numbers are those of the table in `docs/sessions.md`."""

    AUTHORISE = 1
    START = 2
    CANCEL = 3
    NO_SHOW = 4
    COUNTERSIGN = 5
    TOP_UP = 6
    CLOSE = 7
    CLAIM = 8
    CLAIM_SILENT = 9
    CONTEST = 10
    SETTLE = 11
    DISPUTE = 12
    RULE = 13
    DEFAULT = 14
    EXPIRE = 15
    CORRECT = 16
    READY = 17


class StandingAction(enum.IntEnum):
    """What can happen to a standing authorisation; the numbers are part of its byte form."""

    AUTHORISE = 1
    CHARGE = 2
    REVOKE = 3
    RETURN = 4


class EvidenceKind(enum.IntEnum):
    """What a party signs; the first byte of its byte form."""

    AUTHORISATION = 1
    READY = 2
    READING = 3
    RECEIPT = 4
    CLOSE = 5
    CANCEL = 6
    RULING = 7


class RegisterStatus(enum.IntEnum):
    """In which situation a meter was read.  It is signed, shown, and decides nothing."""

    BEGIN = 0
    PERIODIC = 1
    INTERRUPTED = 2
    END = 3


class Reason(enum.Enum):
    """Why a transition is refused."""

    WRONG_STATE = "wrong_state"
    WRONG_CALLER = "wrong_caller"
    MISSING_EVIDENCE = "missing_evidence"
    ID_USED = "id_used"
    AUTHORISATION_EXPIRED = "authorisation_expired"
    STARTED_TOO_LATE = "started_too_late"
    TOO_EARLY = "too_early"
    WINDOW_OVER = "window_over"
    STATION_NOT_SILENT = "station_not_silent"
    SEQUENCE_NOT_HIGHER = "sequence_not_higher"
    REGISTER_BACKWARDS = "register_backwards"
    AMOUNT_LOWER = "amount_lower"
    ABOVE_CAP = "above_cap"
    ABOVE_METER = "above_meter"
    CAP_NOT_HIGHER = "cap_not_higher"
    NO_ARBITER = "no_arbiter"
    NOTHING_DISPUTED = "nothing_disputed"
    RULING_OUT_OF_RANGE = "ruling_out_of_range"
    NOT_CORRECTABLE = "not_correctable"
