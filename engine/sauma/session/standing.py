"""Standing authorisations: micro-sessions at red lights, settled in the interval's net.

The payer locks once, in a netted account of its own; a micro-session then is a line of the interval's
net and needs no hold, no slot and no transaction of its own.  What lies in the account is the cap, so a
chain that keeps balances keeps the cap; the other rules are here, and who nets keeps them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypeAlias

import attrs

from sauma.chain import Leg
from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, AssetId
from sauma.intervals import to_unix
from sauma.session.arithmetic import gross_units, share
from sauma.session.evidence import SessionReading, Signed
from sauma.session.record import Refusal
from sauma.session.terms import NO_WORD, SessionTerms, account_word, asset_word
from sauma.session.words import Reason
from sauma.units import INT64_MAX, check_integer

WORD_BYTES: Final = 32


@attrs.frozen(kw_only=True)
class StandingTerms:
    """What a payer allows for a time, in units of `asset`."""

    domain: bytes
    payer: AccountId
    account: AccountId
    """The netted account that has what the payer locked, and nothing else."""
    operator: AccountId
    asset: AssetId
    cap_units: int
    session_units_max: int
    valid_from: datetime
    valid_until: datetime
    key: str
    payees: tuple[AccountId, ...] = ()
    """Who may be paid; nobody named is anybody."""

    def __attrs_post_init__(self) -> None:
        """Refuse a cap below what one session may take, and an end before the start."""
        for name in ("cap_units", "session_units_max"):
            if not 0 < check_integer(getattr(self, name), name) <= INT64_MAX:
                raise InvalidInput(f"{name} {getattr(self, name)} must be above zero")
        if self.session_units_max > self.cap_units:
            raise InvalidInput(
                f"session_units_max {self.session_units_max} is above the cap of {self.cap_units}"
            )
        if len(self.domain) != WORD_BYTES:
            raise InvalidInput(f"domain {self.domain.hex()} must have {WORD_BYTES} bytes")
        if self.account == self.payer:
            raise InvalidInput(f"{self.account} must be another account than the payer's own")
        if to_unix(self.valid_from) >= to_unix(self.valid_until):
            raise InvalidInput(
                f"a standing authorisation must begin before it ends: {self.valid_from.isoformat()} is "
                f"not before {self.valid_until.isoformat()}"
            )

    @property
    def standing_id(self) -> bytes:
        """The SHA-256 of its words, in the order of the fields; payees sorted, and hashed together."""
        payees = b"".join(sorted(account_word(each) for each in self.payees))
        words = (
            self.domain,
            account_word(self.payer),
            account_word(self.account),
            account_word(self.operator),
            asset_word(self.asset),
            *(
                number.to_bytes(WORD_BYTES, "big")
                for number in (
                    self.cap_units,
                    self.session_units_max,
                    to_unix(self.valid_from),
                    to_unix(self.valid_until),
                )
            ),
            hashlib.sha256(payees).digest() if payees else NO_WORD,
            hashlib.sha256(self.key.encode()).digest(),
        )
        return hashlib.sha256(b"".join(words)).digest()


@attrs.frozen(kw_only=True)
class MicroSession:
    """A line: what was agreed at one light, and two readings of its meter, the first with sequence 0."""

    terms: SessionTerms
    first: Signed
    last: Signed


@attrs.frozen(kw_only=True)
class Standing:
    """How much of a standing authorisation is spent, and for which micro-sessions."""

    terms: StandingTerms
    spent_units: int = 0
    spent_for: frozenset[bytes] = frozenset()


@attrs.frozen(kw_only=True)
class Spent:
    """What an interval's lines come to: legs that sum to zero, and the authorisation after them."""

    standing: Standing
    legs: tuple[Leg, ...]


Spending: TypeAlias = Spent | Refusal


