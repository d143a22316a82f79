# ruff: noqa: S101 - a wrong answer of a chain is a failed test
"""A random life of a session on a chain, beside the machine: the same answer to everything that is asked.

``class TestMyChain(session_machine(MyHarness).TestCase): ...`` drives any chain that declares holds.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sauma.session import Outcome, Signed, Transition, exit_of
from sauma.testing.charging import CAP, Charging
from sauma.testing.harness import Harness
from sauma.testing.world import START_UNITS, World

SEQUENCES = st.integers(0, 3)
ENERGIES = st.sampled_from([0, 400, 2_000, 10_000, 50_000])
AMOUNTS = st.sampled_from([0, 10, 20, 60, 260, CAP])
CALLERS = st.sampled_from(["anna", "bert", "cleo"])
HOURS = st.sampled_from([1, 5, 7, 13, 31])
PLAIN = st.sampled_from(
    [
        Transition.CANCEL,
        Transition.NO_SHOW,
        Transition.CLAIM_SILENT,
        Transition.SETTLE,
        Transition.DISPUTE,
        Transition.DEFAULT,
        Transition.EXPIRE,
    ]
)
BY_READING = st.sampled_from(
    [Transition.START, Transition.CLAIM, Transition.CONTEST, Transition.CLAIM_SILENT]
)
BY_RECEIPT = st.sampled_from([Transition.COUNTERSIGN, Transition.CLOSE, Transition.CONTEST])


class SessionMachine(RuleBasedStateMachine):
    """Asks a chain for anything at any time; give it a harness with `session_machine`."""

    new_harness: Callable[[], Harness]

    @initialize()
    def begin(self) -> None:
        """Open a session, as most lives begin."""
        self.here = Charging(World(type(self).new_harness()))
        self.ask(Transition.AUTHORISE, "anna", self.here.authorisation())

    @rule(caller=CALLERS, units=st.sampled_from([0, CAP, CAP + 100]))
    def authorise(self, caller: str, units: int) -> None:
        """Open again, or top up."""
        session = self.here.session
        transition = Transition.AUTHORISE if session is None else Transition.TOP_UP
        self.ask(transition, "anna" if caller != "bert" else caller, self.here.authorisation(units))

    @rule(caller=CALLERS)
    def ready(self, caller: str) -> None:
        """Say that the station is ready."""
        self.ask(Transition.READY, caller, self.here.ready())

    @rule(transition=BY_READING, caller=CALLERS, sequence=SEQUENCES, wh=ENERGIES)
    def read(self, transition: Transition, caller: str, sequence: int, wh: int) -> None:
        """Bring a reading of the meter."""
        self.ask(transition, caller, self.here.reading(sequence, wh))

    @rule(transition=BY_RECEIPT, caller=CALLERS, sequence=SEQUENCES, wh=ENERGIES, units=AMOUNTS)
    def countersign(
        self, transition: Transition, caller: str, sequence: int, wh: int, units: int
    ) -> None:
        """Bring a receipt of the payer."""
        self.ask(transition, caller, self.here.receipt(sequence, wh, units))

    @rule(caller=CALLERS, sequence=SEQUENCES, units=AMOUNTS)
    def close(self, caller: str, sequence: int, units: int) -> None:
        """Bring what both agreed on."""
        self.ask(Transition.CLOSE, caller, self.here.close(sequence, units))

    @rule(caller=CALLERS, units=AMOUNTS)
    def decide(self, caller: str, units: int) -> None:
        """Bring the arbiter's ruling."""
        self.ask(Transition.RULE, caller, self.here.ruling(units))

    @rule(transition=PLAIN, caller=CALLERS)
    def without_evidence(self, transition: Transition, caller: str) -> None:
        """Ask for what needs nothing but its time and its caller."""
        self.ask(transition, caller)

    @rule(hours=HOURS)
    def wait(self, hours: int) -> None:
        """Let time pass."""
        self.here.wait(hours * 3_600)

    def ask(self, transition: Transition, caller: str, evidence: tuple[Signed, ...] = ()) -> None:
        """Do what the machine allows, and see refused what it refuses."""
        account = self.here.world.accounts[caller]
        answer = self.here.outcome(self.here.step(transition, account, evidence))
        if isinstance(answer, Outcome):
            self.here.do(transition, account, evidence)
        else:
            self.here.refused(transition, account, evidence)

    @invariant()
    def nothing_is_lost(self) -> None:
        """P1: what is with nobody is what the session holds."""
        if hasattr(self, "here"):
            locked = 0 if self.here.session is None else self.here.session.locked_units
            assert sum(self.here.units().values()) + locked == START_UNITS

    def teardown(self) -> None:
        """P7: however it went, somebody ends it, and everything is back in somebody's hands."""
        if not hasattr(self, "here"):
            return
        while self.here.session is not None and exit_of(self.here.session) is not None:
            self.here.leave(self.here.cleo)
        assert sum(self.here.units().values()) == START_UNITS


def session_machine(harness: Callable[[], Harness]) -> type[SessionMachine]:
    """Return the machine for a chain; `harness` makes a new one for each life."""
    return type("SessionsOfOneChain", (SessionMachine,), {"new_harness": staticmethod(harness)})
