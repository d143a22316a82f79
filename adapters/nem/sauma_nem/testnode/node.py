"""A NIS1 node in this process: announce, make blocks, take them back, ask."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from sauma.errors import InvalidInput
from sauma.logs import get_logger
from sauma_nem.network import REST_PORT, TESTNET, Network
from sauma_nem.parsing import parse_announced, parse_block, parse_verifiable
from sauma_nem.transactions import Block, Transaction
from sauma_nem.unreadable import Unreadable

from .asking import ChainReader
from .chain import Chain, ConfirmedBlock
from .clock import ManualClock, NodeClock, node_seconds
from .faults import FaultSwitches
from .faulty import ClockOf, Past
from .genesis import genesis_block
from .keeping import Keeper, settle
from .production import Producer
from .reception import Answer, Reception
from .rest import Reply, Request, respond
from .results import NOT_BOOTED, RestError, Result
from .settings import NodeSettings
from .status import Listener, NodeStatus, Partable, PeersNow
from .storage import NoStorage, SqliteStorage
from .unlocking import UnlockedAccounts
from .validation import validate

log = get_logger(__name__)


class TestNode(ChainReader):
    """One node: the server's rules, alone or in a `TestNetwork`.

    All methods may be called from several threads.  With a `path` everything answered for
    outlives the process.  A `ManualClock` (the default) stands still except that each block moves
    it on by the network's block time; with a `WallClock` blocks bear the machine's time, and
    those made in one second share it.  `faults` makes it go wrong over HTTP.
    """

    __test__ = False

    def __init__(
        self,
        settings: NodeSettings | None = None,
        *,
        path: Path | str | None = None,
        clock: NodeClock | None = None,
        auto_mine: bool = False,
        genesis: Block | None = None,
        file_wins: bool = False,
        lock: AbstractContextManager[object] | None = None,
    ) -> None:
        """Start from the genesis, or go on with the chain in `path`.

        `genesis` replaces the block that the settings would make.  Raises Conflict if the file
        holds another network than the settings say (with `file_wins` the file's are taken), and
        StoreBusy if another node has it open.  Nodes that talk to each other share one `lock`.
        """
        self._lock = threading.RLock() if lock is None else lock
        self._skew_ms = 0
        stored = None if path is None else SqliteStorage(Path(path))
        self._keeper = Keeper(stored or NoStorage())
        try:
            self.settings = settle(settings, stored, file_wins=file_wins)
            self._start(stored, clock, genesis)
        except BaseException:
            self._keeper.close()
            raise
        self.auto_mine = auto_mine
        self.host, self.port = "127.0.0.1", REST_PORT
        self.status = NodeStatus.SYNCHRONIZED
        self.peers: PeersNow = tuple
        self.listener: Listener | None = None
        self.network: Partable | None = None
        self.on_stop: Callable[[], None] | None = None
        self.faults = FaultSwitches()
        self.unlocked = UnlockedAccounts(self)
        self._past = Past(self._younger_self)
        self.started_seconds = self.now_seconds()

    @classmethod
    def create(
        cls,
        accounts: Mapping[str, int],
        *,
        network: Network = TESTNET,
        path: Path | str | None = None,
        clock: NodeClock | None = None,
        auto_mine: bool = False,
        **settings: Any,
    ) -> TestNode:
        """A node whose `accounts` (address or public key) start with so many micro XEM.

        Further keywords are those of `NodeSettings`.
        """
        chosen = NodeSettings(accounts=accounts, network=network, **settings)
        return cls(chosen, path=path, clock=clock, auto_mine=auto_mine)

    def _start(
        self, stored: SqliteStorage | None, clock: NodeClock | None, genesis: Block | None
    ) -> None:
        self.chain = Chain(self.settings)
        if stored is not None:
            for stored_block in stored.blocks():
                self.chain.append(
                    parse_block(stored_block.data),
                    first_transaction_id=stored_block.first_transaction_id,
                )
        is_new = self.chain.height == 0
        if is_new:
            self.chain.append(genesis or genesis_block(self.settings))
        first = self.chain.blocks()[0].block
        network_time_ms = first.timestamp_seconds * 1_000
        if stored is not None and not is_new:
            network_time_ms = stored.setting("network_time_ms")
            self.chain.next_transaction_id = stored.setting("next_transaction_id")
        self.kept_time_ms = network_time_ms
        self.clock = clock if clock is not None else ManualClock(network_time_ms)
        self._reception = Reception(self.chain, self.settings, first.signer)
        self._producer = Producer(self.chain, self._reception, self.settings, self.clock)
        if stored is not None:
            for entry in stored.waiting():
                self._reception.adopt(parse_verifiable(entry.data))
            self._keeper.already_kept(self._reception.pool.entries())
        if is_new:
            self._keep_blocks((self.chain.tip,))
        log.info(
            "node_started",
            network=self.settings.network.name,
            height=self.chain.height,
            waiting=len(self._reception.pool),
        )

    def _keep_blocks(
        self, blocks: Sequence[ConfirmedBlock], *, kept_height: int | None = None
    ) -> None:
        self._keeper.keep_blocks(
            blocks,
            self._reception.pool.entries(),
            network_time_ms=self.clock.network_time_ms(),
            next_transaction_id=self.chain.next_transaction_id,
            kept_height=kept_height,
        )

    def close(self) -> None:
        """Let go of the file; the node answers nothing afterwards that it could lose."""
        with self._lock:
            self._keeper.close()

    def __enter__(self) -> TestNode:
        """The node itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other threads out for several calls that belong together."""
        with self._lock:
            yield

    # time

    def now_ms(self) -> int:
        """Milliseconds since the NEM epoch, as the node believes."""
        return self.clock.network_time_ms() + self._skew_ms

    def now_seconds(self) -> int:
        """NEM seconds as the node believes: to the nearest, as the server rounds its time stamps."""
        return (self.now_ms() + 500) // 1_000

    @contextmanager
    def as_if(self, *, status: NodeStatus | None = None, skew_seconds: int = 0) -> Iterator[None]:
        """Answer as if the node stood so, or its clock were so far ahead; blocks bear the true time."""
        with self._lock:
            kept_status, kept_skew_ms = self.status, self._skew_ms
            self.status = kept_status if status is None else status
            self._skew_ms += skew_seconds * 1_000
            try:
                yield
            finally:
                self.status, self._skew_ms = kept_status, kept_skew_ms

    def set_time(self, seconds: int) -> None:
        """Set a manual clock to NEM seconds."""
        self._set_time_ms(seconds * 1_000)

    def advance(self, seconds: int) -> None:
        """Move a manual clock on by so many seconds."""
        with self._lock:
            self._set_time_ms(self.clock.network_time_ms() + seconds * 1_000)

    def _set_time_ms(self, network_time_ms: int) -> None:
        with self._lock:
            if not isinstance(self.clock, ManualClock):
                raise InvalidInput("the node's clock runs by itself; give it a ManualClock")
            self.clock.set_ms(network_time_ms)
            self._reception.drop_expired(node_seconds(self.clock))
            self._keeper.keep_time(network_time_ms, self._reception.pool.entries())

    # announcing

    def announce(self, data: bytes, signature: bytes) -> Answer:
        """What POST /transaction/announce does, without the HTTP.

        `data` are the non-verifiable bytes.  Raises RestError where the server answers with an
        HTTP error instead of a result.
        """
        try:
            transaction = parse_announced(data, signature=signature, network=self.settings.network)
            return self.receive_transaction(transaction)
        except Unreadable as error:
            raise RestError(error.server_status, error.server_message) from error

    def receive_transaction(self, transaction: Transaction) -> Answer:
        """Judge a signed transaction that came from anybody, and have it wait if it passes.

        Raises Unreadable or RestError where the server's validation throws.
        """
        with self._lock:
            self._drop_expired()
            answer = self._reception.receive(
                transaction, self.now_seconds(), is_booted=self.is_booted
            )
            if answer.changed is not None:
                self._keeper.keep_announced(answer.changed)
            log.debug(
                "transaction_announced",
                result=answer.result.name,
                transaction_hash=answer.entry.transaction_hash.hex(),
            )
            if answer.changed is not None:
                self._tell_of_transaction(transaction)
                if self.auto_mine and self._reception.pool.holds_any(answer.entry.hashes()):
                    self._mine(1, takes_new=True)
            return answer

    def _tell_of_transaction(self, transaction: Transaction) -> None:
        if self.listener is not None:
            self.listener.transaction_taken(self, transaction)

    def take_waiting_of(self, peer: TestNode) -> None:
        """Take what waits at a peer and would pass here, as nodes do whose chains are the same."""
        with self._lock:
            for transaction in peer.waiting():
                with suppress(RestError, Unreadable):
                    answer = self._reception.receive_from_peer(transaction, self.now_seconds())
                    if answer.changed is not None:
                        self._keeper.keep_announced(answer.changed)

    def judge(self, transaction: Transaction) -> Result:
        """What validation says of a transaction in the next block, its signature apart."""
        with self._lock:
            return validate(
                transaction, self._reception.context(self.chain.ledger, self.now_seconds())
            )

    def waiting(self) -> tuple[Transaction, ...]:
        """The unconfirmed transactions in order of arrival."""
        with self._lock:
            self._drop_expired()
            return tuple(entry.transaction for entry in self._reception.pool.entries())

    def waiting_hashes(self) -> frozenset[bytes]:
        """The hashes of all that waits: transactions, inner ones and cosignatures."""
        with self._lock:
            return frozenset(
                each for entry in self._reception.pool.entries() for each in entry.hashes()
            )

    def drop(self, transaction_hash: bytes) -> bool:
        """Forget a waiting transaction and what depends on it; whether it waited.

        A server does so when it starts anew or its pool is full.  Announced again it is taken again.
        """
        with self._lock:
            dropped = self._reception.drop(transaction_hash, node_seconds(self.clock))
            if dropped:
                self._keep_pool()
            return dropped

    def _drop_expired(self) -> None:
        if self._reception.drop_expired(node_seconds(self.clock)):
            self._keep_pool()

    def _keep_pool(self) -> None:
        self._keeper.keep_time(self.clock.network_time_ms(), self._reception.pool.entries())

    # blocks

    def mine(self, blocks: int = 1) -> int:
        """Make so many blocks from what waits and return the new height.

        A manual clock moves on by the block time before each.  One commit to the file in all.
        """
        if blocks < 1:
            raise InvalidInput(f"{blocks} blocks cannot be made; ask for at least 1")
        with self._lock:
            return self._mine(blocks)

    def _mine(self, count: int, *, takes_new: bool = False) -> int:
        lowest = self.chain.height + 1
        for _ in range(count):
            self._producer.make(takes_new=takes_new)
        made = self.chain.blocks()[lowest - 1 :]
        self._keep_blocks(made)
        log.debug(
            "blocks_made",
            height=self.chain.height,
            blocks=count,
            transactions=sum(len(each.block.transactions) for each in made),
        )
        self._tell_of_blocks()
        return self.chain.height

    def _tell_of_blocks(self) -> None:
        if self.listener is not None:
            self.listener.blocks_changed(self)

    def receive_block(self, block: Block) -> None:
        """Put a peer's block on top, once it is found valid.  Raises InvalidInput otherwise."""
        self.follow(self.chain.height, (block,))

    def follow(self, common_height: int, blocks: Sequence[Block]) -> None:
        """Replace what is above `common_height` (at most 360 blocks) by a peer's blocks.

        What the new branch lacks of the old one waits again.  Raises InvalidInput, and changes
        nothing, if a block is not valid.
        """
        with self._lock:
            keeps_all = common_height == self.chain.height
            self._producer.follow(common_height, blocks)
            self._keep_blocks(
                self.chain.blocks()[common_height:],
                kept_height=None if keeps_all else common_height,
            )

    def rollback(self, blocks: int) -> int:
        """Take the newest blocks back (at most 360); their transactions wait again.

        Returns the new height.  What is confirmed again gets new ids.
        """
        with self._lock:
            kept_height = self._producer.roll_back(blocks)
            self._keep_blocks((), kept_height=kept_height)
            self._tell_of_blocks()
            return self.chain.height

    def fork(self, depth: int, *, blocks: int | None = None) -> int:
        """Replace the newest `depth` blocks by `blocks` empty ones (default: one more).

        What the old branch held waits again, for the block after these.  Returns the new height.
        """
        count = depth + 1 if blocks is None else blocks
        if count < 1:
            raise InvalidInput(f"the new branch must have at least 1 block, not {count}")
        with self._lock:
            kept_height = self._producer.roll_back(depth)
            for _ in range(count):
                self._producer.make(takes_waiting=False)
            self._keep_blocks(self.chain.blocks()[kept_height:], kept_height=kept_height)
            self._tell_of_blocks()
            return self.chain.height

    # asking

    @property
    def is_booted(self) -> bool:
        """Whether the node takes part in the network."""
        return NodeStatus.BOOTED <= self.status < NodeStatus.LOADING

    def check_booted(self) -> None:
        """Raise the server's error for a node that does not take part in the network."""
        if not self.is_booted:
            raise RestError(503, NOT_BOOTED)

    def ask_to_stop(self) -> None:
        """Have whoever serves this node stop serving it."""
        if self.on_stop is not None:
            self.on_stop()

    def is_harvesting(self, address: str) -> bool:
        """Whether an address is the one that makes this node's blocks."""
        return address == self._producer.harvester.address(self.settings.network)

    @property
    def harvester_public_key(self) -> bytes:
        """The key of the account that makes this node's blocks."""
        return self._producer.harvester.public_key

    def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """The REST interface without sockets: status and JSON body.

        `body` is a JSON value, or bytes or a text to be sent as they are.
        """
        request = Request.of(method, path, params=params, body=body, headers=headers)
        reply = respond(self, request)
        return reply.status, reply.body

    def answer_from_past(self, request: Request, blocks: int) -> Reply:
        """Answer a question as the node did so many blocks ago, with nothing waiting."""
        with self._lock:
            return respond(self._past.at(self, max(1, self.height - blocks)), request)

    def _younger_self(self, genesis: Block) -> TestNode:
        return TestNode(self.settings, genesis=genesis, clock=ClockOf(self))
