"""A faithful NIS1 node to test against, in this process or over loopback HTTP.

::

    node = TestNode.create({address: 1_000_000_000})
    node.announce(request.data, request.signature)
    node.mine()
    with NodeServer(node) as server:
        requests.get(server.url + "/chain/height")

It keeps the rules of NIS 0.6.102 with every fork at height 1: the order of checks, the result
codes, the pool and its spam filter, blocks, rollbacks and the REST interface.  It computes no
importance and follows no difficulty: a block is made when it is asked for.  `node.faults` makes it go
wrong on purpose; a `TestNetwork` has several that share blocks and can be parted.
"""

from __future__ import annotations

from . import faults
from .clock import ManualClock, NodeClock, WallClock
from .faults import FaultSwitches
from .network import TestNetwork
from .node import TestNode
from .reception import Answer
from .rest import Reply, Request
from .results import RestError, Result
from .server import Middleware, NodeServer
from .serving import serve, serve_network
from .settings import NodeSettings
from .state import Account
from .status import NodeStatus, Peer

__all__ = [
    "Account",
    "Answer",
    "FaultSwitches",
    "ManualClock",
    "Middleware",
    "NodeClock",
    "NodeServer",
    "NodeSettings",
    "NodeStatus",
    "Peer",
    "Reply",
    "Request",
    "RestError",
    "Result",
    "TestNetwork",
    "TestNode",
    "WallClock",
    "faults",
    "serve",
    "serve_network",
]
