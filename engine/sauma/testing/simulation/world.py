"""A chain that a simulation plays with: blocks, reorganisations and old nodes at will.

A third party writes one subclass for its chain, around a test node; its adapter is the real one, and
everything that this adapter says to the node goes over the `Line` it is given.
"""

from __future__ import annotations

import abc
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import ClassVar, Self

from sauma.identifiers import AccountId
from sauma.rulebook import Netting
from sauma.testing.simulation.faults import Fault
from sauma.testing.simulation.line import Line
from sauma.venue import Venue

PARTICIPANTS = ("anna", "bert", "cleo", "dora")
"""Who must have an account in a world, beside `@issuer` and `@clearing`."""


class SimulatedWorld(abc.ABC):
    """One chain from its beginning, on which nothing happens but what the simulation does.

    Two worlds of the same class are the same: the same calls give the same blocks.
    """

    netting: ClassVar[Netting] = Netting.PER_PAIR
    settlements: ClassVar[int] = 1
    """How many quarter-hours are settled: about six transactions in all."""
    cannot: ClassVar[Mapping[Fault, str]] = {}
    """What cannot happen on this chain, and why."""
    block_seconds: ClassVar[int] = 60
    validity_seconds: ClassVar[int] = 600
    """For how long a transaction may land; a halt of the chain is longer."""

    @abc.abstractmethod
    def venue(self, line: Line) -> Venue:
        """Return the venue of a new process, whose calls to the node go over a line.

        While `line.lags`, questions are answered from the old state.
        """

    @abc.abstractmethod
    def account(self, name: str) -> AccountId:
        """Return the account of a participant, `@issuer` or `@clearing`."""

    @abc.abstractmethod
    def mine(self, blocks: int = 1) -> None:
        """Make blocks, the first with all of what waits that it can take."""

    @abc.abstractmethod
    def roll_back(self, blocks: int) -> None:
        """Undo the newest blocks, as a reorganisation does; what comes instead has other hashes."""

    @abc.abstractmethod
    def evict(self, transaction_ids: Collection[bytes]) -> None:
        """Have the node forget those of some transactions that wait."""

    @abc.abstractmethod
    def pass_time(self, seconds: int) -> None:
        """Make the next block come so much later."""

    @abc.abstractmethod
    def remember_state(self) -> None:
        """Keep the chain as it is now: the old state that lagging lines see from now on."""

    def show_everything(self) -> None:  # noqa: B027 - most nodes keep nothing back
        """From now on have no node keep back what is in blocks, or waits; for worlds whose nodes do so."""

    @abc.abstractmethod
    def close(self) -> None:
        """End the world."""

    def __enter__(self) -> Self:
        """Return the world itself; leaving ends it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the world."""
        self.close()
