"""A car at a charger: terms, and words in which the tests of sessions are written."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import attrs

from sauma.identifiers import AccountId, AssetId
from sauma.intervals import to_unix
from sauma.session import (
    Answer,
    Authorisation,
    Cancel,
    Close,
    Command,
    Outcome,
    Ready,
    Reason,
    Receipt,
    Refusal,
    Ruling,
    Session,
    SessionReading,
    SessionTerms,
    Signed,
    Transition,
    decide,
    session_domain,
)

NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
NOW = to_unix(NOON)
CAR, CHARGER, OPERATOR, METER, ARBITER, STRANGER = (
    AccountId(f"memory:main:{name}")
    for name in ("car", "charger", "operator", "meter", "arbiter", "stranger")
)
TERMS = SessionTerms(
    domain=session_domain("memory:main", "escrow"),
    payer=CAR,
    payee=CHARGER,
    operator=OPERATOR,
    arbiter=ARBITER,
    meter=METER,
    asset=AssetId("memory:main/unit:eur"),
    price=250_000,
    price_decimals=6,
    fixed_fee_units=100,
    no_show_fee_units=300,
    fee_bps=500,
    energy_wh_max=50_000,
    starts_before=NOON + timedelta(minutes=30),
    ends_before=NOON + timedelta(hours=2),
    contest_window_s=600,
    silence_limit_s=900,
    arbiter_window_s=3_600,
    bond_units=50,
    key="1",
)
CAP = 5_000
START = NOW + 1_800
END = NOW + 7_200
REGISTER = 1_000_000
"""What the meter shows when the car arrives."""


@attrs.define
class Road:
    """A session that is driven along, with the words for it; `now` is the chain's time."""

    terms: SessionTerms = TERMS
    session: Session | None = None
    now: int = NOW
    outcomes: list[Outcome] = attrs.field(factory=list)

    def ask(
        self, transition: Transition, caller: AccountId, *evidence: Signed, **context: object
    ) -> Answer:
        """Ask without doing."""
        command = Command(
            transition=transition,
            session_id=self.terms.session_id,
            caller=caller,
            evidence=evidence,
        )
        return decide(self.session, command, self.now, terms=self.terms, **context)

    def do(
        self, transition: Transition, caller: AccountId, *evidence: Signed, **context: object
    ) -> Outcome:
        """Do it; it must be possible."""
        outcome = self.ask(transition, caller, *evidence, **context)
        assert isinstance(outcome, Outcome), outcome
        self.outcomes.append(outcome)
        self.session = outcome.session
        return outcome

    def refused(self, transition: Transition, caller: AccountId, *evidence: Signed) -> Reason:
        """Return why it is refused; it must be."""
        answer = self.ask(transition, caller, *evidence)
        assert isinstance(answer, Refusal), answer
        assert answer.message
        return answer.reason

    # --- what is signed --------------------------------------------------------------------------

    def authorisation(self, units: int = CAP, valid_until: int = START) -> Signed:
        return Signed(
            statement=Authorisation(
                session_id=self.terms.session_id, held_units=units, valid_until=valid_until
            ),
            signer=CAR,
        )

    def ready(self) -> Signed:
        return Signed(
            statement=Ready(session_id=self.terms.session_id, time=self.now), signer=CHARGER
        )

    def reading(self, sequence: int, wh: int, signer: AccountId = METER) -> Signed:
        return Signed(
            statement=SessionReading(
                session_id=self.terms.session_id,
                sequence=sequence,
                register_wh=REGISTER + wh,
                time=self.now,
            ),
            signer=signer,
        )

    def receipt(self, sequence: int, wh: int, units: int, signer: AccountId = CAR) -> Signed:
        return Signed(
            statement=Receipt(
                session_id=self.terms.session_id,
                sequence=sequence,
                register_wh=REGISTER + wh,
                amount_units=units,
            ),
            signer=signer,
        )

    def close(
        self, sequence: int, units: int, signers: Iterable[AccountId] = (CAR, CHARGER)
    ) -> tuple[Signed, ...]:
        statement = Close(session_id=self.terms.session_id, sequence=sequence, amount_units=units)
        return tuple(Signed(statement=statement, signer=signer) for signer in signers)

    def cancel(self, signer: AccountId) -> Signed:
        return Signed(statement=Cancel(session_id=self.terms.session_id), signer=signer)

    def ruling(self, units: int, signer: AccountId = ARBITER) -> Signed:
        return Signed(
            statement=Ruling(session_id=self.terms.session_id, amount_units=units), signer=signer
        )

    # --- the usual way ---------------------------------------------------------------------------

    def authorised(self, units: int = CAP) -> Road:
        self.do(Transition.AUTHORISE, CAR, self.authorisation(units))
        return self

    def active(self, units: int = CAP) -> Road:
        self.authorised(units).do(Transition.START, CHARGER, self.reading(0, 0))
        return self

    def claimed(self, wh: int = 10_000, units: int = CAP) -> Road:
        self.active(units).do(Transition.CLAIM, CHARGER, self.reading(5, wh))
        return self

    def disputed(self, wh: int = 10_000, acknowledged: int = 600) -> Road:
        self.active()
        self.do(Transition.COUNTERSIGN, CAR, self.receipt(1, 2_000, acknowledged))
        self.do(Transition.CLAIM, CHARGER, self.reading(5, wh))
        self.do(Transition.DISPUTE, CAR)
        return self


def road(**changes: object) -> Road:
    """Return a road with other terms."""
    return Road(terms=attrs.evolve(TERMS, **changes))


def paid(road: Road) -> dict[str, int]:
    """Return what everybody got of all outcomes, and what was locked."""
    return {
        "locked": sum(each.locked_units for each in road.outcomes),
        "payee": sum(each.payee_units for each in road.outcomes),
        "operator": sum(each.operator_units for each in road.outcomes),
        "payer": sum(each.payer_units for each in road.outcomes),
    }
