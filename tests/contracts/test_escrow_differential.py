"""P14: the pure machine, the reference chain and the contract answer alike, whatever happens."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sauma.intervals import from_unix, to_unix
from sauma.session import (
    Authorisation,
    Cancel,
    Close,
    Outcome,
    Ready,
    Receipt,
    Ruling,
    SessionReading,
    SessionState,
    Transition,
)
from sauma.testing import MemoryHarness
from sauma.testing.charging import Charging as Machine
from sauma.testing.world import START_UNITS, World
from sauma_ethereum.escrow_events import Record

from .local_escrow import HOUR_S, Charging, digest
from .local_ledger import Reverted, sign

HALF = HOUR_S // 2
REGISTER = 1_000
WINDOWS = {
    "contest_window_s": 5 * HOUR_S + HALF,
    "silence_limit_s": 3 * HOUR_S + HALF,
    "arbiter_window_s": 5 * HOUR_S + HALF,
}
"""Deadlines lie half an hour from anything that happens, so that clocks may differ by minutes."""
STARTS_S, ENDS_S, VALID_S = (hours * HOUR_S + HALF for hours in (11, 23, 47))
KINDS = {
    "Authorisation": Authorisation,
    "Ready": Ready,
    "Reading": SessionReading,
    "Receipt": Receipt,
    "Close": Close,
    "Cancel": Cancel,
    "Ruling": Ruling,
}
T = Transition
LIKELY = {
    SessionState.NONE: (T.AUTHORISE,),
    SessionState.AUTHORISED: (T.READY, T.START, T.START, T.CANCEL, T.NO_SHOW),
    SessionState.ACTIVE: (
        *(T.COUNTERSIGN, T.TOP_UP, T.CLOSE, T.CLAIM, T.CLAIM, T.CLAIM_SILENT, T.EXPIRE),
    ),
    SessionState.CLAIMED: (T.CONTEST, T.SETTLE, T.DISPUTE, T.DISPUTE),
    SessionState.DISPUTED: (T.RULE, T.DEFAULT),
    SessionState.SETTLED: (T.CLOSE, T.AUTHORISE),
    SessionState.RELEASED: (T.EXPIRE, T.AUTHORISE),
}
CALLER = {
    **dict.fromkeys((T.START, T.CLAIM), "payee"),
    **dict.fromkeys((T.CLAIM_SILENT, T.DISPUTE), "payer"),
}
"""Who must ask; the others let anybody, or one of the two."""


class SideBySide:
    """One session on the reference chain, with its machine, and in the contract."""

    def __init__(self, local, *, arbitrated: bool) -> None:
        self.here = here = Charging(local, funds=START_UNITS)
        self.machine = machine = Machine(World(MemoryHarness()))
        started = from_unix(machine.now)
        machine.terms = machine.terms.__class__(
            **{
                **{each: getattr(machine.terms, each) for each in machine.terms.facts()},
                **WINDOWS,
                "starts_before": started + timedelta(seconds=STARTS_S),
                "ends_before": started + timedelta(seconds=ENDS_S),
                "arbiter": machine.judge if arbitrated else None,
            }
        )
        self.bases = (here.now, to_unix(started))
        self.terms = here.terms(
            starts_before=here.now + STARTS_S,
            ends_before=here.now + ENDS_S,
            arbiter=here.arbiter if arbitrated else "0x" + "00" * 20,
            **WINDOWS,
        )
        self.roles = {
            "payer": (here.payer, machine.anna),
            "payee": (here.payee, machine.bert),
            "operator": (here.operator, machine.cleo),
            "meter": (here.meter, machine.meter),
            "arbiter": (here.arbiter, machine.judge),
        }
        local.unlock(here.key_of(here.payer))

    @property
    def state(self) -> SessionState:
        session = self.machine.session
        return SessionState.NONE if session is None else session.state

    def wait(self, hours: int) -> None:
        if hours:
            self.here.local.pass_time(hours * HOUR_S)
            self.machine.wait(hours * HOUR_S)

    def take(self, transition: Transition, role: str, said) -> None:
        """Ask both; they must agree on whether, on what moves, and on what is then on record."""
        caller, account = self.roles[role]
        evidence = [self.written(*each) for each in said]
        spoken = tuple(signed for each in said for signed in self.spoken(*each))
        answer = self.machine.outcome(self.machine.step(transition, account, spoken))
        if isinstance(answer, Outcome):
            due = self.machine.do(transition, account, spoken)
            moved = (due.locked_units, due.payee_units, due.operator_units, due.payer_units)
            self.here.step(transition, self.terms, *evidence, caller=caller, outcome=moved)
        else:
            self.machine.refused(transition, account, spoken)
            with pytest.raises(Reverted) as caught:
                self.here.step(transition, self.terms, *evidence, caller=caller)
            wanted = "".join(word.capitalize() for word in answer.reason.value.split("_"))
            assert caught.value.name == wanted, answer.message
        self.compare()

    def compare(self) -> None:
        """What the contract stores is the machine's session; what everybody has is the same."""
        here, session = self.here, self.machine.session
        word, evidence = here.escrow.read("sessionOf", self.terms.session_id)
        record = Record.of_word(word)
        names = {"payer": "anna", "payee": "bert", "operator": "cleo"}
        units = self.machine.units()
        assert {role: here.money(self.roles[role][0]) for role in names} == {
            role: units[name] for role, name in names.items()
        }
        if session is None:
            assert (word, evidence) == (0, 0)
            return
        locked = here.locked()[1]
        assert (record.state, locked) == (session.state, session.locked_units)
        if session.state.is_terminal:
            assert (record.units, evidence) == (session.paid_units, 0)
            return
        assert record.units == session.held_units
        assert (record.is_ready, record.is_extended) == (session.is_ready, session.is_extended)
        assert record.register_start_wh == session.register_start_wh
        sequence, register = evidence & 2**32 - 1, evidence >> 32 & 2**40 - 1
        amount, acknowledged = evidence >> 72 & 2**64 - 1, evidence >> 136
        assert (sequence, amount, acknowledged) == (
            session.sequence,
            session.amount_units,
            session.acknowledged_units,
        )
        assert (
            register if record.has_evidence else record.register_start_wh
        ) == session.register_wh
        times = {
            SessionState.ACTIVE: session.heard_at,
            SessionState.CLAIMED: session.contest_until,
            SessionState.DISPUTED: session.arbiter_until,
        }
        moment = times.get(session.state)
        if moment is not None:
            assert (record.time - self.bases[0]) // HALF == (moment - self.bases[1]) // HALF

    def written(self, kind: str, role: str, *numbers: int):
        """A statement for the contract."""
        signer, (base, _) = self.roles[role][0], self.bases
        given = tuple(base + n[1] if isinstance(n, tuple) else n for n in numbers)
        signature = sign(self.here.key_of(signer), digest(self.terms, kind, *given), compact=True)
        number = 1 + list(KINDS).index(kind)
        return (number, signer, [*given, *(0,) * (4 - len(given))], signature)

    def spoken(self, kind: str, role: str, *numbers: int):
        """The same statement for the machine."""
        given = [self.bases[1] + n[1] if isinstance(n, tuple) else n for n in numbers]
        made = KINDS[kind]
        names = [each for each in made.__attrs_attrs__ if each.name != "session_id"]
        fields = {each.name: number for each, number in zip(names, given, strict=True)}
        statement = made(session_id=self.machine.terms.session_id, **fields)
        return self.machine.signed(statement, self.roles[role][1])


