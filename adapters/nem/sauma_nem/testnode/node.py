"""A NIS1 node in this process: announce, make blocks, take them back, ask."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any

import attrs

from sauma.errors import InvalidInput
from sauma.logs import get_logger
from sauma_nem.binary import serialise_block
from sauma_nem.network import REST_PORT, TESTNET, Network, check_address
from sauma_nem.parsing import parse_announced, parse_block, parse_verifiable
from sauma_nem.signing import KeyPair
from sauma_nem.transactions import Block, MosaicId, Transaction
from sauma_nem.unreadable import Unreadable

from .block_making import choose
from .chain import Chain, ConfirmedBlock
from .clock import ManualClock, NodeClock, node_seconds
from .genesis import genesis_block
from .history import ConfirmedTransaction
from .keeping import Keeper, settle
from .received import check_received
from .reception import Answer, Reception
from .rest import Request, respond
from .results import RestError
from .settings import NodeSettings
from .state import Account, Ledger
from .storage import NoStorage, SqliteStorage

log = get_logger(__name__)


class NodeStatus(IntEnum):
    """What `/status` says; below `BOOTED` most routes answer 503."""

    UNKNOWN = 0
    STOPPED = 1
    STARTING = 2
    RUNNING = 3
    BOOTING = 4
    BOOTED = 5
    SYNCHRONIZED = 6
    NO_REMOTE_NODE_AVAILABLE = 7
    LOADING = 8


class TestNode:
    """One node of a network of one: the server's rules, without its peers.

    All methods may be called from several threads.  With a `path` everything answered for
    outlives the process.  A `ManualClock` (the default) stands still except that each block moves
    it on by the network's block time; with a `WallClock` blocks bear the machine's time, and
    those made in one second share it.
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
    ) -> None:
        """Start from the genesis, or go on with the chain in `path`.

        `genesis` replaces the block that the settings would make.  Raises Conflict if the file
        holds another network than the settings say (with `file_wins` the file's are taken), and
        StoreBusy if another node has it open.
        """
        self._lock = threading.RLock()
        self._fork_seconds = 0
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
        self._harvester = KeyPair(self.settings.harvester_private_key)
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
        self.clock = clock if clock is not None else ManualClock(network_time_ms)
        self._reception = Reception(self.chain, self.settings, first.signer)
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
            network_time_ms=self.now_ms(),
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
        """Milliseconds since the NEM epoch, by the node's clock."""
        return self.clock.network_time_ms()

    def now_seconds(self) -> int:
        """NEM seconds by the node's clock."""
        return node_seconds(self.clock)

    def set_time(self, seconds: int) -> None:
        """Set a manual clock to NEM seconds."""
        self._set_time_ms(seconds * 1_000)

    def advance(self, seconds: int) -> None:
        """Move a manual clock on by so many seconds."""
        with self._lock:
            self._set_time_ms(self.now_ms() + seconds * 1_000)

    def _set_time_ms(self, network_time_ms: int) -> None:
        with self._lock:
            if not isinstance(self.clock, ManualClock):
                raise InvalidInput("the node's clock runs by itself; give it a ManualClock")
            self.clock.set_ms(network_time_ms)
            self._reception.drop_expired(self.now_seconds())
            self._keeper.keep_time(network_time_ms, self._reception.pool.entries())

    # announcing

    def announce(self, data: bytes, signature: bytes) -> Answer:
        """What POST /transaction/announce does, without the HTTP.

        `data` are the non-verifiable bytes.  Raises RestError where the server answers with an
        HTTP error instead of a result.
        """
        with self._lock:
            self._drop_expired()
            try:
                transaction = parse_announced(
                    data, signature=signature, network=self.settings.network
                )
                answer = self._reception.receive(transaction, self.now_seconds())
            except Unreadable as error:
                raise RestError(error.server_status, error.server_message) from error
            if answer.changed is not None:
                self._keeper.keep_announced(answer.changed)
            log.debug(
                "transaction_announced",
                result=answer.result.name,
                transaction_hash=answer.entry.transaction_hash.hex(),
            )
            if self.auto_mine and answer.changed is not None:
                self._mine(1, takes_new=True)
            return answer

    def waiting(self) -> tuple[Transaction, ...]:
        """The unconfirmed transactions in order of arrival."""
        with self._lock:
            self._drop_expired()
            return tuple(entry.transaction for entry in self._reception.pool.entries())

    def drop(self, transaction_hash: bytes) -> bool:
        """Forget a waiting transaction and what depends on it; whether it waited.

        A server does so when it starts anew or its pool is full.  Announced again it is taken again.
        """
        with self._lock:
            dropped = self._reception.drop(transaction_hash, self.now_seconds())
            if dropped:
                self._keeper.keep_time(self.now_ms(), self._reception.pool.entries())
            return dropped

    def _drop_expired(self) -> None:
        if self._reception.drop_expired(self.now_seconds()):
            self._keeper.keep_time(self.now_ms(), self._reception.pool.entries())

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
            self._make_block(takes_new=takes_new)
        made = self.chain.blocks()[lowest - 1 :]
        self._keep_blocks(made)
        log.debug(
            "blocks_made",
            height=self.chain.height,
            blocks=count,
            transactions=sum(len(each.block.transactions) for each in made),
        )
        return self.chain.height

    def _make_block(self, *, takes_new: bool = False, takes_waiting: bool = True) -> None:
        time_seconds = self._next_block_seconds(takes_new=takes_new)
        transactions: tuple[Transaction, ...] = ()
        pool = self._reception.pool
        if takes_waiting and len(pool):
            transactions = choose(
                pool.candidates(time_seconds),
                confirmed=self.chain.ledger,
                context=self._reception.context(self.chain.ledger, time_seconds),
                harvester=self._harvester.public_key,
                transactions_max=self.settings.block_transactions_max,
            )
        block = Block(
            network_byte=self.settings.network.byte,
            version=1,
            kind=1,
            timestamp_seconds=time_seconds,
            signer=self._harvester.public_key,
            signature=None,
            previous_hash=self.chain.tip.block_hash,
            height=self.chain.height + 1,
            transactions=transactions,
        )
        signature = self._harvester.sign(serialise_block(block))
        self.chain.append(attrs.evolve(block, signature=signature))
        self._reception.judge_again(self.now_seconds())

    def _next_block_seconds(self, *, takes_new: bool) -> int:
        if isinstance(self.clock, ManualClock):
            self.clock.set_ms(
                self.clock.network_time_ms() + self.settings.block_target_seconds * 1_000
            )
        earliest = max(self.chain.tip.block.timestamp_seconds, self._fork_seconds)
        if takes_new:
            # A block takes only what is older than itself; auto-mining must not miss the newest.
            newest = [
                entry.transaction.timestamp_seconds + 1 for entry in self._reception.pool.entries()
            ]
            earliest = max([earliest, *newest])
        return max(self.now_seconds(), earliest)

    def receive_block(self, block: Block) -> None:
        """Put a peer's block on top, once it is found valid.  Raises InvalidInput otherwise."""
        with self._lock:
            check_received(
                block,
                self.chain,
                self._reception.context(Ledger(self.chain.ledger), block.timestamp_seconds),
                transactions_max=self.settings.block_transactions_max,
            )
            self.chain.append(block)
            self._reception.judge_again(self.now_seconds())
            self._keep_blocks((self.chain.tip,))

    def rollback(self, blocks: int) -> int:
        """Take the newest blocks back (at most 360); their transactions wait again.

        Returns the new height.  What is confirmed again gets new ids.
        """
        with self._lock:
            kept_height = self._roll_back(blocks)
            self._keep_blocks((), kept_height=kept_height)
            return kept_height

    def fork(self, depth: int, *, blocks: int | None = None) -> int:
        """Replace the newest `depth` blocks by `blocks` empty ones (default: one more).

        What the old branch held waits again, for the block after these.  Returns the new height.
        """
        count = depth + 1 if blocks is None else blocks
        if count < 1:
            raise InvalidInput(f"the new branch must have at least 1 block, not {count}")
        with self._lock:
            kept_height = self._roll_back(depth)
            for _ in range(count):
                self._make_block(takes_waiting=False)
            self._keep_blocks(self.chain.blocks()[kept_height:], kept_height=kept_height)
            return self.chain.height

    def _roll_back(self, blocks: int) -> int:
        limit = self.chain.rollback_limit()
        if not 1 <= blocks <= limit:
            raise InvalidInput(f"{blocks} blocks cannot be taken back; between 1 and {limit} can")
        removed = self.chain.remove_last(blocks)
        # Blocks made anew must differ, or a branch would grow into the one it replaces.
        self._fork_seconds = removed[0].block.timestamp_seconds + 1
        returned = tuple(each for confirmed in removed for each in confirmed.block.transactions)
        self._reception.judge_again(self.now_seconds(), returned)
        log.info("blocks_rolled_back", blocks=blocks, height=self.chain.height)
        return self.chain.height

    # asking

    @property
    def height(self) -> int:
        """The height of the newest block."""
        return self.chain.height

    def account(self, address: str) -> Account:
        """The confirmed account of an address; an unknown one is empty."""
        with self._lock:
            return self.chain.ledger.account(check_address(address, self.settings.network))

    def balance_micro(self, address: str) -> int:
        """Confirmed micro XEM."""
        return self.account(address).balance_micro

    def mosaic_units(self, address: str, mosaic_id: MosaicId | str) -> int:
        """Confirmed smallest units of a mosaic; 0 for an unknown one."""
        wanted = MosaicId.parse(mosaic_id) if isinstance(mosaic_id, str) else mosaic_id
        with self._lock:
            entry = self.chain.ledger.mosaic(wanted)
            return 0 if entry is None else self.chain.ledger.units_of(address, entry)

    def block(self, height: int) -> Block | None:
        """A block of the chain."""
        with self._lock:
            confirmed = self.chain.at(height)
            return None if confirmed is None else confirmed.block

    def confirmed(self, transaction_hash: bytes) -> ConfirmedTransaction | None:
        """A confirmed transaction by its hash."""
        with self._lock:
            return self.chain.confirmed(transaction_hash)

    def is_harvesting(self, address: str) -> bool:
        """Whether an address is the one that makes this node's blocks."""
        return address == self._harvester.address(self.settings.network)

    @property
    def harvester_public_key(self) -> bytes:
        """The key of the account that makes this node's blocks."""
        return self._harvester.public_key

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
