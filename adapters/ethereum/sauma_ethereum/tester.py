"""An Ethereum chain inside this process: eth-tester's EVM behind the JSON-RPC that nodes speak.

eth-tester holds one waiting transaction of a sender and mines it at once, so the pool in front of it
is ours: it keeps several a sender, replaces for ten percent more, and blocks come when asked for.
Most questions are answered from the blocks that were made: eth-tester takes a multiple of the EVM's time
to check and to translate every question.
"""

from __future__ import annotations

import ast
import json
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

# py-evm raises the interpreter's recursion limit when it is imported, so high that nested input would
# overflow the stack of the whole process; contracts here nest a few calls, so the host's limit stays.
_recursion_limit = sys.getrecursionlimit()
from eth_tester import EthereumTester, PyEVMBackend  # noqa: E402
from web3 import Web3  # noqa: E402
from web3.providers.eth_tester import EthereumTesterProvider  # noqa: E402

sys.setrecursionlimit(_recursion_limit)

from sauma.errors import InvalidInput  # noqa: E402

from .branches import branch_coinbase  # noqa: E402
from .hexadecimal import write_data, write_quantity  # noqa: E402
from .tester_blocks import MadeBlock, plain  # noqa: E402
from .tester_calls import KeptCalls, TesterCall  # noqa: E402
from .transactions import FeeTransaction, parse_raw  # noqa: E402
from .transport import Call, ErrorReply, reply_of  # noqa: E402

BLOCK_SECONDS: Final = 12
REFUSED: Final = -32000
_NEWEST: Final = ("latest", "pending", "safe", "finalized")


@attrs.frozen(kw_only=True)
class _Waiting:
    transaction: FeeTransaction
    sender: bytes
    transaction_id: bytes
    raw: bytes


@attrs.frozen(kw_only=True)
class _Snapshot:
    """Everything that makes a chain but what waits in the pool."""

    blocks: tuple[MadeBlock, ...]
    branch: int
    header: Any
    """Of the block that comes next."""
    database: Mapping[bytes, bytes]


