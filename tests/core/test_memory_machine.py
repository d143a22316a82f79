"""The reference chain against a plain model, under random use."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sauma.chain import (
    Batch,
    BatchKind,
    Cursor,
    Effect,
    Fate,
    Instruction,
    Issue,
    Leg,
    Net,
    Retire,
    SignedTransaction,
    Transfer,
)
from sauma.errors import InsufficientBalance, Refused
from sauma.identifiers import content_id
from sauma.memory import MemoryChain

NAMES = ("anna", "bert", "cleo", "dora")
names = st.sampled_from(NAMES)
units = st.integers(1, 12)


class ChainMachine(RuleBasedStateMachine):
    """Issues, moves, retires, nets, replaces, repeats, mines and rolls back, and compares."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.chain = self.open()
        self.asset = self.chain.asset("wh")
        self.known: list[SignedTransaction] = []
        self.deltas: dict[bytes, Counter[str]] = {}
        self.dead: set[bytes] = set()
        self.cursor = Cursor()
        self.folded: list[tuple[int, Effect]] = []
        self.keys = 0

    # --- what a client does -------------------------------------------------------------------

    @rule(recipient=names, amount=units)
    def issue(self, recipient: str, amount: int) -> None:
        self.ask(
            Issue(recipient=self.account(recipient), units=amount, **self.stamp("grid")),
            Counter({recipient: amount}),
        )

    @rule(sender=names, recipient=names, amount=units)
    def transfer(self, sender: str, recipient: str, amount: int) -> None:
        deltas = Counter({sender: -amount})
        deltas[recipient] += amount
        self.ask(
            Transfer(
                sender=self.account(sender),
                recipient=self.account(recipient),
                units=amount,
                **self.stamp(sender),
            ),
            deltas,
        )

    @rule(account=names, amount=units)
    def retire(self, account: str, amount: int) -> None:
        self.ask(
            Retire(account=self.account(account), units=amount, **self.stamp(account)),
            Counter({account: -amount}),
        )

    @rule(payers=st.lists(names, min_size=1, max_size=2, unique=True), amount=units)
    def net(self, payers: list[str], amount: int) -> None:
        deltas = Counter(dict.fromkeys(payers, -amount))
        receiver = next(name for name in NAMES if name not in payers)
        deltas[receiver] = amount * len(payers)
        legs = tuple(
            Leg(account=self.account(name), asset=self.asset, delta_units=delta)
            for name, delta in deltas.items()
        )
        stamp = self.stamp("grid")
        del stamp["asset"]
        self.ask(Net(legs=legs, **stamp), deltas)

    @precondition(lambda self: self.known)
    @rule(data=st.data(), amount=units)
    def replace(self, data: st.DataObject, amount: int) -> None:
        old = data.draw(st.sampled_from(self.known))
        name = old.sender.address
        instruction = Issue(recipient=self.account("dora"), units=amount, **self.stamp(name))
        self.ask(instruction, Counter({"dora": amount}), replaces=old)

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def broadcast_again(self, data: st.DataObject) -> None:
        self.chain.broadcast(data.draw(st.sampled_from(self.known)))

    def ask(
        self,
        instruction: Instruction,
        deltas: Counter[str],
        replaces: SignedTransaction | None = None,
    ) -> None:
        batch = Batch(
            batch_id=content_id("batch", self.keys),
            kind=BatchKind.SETTLEMENT,
            instructions=(instruction,),
        )
        before = self.chain.head(), self.balances()
        try:
            (prepared,) = self.chain.prepare(
                [batch], outstanding=self.outstanding(), replaces=replaces
            )
        except InsufficientBalance:
            assert not isinstance(instruction, Issue), "who issues needs nothing"
        except Refused:
            assert replaces is not None, "only a replacement can come too late"
        else:
            self.known.append(prepared)
            self.deltas[prepared.transaction_id] = deltas
            assert (self.chain.head(), self.balances()) == before
            self.chain.broadcast(prepared)

    # --- what happens to the chain --------------------------------------------------------------

    @rule(blocks=st.integers(1, 3))
    def mine(self, blocks: int) -> None:
        self.chain.mine(blocks)

    @rule()
    def let_time_pass(self) -> None:
        self.chain.advance(200)

    @precondition(lambda self: self.depth() > 0)
    @rule(data=st.data())
    def roll_back(self, data: st.DataObject) -> None:
        self.chain.rollback(data.draw(st.integers(1, self.depth())))

    @rule()
    def open_again(self) -> None:
        before = self.chain.head(), self.chain.events(self.cursor), self.fates()
        self.chain.close()
        self.chain = self.open()

        assert (self.chain.head(), self.chain.events(self.cursor), self.fates()) == before

    @rule()
    def read_a_page(self) -> None:
        page = self.chain.events(self.cursor)
        kept = page.rolled_back_to
        if kept is not None:
            self.folded = [entry for entry in self.folded if entry[0] <= kept]
        self.folded += [
            (event.block.height, effect) for event in page.events for effect in event.effects
        ]
        self.cursor = page.cursor

    # --- what always holds ------------------------------------------------------------------------

    @invariant()
    def balances_are_what_landed(self) -> None:
        expected: Counter[str] = Counter()
        for transaction in self.landed():
            expected.update(self.deltas[transaction.transaction_id])
        balances = self.balances()

        assert balances == {name: expected[name] for name in NAMES}
        assert min(balances.values()) >= 0
        assert self.chain.supply(self.asset) == sum(balances.values())

    @invariant()
    def nothing_lands_twice(self) -> None:
        landed = self.landed()

        for used in (
            [batch_id for each in landed for batch_id in each.batch_ids],
            [token for each in landed for token in each.consumes],
        ):
            assert len(used) == len(set(used))

    @invariant()
    def the_dead_stay_dead(self) -> None:
        now_dead = {
            each.transaction_id for each in self.known if self.chain.status(each).fate is Fate.DEAD
        }

        assert self.dead <= now_dead
        self.dead = now_dead

    def teardown(self) -> None:
        """Events read to the end, retractions followed, add up to the balances."""
        self.read_a_page()
        while (
            self.chain.events(self.cursor).more
            or self.cursor.height < self.chain.head().newest.height
        ):
            self.read_a_page()
        folded: Counter[str] = Counter()
        for _, effect in self.folded:
            folded[effect.account.address] += effect.delta_units

        self.chain.close()
        self.folder.cleanup()

        assert {name: folded[name] for name in NAMES} == self.balances()

    # --- the model ----------------------------------------------------------------------------

    def open(self) -> MemoryChain:
        path = Path(self.folder.name) / "chain.sqlite"
        return MemoryChain(finality_blocks=3, page_blocks=2, validity_s=400, path=path)

    def fates(self) -> list[Fate]:
        return [self.chain.status(each).fate for each in self.known]

    def account(self, name: str):
        return self.chain.account(name)

    def stamp(self, authority: str) -> dict:
        self.keys += 1
        return {
            "instruction_id": content_id("instruction", self.keys),
            "authority": self.account(authority),
            "evidence": b"",
            "asset": self.asset,
        }

    def depth(self) -> int:
        head = self.chain.head()
        return head.newest.height - head.final_height

    def balances(self) -> dict[str, int]:
        return {name: self.chain.balance(self.account(name), self.asset).units for name in NAMES}

    def landed(self) -> list[SignedTransaction]:
        return [each for each in self.known if self.chain.status(each).fate is Fate.INCLUDED]

    def outstanding(self) -> list[SignedTransaction]:
        statuses = ((each, self.chain.status(each)) for each in self.known)
        return [
            each for each, status in statuses if not status.final and status.fate is not Fate.DEAD
        ]


ChainMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestMemoryChain = ChainMachine.TestCase
