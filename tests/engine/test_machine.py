"""Random lives of an engine: steps, blocks, reorganisations, deaths and lying nodes, in any order."""

from __future__ import annotations

from contextlib import ExitStack

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sauma.billing import BillStatus
from sauma.memory import MemoryChain
from sauma.rulebook import Delivery, Netting

from .faulty import Died, Fault
from .town import Town, seed_rulebook, undisturbed, work_folder

QUARTERS = (0, 1)
DRAINED_BLOCKS = 400


class EngineMachine(RuleBasedStateMachine):
    """One town on a troubled chain; another one, undisturbed, says what must come of it."""

    def __init__(self) -> None:
        super().__init__()
        self.open = ExitStack()
        self.folder = self.open.enter_context(work_folder())
        self.calm: Town | None = None
        self.town: Town | None = None
        self.finals: dict[bytes, object] = {}
        self.left = list(QUARTERS)

    @initialize(
        delivery=st.sampled_from(Delivery),
        netting=st.sampled_from(Netting),
        validity_s=st.sampled_from([None, 1_200]),
    )
    def begin(self, delivery, netting, validity_s):
        rulebook = seed_rulebook(delivery=delivery, netting=netting)
        path = self.folder
        self.calm = undisturbed(path / "calm", QUARTERS, rulebook=rulebook)
        (path / "troubled").mkdir()
        chain = MemoryChain("main", validity_s=validity_s, page_blocks=3)
        self.town = Town(path / "troubled", rulebook=rulebook, chain=chain)

    @precondition(lambda self: self.left)
    @rule()
    def a_quarter_passes(self):
        self.town.sunny(self.left.pop(0))
        self.town.plan()

    @rule()
    def step(self):
        self.town.step()

    @rule(blocks=st.integers(1, 4))
    def mine(self, blocks):
        self.town.chain.mine(blocks)

    @rule(blocks=st.integers(1, 5))
    def roll_back(self, blocks):
        head = self.town.chain.head()
        depth = min(blocks, head.newest.height - head.final_height)
        if depth:
            self.town.chain.rollback(depth)

    @rule()
    def crash_and_reopen(self):
        self.town.reopen()

    @rule(fault=st.sampled_from(Fault), after=st.integers(0, 2))
    def trouble_with_a_broadcast(self, fault, after):
        self.town.node.faults.extend([None] * after + [fault])

    @rule()
    def die_before_the_page_is_committed(self):
        self.town.node.dies_after_events = True

    @rule(after=st.integers(1, 3))
    def die_while_committing(self, after):
        self.town.dies_at_salt = self.town.salts + after

    @rule(seconds=st.integers(1, 900))
    def time_passes_on_the_chain(self, seconds):
        self.town.chain.advance(seconds)

    @invariant()
    def nothing_is_made_from_nothing(self):
        if self.town is not None:
            balances = self.town.balances()
            assert min(balances.values()) >= 0
            due = self.calm.balances()
            assert all(balances[name] <= due[name] for name in ("cleo", "dora"))

    @invariant()
    def a_final_bill_never_changes(self):
        if self.town is not None:
            bills = {one.bill.bill_id: one.bill for one in self.town.engine.statements()}
            assert all(bills[identity] == bill for identity, bill in self.finals.items())
            self.finals |= {
                identity: bill
                for identity, bill in bills.items()
                if bill.status is BillStatus.FINAL
            }

    def teardown(self):
        if self.town is None:
            self.open.close()
            return
        try:
            while self.left:
                try:
                    self.a_quarter_passes()
                except Died:
                    self.town.reopen()
            self.town.node.faults.clear()
            self.town.run(DRAINED_BLOCKS)
            assert self.town.balances() == self.calm.balances()
            assert self.town.bills() == self.calm.bills()
            assert self.town.rebuilt_equals_live()
        finally:
            for town in (self.calm, self.town):
                town.engine.close()
            self.open.close()


def test_every_life_ends_alike():
    """Whatever happened on the way: the balances and bills of an undisturbed run, and never twice."""
    run_state_machine_as_test(
        EngineMachine,
        settings=settings(
            max_examples=6,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
