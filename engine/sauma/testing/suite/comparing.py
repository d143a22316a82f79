# ruff: noqa: S101 - a wrong answer of a chain is a failed test
"""A chain beside the reference chain: the same commands, and after each the same holdings."""

from __future__ import annotations

from typing import Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from sauma.chain import (
    Batch,
    BatchKind,
    Finality,
    Instruction,
    Issue,
    Leg,
    Net,
    Retire,
    SignedTransaction,
    Transfer,
)
from sauma.errors import InsufficientBalance
from sauma.identifiers import content_id
from sauma.memory import MemoryChain
from sauma.testing.cases import case
from sauma.testing.harness import Ability
from sauma.testing.world import World, state_hash

STEPS: Final = 8
NAMES: Final = ("anna", "bert", "cleo")
START_EACH: Final = 250
names = st.sampled_from(NAMES)
counts = st.integers(1, 400)
SETTINGS: Final = settings(
    stateful_step_count=STEPS,
    deadline=None,
    derandomize=True,
    database=None,
    # without shrinking: over a network that would take too long
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


class Comparing:
    """The same commands leave the same holdings on every chain."""

    @case("reference chain")
    def test_cs300_beside_the_reference_chain(self, world: World) -> None:
        """After each of some random commands, all holders have what they have on the reference chain.

        What one refuses for want of units, the other refuses too.
        """

        class Machine(_Beside):
            def __init__(self) -> None:
                super().__init__(world)

        histories = settings(SETTINGS, max_examples=world.harness.histories)
        run_state_machine_as_test(Machine, settings=histories)


class _Beside(RuleBasedStateMachine):
    """Asks both chains the same, by the holders' names."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.can = world.capabilities
        self.reference = MemoryChain("reference", finality_blocks=1_000)
        self.known: list[SignedTransaction] = []
        self.asked = 0
        for name in NAMES:
            self._start_equal(name)
            units = world.units(name)
            self._on_reference(_ReferenceCommand(self.reference).issue(name, units))
        world.finalise()

    # --- commands --------------------------------------------------------------------------------

    @precondition(lambda self: self.can.issue)
    @rule(recipient=names, units=counts)
    def issue(self, recipient: str, units: int) -> None:
        """Bring units to somebody."""
        self._ask(
            self.world.issue(recipient, units),
            _ReferenceCommand(self.reference).issue(recipient, units),
        )

    @precondition(lambda self: self.can.transfer)
    @rule(sender=names, recipient=names, units=counts)
    def transfer(self, sender: str, recipient: str, units: int) -> None:
        """Move units to somebody else."""
        if sender != recipient:
            self._ask(
                self.world.transfer(sender, recipient, units),
                _ReferenceCommand(self.reference).transfer(sender, recipient, units),
            )

    @precondition(lambda self: self.can.retire)
    @rule(account=names, units=counts)
    def retire(self, account: str, units: int) -> None:
        """Take units out of circulation."""
        self._ask(
            self.world.retire(account, units),
            _ReferenceCommand(self.reference).retire(account, units),
        )

    @precondition(lambda self: self.can.net)
    @rule(order=st.permutations(NAMES), first=counts, second=counts)
    def net(self, order: list[str], first: int, second: int) -> None:
        """Two pay one."""
        deltas = {order[0]: -first, order[1]: -second, order[2]: first + second}
        self._ask(self.world.net(**deltas), _ReferenceCommand(self.reference).net(deltas))

    @rule(index=st.integers(0, STEPS))
    def repeat(self, index: int) -> None:
        """Broadcast something again."""
        if self.known:
            self.world.chain.broadcast(self.known[index % len(self.known)])
        self.world.mine()
        self._compare()

    @rule()
    def roll_back(self) -> None:
        """Undo a block, if one can be undone, and let what it held land again."""
        if self._can_roll_back():
            self.world.harness.roll_back(1)
        self.world.mine(2)  # a chain that is shorter for good is no reorganisation
        for transaction in self.known:
            self.world.chain.broadcast(transaction)
        self.world.include(self.known)
        self._compare()

    # --- inside ----------------------------------------------------------------------------------

    def _start_equal(self, name: str) -> None:
        """Bring somebody to what everybody starts with, so that an example can be repeated."""
        surplus = self.world.units(name) - START_EACH
        if surplus < 0:
            self.world.harness.fund(self.world.accounts[name], -surplus)
        elif surplus > 0 and self.can.transfer:
            self.world.land(self.world.batch(self.world.transfer(name, "stranger", surplus)))
        elif surplus > 0 and self.can.net:
            legs = {name: -surplus, "stranger": surplus}
            self.world.land(self.world.batch(self.world.net(**legs)))

    def _can_roll_back(self) -> bool:
        head = self.world.chain.head()
        return (
            self.can.finality is not Finality.INSTANT
            and Ability.ROLL_BACK not in self.world.harness.cannot
            and head.newest.height > head.final_height
        )

    def _ask(self, instruction: Instruction, on_reference: Instruction) -> None:
        has_landed = self._on_reference(on_reference)
        try:
            transactions = self.world.land(self.world.batch(instruction))
        except InsufficientBalance:
            assert not has_landed, "what the reference chain can pay is refused"
        else:
            assert has_landed, "what the reference chain refuses for want of units is done"
            self.known.extend(transactions)
        self._compare()

    def _on_reference(self, instruction: Instruction) -> bool:
        self.asked += 1
        batch = Batch(
            batch_id=content_id("suite-reference", self.asked),
            kind=BatchKind.SETTLEMENT,
            instructions=(instruction,),
        )
        try:
            (transaction,) = self.reference.prepare([batch], outstanding=())
        except InsufficientBalance:
            return False
        self.reference.broadcast(transaction)
        self.reference.mine()
        return True

    def _compare(self) -> None:
        asset = self.reference.asset("wh")
        wanted = {
            name: self.reference.balance(self.reference.account(name), asset).units
            for name in NAMES
        }
        found = {name: self.world.units(name) for name in NAMES}
        assert state_hash(found) == state_hash(wanted), f"{found} on the chain, {wanted} expected"


class _ReferenceCommand:
    """Writes instructions for the reference chain, where every name is an account."""

    def __init__(self, chain: MemoryChain) -> None:
        self.account = chain.account
        self.asset = chain.asset("wh")

    def issue(self, recipient: str, units: int) -> Issue:
        """Bring units to somebody."""
        return Issue(
            instruction_id=bytes(32),
            authority=self.account("grid"),
            evidence=b"",
            recipient=self.account(recipient),
            asset=self.asset,
            units=units,
        )

    def transfer(self, sender: str, recipient: str, units: int) -> Transfer:
        """Move units."""
        return Transfer(
            instruction_id=bytes(32),
            authority=self.account(sender),
            evidence=b"",
            sender=self.account(sender),
            recipient=self.account(recipient),
            asset=self.asset,
            units=units,
        )

    def retire(self, account: str, units: int) -> Retire:
        """Take units out of circulation."""
        return Retire(
            instruction_id=bytes(32),
            authority=self.account(account),
            evidence=b"",
            account=self.account(account),
            asset=self.asset,
            units=units,
        )

    def net(self, deltas: dict[str, int]) -> Net:
        """Move what is left after netting."""
        return Net(
            instruction_id=bytes(32),
            authority=self.account("grid"),
            evidence=b"",
            legs=tuple(
                Leg(account=self.account(name), asset=self.asset, delta_units=delta)
                for name, delta in deltas.items()
            ),
        )