class TesterNode:
    """A chain in memory with a pool, as a `Transport`; its blocks are made by `mine` alone."""

    name = "eth-tester"

    def __init__(self, *, genesis_time_s: int | None = None) -> None:
        """Begin at the genesis block, with eth-tester's ten rich accounts.

        The same `genesis_time_s` and transactions give the same blocks; without one it is now.
        """
        given = {} if genesis_time_s is None else {"timestamp": genesis_time_s}
        backend = PyEVMBackend(PyEVMBackend.generate_genesis_params(given))
        self._tester = EthereumTester(backend, auto_mine_transactions=False)
        provider = EthereumTesterProvider(self._tester)
        web3 = Web3(provider, middleware=[])
        self._request = provider.request_func(web3, web3.middleware_onion)
        self._pool: dict[tuple[bytes, int], _Waiting] = {}
        self._pause_seconds = BLOCK_SECONDS
        self._branch = 0
        self._lock = threading.RLock()
        self._chain_number = int(self._request("eth_chainId", [])["result"])
        genesis = backend.chain.get_canonical_block_by_number(0)
        self._blocks = [MadeBlock.of(genesis, (), None)]
        self._calls = KeptCalls(backend)
        self._nobody = bytes(backend.get_accounts()[0])
        self._snapshots: list[_Snapshot] = []

    @property
    def chain_number(self) -> int:
        """The EIP-155 number of every chain of eth-tester."""
        return self._chain_number

    @property
    def rich_keys(self) -> tuple[bytes, ...]:
        """The private keys of accounts that have ether from the beginning."""
        return tuple(key.to_bytes() for key in self._tester.backend.account_keys)

    def ask(self, calls: Sequence[Call]) -> list[Any]:
        """Return the result, or an `ErrorReply`, of each call."""
        with self._lock:
            return [self._answer(call) for call in calls]

    def send(self, calls: Sequence[Call]) -> list[Any]:
        """Return the result, or an `ErrorReply`, of each call."""
        return self.ask(calls)

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def mine(self, blocks: int = 1) -> None:
        """Make blocks, the first with all of the pool that it can take."""
        with self._lock:
            for _ in range(blocks):
                self._mine_one()

    def rollback(self, blocks: int) -> None:
        """Undo the newest blocks; what they had does not return to the pool, as after anvil's."""
        with self._lock:
            height = self._height()
            if not 0 < blocks <= height:
                raise InvalidInput(f"{blocks} of {height} blocks cannot be undone")
            self._return_to(height - blocks)

    def snapshot(self) -> int:
        """Return a token for the chain as it is now, to `revert` to."""
        with self._lock:
            chain = self._tester.backend.chain
            kept = _Snapshot(
                blocks=tuple(self._blocks),
                branch=self._branch,
                header=chain.header,
                database=dict(chain.chaindb.db.wrapped_db.kv_store),
            )
            self._snapshots.append(kept)
            return len(self._snapshots) - 1

    def revert(self, snapshot: int) -> int:
        """Return to a snapshot with an empty pool; returns the token to revert to once more.

        What is made from then on is a branch of its own.
        """
        with self._lock:
            branches = self._branch
            self.replay_from(snapshot)
            self._branch = branches + 1
            return snapshot

    def replay_from(self, snapshot: int) -> None:
        """Return to a snapshot as if nothing had been since: the same calls give the same blocks."""
        with self._lock:
            kept = self._snapshots[snapshot]
            chain = self._tester.backend.chain
            database = chain.chaindb.db.wrapped_db.kv_store
            database.clear()
            database.update(kept.database)
            chain.header = kept.header
            self._blocks, self._branch = [*kept.blocks], kept.branch
            self._pool.clear()
            self._pause_seconds = BLOCK_SECONDS

    def pass_time(self, seconds: int) -> None:
        """Make the next block come so much later."""
        with self._lock:
            self._pause_seconds += seconds

    def drop(self, transaction_id: bytes) -> None:
        """Forget a waiting transaction."""
        with self._lock:
            self._pool = {
                slot: waiting
                for slot, waiting in self._pool.items()
                if waiting.transaction_id != transaction_id
            }

    def _answer(self, call: Call) -> Any:
        match call.method, call.params:
            case "eth_sendRawTransaction", (raw,):
                return self._accept(bytes.fromhex(raw[2:]))
            case "eth_chainId", _:
                return write_quantity(self._chain_number)
            case "eth_blockNumber", _:
                return write_quantity(self._height())
            case "eth_getBlockByNumber", (at, whole):
                return _shown(self._at(at), whole)
            case "eth_getBlockByHash", (block_hash, whole):
                return _shown(self._with_hash(block_hash), whole)
            case "eth_getTransactionByHash", (transaction_id,):
                return self._known(transaction_id)
            case "eth_getTransactionReceipt", (transaction_id,):
                found = (each.receipts.get(transaction_id) for each in reversed(self._blocks))
                return next((each for each in found if each is not None), None)
            case "eth_getLogs", ({"address": str() | list(), "fromBlock": str()} as wanted,):
                return self._logs(wanted)
            case "eth_getTransactionCount", (sender, "pending"):
                return write_quantity(self._next_nonce(bytes.fromhex(sender[2:])))
        return self._answer_of_state(call)

    def _answer_of_state(self, call: Call) -> Any:
        """Return what the EVM says, kept with the block whose state it is, or with the newest one."""
        backend = self._tester.backend
        match call.method, call.params:
            case "eth_getTransactionCount" | "eth_getBalance" | "eth_getCode", (address, at):
                ask = {
                    "eth_getTransactionCount": backend.get_nonce,
                    "eth_getBalance": backend.get_balance,
                    "eth_getCode": backend.get_code,
                }[call.method]
                block = self._at(at)
                if block is not None:
                    account, height = bytes.fromhex(address[2:]), block.height
                    return block.answer((call.method, account), lambda: plain(ask(account, height)))
            case "eth_call", (message, at):
                block = self._at(at)
                if block is not None:
                    height = block.height
                    return block.answer(
                        (call.method, *sorted(message.items())),
                        lambda: self._executed(message, height),
                    )
        question = (call.method, json.dumps(call.params))
        return self._blocks[-1].answer(question, lambda: self._pass_on(call))

    def _executed(self, message: Mapping[str, str], height: int) -> Any:
        """Return what a call gives at a block."""
        from_ = message.get("from")
        sender = self._nobody if from_ is None else bytes.fromhex(from_[2:])
        target = bytes.fromhex(message["to"][2:])
        payload = bytes.fromhex(message.get("data", "0x")[2:])
        value = int(message.get("value", "0x0"), 16)
        if not value:
            call = TesterCall(sender=sender, target=target, payload=payload)
            output = self._calls.output(call, height)
            if output is not None:
                return write_data(output)
        transaction = {"from": sender, "to": target, "data": payload, "value": value}
        try:
            return write_data(self._tester.backend.call(transaction, height))
        except Exception as error:  # as many kinds of refusal as the EVM has
            return ErrorReply(code=3, message=str(error)[:200], data=_revert_data(error))

    def _known(self, transaction_id: str) -> Any:
        waiting = self._waiting(transaction_id)
        if waiting is not None:
            return _pending(waiting)
        found = (each.transaction(transaction_id) for each in reversed(self._blocks))
        return next((each for each in found if each is not None), None)

    def _logs(self, wanted: Mapping[str, Any]) -> list[Any]:
        first, last = (
            self._height() if at in _NEWEST else int(at, 16)
            for at in (wanted["fromBlock"], wanted.get("toBlock", "latest"))
        )
        return [each for block in self._blocks[first : last + 1] for each in block.logs(wanted)]

    def _at(self, at: str) -> MadeBlock | None:
        if at in _NEWEST:
            return self._blocks[-1]
        height = 0 if at == "earliest" else int(at, 16)
        return self._blocks[height] if height < len(self._blocks) else None

    def _with_hash(self, block_hash: str) -> MadeBlock | None:
        return next((each for each in self._blocks if each.block_hash == block_hash), None)

    def _pass_on(self, call: Call) -> Any:
        try:
            document = self._request(call.method, list(call.params))
        except Exception as error:  # eth-tester tells of reverts and refusals by many exceptions
            return ErrorReply(code=3, message=str(error)[:200], data=_revert_data(error))
        return reply_of(plain(document), self.name)

    def _accept(self, raw: bytes) -> Any:
        """Take a transaction into the pool by the rules that nodes have."""
        try:
            transaction = parse_raw(raw)
        except InvalidInput as error:
            return ErrorReply(code=REFUSED, message=str(error))
        sender, transaction_id = transaction.sender(), transaction.transaction_id()
        refusal = None
        if sender is None or transaction.chain_number != self.chain_number:
            refusal = "invalid sender or chain id"
        elif self._waiting(write_data(transaction_id)) is not None:
            refusal = "already known"
        elif transaction.nonce < self._nonce(sender):
            refusal = "nonce too low"
        elif transaction.cost_wei_max > self._ether_wei(sender):
            refusal = "insufficient funds for gas * price + value"
        elif not _outbids(transaction, self._pool.get((sender, transaction.nonce))):
            refusal = "replacement transaction underpriced"
        if refusal is not None or sender is None:
            return ErrorReply(code=REFUSED, message=refusal or "")
        self._pool[sender, transaction.nonce] = _Waiting(
            transaction=transaction, sender=sender, transaction_id=transaction_id, raw=raw
        )
        return write_data(transaction_id)

    def _mine_one(self) -> None:
        chain = self._tester.backend.chain
        parent = chain.get_canonical_block_header_by_number(self._height())
        chain.header = chain.header.copy(timestamp=parent.timestamp + self._pause_seconds)
        self._pause_seconds = BLOCK_SECONDS
        taken = self._executable(chain.header.base_fee_per_gas, chain.header.gas_limit)
        builder = chain.get_transaction_builder()
        made, receipts, _ = chain.mine_all(
            [builder.decode(each.raw) for each in taken],
            mix_hash=bytes(32),
            coinbase=branch_coinbase(self._branch),
        )
        block = made.imported_block
        self._blocks.append(MadeBlock.of(block, receipts, chain.get_vm(block.header)))
        for each in taken:
            self._pool.pop((each.sender, each.transaction.nonce), None)

    def _return_to(self, height: int) -> None:
        """Undo what is above a block; what comes instead is a branch of its own."""
        block = self._tester.backend.chain.get_canonical_block_by_number(height)
        self._tester.backend.revert_to_snapshot(block.hash)
        del self._blocks[height + 1 :]
        self._branch += 1

    def _executable(self, base_fee_wei: int, gas_left: int) -> list[_Waiting]:
        """Return what the next block takes: each sender's in order of nonce, while paid and fitting."""
        taken: list[_Waiting] = []
        for sender in sorted({each.sender for each in self._pool.values()}):
            nonce, wei = self._nonce(sender), self._ether_wei(sender)
            for old in [slot for slot in self._pool if slot[0] == sender and slot[1] < nonce]:
                del self._pool[old]
            while (waiting := self._pool.get((sender, nonce))) is not None:
                transaction = waiting.transaction
                wei -= transaction.cost_wei_max
                gas_left -= transaction.gas_max
                if transaction.fee_wei_max < base_fee_wei or wei < 0 or gas_left < 0:
                    gas_left += transaction.gas_max
                    break
                taken.append(waiting)
                nonce += 1
        return taken

    def _waiting(self, transaction_id: str) -> _Waiting | None:
        wanted = bytes.fromhex(transaction_id[2:])
        for waiting in self._pool.values():
            if waiting.transaction_id == wanted:
                return waiting
        return None

    def _next_nonce(self, sender: bytes) -> int:
        nonce = self._nonce(sender)
        while (sender, nonce) in self._pool:
            nonce += 1
        return nonce

    def _nonce(self, sender: bytes) -> int:
        return self._quantity("eth_getTransactionCount", sender)

    def _ether_wei(self, sender: bytes) -> int:
        return self._quantity("eth_getBalance", sender)

    def _height(self) -> int:
        return len(self._blocks) - 1

    def _quantity(self, method: str, account: bytes) -> int:
        return int(self._answer_of_state(Call(method, (write_data(account), "latest"))), 16)


