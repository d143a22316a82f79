"""Several nodes in this process that share blocks and transactions, and can be parted.

::

    with TestNetwork.create(2, {address: 1_000_000_000}) as network:
        network.part()                      # from now on each makes its own blocks
        network.nodes[0].mine(3)
        network.nodes[1].mine(5)
        network.join()                      # the first follows the second, and returns what it had

Each node has its own HTTP server, harvester and pool; they share a clock, so that none is ahead.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sauma.errors import InvalidInput
from sauma.logs import get_logger
from sauma_nem.network import TESTNET, Network
from sauma_nem.transactions import Transaction
from sauma_nem.unreadable import Unreadable

from .clock import ManualClock, NodeClock
from .meeting import check_reachable, synchronise
from .node import TestNode
from .results import RestError
from .server import NodeServer
from .settings import NodeSettings
from .status import Peer

log = get_logger(__name__)

NODES_MAX = 16


class TestNetwork:
    """The nodes of one network with their servers; use as a context manager.

    While nodes are joined, what one of them takes or makes the others have when the call returns.
    The better chain wins: the higher score, which is that of more blocks, or of as many in less
    time; with equal scores each keeps its own until one has a block more.  Who loses undoes up to
    360 blocks, and what these had and the better chain lacks waits again.  Nodes on the same chain
    take from each other what waits.
    """

    __test__ = False

    def __init__(self, nodes: Sequence[TestNode], *, port: int = 0, **server_options: Any) -> None:
        """Join nodes that share a genesis, a clock and a lock; `create` makes such.

        The servers take `port` and those after it, or free ones for 0; `server_options` are those of
        `NodeServer`.
        """
        if not 1 <= len(nodes) <= NODES_MAX:
            raise InvalidInput(f"a network has 1 to {NODES_MAX} nodes, not {len(nodes)}")
        if len({node.chain.blocks()[0].block_hash for node in nodes}) > 1:
            raise InvalidInput("the nodes begin with different blocks, so they share no network")
        self.nodes: tuple[TestNode, ...] = tuple(nodes)
        self._parts: tuple[frozenset[int], ...] = (frozenset(range(len(nodes))),)
        self.servers = tuple(
            NodeServer(node, port=port and port + number, **server_options)
            for number, node in enumerate(self.nodes)
        )
        for number, node in enumerate(self.nodes):
            node.listener, node.network = self, self
            node.peers = lambda number=number: self._peers_of(number)  # type: ignore[misc]

    @classmethod
    def create(
        cls,
        count: int,
        accounts: Mapping[str, int],
        *,
        network: Network = TESTNET,
        folder: Path | str | None = None,
        clock: NodeClock | None = None,
        auto_mine: bool = False,
        file_wins: bool = False,
        block_seconds: float | None = None,
        port: int = 0,
        control: bool = False,
        local: bool = True,
        requests_per_second: int | None = None,
        **settings: Any,
    ) -> TestNetwork:
        """Make `count` nodes on which `accounts` start with so many micro XEM.

        With `folder` each keeps its chain in a file there.  With `block_seconds` the nodes take turns
        to make a block in that rhythm; a part of them alone makes fewer.  `port`, `control`, `local`
        and `requests_per_second` are as for `NodeServer`; further keywords those of `NodeSettings`.
        """
        first = NodeSettings(accounts=accounts, network=network, **settings)
        lock = threading.RLock()
        with ExitStack() as on_failure:
            nodes: list[TestNode] = []
            for number in range(count):
                node = TestNode(
                    nodes[0].settings.of_peer(number) if nodes else first,
                    genesis=nodes[0].chain.blocks()[0].block if nodes else None,
                    path=None if folder is None else Path(folder) / f"node-{number}.sqlite",
                    clock=nodes[0].clock if nodes else clock,
                    auto_mine=auto_mine,
                    file_wins=file_wins,
                    lock=lock,
                )
                nodes.append(on_failure.enter_context(node))
            _set_to_the_latest(nodes)
            made = cls(
                nodes,
                port=port,
                block_seconds=None if block_seconds is None else block_seconds * count,
                control=control,
                local=local,
                requests_per_second=requests_per_second,
            )
            on_failure.callback(made.close)
            made.join()
            on_failure.pop_all()
        return made

    # parts

    @property
    def urls(self) -> tuple[str, ...]:
        """Where the nodes are found, in order."""
        return tuple(server.url for server in self.servers)

    @property
    def parts(self) -> tuple[tuple[int, ...], ...]:
        """The numbers of the nodes that hear of each other, group by group."""
        return tuple(tuple(sorted(part)) for part in self._parts)

    def part(self, *groups: Sequence[int]) -> None:
        """Part the nodes into groups of their numbers; without groups each stands alone."""
        everybody = range(len(self.nodes))
        chosen = groups or tuple((number,) for number in everybody)
        if sorted(number for group in chosen for number in group) != list(everybody):
            raise InvalidInput(
                f"every node from 0 to {len(self.nodes) - 1} must be in one group, unlike in {groups}"
            )
        with self.nodes[0].locked():
            self._parts = tuple(frozenset(group) for group in chosen if group)
            for part in self._parts:
                self._agree(part)
        log.info("nodes_parted", parts=self.parts)

    def join(self) -> None:
        """Let all nodes hear of each other again: the better chain wins.

        Afterwards nodes on the same chain have the same waiting.  Raises InvalidInput, and leaves them
        parted, if a node would have to undo more than 360 blocks: NIS nodes never meet again then.
        """
        everybody = frozenset(range(len(self.nodes)))
        with self.nodes[0].locked():
            best = self._best_of(everybody)
            for node in self.nodes:
                if node.chain.score < best.chain.score:
                    check_reachable(node, best)
            self._parts = (everybody,)
            self._agree(everybody)
        log.info("nodes_joined", height=best.height)

    def mine(self, blocks: int = 1, *, node: int = 0) -> int:
        """Have one node make blocks and return its height; those it hears of follow."""
        return self.nodes[node].mine(blocks)

    # what nodes tell

    def transaction_taken(self, node: TestNode, transaction: Transaction) -> None:
        """Hand a transaction on to those that the node hears of."""
        for peer in self._heard_by(node):
            with suppress(RestError, Unreadable):
                peer.receive_transaction(transaction)

    def blocks_changed(self, node: TestNode) -> None:
        """Have those that the node hears of agree on one chain with it."""
        self._agree(self._part_of(self.nodes.index(node)))

    def _agree(self, part: frozenset[int]) -> None:
        """Follow the best chain, and share what waits with those on the same one."""
        best = self._best_of(part)
        members = [self.nodes[number] for number in sorted(part)]
        for node in members:
            synchronise(node, best)
        waiting = {id(node): node.waiting_hashes() for node in members}
        for node in members:
            for peer in members:
                is_same = node.chain.tip.block_hash == peer.chain.tip.block_hash
                if is_same and not waiting[id(peer)] <= waiting[id(node)]:
                    node.take_waiting_of(peer)

    def _best_of(self, part: frozenset[int]) -> TestNode:
        return max(
            (self.nodes[number] for number in sorted(part)), key=lambda node: node.chain.score
        )

    def _part_of(self, number: int) -> frozenset[int]:
        return next(part for part in self._parts if number in part)

    def _heard_by(self, node: TestNode) -> list[TestNode]:
        number = self.nodes.index(node)
        return [self.nodes[each] for each in sorted(self._part_of(number)) if each != number]

    def _peers_of(self, number: int) -> tuple[Peer, ...]:
        part = self._part_of(number)
        return tuple(
            Peer(
                host=node.host,
                port=node.port,
                name=node.settings.node_name,
                public_key=node.harvester_public_key,
                height=node.height if each in part else None,
            )
            for each, node in enumerate(self.nodes)
            if each != number
        )

    # serving

    def close(self) -> None:
        """Stop the servers and let go of the files."""
        for server in self.servers:
            server.stop()
        for node in self.nodes:
            node.close()

    def __enter__(self) -> Self:
        """Serve every node."""
        for server in self.servers:
            server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


def _set_to_the_latest(nodes: Sequence[TestNode]) -> None:
    """Set a clock that is moved by hand to the latest time that a node's file tells."""
    clock = nodes[0].clock
    if isinstance(clock, ManualClock):
        kept_ms = max(node.kept_time_ms for node in nodes)
        clock.set_ms(max(clock.network_time_ms(), kept_ms))
