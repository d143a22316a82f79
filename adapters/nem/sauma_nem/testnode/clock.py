"""The node's clock: settable by hand, or the machine's own."""

from __future__ import annotations

import time
from typing import Protocol

from sauma.errors import InvalidInput
from sauma_nem.network import EPOCH_UNIX_MS


class NodeClock(Protocol):
    """What the node asks for the time."""

    def network_time_ms(self) -> int:
        """Milliseconds since the NEM epoch."""
        ...


class ManualClock:
    """A clock that stands still until `set_ms` moves it."""

    def __init__(self, network_time_ms: int) -> None:
        """Start at `network_time_ms` milliseconds after the NEM epoch."""
        self._network_time_ms = 0
        self.set_ms(network_time_ms)

    def network_time_ms(self) -> int:
        """Milliseconds since the NEM epoch."""
        return self._network_time_ms

    def set_ms(self, network_time_ms: int) -> None:
        """Move to a time, backwards as well: a node's clock may be wrong."""
        if network_time_ms < 0:
            raise InvalidInput(
                f"a node's clock cannot stand at {network_time_ms} ms; "
                "give milliseconds since 2015-03-29 00:06:25 UTC"
            )
        self._network_time_ms = network_time_ms


class WallClock:
    """The machine's clock, with a skew for nodes that are ahead or behind."""

    def __init__(self, skew_ms: int = 0) -> None:
        """Run `skew_ms` milliseconds ahead of the machine."""
        self.skew_ms = skew_ms

    def network_time_ms(self) -> int:
        """Milliseconds since the NEM epoch."""
        return time.time_ns() // 1_000_000 - EPOCH_UNIX_MS + self.skew_ms


def node_seconds(clock: NodeClock) -> int:
    """The clock in seconds: to the nearest, as the server rounds its time stamps."""
    return (clock.network_time_ms() + 500) // 1_000
