"""One Ethereum node as the adapter asks it: one method a question, values out, named errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from sauma.chain import BlockRef
from sauma.errors import BadAnswer, InvalidInput, Unavailable, WrongNetwork

from . import replies
from .hexadecimal import read_data, read_hash, read_quantity, write_data, write_quantity
from .replies import BlockReply, FeeHistory, KnownTransaction, Log, Receipt
from .signing import keccak
from .transport import Call, ErrorReply, HttpTransport, Transport

T = TypeVar("T")

LATEST: Final = "latest"
PENDING: Final = "pending"


class NodeClient:
    """One node's JSON-RPC; its methods may be called from several threads.

    Every method raises `Unavailable` when the node does not answer, and `BadAnswer` when it answers
    what cannot be.  Only `send_raw` can have an effect.
    """

    def __init__(self, node: str | Transport, **options: Any) -> None:
        """Speak to the node at an address, or through any transport.

        `options` are those of `HttpTransport` (time-outs, limits).
        """
        if isinstance(node, str):
            self._transport: Transport = HttpTransport(node, **options)
        elif options:
            raise InvalidInput(f"a transport has its own options, not {sorted(options)}")
        else:
            self._transport = node

    @property
    def name(self) -> str:
        """What the node is called in messages."""
        return self._transport.name

    @property
    def transport(self) -> Transport:
        """What carries the calls."""
        return self._transport

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

    def check(self, chain_number: int, contract: bytes, code_hash: bytes) -> None:
        """Raise `WrongNetwork` unless the node serves this chain with this contract on it."""
        found, code = self._ask(
            Call("eth_chainId"), Call("eth_getCode", (write_data(contract), LATEST))
        )
        number = read_quantity(self._result(found, "eth_chainId"), "chain id")
        if number != chain_number:
            raise WrongNetwork(
                f"node {self.name} serves chain {number}, not {chain_number}: name a node of that "
                "chain"
            )
        digest = keccak(read_data(self._result(code, "eth_getCode"), "code"))
        if digest != code_hash:
            raise WrongNetwork(
                f"node {self.name} has code {digest.hex()} at {write_data(contract)}, not "
                f"{code_hash.hex()}: deploy the contract there, or correct the settings"
            )

    def chain_number(self) -> int:
        """Return which chain the node serves, by its EIP-155 number."""
        return read_quantity(self._one(Call("eth_chainId")), "chain id")

    def height(self) -> int:
        """Return the height of the newest block."""
        return read_quantity(self._one(Call("eth_blockNumber")), "block number")

    def code(self, address: bytes) -> bytes:
        """Return the code at an address; empty when there is no contract."""
        return read_data(self._one(Call("eth_getCode", (write_data(address), LATEST))), "code")

    def block(self, at: int | str = LATEST) -> BlockReply | None:
        """Return the block at a height or tag, without transactions, if there is one."""
        return self.blocks([at])[0]

    def blocks(
        self, at: Sequence[int | str], *, whole: bool = False
    ) -> tuple[BlockReply | None, ...]:
        """Return the blocks at heights or tags, in one request; `whole` ones have transactions."""
        calls = [Call("eth_getBlockByNumber", (_at(each), whole)) for each in at]
        found = self._all(calls, replies.block)
        for wanted, each in zip(at, found, strict=True):
            if each is not None and isinstance(wanted, int) and each.ref.height != wanted:
                raise BadAnswer(
                    f"node {self.name} was asked for block {wanted} and answers with block "
                    f"{each.ref.height}: ask another node"
                )
        return found

    def newest(self) -> BlockRef:
        """Return the newest block."""
        return self.known_block(LATEST).ref

    def known_block(self, at: int | str) -> BlockReply:
        """Return a block that the node must have; raises `BadAnswer` when it has not."""
        block = self.block(at)
        if block is None:
            raise BadAnswer(f"node {self.name} has no block {at}: ask another node")
        return block

    def nonces(self, address: bytes) -> tuple[int, int]:
        """Return how many transactions of an account are included, and with those that wait."""
        calls = [
            Call("eth_getTransactionCount", (write_data(address), tag)) for tag in (LATEST, PENDING)
        ]
        included, waiting = self._values(calls, "transaction count")
        return included, max(included, waiting)

    def nonce_at(self, address: bytes, height: int) -> int:
        """Return how many transactions of an account are included up to a block."""
        return read_quantity(
            self._one(Call("eth_getTransactionCount", (write_data(address), _at(height)))),
            "transaction count",
        )

    def ether_wei(self, address: bytes, at: int | str = LATEST) -> int:
        """Return what an account has of ether at a block."""
        return read_quantity(
            self._one(Call("eth_getBalance", (write_data(address), _at(at)))), "balance"
        )

    def fee_history(self, blocks: int, percentile: int) -> FeeHistory:
        """Return what the newest blocks cost per gas, with one percentile of the tips."""
        params = (write_quantity(blocks), LATEST, [percentile])
        return replies.fee_history(self._one(Call("eth_feeHistory", params)))

    def receipts(self, transaction_ids: Sequence[bytes]) -> tuple[Receipt | None, ...]:
        """Return the receipts of transactions, where the node has them, in one request."""
        calls = [Call("eth_getTransactionReceipt", (write_data(each),)) for each in transaction_ids]
        found = self._all(calls, replies.receipt)
        for wanted, each in zip(transaction_ids, found, strict=True):
            self._check_id(wanted, None if each is None else each.transaction_id)
        return found

    def transaction(self, transaction_id: bytes) -> KnownTransaction | None:
        """Return a transaction that the node knows, included or waiting; None proves nothing."""
        call = Call("eth_getTransactionByHash", (write_data(transaction_id),))
        found = self._all([call], replies.known_transaction)[0]
        self._check_id(transaction_id, None if found is None else found.transaction_id)
        return found

    def logs(
        self, contracts: Sequence[bytes], first: int, last: int, topics: Sequence[bytes] = ()
    ) -> tuple[Log, ...] | ErrorReply:
        """Return what contracts told in a range of blocks, or why the node would not say.

        `topics` are those of which the first of an entry must be one; none is all.
        """
        wanted: dict[str, Any] = {
            "address": [write_data(contract) for contract in contracts],
            "fromBlock": write_quantity(first),
            "toBlock": write_quantity(last),
        }
        if topics:
            wanted["topics"] = [[write_data(topic) for topic in topics]]
        reply = self._ask(Call("eth_getLogs", (wanted,)))[0]
        return reply if isinstance(reply, ErrorReply) else replies.logs(reply)

    def call(
        self,
        to: bytes,
        data: bytes,
        *,
        sender: bytes | None = None,
        at: int | str = LATEST,
    ) -> bytes | ErrorReply:
        """Return what a contract answers at a block, or with what it reverts."""
        return self.call_many(to, [data], sender=sender, at=at)[0]

    def call_many(
        self,
        to: bytes,
        datas: Sequence[bytes],
        *,
        sender: bytes | None = None,
        at: int | str = LATEST,
    ) -> list[bytes | ErrorReply]:
        """Return what a contract answers to several questions at a block, in one request."""
        calls = []
        for data in datas:
            message = {"to": write_data(to), "data": write_data(data)}
            if sender is not None:
                message["from"] = write_data(sender)
            calls.append(Call("eth_call", (message, _at(at))))
        return [
            reply if isinstance(reply, ErrorReply) else read_data(reply, "a contract's answer")
            for reply in self._ask(*calls)
        ]

    def estimate_gas(
        self, *, sender: bytes, to: bytes | None, data: bytes, value_wei: int = 0
    ) -> int | ErrorReply:
        """Return how much gas a call would need now, or with what it reverts."""
        message = {"from": write_data(sender), "data": write_data(data)}
        if to is not None:
            message["to"] = write_data(to)
        if value_wei:
            message["value"] = write_quantity(value_wei)
        reply = self._ask(Call("eth_estimateGas", (message,)))[0]
        return reply if isinstance(reply, ErrorReply) else read_quantity(reply, "gas")

    def send_raw(self, raw: bytes) -> bytes | ErrorReply:
        """Give signed bytes to the node; returns the hash that it computed, or why it refuses.

        Raises `Unavailable` when nothing was sent, and `OutcomeUnknown` when it was and no
        understandable answer came back.
        """
        reply = self._transport.send([Call("eth_sendRawTransaction", (write_data(raw),))])[0]
        return reply if isinstance(reply, ErrorReply) else read_hash(reply, "transaction hash")

    def _check_id(self, wanted: bytes, found: bytes | None) -> None:
        if found not in (None, wanted):
            raise BadAnswer(
                f"node {self.name} was asked for transaction {wanted.hex()} and answers with "
                f"another: ask another node"
            )

    def _ask(self, *calls: Call) -> list[Any]:
        return self._transport.ask(calls) if calls else []

    def _one(self, call: Call) -> Any:
        return self._result(self._ask(call)[0], call.method)

    def _values(self, calls: Sequence[Call], name: str) -> list[int]:
        return [
            read_quantity(self._result(reply, call.method), name)
            for call, reply in zip(calls, self._ask(*calls), strict=True)
        ]

    def _all(self, calls: Sequence[Call], reader: Callable[[Any], T]) -> tuple[T | None, ...]:
        found = []
        for call, reply in zip(calls, self._ask(*calls), strict=True):
            document = self._result(reply, call.method)
            found.append(None if document is None else reader(document))
        return tuple(found)

    def _result(self, reply: Any, method: str) -> Any:
        """Return a result; an error to a question that has an answer means: not now, not here."""
        if isinstance(reply, ErrorReply):
            raise Unavailable(
                f"node {self.name} does not answer {method}: {reply}; repeat the call or ask "
                "another node"
            )
        return reply


def _at(at: int | str) -> str:
    return write_quantity(at) if isinstance(at, int) else at
