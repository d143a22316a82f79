"""A session as its chain knows it, what is asked of it, and what comes of that."""

from __future__ import annotations

from typing import TypeAlias, TypeVar

import attrs

from sauma.identifiers import AccountId
from sauma.session.evidence import Signed, Statement
from sauma.session.terms import SessionTerms
from sauma.session.words import Reason, SessionState, Transition

_Kind = TypeVar("_Kind", bound=Statement)


@attrs.frozen(kw_only=True)
class Session:
    """Where a session stands; all money in units of the terms' asset, all times in chain seconds."""

    terms: SessionTerms
    session_id: bytes
    """The id of the terms, which takes a hash to find."""
    state: SessionState
    steps: int
    """How many transitions the chain has carried out."""
    held_units: int
    """The cap: what the payer locked in all."""
    is_ready: bool = False
    """The payee's `Ready` is on record, so not showing up costs the payer the no-show fee."""
    sequence: int = 0
    """The highest sequence on record; only what is higher counts."""
    register_start_wh: int = 0
    register_wh: int = 0
    amount_units: int = 0
    """What the evidence on record comes to."""
    acknowledged_units: int = 0
    """The highest amount that the payer countersigned."""
    paid_units: int = 0
    """Gross amount paid so far, the operator's fee included."""
    bond_units: int = 0
    """What the payer locked to dispute."""
    heard_at: int = 0
    """When the chain last took a reading or receipt."""
    contest_until: int = 0
    is_extended: bool = False
    """The window was moved once by a contest, and is not moved again."""
    arbiter_until: int = 0

    @property
    def locked_units(self) -> int:
        """What the escrow has for this session now: P1, nothing of it is ever lost or made."""
        match self.state:
            case SessionState.AUTHORISED | SessionState.ACTIVE | SessionState.CLAIMED:
                return self.held_units
            case SessionState.DISPUTED:
                return self.amount_units - self.acknowledged_units + self.bond_units
            case _:
                return 0


@attrs.frozen(kw_only=True)
class Command:
    """A transition that somebody asks for, with evidence whose signatures the shell has verified."""

    transition: Transition
    session_id: bytes
    caller: AccountId
    evidence: tuple[Signed, ...] = ()

    def find(self, kind: type[_Kind], signer: AccountId) -> _Kind | None:
        """Return the statement of a kind about this session that somebody signed, if it is there."""
        for signed in self.evidence:
            statement = signed.statement
            if (
                isinstance(statement, kind)
                and signed.signer == signer
                and statement.session_id == self.session_id
            ):
                return statement
        return None


@attrs.frozen(kw_only=True)
class Outcome:
    """What comes of a transition: the session after it, and every unit that moves.

    P1: the units locked before, plus `locked_units`, are those that go out and those locked after.
    """

    transition: Transition
    session: Session
    locked_units: int = 0
    payee_units: int = 0
    operator_units: int = 0
    payer_units: int = 0


@attrs.frozen(kw_only=True)
class Refusal:
    """Why a transition cannot be, and what to do instead; nothing changes."""

    reason: Reason
    message: str


Answer: TypeAlias = Outcome | Refusal