def _outbids(transaction: FeeTransaction, waiting: _Waiting | None) -> bool:
    """Tell whether a transaction offers ten percent more of both fees than the one it replaces."""
    if waiting is None:
        return True
    old = waiting.transaction
    return (
        10 * transaction.fee_wei_max >= 11 * old.fee_wei_max
        and 10 * transaction.priority_fee_wei >= 11 * old.priority_fee_wei
    )


def _shown(block: MadeBlock | None, whole: bool) -> dict[str, Any] | None:
    if block is None:
        return None
    return block.whole if whole else block.document


def _pending(waiting: _Waiting) -> dict[str, Any]:
    return {
        "hash": write_data(waiting.transaction_id),
        "from": write_data(waiting.sender),
        "nonce": write_quantity(waiting.transaction.nonce),
        "blockHash": None,
    }


def _revert_data(error: BaseException | None) -> str | None:
    """Return what a contract reverted with: eth-tester's own error, at the root of web3's, has it."""
    while error is not None:
        for argument in error.args:
            if isinstance(argument, str) and argument.startswith(("b'", 'b"')):
                argument = ast.literal_eval(argument)  # eth-tester shows bytes as Python does
            if isinstance(argument, bytes):
                return write_data(argument)
        error = error.__cause__ or error.__context__
    return None