def said_for(draw, transition: Transition, session):
    """Draw evidence that fits a transition, more or less."""
    sequence = draw(st.integers(0, 6))
    last = REGISTER if session is None else session.register_wh
    register = max(0, last + draw(st.sampled_from((-1, 0, 1, 400, 3_000, 60_000))))
    units = draw(st.sampled_from((0, 10, 11, 20, 85, 100, 500)))
    reading = ("Reading", "meter", sequence, register, ("at", 0), 1)
    receipt = ("Receipt", "payer", sequence, register, units)
    match transition:
        case T.AUTHORISE | T.TOP_UP:
            return [
                ("Authorisation", "payer", draw(st.sampled_from((300, 500, 700))), ("at", VALID_S))
            ]
        case T.READY:
            return [("Ready", "payee", ("at", 0))]
        case T.START:
            return [
                ("Reading", "meter", draw(st.sampled_from((0, 0, 0, 1))), REGISTER, ("at", 0), 0)
            ]
        case T.CLOSE:
            both = [("Close", who, sequence, units) for who in ("payer", "payee")]
            return draw(st.sampled_from((both, both[:1], [receipt])))
        case T.COUNTERSIGN:
            return [receipt]
        case T.CLAIM:
            return [reading]
        case T.CLAIM_SILENT | T.CONTEST:
            return draw(st.sampled_from(([], [reading], [receipt], [reading, receipt])))
        case T.RULE:
            low = 0 if session is None else session.acknowledged_units
            return [("Ruling", "arbiter", low + draw(st.sampled_from((0, 5, 25, 75))))]
        case _:
            return []


def play(local, data, steps: int) -> None:
    """Play one history on all three, and leave no trace of it."""
    snapshot = local.tester.take_snapshot()
    try:
        sides = SideBySide(local, arbitrated=data.draw(st.booleans()))
        for _ in range(steps):
            sides.wait(data.draw(st.sampled_from((0, 0, 0, 0, 1, 4, 6, 13))))
            likely = data.draw(st.integers(0, 9)) < 8
            choice = LIKELY[sides.state] if likely else tuple(set(Transition) - {T.CORRECT})
            transition = data.draw(st.sampled_from(sorted(choice)))
            other = data.draw(st.sampled_from(("payer", "payee", "operator")))
            role = CALLER.get(transition, other) if likely else other
            sides.take(transition, role, said_for(data.draw, transition, sides.machine.session))
    finally:
        local.tester.revert_to_snapshot(snapshot)


@given(data=st.data())
@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_machine_and_contract_agree(local, data):
    """Six histories of ten steps, the same each time."""
    play(local, data, 10)


@pytest.mark.soak
@given(data=st.data())
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_machine_and_contract_agree_for_long(local, data):
    """Three hundred histories of twenty steps, others each time."""
    play(local, data, 20)
