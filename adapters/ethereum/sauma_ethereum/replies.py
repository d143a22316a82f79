"""What a node's answers mean: JSON in, values out, `BadAnswer` for what cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from sauma.chain import BlockRef
from sauma.errors import BadAnswer

from .hexadecimal import read_address, read_data, read_hash, read_quantity


@attrs.frozen(kw_only=True)
class BlockTransaction:
    """A transaction as a block lists it; a block that was asked for hashes has none."""

    transaction_id: bytes
    sender: bytes
    to: bytes | None
    nonce: int
    value_wei: int
    data: bytes


@attrs.frozen(kw_only=True)
class BlockReply:
    """A block: its place and time, the fee it burned per gas, and its transactions."""

    ref: BlockRef
    parent_hash: bytes
    base_fee_wei: int
    gas_max: int
    transactions: tuple[BlockTransaction, ...]


@attrs.frozen(kw_only=True)
class Log:
    """What a contract told while a transaction ran."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    height: int
    block_hash: bytes
    transaction_id: bytes
    transaction_index: int
    log_index: int


@attrs.frozen(kw_only=True)
class Receipt:
    """How an included transaction went, and what it cost."""

    transaction_id: bytes
    height: int
    block_hash: bytes
    transaction_index: int
    sender: bytes
    succeeded: bool
    gas_used: int
    gas_price_wei: int
    contract_address: bytes | None
    logs: tuple[Log, ...]

    @property
    def fee_wei(self) -> int:
        """What the sender paid for the gas."""
        return self.gas_used * self.gas_price_wei


@attrs.frozen(kw_only=True)
class KnownTransaction:
    """A transaction that a node knows by its hash, included or waiting."""

    transaction_id: bytes
    sender: bytes
    nonce: int
    block_hash: bytes | None


@attrs.frozen(kw_only=True)
class FeeHistory:
    """What recent blocks burned and paid per gas; the last base fee is the next block's."""

    base_fees_wei: tuple[int, ...]
    gas_used_ratios: tuple[float, ...]
    rewards_wei: tuple[tuple[int, ...], ...]


def block(document: Any) -> BlockReply:
    """Read a block, with transactions if they are whole and not only hashes."""
    fields = _object(document, "a block")
    base_fee = fields.get("baseFeePerGas")
    return BlockReply(
        ref=BlockRef(
            height=read_quantity(fields.get("number"), "number"),
            block_hash=read_hash(fields.get("hash"), "hash"),
            time=_time(read_quantity(fields.get("timestamp"), "timestamp")),
        ),
        parent_hash=read_hash(fields.get("parentHash"), "parentHash"),
        base_fee_wei=0 if base_fee is None else read_quantity(base_fee, "baseFeePerGas"),
        gas_max=read_quantity(fields.get("gasLimit"), "gasLimit"),
        transactions=tuple(
            _transaction(each)
            for each in _list(fields.get("transactions"), "transactions")
            if not isinstance(each, str)
        ),
    )


def receipt(document: Any) -> Receipt:
    """Read a receipt."""
    fields = _object(document, "a receipt")
    contract = fields.get("contractAddress")
    return Receipt(
        transaction_id=read_hash(fields.get("transactionHash"), "transactionHash"),
        height=read_quantity(fields.get("blockNumber"), "blockNumber"),
        block_hash=read_hash(fields.get("blockHash"), "blockHash"),
        transaction_index=read_quantity(fields.get("transactionIndex"), "transactionIndex"),
        sender=read_address(fields.get("from"), "from"),
        succeeded=read_quantity(fields.get("status"), "status") == 1,
        gas_used=read_quantity(fields.get("gasUsed"), "gasUsed"),
        gas_price_wei=read_quantity(fields.get("effectiveGasPrice"), "effectiveGasPrice"),
        contract_address=None if contract is None else read_address(contract, "contractAddress"),
        logs=tuple(log(each) for each in _list(fields.get("logs"), "logs")),
    )


def log(document: Any) -> Log:
    """Read a log entry; raises `BadAnswer` for one that was taken back, which nobody asked for."""
    fields = _object(document, "a log entry")
    if fields.get("removed"):
        raise BadAnswer("the node gives a removed log entry: it follows another chain, ask another")
    return Log(
        address=read_address(fields.get("address"), "address"),
        topics=tuple(read_hash(each, "topic") for each in _list(fields.get("topics"), "topics")),
        data=read_data(fields.get("data"), "data"),
        height=read_quantity(fields.get("blockNumber"), "blockNumber"),
        block_hash=read_hash(fields.get("blockHash"), "blockHash"),
        transaction_id=read_hash(fields.get("transactionHash"), "transactionHash"),
        transaction_index=read_quantity(fields.get("transactionIndex"), "transactionIndex"),
        log_index=read_quantity(fields.get("logIndex"), "logIndex"),
    )


def logs(document: Any) -> tuple[Log, ...]:
    """Read a list of log entries."""
    return tuple(log(each) for each in _list(document, "logs"))


def known_transaction(document: Any) -> KnownTransaction:
    """Read a transaction that was asked for by its hash."""
    fields = _object(document, "a transaction")
    block_hash = fields.get("blockHash")
    return KnownTransaction(
        transaction_id=read_hash(fields.get("hash"), "hash"),
        sender=read_address(fields.get("from"), "from"),
        nonce=read_quantity(fields.get("nonce"), "nonce"),
        block_hash=None if block_hash is None else read_hash(block_hash, "blockHash"),
    )


def fee_history(document: Any) -> FeeHistory:
    """Read what recent blocks cost per gas."""
    fields = _object(document, "a fee history")
    base_fees = _list(fields.get("baseFeePerGas"), "baseFeePerGas")
    if not base_fees:
        raise BadAnswer("the node gives a fee history without a block: ask another")
    return FeeHistory(
        base_fees_wei=tuple(read_quantity(each, "baseFeePerGas") for each in base_fees),
        gas_used_ratios=tuple(
            float(each) for each in _list(fields.get("gasUsedRatio"), "gasUsedRatio")
        ),
        rewards_wei=tuple(
            tuple(read_quantity(each, "reward") for each in _list(row, "reward"))
            for row in fields.get("reward") or ()
        ),
    )


def _transaction(document: Any) -> BlockTransaction:
    fields = _object(document, "a transaction")
    to = fields.get("to")
    return BlockTransaction(
        transaction_id=read_hash(fields.get("hash"), "hash"),
        sender=read_address(fields.get("from"), "from"),
        to=None if to in (None, "0x") else read_address(to, "to"),
        nonce=read_quantity(fields.get("nonce"), "nonce"),
        value_wei=read_quantity(fields.get("value"), "value"),
        data=read_data(fields.get("input", fields.get("data")), "input"),
    )


def _time(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadAnswer(f"the node gives the time {seconds}, which is no date") from error


def _object(document: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        raise BadAnswer(f"the node gives {str(document)[:60]!r} instead of {name}: ask another")
    return document


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadAnswer(f"the node gives {name} as {str(value)[:60]!r}, not as a list: ask another")
    return value
