"""A NIS1 node as the adapter asks it: one method a route, values out, named errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from sauma.errors import BadAnswer, OutcomeUnknown, Unavailable, WrongNetwork

from . import replies
from .network import Network
from .replies import (
    AccountState,
    Announcement,
    ChainBlock,
    ConfirmedTransaction,
    ListedTransaction,
    NamespaceState,
    NodeInfo,
    WaitingTransaction,
)
from .signing import AnnounceRequest
from .transactions import MosaicDefinition, MosaicId
from .transport import ErrorReply, HttpTransport, JsonObject

T = TypeVar("T")

PAGE_TRANSACTIONS: Final = 100
"""The most that a node lists at once."""

_BAD_REQUEST: Final = 400
_NOT_FOUND: Final = 404
_READY: Final = frozenset({5, 6})  # booted, synchronised
_NO_PEERS: Final = 7
_STATUS_NAMES: Final = {
    0: "unknown",
    1: "stopped",
    2: "starting",
    3: "running, not booted",
    4: "booting",
    7: "without a peer to synchronise with",
    8: "loading its chain",
}


class NodeClient:
    """One node's REST interface; its methods may be called from several threads.

    Every method raises `Unavailable` when the node does not answer or is not ready, and `BadAnswer`
    when it answers what cannot be.  Only `announce` can have an effect.
    """

    def __init__(
        self,
        url: str,
        *,
        alone: bool = False,
        transport: HttpTransport | None = None,
        **options: Any,
    ) -> None:
        """Speak to the node at `url`; `options` are those of `HttpTransport` (time-outs, limits).

        `alone` accepts a node without peers, as on a private network of one.
        """
        self._transport = transport or HttpTransport(url, **options)
        self._ready = _READY | ({_NO_PEERS} if alone else frozenset())

    @property
    def url(self) -> str:
        """Where the node is."""
        return self._transport.url

    @property
    def name(self) -> str:
        """What the node is called in messages."""
        return self._transport.url

    def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        self._transport.close()

    def __enter__(self) -> Self:
        """Return the client itself; leaving closes it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    def check(self, network: Network) -> None:
        """Raise `WrongNetwork` or `Unavailable` unless the node serves this network and is ready."""
        self.check_network(network)
        self.check_ready()

    def check_network(self, network: Network) -> None:
        """Raise `WrongNetwork` unless the node serves this network."""
        network_id = self.node_info().network_id
        if network_id != network.id_signed:
            raise WrongNetwork(
                f"node {self.url} serves network {network_id}, the {network.name} is "
                f"{network.id_signed}: name a node of the {network.name}"
            )

    def check_ready(self) -> None:
        """Raise `Unavailable` unless the node is synchronised now."""
        status = self.status()
        if status not in self._ready:
            raise Unavailable(
                f"node {self.url} is not synchronised: its status is {status}, "
                f"{_STATUS_NAMES.get(status, 'which is unknown')}; wait or ask another node"
            )

    def node_info(self) -> NodeInfo:
        """Return which network the node serves."""
        return self._get("/node/info", replies.node_info)

    def status(self) -> int:
        """Return how far the node has come: 5 is booted, 6 synchronised."""
        return self._get("/status", partial(replies.integer, name="code"))

    def height(self) -> int:
        """Return the height of the newest block."""
        return self._get("/chain/height", partial(replies.integer, name="height"))

    def last_block(self) -> ChainBlock:
        """Return the newest block."""
        return self._get("/chain/last-block", replies.block)

    def block_at(self, height: int) -> ChainBlock | None:
        """Return the block at a height, if the chain is that long."""
        path = "/block/at/public"
        reply = self._transport.ask(path, body={"height": height})
        found = self._read(path, reply, replies.block, absent=(_NOT_FOUND,))
        if found is not None and found.ref.height != height:
            raise BadAnswer(
                f"node {self.url} was asked for block {height} and answers with block "
                f"{found.ref.height}: ask another node"
            )
        return found

    def account(self, address: str) -> AccountState:
        """Return an account as confirmed; one that was never heard of has nothing."""
        state = self._get("/account/get", replies.account, address=address)
        if state.address != address:
            raise BadAnswer(
                f"node {self.url} was asked for account {address} and answers with "
                f"{state.address}: ask another node"
            )
        return state

    def owned_mosaics(self, address: str) -> dict[MosaicId, int]:
        """Return the confirmed smallest units of every mosaic that an account has."""
        return self._get("/account/mosaic/owned", replies.owned_mosaics, address=address)

    def mosaic_supply(self, mosaic_id: MosaicId) -> int | None:
        """Return the current supply of a mosaic in whole units, if it is defined."""
        reader = partial(replies.integer, name="supply")
        return self._find("/mosaic/supply", reader, mosaicId=str(mosaic_id))

    def mosaic_definition(self, mosaic_id: MosaicId) -> MosaicDefinition | None:
        """Return a mosaic's definition, if it is defined and its namespace active."""
        return self._find("/mosaic/definition", replies.definition, mosaicId=str(mosaic_id))

    def namespace(self, name: str) -> NamespaceState | None:
        """Return a namespace, if it is active."""
        return self._find("/namespace", replies.namespace, namespace=name)

    def transaction(self, transaction_id: bytes) -> ConfirmedTransaction | None:
        """Return a confirmed transaction.

        None proves nothing: the node forgets hashes after 36 hours, and never lists waiting ones.
        """
        path = "/transaction/get"
        reply = self._transport.ask(path, params={"hash": transaction_id.hex()})
        found = self._read(
            path, reply, replies.confirmed_transaction, absent=(_BAD_REQUEST, _NOT_FOUND)
        )
        if found is not None and found.transaction_id != transaction_id:
            raise BadAnswer(
                f"node {self.url} was asked for transaction {transaction_id.hex()} and answers "
                f"with {found.transaction_id.hex()}: ask another node"
            )
        return found

    def unconfirmed(self, address: str) -> tuple[WaitingTransaction, ...]:
        """Return what waits in the node's pool and concerns an account: the newest 25 at most."""
        return self._get("/account/unconfirmedTransactions", replies.unconfirmed, address=address)

    def outgoing(
        self, address: str, *, below_id: int | None = None
    ) -> tuple[ListedTransaction, ...]:
        """Return confirmed transactions that an account sent or let wrap, the newest first.

        As `transfers`."""
        return self.transfers(address, "outgoing", below_id=below_id)

    def transfers(
        self, address: str, which: str = "all", *, below_id: int | None = None
    ) -> tuple[ListedTransaction, ...]:
        """Return confirmed transactions of an account: all, incoming or outgoing, the newest first.

        One page at most; the next begins below the last one's id.  Ids hold for one node only, until
        its chain is reorganised.
        """
        params = {"address": address, "pageSize": str(PAGE_TRANSACTIONS)}
        if below_id is not None:
            params["id"] = str(below_id)
        return self._get(f"/account/transfers/{which}", replies.listed, **params)

    def announce(self, request: AnnounceRequest) -> Announcement | ErrorReply:
        """Give signed bytes to the node; an `ErrorReply` is a refusal before any rule was applied.

        Raises `Unavailable` when nothing was sent, and `OutcomeUnknown` when it was and no
        understandable answer came back.
        """
        reply = self._transport.send("/transaction/announce", request.to_json())
        if isinstance(reply, ErrorReply):
            return reply
        try:
            return replies.read(replies.announcement, reply)
        except BadAnswer as error:
            raise OutcomeUnknown(
                f"{error}; what was sent may have arrived: look for it before anything else"
            ) from error

    def network_time_ms(self) -> int:
        """Return the node's clock: milliseconds since the NEM epoch."""
        return self._get("/time-sync/network-time", replies.network_time_ms)

    def _get(self, path: str, reader: Callable[[Mapping[str, Any]], T], **params: str) -> T:
        found = self._read(path, self._transport.ask(path, params=params), reader, absent=())
        if found is None:
            raise BadAnswer(f"node {self.url} answers {path} with nothing: ask another node")
        return found

    def _find(self, path: str, reader: Callable[[Mapping[str, Any]], T], **params: str) -> T | None:
        reply = self._transport.ask(path, params=params)
        return self._read(path, reply, reader, absent=(_NOT_FOUND,))

    def _read(
        self,
        path: str,
        reply: JsonObject | ErrorReply,
        reader: Callable[[Mapping[str, Any]], T],
        *,
        absent: tuple[int, ...],
    ) -> T | None:
        if not isinstance(reply, ErrorReply):
            return replies.read(reader, reply)
        if reply.status in absent:
            return None
        raise BadAnswer(
            f"node {self.url} answers {path} with {reply.status} {reply.message!r}: "
            "check the address, or ask another node"
        )
