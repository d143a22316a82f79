"""What adapters share: HTTP that says whether anything can have happened, and several nodes as one.

`Connections` speaks to one server; each failure is `Unavailable` (nothing was sent, repeat) or
`OutcomeUnknown` (ask the chain first).  `Endpoints` asks the healthiest node of several and tells all
of them, and lets a fact count only when enough nodes agree on it.  Keys at rest: `key_files` keeps
files whole and private, `sealing` encrypts them.  For adapters of others too.
"""

from sauma_nodes.connections import Connections, Reply
from sauma_nodes.endpoints import EndpointHealth, Endpoints, Node, NodesDisagree, TooFewNodes

__all__ = [
    "Connections",
    "EndpointHealth",
    "Endpoints",
    "Node",
    "NodesDisagree",
    "Reply",
    "TooFewNodes",
]
