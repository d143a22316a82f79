"""How far a node has come, whom it knows of, and who is told what it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

import attrs

from sauma_nem.transactions import Transaction

if TYPE_CHECKING:
    from .node import TestNode


class NodeStatus(IntEnum):
    """What `/status` says.

    While a node is `LOADING` all but its height and status is answered 503; below `BOOTED` what needs
    the network is: announcing, and asking about the node itself and its peers.
    """

    UNKNOWN = 0
    STOPPED = 1
    STARTING = 2
    RUNNING = 3
    BOOTING = 4
    BOOTED = 5
    SYNCHRONIZED = 6
    NO_REMOTE_NODE_AVAILABLE = 7
    LOADING = 8


@attrs.frozen(kw_only=True)
class Peer:
    """Another node as a node knows it; `height` is None for one that was never reached."""

    host: str
    port: int
    name: str
    public_key: bytes
    height: int | None = None


PeersNow = Callable[[], tuple[Peer, ...]]
"""Says which peers a node has at this moment."""


class Partable(Protocol):
    """A network whose nodes can be kept from hearing of each other."""

    def part(self, *groups: Sequence[int]) -> None:
        """Part the nodes into groups of their numbers; without groups each stands alone."""
        ...

    def join(self) -> None:
        """Let all nodes hear of each other again."""
        ...


class Listener(Protocol):
    """Who is told what a node did; it is called while the node's lock is held."""

    def transaction_taken(self, node: TestNode, transaction: Transaction) -> None:
        """A transaction, or a cosignature, waits now that did not before."""
        ...

    def blocks_changed(self, node: TestNode) -> None:
        """The node made blocks, or took some back."""
        ...
