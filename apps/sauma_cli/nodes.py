"""Nodes that a folder speaks to: its own, or somebody's that makes blocks on request."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import requests

from sauma.errors import BadAnswer, InvalidInput, Unavailable
from sauma_cli.folder import Folder
from sauma_nem.caip import network_named
from sauma_nem.network import BLOCK_TARGET_SECONDS
from sauma_nem.node import NodeClient
from sauma_nem.testnode import NodeServer, NodeSettings, TestNode, WallClock
from sauma_nem.testnode.clock import NodeClock, node_seconds

_NOT_FOUND: Final = 404
_SECOND_S: Final = 1.0


class OwnNode:
    """A test node whose chain lies in the folder, served over loopback HTTP."""

    def __init__(
        self, folder: Folder, accounts: dict[str, int], network: str, *, block_s: float | None
    ) -> None:
        """Open or begin the chain; `block_s` makes blocks by the machine's clock."""
        wall_clock = WallClock()
        clock: NodeClock | None = None if block_s is None else wall_clock
        self.node = TestNode(
            NodeSettings(
                accounts=accounts,
                network=network_named(network),
                genesis_time_seconds=node_seconds(wall_clock),
            ),
            path=folder.node,
            clock=clock,
            file_wins=True,
        )
        self.server = NodeServer(self.node, block_seconds=block_s).start()

    def mine(self, blocks: int) -> None:
        """Make so many blocks."""
        self.node.mine(blocks)

    def close(self) -> None:
        """Stop serving and let go of the file."""
        self.server.stop()
        self.node.close()


def client_of(url: str, timeout_s: float) -> NodeClient:
    """Return a client that gives a silent node up after so many seconds."""
    return NodeClient(
        url,
        connect_timeout_s=timeout_s,
        read_timeout_s=timeout_s,
        answer_seconds_max=3 * timeout_s,
    )


def miner_of(client: NodeClient, timeout_s: float) -> Callable[[int], None]:
    """Return what asks a test node with control routes for blocks."""

    def mine(blocks: int) -> None:
        asked_at_ms = client.network_time_ms()
        _ask_for_blocks(client.url, blocks, timeout_s)
        if client.network_time_ms() - asked_at_ms < BLOCK_TARGET_SECONDS * 1_000:
            # By the machine's clock: a block takes only what is of an earlier second than itself.
            time.sleep(_SECOND_S)
            _ask_for_blocks(client.url, 1, timeout_s)

    return mine


def _ask_for_blocks(url: str, blocks: int, timeout_s: float) -> None:
    try:
        reply = requests.post(
            f"{url}/sauma/mine",
            json={"blocks": blocks},
            timeout=max(timeout_s, BLOCK_TARGET_SECONDS),
        )
    except requests.RequestException as error:
        raise Unavailable(
            f"node {url} did not answer ({type(error).__name__}): run the same command again"
        ) from error
    if reply.status_code == _NOT_FOUND:
        raise InvalidInput(
            f"node {url} makes no blocks on request: leave --advance out, or start the node "
            "with `sauma node --control`"
        )
    if not reply.ok:
        raise BadAnswer(f"node {url} answers a request for blocks with {reply.status_code}")