def spend(standing: Standing, lines: Sequence[MicroSession], now: int) -> Spending:
    """Return the legs of some micro-sessions, all or none; the first that is wrong refuses them.

    Signatures were verified by who asks.  P1 legs sum to zero; P4 a micro-session is spent for once; P8
    nobody pays above the cap of one session or of all; P12 each gross amount is its parts.
    """
    allowed = standing.terms
    if not to_unix(allowed.valid_from) <= now <= to_unix(allowed.valid_until):
        return Refusal(
            reason=Reason.AUTHORISATION_EXPIRED,
            message=f"it is {now}, and the authorisation is from {to_unix(allowed.valid_from)} to "
            f"{to_unix(allowed.valid_until)}: ask the payer for another",
        )
    spent, used = standing.spent_units, set(standing.spent_for)
    earned: dict[AccountId, int] = {}
    for line in lines:
        session_id = line.terms.session_id
        gross = _gross(allowed, line)
        if isinstance(gross, Refusal):
            return gross
        if session_id in used:
            return Refusal(
                reason=Reason.ID_USED,
                message=f"micro-session {session_id.hex()} was spent for already: leave it out",
            )
        used.add(session_id)
        spent += gross
        if spent > allowed.cap_units:
            return Refusal(
                reason=Reason.ABOVE_CAP,
                message=f"{spent} is above the cap of {allowed.cap_units}: settle fewer lines, or have "
                "the payer allow more",
            )
        shares = share(line.terms, gross)
        for account, units in (
            (line.terms.payee, shares.payee_units),
            (line.terms.operator, shares.operator_units),
        ):
            earned[account] = earned.get(account, 0) + units
    return Spent(
        standing=attrs.evolve(standing, spent_units=spent, spent_for=frozenset(used)),
        legs=_legs(allowed, earned, spent - standing.spent_units),
    )


def rest_units(standing: Standing, now: int) -> int | Refusal:
    """Return what goes back to the payer once the authorisation is over; anybody may ask for it (P7)."""
    until = to_unix(standing.terms.valid_until)
    if now <= until:
        return Refusal(reason=Reason.TOO_EARLY, message=f"it ends after {until}, it is {now}: wait")
    return standing.terms.cap_units - standing.spent_units


def _legs(allowed: StandingTerms, earned: dict[AccountId, int], total: int) -> tuple[Leg, ...]:
    parts = {allowed.account: -total, **earned}
    return tuple(
        Leg(account=account, asset=allowed.asset, delta_units=units)
        for account, units in sorted(parts.items())
        if units
    )


def _gross(allowed: StandingTerms, line: MicroSession) -> int | Refusal:
    terms = line.terms
    parties = (terms.domain, terms.payer, terms.operator, terms.asset)
    if parties != (allowed.domain, allowed.payer, allowed.operator, allowed.asset):
        return Refusal(
            reason=Reason.MISSING_EVIDENCE,
            message=f"micro-session {terms.session_id.hex()} is of another payer, operator, asset or "
            "escrow than the authorisation",
        )
    if allowed.payees and terms.payee not in allowed.payees:
        return Refusal(
            reason=Reason.WRONG_CALLER,
            message=f"{terms.payee} is none of those whom the payer lets be paid",
        )
    first, last = (_reading(terms, each) for each in (line.first, line.last))
    if first is None or last is None or first.sequence != 0:
        return Refusal(
            reason=Reason.MISSING_EVIDENCE,
            message=f"micro-session {terms.session_id.hex()} needs two readings of its meter, the first "
            "with sequence 0",
        )
    if last.sequence <= first.sequence:
        return Refusal(
            reason=Reason.SEQUENCE_NOT_HIGHER,
            message=f"sequence {last.sequence} is not above {first.sequence}: give a later reading",
        )
    if last.register_wh < first.register_wh:
        return Refusal(
            reason=Reason.REGISTER_BACKWARDS,
            message=f"register {last.register_wh} Wh is below {first.register_wh} Wh",
        )
    return gross_units(terms, allowed.session_units_max, first.register_wh, last.register_wh)


def _reading(terms: SessionTerms, signed: Signed) -> SessionReading | None:
    statement = signed.statement
    is_its_meters = signed.signer == terms.meter and statement.session_id == terms.session_id
    return statement if isinstance(statement, SessionReading) and is_its_meters else None
