"""The metered escrow: prepaid metered delivery (a car at a charger), the same for every chain.

A session holds the payer's money, attests what the meter says, captures what was used and releases
the rest, and no party can lock the other's money by vanishing.  `decide` is the whole logic, pure and
total; `SessionStep` and `instructions_for` say how a transition becomes instructions of the port.
`docs/sessions.md` has the table of transitions, the arithmetic and the byte forms.
"""

from sauma.session.arithmetic import Shares, delivered_wh, gross_units, share, share_difference
from sauma.session.evidence import (
    SIGNING_PREFIX,
    Authorisation,
    Cancel,
    Close,
    Ready,
    Receipt,
    Ruling,
    SessionReading,
    Signed,
    Statement,
    read_statement,
    signing_payload,
    statement_bytes,
)
from sauma.session.machine import decide, exit_of
from sauma.session.record import Answer, Command, Outcome, Refusal, Session
from sauma.session.standing import (
    MicroSession,
    Standing,
    StandingAnswer,
    StandingOutcome,
    StandingTerms,
    decide_standing,
    micro_units,
    standing_payload,
)
from sauma.session.standing_step import (
    StandingStep,
    StandingVerifier,
    asks_standing,
    is_standing,
    read_evidence,
    standing_batch,
    standing_instruction,
)
from sauma.session.step import SessionStep, Verifier, batches_for, instructions_for, step_batch_id
from sauma.session.terms import NO_WORD, SessionTerms, account_word, asset_word, session_domain
from sauma.session.words import (
    EvidenceKind,
    Reason,
    RegisterStatus,
    SessionState,
    StandingAction,
    Transition,
)

__all__ = [
    "NO_WORD",
    "SIGNING_PREFIX",
    "Answer",
    "Authorisation",
    "Cancel",
    "Close",
    "Command",
    "EvidenceKind",
    "MicroSession",
    "Outcome",
    "Ready",
    "Reason",
    "Receipt",
    "Refusal",
    "RegisterStatus",
    "Ruling",
    "Session",
    "SessionReading",
    "SessionState",
    "SessionStep",
    "SessionTerms",
    "Shares",
    "Signed",
    "Standing",
    "StandingAction",
    "StandingAnswer",
    "StandingOutcome",
    "StandingStep",
    "StandingTerms",
    "StandingVerifier",
    "Statement",
    "Transition",
    "Verifier",
    "account_word",
    "asks_standing",
    "asset_word",
    "batches_for",
    "decide",
    "decide_standing",
    "delivered_wh",
    "exit_of",
    "gross_units",
    "instructions_for",
    "is_standing",
    "micro_units",
    "read_evidence",
    "read_statement",
    "session_domain",
    "share",
    "share_difference",
    "signing_payload",
    "standing_batch",
    "standing_instruction",
    "standing_payload",
    "statement_bytes",
    "step_batch_id",
]
