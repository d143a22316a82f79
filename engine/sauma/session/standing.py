"""Standing authorisations: micro-sessions at red lights, charged to what a payer allowed once.

The payer has a cap held once; a micro-session then needs no hold and no transaction of its own: the
operator charges many of them at a time, of as many payers as there are, and each payee is paid once.
`decide_standing` is the whole logic, pure and total, as `decide` is for sessions.

An allowance is over when nothing is left of it: charged away, or returned.  Until then its operator
may charge it by the end that the payer agreed to; a payer who wants it back sooner revokes it, and
after the notice anybody has the rest returned.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

import attrs

from sauma.chain import Part
from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, AssetId, Fact
from sauma.intervals import from_unix, to_unix
from sauma.session.arithmetic import gross_units, share
from sauma.session.evidence import SIGNING_PREFIX, SessionReading, Signed
from sauma.session.record import Refusal
from sauma.session.terms import NO_WORD, WINDOW_S_MAX, SessionTerms, account_word, asset_word
from sauma.session.words import Reason, StandingAction
from sauma.units import INT64_MAX, check_integer

WORD_BYTES: Final = 32
ALLOWANCE_KIND: Final = 8
"""The first byte of what a payer signs, behind those of `EvidenceKind`."""


@attrs.frozen(kw_only=True)
class StandingTerms:
    """What a payer allows an operator to charge for a time, in units of `asset`."""

    domain: bytes
    payer: AccountId
    operator: AccountId
    asset: AssetId
    cap_units: int
    session_units_max: int
    valid_from: datetime
    valid_until: datetime
    key: str
    notice_s: int = 0
    """How long before it ends sooner than agreed the payer gives notice."""
    payees: tuple[AccountId, ...] = ()
    """Who may be paid besides the operator; nobody named is anybody."""

    def __attrs_post_init__(self) -> None:
        """Refuse a cap below what one session may take, and an end before the start."""
        for name in ("cap_units", "session_units_max"):
            if not 0 < check_integer(getattr(self, name), name) <= INT64_MAX:
                raise InvalidInput(f"{name} {getattr(self, name)} must be above zero")
        if self.session_units_max > self.cap_units:
            raise InvalidInput(
                f"session_units_max {self.session_units_max} is above the cap of {self.cap_units}"
            )
        if not 0 <= check_integer(self.notice_s, "notice_s") <= WINDOW_S_MAX:
            raise InvalidInput(f"notice_s {self.notice_s} must be from 0 to {WINDOW_S_MAX}")
        if len(self.domain) != WORD_BYTES:
            raise InvalidInput(f"domain {self.domain.hex()} must have {WORD_BYTES} bytes")
        if self.payer in (self.operator, *self.payees) or len({*self.payees}) != len(self.payees):
            raise InvalidInput(
                f"{self.payer} must be none of those whom it pays, and each of them named once"
            )
        if to_unix(self.valid_from) >= to_unix(self.valid_until):
            raise InvalidInput(
                f"a standing authorisation must begin before it ends: {self.valid_from.isoformat()} is "
                f"not before {self.valid_until.isoformat()}"
            )

    def to_bytes(self) -> bytes:
        """Return the 11 words, in the order of `docs/sessions.md`; payees are hashed together."""
        payees = b"".join(account_word(each) for each in self.payees)
        numbers = (
            self.cap_units,
            self.session_units_max,
            to_unix(self.valid_from),
            to_unix(self.valid_until),
            self.notice_s,
        )
        return b"".join(
            (
                self.domain,
                account_word(self.payer),
                account_word(self.operator),
                asset_word(self.asset),
                *(number.to_bytes(WORD_BYTES, "big") for number in numbers),
                hashlib.sha256(payees).digest() if payees else NO_WORD,
                hashlib.sha256(self.key.encode()).digest(),
            )
        )

    @property
    def standing_id(self) -> bytes:
        """The 32-byte id: SHA-256 of `to_bytes`."""
        return hashlib.sha256(self.to_bytes()).digest()

    def facts(self) -> dict[str, Fact]:
        """Return the terms as plain values, from which `from_facts` makes them again."""
        return {
            "domain": self.domain,
            "payer": str(self.payer),
            "operator": str(self.operator),
            "asset": str(self.asset),
            "cap_units": self.cap_units,
            "session_units_max": self.session_units_max,
            "valid_from": to_unix(self.valid_from),
            "valid_until": to_unix(self.valid_until),
            "key": self.key,
            "notice_s": self.notice_s,
            "payees": [str(each) for each in self.payees],
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> StandingTerms:
        """Read what `facts` wrote, bytes as hexadecimal text; raises `InvalidInput` for anything else."""
        try:
            return cls(
                **{
                    **facts,
                    "domain": bytes.fromhex(facts["domain"]),
                    "payer": AccountId(facts["payer"]),
                    "operator": AccountId(facts["operator"]),
                    "asset": AssetId(facts["asset"]),
                    "valid_from": from_unix(facts["valid_from"]),
                    "valid_until": from_unix(facts["valid_until"]),
                    "payees": tuple(AccountId(each) for each in facts["payees"]),
                }
            )
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            raise InvalidInput(
                f"these are no terms of a standing authorisation: {error}"
            ) from error


def standing_payload(terms: StandingTerms) -> bytes:
    """Return what a payer signs where a chain has no form of its own: prefix, kind, id, limits, end."""
    numbers = (terms.cap_units, terms.session_units_max, to_unix(terms.valid_until))
    return (
        SIGNING_PREFIX
        + bytes((ALLOWANCE_KIND,))
        + terms.standing_id
        + b"".join(number.to_bytes(8, "big") for number in numbers)
    )


@attrs.frozen(kw_only=True)
class MicroSession:
    """A line: what was agreed at one light, and two readings of its meter, the first with sequence 0."""

    terms: SessionTerms
    first: Signed
    last: Signed


@attrs.frozen(kw_only=True)
class Standing:
    """Where a standing authorisation stands."""

    terms: StandingTerms
    standing_id: bytes
    steps: int
    left_units: int
    """What is held of it still; 0: it is over."""
    ends_at: int
    """After this anybody has the rest returned: its end, or sooner where the payer revoked it."""
    spent_for: frozenset[bytes] = frozenset()
    """The micro-sessions that it was charged for."""


@attrs.frozen(kw_only=True)
class StandingOutcome:
    """What comes of an action: the authorisation after it, and every unit that moves."""

    standing: Standing
    locked_units: int = 0
    parts: tuple[Part, ...] = ()
    returned_units: int = 0


StandingAnswer: TypeAlias = StandingOutcome | Refusal


def decide_standing(
    standing: Standing | None,
    terms: StandingTerms,
    action: StandingAction,
    caller: AccountId,
    now: int,
    *,
    lines: Sequence[MicroSession] = (),
    is_signed: bool = False,
) -> StandingAnswer:
    """Return what comes of an action, or why it is refused; nothing changes.

    Signatures were verified by who asks: `is_signed` says that the payer signed the terms.  P1 what is
    locked, paid and returned adds up; P4 a micro-session is charged for once; P7 after its end anybody
    has the rest returned; P8 nobody pays above the cap of one session or of all; P12 each gross amount
    is its parts.
    """
    if action is StandingAction.AUTHORISE:
        return _authorised(standing, terms, now, is_agreed=is_signed or caller == terms.payer)
    if standing is None or not standing.left_units:
        return _refusal(Reason.WRONG_STATE, "nothing is left of it: ask the payer for another")
    if action is StandingAction.CHARGE:
        return _charged(standing, caller, lines, now)
    if action is StandingAction.REVOKE:
        if caller != terms.payer:
            return _refusal(Reason.WRONG_CALLER, f"only {terms.payer} revokes what it allowed")
        ends_at = min(standing.ends_at, now + terms.notice_s)
        return StandingOutcome(standing=_after(standing, ends_at=ends_at))
    if now <= standing.ends_at:
        return _refusal(Reason.TOO_EARLY, f"it ends after {standing.ends_at}, it is {now}: wait")
    return StandingOutcome(
        standing=_after(standing, left_units=0), returned_units=standing.left_units
    )


def _authorised(
    standing: Standing | None, terms: StandingTerms, now: int, *, is_agreed: bool
) -> StandingAnswer:
    begins, ends = to_unix(terms.valid_from), to_unix(terms.valid_until)
    if standing is not None:
        return _refusal(Reason.ID_USED, "it was authorised already: give other terms another key")
    if not is_agreed:
        return _refusal(Reason.MISSING_EVIDENCE, f"{terms.payer} has not signed it")
    if now < begins:
        return _refusal(Reason.TOO_EARLY, f"it begins at {begins}, it is {now}: wait")
    if now > ends:
        return _refusal(
            Reason.AUTHORISATION_EXPIRED, f"it ended at {ends}, it is {now}: ask for another"
        )
    return StandingOutcome(
        standing=Standing(
            terms=terms,
            standing_id=terms.standing_id,
            steps=1,
            left_units=terms.cap_units,
            ends_at=ends,
        ),
        locked_units=terms.cap_units,
    )


def _charged(
    standing: Standing, caller: AccountId, lines: Sequence[MicroSession], now: int
) -> StandingAnswer:
    """Return who is paid for some micro-sessions, all or none; the first that is wrong refuses them."""
    allowed = standing.terms
    ends = to_unix(allowed.valid_until)
    if caller != allowed.operator:
        return _refusal(Reason.WRONG_CALLER, f"only {allowed.operator} charges it")
    if now > ends:
        return _refusal(
            Reason.AUTHORISATION_EXPIRED, f"it ended at {ends}, it is {now}: ask for another"
        )
    if not lines:
        return _refusal(Reason.MISSING_EVIDENCE, "there is no micro-session to charge for")
    spent, used = 0, set(standing.spent_for)
    earned: dict[AccountId, int] = {}
    for line in lines:
        session_id = line.terms.session_id
        gross = micro_units(allowed, line)
        if isinstance(gross, Refusal):
            return gross
        if session_id in used:
            return _refusal(
                Reason.ID_USED, f"micro-session {session_id.hex()} was charged for: leave it out"
            )
        used.add(session_id)
        spent += gross
        if spent > standing.left_units:
            return _refusal(
                Reason.ABOVE_CAP,
                f"{spent} is above the {standing.left_units} that are left: charge for fewer, or have "
                "the payer allow more",
            )
        shares = share(line.terms, gross)
        for account, units in (
            (line.terms.payee, shares.payee_units),
            (line.terms.operator, shares.operator_units),
        ):
            earned[account] = earned.get(account, 0) + units
    if not spent:
        return _refusal(
            Reason.MISSING_EVIDENCE, "the micro-sessions come to nothing: leave them out"
        )
    return StandingOutcome(
        standing=_after(
            standing, left_units=standing.left_units - spent, spent_for=frozenset(used)
        ),
        parts=_parts(allowed, earned),
    )


def micro_units(allowed: StandingTerms, line: MicroSession) -> int | Refusal:
    """Return what a micro-session comes to, never above its limit, or why it cannot be charged."""
    terms = line.terms
    parties = (terms.domain, terms.payer, terms.operator, terms.asset)
    if parties != (allowed.domain, allowed.payer, allowed.operator, allowed.asset):
        return _refusal(
            Reason.MISSING_EVIDENCE,
            f"micro-session {terms.session_id.hex()} is of another payer, operator, asset or "
            "escrow than the authorisation",
        )
    if allowed.payees and terms.payee not in allowed.payees:
        return _refusal(
            Reason.WRONG_CALLER, f"{terms.payee} is none of those whom the payer lets be paid"
        )
    first, last = (_reading(terms, each) for each in (line.first, line.last))
    if first is None or last is None or first.sequence != 0:
        return _refusal(
            Reason.MISSING_EVIDENCE,
            f"micro-session {terms.session_id.hex()} needs two readings of its meter, the first "
            "with sequence 0",
        )
    if last.sequence <= first.sequence:
        return _refusal(
            Reason.SEQUENCE_NOT_HIGHER,
            f"sequence {last.sequence} is not above {first.sequence}: give a later reading",
        )
    if last.register_wh < first.register_wh:
        return _refusal(
            Reason.REGISTER_BACKWARDS,
            f"register {last.register_wh} Wh is below {first.register_wh} Wh",
        )
    return gross_units(terms, allowed.session_units_max, first.register_wh, last.register_wh)


def _parts(allowed: StandingTerms, earned: Mapping[AccountId, int]) -> tuple[Part, ...]:
    """Return who is paid in the order of the payees that are named, else by name; the operator last."""
    others = allowed.payees or sorted(each for each in earned if each != allowed.operator)
    order = dict.fromkeys(each for each in others if each != allowed.operator)
    order[allowed.operator] = None
    return tuple(Part(payee=each, units=earned[each]) for each in order if earned.get(each))


def _after(standing: Standing, **changes: Any) -> Standing:
    return attrs.evolve(standing, steps=standing.steps + 1, **changes)


def _refusal(reason: Reason, message: str) -> Refusal:
    return Refusal(reason=reason, message=message)


def _reading(terms: SessionTerms, signed: Signed) -> SessionReading | None:
    statement = signed.statement
    is_its_meters = signed.signer == terms.meter and statement.session_id == terms.session_id
    return statement if isinstance(statement, SessionReading) and is_its_meters else None
