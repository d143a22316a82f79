"""A street with one station, one car with money, and sessions that are decided in memory."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import attrs
import pytest
import sqlalchemy as sa

from sauma.errors import InsufficientBalance, Refused
from sauma.identifiers import AccountId, AssetId, content_id
from sauma.intervals import to_unix
from sauma.session import (
    Refusal,
    Session,
    SessionStep,
    Transition,
    decide,
    session_domain,
)
from sauma.testing import ManualClock
from sauma_metering.charging import (
    ChargeBook,
    ChargingDesk,
    ChargingTariff,
    Party,
    SigningDriver,
    Station,
)

BEGINS = datetime(2026, 6, 1, 10, tzinfo=UTC)
MONEY = 10_000
HELD = 2_000
TARIFF = ChargingTariff(
    asset=AssetId("memory:street/token:cent"),
    price=25,
    price_decimals=2,
    held_units=HELD,
    energy_wh_max=100_000,
    fixed_fee_units=10,
    no_show_fee_units=50,
    fee_bps=500,
)


def account(name: str) -> AccountId:
    return AccountId(f"memory:street:{name}")


def party(name: str) -> Party:
    """An account whose signatures are hashes, as those of the chain in memory."""
    who = account(name)
    return Party(
        account=who,
        sign=lambda terms, statement: content_id(
            "test-signature", str(who), terms.session_id, statement.to_bytes()
        ),
    )


class DecidedSessions:
    """Sessions as the machine decides them, with balances; every step that was taken is kept."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.balances: Counter[AccountId] = Counter({account("driver"): MONEY})
        self.sessions: dict[bytes, Session] = {}
        self.steps: list[SessionStep] = []
        self.is_down = False

    def submit(self, step: SessionStep) -> Session:
        if self.is_down:
            raise Refused("the escrow does not take anything now: repeat")
        session_id = step.terms.session_id
        if step in self.steps:
            return self.sessions[session_id]
        for signed in step.evidence:
            expected = content_id(
                "test-signature",
                str(signed.signer),
                step.terms.session_id,
                signed.statement.to_bytes(),
            )
            if signed.signature != expected:
                raise Refused("a signature does not hold: sign again")
        command = step.command(AcceptsAll())
        answer = decide(
            self.sessions.get(session_id), command, to_unix(self.clock.now()), terms=step.terms
        )
        if isinstance(answer, Refusal):
            raise Refused(answer.message)
        if self.balances[step.terms.payer] < answer.locked_units:
            raise InsufficientBalance("the wallet has less: fill it")
        self.balances[step.terms.payer] += answer.payer_units - answer.locked_units
        self.balances[step.terms.payee] += answer.payee_units
        self.balances[step.terms.operator] += answer.operator_units
        self.sessions[session_id] = answer.session
        self.steps.append(step)
        return answer.session

    def session(self, session_id: bytes) -> Session | None:
        return self.sessions.get(session_id)

    @property
    def transitions(self) -> list[Transition]:
        return [step.transition for step in self.steps]

    def paid(self) -> tuple[int, int, int]:
        """What driver, owner and operator have, all of it accounted for unless something is held."""
        return tuple(self.balances[account(name)] for name in ("driver", "owner", "operator"))


class AcceptsAll:
    """The signatures were looked at before."""

    def statement_payload(self, terms, statement):
        return statement.to_bytes()

    def verify_statement(self, terms, statement, signer, signature):
        return True


@attrs.define
class Street:
    """What a test needs at hand."""

    clock: ManualClock
    sessions: DecidedSessions
    book: ChargeBook
    desk: ChargingDesk
    station: Station

    def reopen(self) -> None:
        """Have the desk die and come back with the same book."""
        self.desk = desk_of(self.clock, self.sessions, self.book, self.station)

    def later(self, **spans: int) -> datetime:
        self.clock.advance(seconds=int(timedelta(**spans).total_seconds()))
        return self.clock.now()


class Forgetful(SigningDriver):
    """A driver who drives off without countersigning."""

    def countersign(self, session, receipt):
        return None


def desk_of(
    clock: ManualClock, sessions: DecidedSessions, book: ChargeBook, station: Station
) -> ChargingDesk:
    driver = SigningDriver(party=party("driver"), held_units_max=HELD)
    poor = SigningDriver(party=party("poor"), held_units_max=HELD)
    careful = SigningDriver(party=party("driver"), held_units_max=HELD - 1)
    gone = Forgetful(party=party("driver"), held_units_max=HELD)
    return ChargingDesk(
        sessions,
        book,
        stations=[station],
        meters={station.meter: party("meter")},
        drivers={"card": driver, "poor": poor, "careful": careful, "gone": gone},
        now=clock.now,
    )


@pytest.fixture
def street():
    clock = ManualClock(BEGINS)
    sessions = DecidedSessions(clock)
    database = sa.create_engine(
        "sqlite://", poolclass=sa.StaticPool, connect_args={"check_same_thread": False}
    )
    book = ChargeBook(database)
    station = Station(
        name="corner",
        connectors=2,
        payee=account("owner"),
        operator=account("operator"),
        meter=account("meter"),
        domain=session_domain("memory:street", "escrow"),
        tariff=TARIFF,
    )
    yield Street(clock, sessions, book, desk_of(clock, sessions, book, station), station)
    database.dispose()
