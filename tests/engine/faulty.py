"""A chain whose node misbehaves on demand, and whose reader dies on demand."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Sequence

from sauma.chain import (
    Answer,
    Balance,
    Batch,
    Capabilities,
    Cursor,
    EventPage,
    Head,
    Quote,
    SignedTransaction,
    Status,
    Word,
)
from sauma.errors import OutcomeUnknown, Unavailable
from sauma.identifiers import AccountId, AssetId, ChainId
from sauma.memory import MemoryChain


class Died(BaseException):
    """The process ends here: nobody may catch it as an error."""


class Fault(enum.Enum):
    """What happens to one broadcast."""

    FORGET = "the node says it has it, and forgets it"
    DENY = "the node says it refuses it, and takes it"
    REFUSE = "the node refuses it, without a reason"
    LOSE_ANSWER = "the node takes it, the answer is lost"
    LOSE_REQUEST = "the request is lost on the way, nobody knows"
    UNREACHABLE = "the node cannot be reached"
    TWICE = "the node is given it twice"
    DIE_BEFORE = "the process dies before it is sent"
    DIE_AFTER = "the process dies when the node has it"


class FaultyChain:
    """The reference chain behind a node that does to each broadcast what was asked for it."""

    def __init__(self, chain: MemoryChain) -> None:
        self.chain = chain
        self.faults: deque[Fault | None] = deque()
        self.always: Fault | None = None
        self.is_down = False
        self.dies_after_events = False
        self.broadcasts: list[bytes] = []
        self.prepared: list[SignedTransaction] = []

    @property
    def chain_id(self) -> ChainId:
        return self.chain.chain_id

    @property
    def capabilities(self) -> Capabilities:
        return self.chain.capabilities

    def _reach(self) -> None:
        if self.is_down:
            raise Unavailable("the node does not answer: try again")

    def head(self) -> Head:
        self._reach()
        return self.chain.head()

    def quote(self, batches: Sequence[Batch]) -> Quote:
        self._reach()
        return self.chain.quote(batches)

    def prepare(
        self,
        batches: Sequence[Batch],
        *,
        outstanding: Sequence[SignedTransaction],
        replaces: SignedTransaction | None = None,
    ) -> tuple[SignedTransaction, ...]:
        self._reach()
        prepared = self.chain.prepare(batches, outstanding=outstanding, replaces=replaces)
        self.prepared += prepared
        return prepared

    def broadcast(self, transaction: SignedTransaction) -> Answer:
        self._reach()
        fault = self.faults.popleft() if self.faults else self.always
        if fault is Fault.UNREACHABLE:
            raise Unavailable("the node does not answer: try again")
        if fault is Fault.DIE_BEFORE:
            raise Died
        if fault is Fault.LOSE_REQUEST:
            raise OutcomeUnknown("no answer came")
        if fault is Fault.REFUSE:
            return Answer(word=Word.REJECTED, code="no", message="not today")
        self.broadcasts.append(transaction.raw)
        if fault is Fault.FORGET:
            return Answer(word=Word.ACCEPTED)
        answer = self.chain.broadcast(transaction)
        if fault is Fault.TWICE:
            answer = self.chain.broadcast(transaction)
        if fault is Fault.DIE_AFTER:
            raise Died
        if fault is Fault.LOSE_ANSWER:
            raise OutcomeUnknown("no answer came")
        if fault is Fault.DENY:
            return Answer(word=Word.REJECTED, code="no", message="not today")
        return answer

    def status(self, transaction: SignedTransaction) -> Status:
        self._reach()
        return self.chain.status(transaction)

    def events(self, since: Cursor) -> EventPage:
        self._reach()
        page = self.chain.events(since)
        if self.dies_after_events:
            raise Died
        return page

    def balance(self, account: AccountId, asset: AssetId) -> Balance:
        self._reach()
        return self.chain.balance(account, asset)
