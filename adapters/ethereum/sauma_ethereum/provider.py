"""Any provider of web3 as a transport: for nodes that are reached by IPC, WebSocket or other means.

Give a provider that does not retry by itself (`exception_retry_configuration=None`): what is repeated
is the adapter's to decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from web3.providers import BaseProvider
from web3.types import RPCEndpoint

from sauma.errors import BadAnswer, OutcomeUnknown, Unavailable
from sauma_nodes.connections import shortened

from .transport import Call, reply_of


class ProviderTransport:
    """Carries calls one by one through a provider of web3."""

    def __init__(self, provider: BaseProvider, name: str = "web3") -> None:
        """Use a provider; `name` stands for it in messages."""
        self._provider = provider
        self.name = name

    def ask(self, calls: Sequence[Call]) -> list[Any]:
        """Ask for what changes nothing; raises `Unavailable` when there was no answer."""
        return [reply_of(self._request(call, Unavailable), self.name) for call in calls]

    def send(self, calls: Sequence[Call]) -> list[Any]:
        """Send what may have an effect, once; raises `OutcomeUnknown` when no answer came."""
        replies = []
        for call in calls:
            try:
                replies.append(reply_of(self._request(call, OutcomeUnknown), self.name))
            except BadAnswer as error:
                raise OutcomeUnknown(
                    f"{error}; what was sent may have arrived: ask status() before anything else"
                ) from error
        return replies

    def close(self) -> None:
        """Do nothing: the provider belongs to whoever made it."""

    def _request(self, call: Call, failure: type[Unavailable | OutcomeUnknown]) -> Any:
        try:
            return self._provider.make_request(RPCEndpoint(call.method), list(call.params))
        except Exception as error:  # each kind of provider fails in its own way
            raise failure(
                f"node {self.name} did not answer {call.method}: "
                f"{shortened(str(error))}; ask status() before anything is sent anew"
            ) from error
