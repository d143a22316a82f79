"""The reference chain as a world: the example for others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import ClassVar, Final, TypeVar

from sauma.chain import (
    Answer,
    Balance,
    Batch,
    Cursor,
    EventPage,
    Head,
    Quote,
    SignedTransaction,
    Status,
    Word,
)
from sauma.identifiers import AccountId, AssetId
from sauma.memory import MemoryChain, MemoryCodec
from sauma.testing.memory import Delegating
from sauma.testing.simulation.line import Line
from sauma.testing.simulation.world import SimulatedWorld
from sauma.venue import Venue

T = TypeVar("T")

FINALITY_BLOCKS: Final = 4
BATCH_INSTRUCTIONS_MAX: Final = 1
"""One movement a transaction, so that a small settlement takes several."""


class MemoryWorld(SimulatedWorld):
    """The reference chain, with blocks of a minute and transactions that expire."""

    expires: ClassVar[bool] = True
    """Without it a transaction may land for ever, and its nonce holds up those behind it."""

    def __init__(self) -> None:
        """Begin the chain."""
        self._steps: list[Callable[[MemoryChain], object]] = []
        self.chain = self._new_chain()
        self.old = self.chain

    def _new_chain(self) -> MemoryChain:
        return MemoryChain(
            "simulation",
            finality_blocks=FINALITY_BLOCKS,
            block_seconds=self.block_seconds,
            batch_instructions_max=BATCH_INSTRUCTIONS_MAX,
            validity_s=self.validity_seconds if self.expires else None,
            page_blocks=4,
        )

    def venue(self, line: Line) -> Venue:
        """Return the chain behind a line."""
        return Venue(
            chain=_OnLine(self, line),
            codec=MemoryCodec(),
            energy_asset=self.chain.asset("wh"),
            settings={},
            roles={role: self.account(role) for role in ("@issuer", "@clearing")},
        )

    def account(self, name: str) -> AccountId:
        """Return the account of that name."""
        return self.chain.account(name.removeprefix("@"))

    def mine(self, blocks: int = 1) -> None:
        """Make blocks."""
        self.do(lambda chain: chain.mine(blocks))

    def roll_back(self, blocks: int) -> None:
        """Undo blocks; what they had waits again."""
        self.do(lambda chain: chain.rollback(blocks))

    def evict(self, transaction_ids: Collection[bytes]) -> None:
        """Forget what waits."""
        for each in transaction_ids:
            self.do(partial(_drop, each))

    def pass_time(self, seconds: int) -> None:
        """Let the next block come later."""
        self.do(lambda chain: chain.advance(seconds))

    def remember_state(self) -> None:
        """Make a second chain, to which the same happened: the same calls give the same blocks."""
        self.old = self._new_chain()
        for step in self._steps:
            step(self.old)

    def close(self) -> None:
        """Do nothing: it is only memory."""

    def do(self, step: Callable[[MemoryChain], T]) -> T:
        """Make something happen to the chain, and remember it."""
        self._steps.append(step)
        return step(self.chain)


class _OnLine(Delegating):
    """The chain as one process reaches it: node and adapter are one, so whole calls get lost."""

    def __init__(self, world: MemoryWorld, line: Line) -> None:
        self._world, self._line = world, line

    @property
    def inner(self) -> MemoryChain:  # type: ignore[override]
        return self._world.old if self._line.lags else self._world.chain

    def head(self) -> Head:
        return self._line.ask(self.inner.head)

    def quote(self, batches: Sequence[Batch]) -> Quote:
        return self._line.ask(lambda: self.inner.quote(batches))

    def prepare(
        self,
        batches: Sequence[Batch],
        *,
        outstanding: Sequence[SignedTransaction],
        replaces: SignedTransaction | None = None,
    ) -> tuple[SignedTransaction, ...]:
        return self._line.ask(
            lambda: self.inner.prepare(batches, outstanding=outstanding, replaces=replaces)
        )

    def broadcast(self, transaction: SignedTransaction) -> Answer:
        return self._line.send(
            transaction.raw,
            lambda: self._world.do(lambda chain: chain.broadcast(transaction)),
            said=_said,
        )

    def status(self, transaction: SignedTransaction) -> Status:
        return self._line.ask(lambda: self.inner.status(transaction))

    def events(self, since: Cursor) -> EventPage:
        return self._line.ask(lambda: self.inner.events(since))

    def balance(self, account: AccountId, asset: AssetId) -> Balance:
        return self._line.ask(lambda: self.inner.balance(account, asset))


def _drop(transaction_id: bytes, chain: MemoryChain) -> None:
    chain.drop(transaction_id)


def _said(taken: bool) -> Answer:
    if taken:
        return Answer(word=Word.ACCEPTED)
    return Answer(word=Word.REJECTED, code="no", message="not today")
