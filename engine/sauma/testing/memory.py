"""The harness of the reference chain: the example for other harnesses, and what faults are put into."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeAlias

from sauma.chain import (
    Answer,
    Balance,
    Batch,
    Capabilities,
    Chain,
    Cursor,
    EventPage,
    Head,
    Quote,
    SignedTransaction,
    Signer,
    Status,
)
from sauma.errors import OutcomeUnknown, Unavailable
from sauma.identifiers import AccountId, AssetId, ChainId
from sauma.memory import SESSION_RULES, MemoryChain, MemoryCodec, NamedSigner, SessionRules
from sauma.testing.harness import Harness

FINALITY_BLOCKS: Final = 4
OUTSTANDING_MAX: Final = 5
BATCH_INSTRUCTIONS_MAX: Final = 8
VALIDITY_S: Final = 7_200

Step: TypeAlias = Callable[[MemoryChain], object]


class Delegating:
    """A chain that does what another does: override the call that shall differ."""

    def __init__(self, inner: Chain) -> None:
        """Do what `inner` does."""
        self.inner = inner

    @property
    def chain_id(self) -> ChainId:
        """The inner chain's."""
        return self.inner.chain_id

    @property
    def capabilities(self) -> Capabilities:
        """The inner chain's."""
        return self.inner.capabilities

    def head(self) -> Head:
        """Ask the inner chain."""
        return self.inner.head()

    def quote(self, batches: Sequence[Batch]) -> Quote:
        """Ask the inner chain."""
        return self.inner.quote(batches)

    def prepare(
        self,
        batches: Sequence[Batch],
        *,
        outstanding: Sequence[SignedTransaction],
        replaces: SignedTransaction | None = None,
    ) -> tuple[SignedTransaction, ...]:
        """Ask the inner chain."""
        return self.inner.prepare(batches, outstanding=outstanding, replaces=replaces)

    def broadcast(self, transaction: SignedTransaction) -> Answer:
        """Ask the inner chain."""
        return self.inner.broadcast(transaction)

    def status(self, transaction: SignedTransaction) -> Status:
        """Ask the inner chain."""
        return self.inner.status(transaction)

    def events(self, since: Cursor) -> EventPage:
        """Ask the inner chain."""
        return self.inner.events(since)

    def balance(self, account: AccountId, asset: AssetId) -> Balance:
        """Ask the inner chain."""
        return self.inner.balance(account, asset)


class MemoryHarness(Harness):
    """A reference chain with small limits, so that they can be reached."""

    histories = 40

    def __init__(self, session_rules: SessionRules | None = SESSION_RULES) -> None:
        """Begin a chain on which nobody has anything; without `session_rules` it holds nothing."""
        self._steps: list[Step] = []
        self._session_rules = session_rules
        self.memory = _new_chain(100, session_rules, with_signers=True)
        self.link = _Link(self)
        self.chain = self.link
        self.codec = MemoryCodec()
        self.asset = self.memory.asset("wh")
        self.issuer = self.memory.account("grid")
        self.holders = (
            self.memory.account("anna"),
            self.memory.account("bert"),
            self.memory.account("cleo"),
        )
        self.stranger = self.memory.account("stranger")
        self.signers = {
            account: NamedSigner(account=account)
            for account in (self.issuer, *self.holders, self.meter)
        }

    @property
    def meter(self) -> AccountId:
        """A meter with a name of its own."""
        return self.memory.account("meter")

    @property
    def session_domain(self) -> bytes:
        """The chain's."""
        return self.memory.session_domain

    def mine(self, blocks: int = 1) -> None:
        """Make blocks."""
        self.do(lambda chain: chain.mine(blocks))

    def roll_back(self, blocks: int) -> None:
        """Undo blocks; what they included waits again."""
        self.do(lambda chain: chain.rollback(blocks))

    def pass_time(self, seconds: int) -> None:
        """Let the next block come later."""
        self.do(lambda chain: chain.advance(seconds))

    @contextmanager
    def losing_requests(self) -> Iterator[None]:
        """Reach no node."""
        self.link.loses_requests = True
        yield
        self.link.loses_requests = False

    @contextmanager
    def losing_answers(self) -> Iterator[None]:
        """Reach the node, and hear nothing."""
        self.link.loses_answers = True
        yield
        self.link.loses_answers = False

    def watcher(self, page_blocks: int) -> Chain:
        """Return a chain to which the same happens: the same calls give the same blocks."""
        return _Watcher(self._steps, _new_chain(page_blocks, self._session_rules))

    def fund(self, account: AccountId, units: int) -> None:
        """Issue on the chain itself, whatever stands between it and the suite."""
        outer, self.chain = self.chain, self.link
        super().fund(account, units)
        self.chain = outer

    def do(self, step: Step) -> object:
        """Make something happen to the chain, and to those that watch it."""
        self._steps.append(step)
        return step(self.memory)


class _Link(Delegating):
    """The way to the chain, on which requests and answers get lost."""

    def __init__(self, harness: MemoryHarness) -> None:
        super().__init__(harness.memory)
        self._harness = harness
        self.loses_requests = False
        self.loses_answers = False

    def broadcast(self, transaction: SignedTransaction) -> Answer:
        if self.loses_requests:
            raise Unavailable("the node was not reached: repeat the call")
        answer = self._harness.do(lambda chain: chain.broadcast(transaction))
        if self.loses_answers or not isinstance(answer, Answer):
            raise OutcomeUnknown("the answer was lost: ask status() first")
        return answer


class _Watcher(Delegating):
    """A second chain that repeats what was done to the first before it answers."""

    def __init__(self, steps: list[Step], memory: MemoryChain) -> None:
        self._steps = steps
        self._done = 0
        self._memory = memory

    @property
    def inner(self) -> Chain:  # type: ignore[override]
        """The chain, after all that happened."""
        for step in self._steps[self._done :]:
            step(self._memory)
        self._done = len(self._steps)
        return self._memory


def _new_chain(
    page_blocks: int, session_rules: SessionRules | None, *, with_signers: bool = False
) -> MemoryChain:
    chain_id = ChainId("memory:suite")
    accounts = [AccountId.on(chain_id, name) for name in ("grid", "anna", "bert", "cleo")]
    signers: dict[AccountId, Signer] = {
        account: NamedSigner(account=account) for account in accounts if with_signers
    }
    return MemoryChain(
        "suite",
        signers=signers,
        finality_blocks=FINALITY_BLOCKS,
        outstanding_max=OUTSTANDING_MAX,
        batch_instructions_max=BATCH_INSTRUCTIONS_MAX,
        validity_s=VALIDITY_S,
        page_blocks=page_blocks,
        session_rules=session_rules,
    )
