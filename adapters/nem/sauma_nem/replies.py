"""What a node answers, as values: each member is looked at before it is believed."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

import attrs

from sauma.chain import BlockRef
from sauma.errors import BadAnswer

from .binary import transaction_hash
from .codec import block_ref_of
from .json_form import (
    block_from_json,
    mosaic_definition_from_json,
    mosaic_id_from_json,
    transaction_from_json,
)
from .network import HASH_BYTES, PUBLIC_KEY_BYTES
from .transactions import Block, MosaicDefinition, MosaicId, Transaction
from .unreadable import Unreadable

T = TypeVar("T")

_NOT_UNDERSTOOD: Final = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    IndexError,
    OverflowError,
    RecursionError,
    struct.error,
)
"""What reading raises when members are absent, of another type or too large for NEM's fields."""


@attrs.frozen(kw_only=True)
class NodeInfo:
    """Which network a node serves, and with which version."""

    network_id: int
    version: str


@attrs.frozen(kw_only=True)
class AccountState:
    """A confirmed account; one that was never heard of has nothing."""

    address: str
    balance_micro: int
    public_key: bytes | None
    cosignatories: frozenset[str]
    """The addresses that sign for it, if it is a multisig account."""
    cosignatures_needed: int
    """How many of them must sign; 0 for an ordinary account."""

    @property
    def is_multisig(self) -> bool:
        """Tell whether it is a multisig account, which signs nothing itself."""
        return self.cosignatures_needed > 0


@attrs.frozen(kw_only=True)
class NamespaceState:
    """An active namespace, with the height from which its rent counts."""

    name: str
    owner: str
    height: int


@attrs.frozen(kw_only=True)
class ChainBlock:
    """A block, with the hash that follows from its contents."""

    ref: BlockRef
    block: Block

    @property
    def transaction_ids(self) -> Iterator[bytes]:
        """The hashes of its transactions, of multisig wrappers the outer ones."""
        return map(transaction_hash, self.block.transactions)


@attrs.frozen(kw_only=True)
class ConfirmedTransaction:
    """A transaction of the chain with its hash, and the height of its block."""

    height: int
    transaction_id: bytes


@attrs.frozen(kw_only=True)
class ListedTransaction:
    """A confirmed transaction in a list of an account, with the node's own number of it."""

    listed_id: int
    height: int
    transaction_id: bytes
    transaction: Transaction


@attrs.frozen(kw_only=True)
class WaitingTransaction:
    """A transaction of the pool with its hash, which the node does not tell."""

    transaction_id: bytes
    transaction: Transaction


@attrs.frozen(kw_only=True)
class Announcement:
    """A node's result for announced bytes, and the hash that it computed of them."""

    code: int
    name: str
    transaction_hash: bytes | None


def read(reader: Callable[[Mapping[str, Any]], T], document: Mapping[str, Any]) -> T:
    """Return what a reader makes of a reply; raises `BadAnswer` for one that it cannot read."""
    try:
        return reader(document)
    except Unreadable as error:
        raise BadAnswer(
            f"the node answers what cannot be read: {error}; ask another node"
        ) from error
    except _NOT_UNDERSTOOD as error:
        shown = str(document)[:120]
        raise BadAnswer(
            f"the node answers {shown}, which is not understood: ask another node"
        ) from error


def integer(document: Mapping[str, Any], name: str) -> int:
    """Return a member that must be an integer of at least 0 (the network's id may be below)."""
    value = document[name]
    if type(value) is not int or (value < 0 and name != "networkId"):
        raise ValueError(f"{name} is {value!r}")
    return value


def text(document: Mapping[str, Any], name: str) -> str:
    """Return a member that must be text."""
    value = document[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r}")
    return value


def node_info(document: Mapping[str, Any]) -> NodeInfo:
    """GET /node/info."""
    return NodeInfo(
        network_id=integer(document["metaData"], "networkId"),
        version=text(document["metaData"], "version"),
    )


def account(document: Mapping[str, Any]) -> AccountState:
    """GET /account/get."""
    row = document["account"]
    key = row["publicKey"]
    cosignatories = frozenset(text(each, "address") for each in document["meta"]["cosignatories"])
    return AccountState(
        address=text(row, "address"),
        balance_micro=integer(row, "balance"),
        public_key=None if key is None else _octets(key, PUBLIC_KEY_BYTES),
        cosignatories=cosignatories,
        cosignatures_needed=_cosignatures_needed(row.get("multisigInfo"), len(cosignatories)),
    )


def _cosignatures_needed(info: Mapping[str, Any] | None, cosignatories: int) -> int:
    """Return how many must sign; a minimum of 0 means all of them."""
    if not info:
        return 0
    return integer(info, "minCosignatories") or max(1, cosignatories)


def owned_mosaics(document: Mapping[str, Any]) -> dict[MosaicId, int]:
    """GET /account/mosaic/owned."""
    return {
        mosaic_id_from_json(row["mosaicId"]): integer(row, "quantity") for row in document["data"]
    }


def namespace(document: Mapping[str, Any]) -> NamespaceState:
    """GET /namespace."""
    return NamespaceState(
        name=text(document, "fqn"),
        owner=text(document, "owner"),
        height=integer(document, "height"),
    )


def definition(document: Mapping[str, Any]) -> MosaicDefinition:
    """GET /mosaic/definition."""
    return mosaic_definition_from_json(document)


def block(document: Mapping[str, Any]) -> ChainBlock:
    """GET /chain/last-block and POST /block/at/public."""
    value = block_from_json(document)
    return ChainBlock(ref=block_ref_of(value), block=value)


def confirmed_transaction(document: Mapping[str, Any]) -> ConfirmedTransaction:
    """GET /transaction/get."""
    return ConfirmedTransaction(
        height=integer(document["meta"], "height"),
        transaction_id=transaction_hash(transaction_from_json(document["transaction"])),
    )


def listed(document: Mapping[str, Any]) -> tuple[ListedTransaction, ...]:
    """GET /account/transfers/outgoing."""
    return tuple(_listed(row) for row in document["data"])


def _listed(row: Mapping[str, Any]) -> ListedTransaction:
    transaction = transaction_from_json(row["transaction"])
    return ListedTransaction(
        listed_id=integer(row["meta"], "id"),
        height=integer(row["meta"], "height"),
        transaction_id=transaction_hash(transaction),
        transaction=transaction,
    )


def unconfirmed(document: Mapping[str, Any]) -> tuple[WaitingTransaction, ...]:
    """GET /account/unconfirmedTransactions."""
    found = (transaction_from_json(row["transaction"]) for row in document["data"])
    return tuple(
        WaitingTransaction(transaction_id=transaction_hash(each), transaction=each)
        for each in found
    )


def announcement(document: Mapping[str, Any]) -> Announcement:
    """POST /transaction/announce."""
    found = document.get("transactionHash")
    return Announcement(
        code=integer(document, "code"),
        name=text(document, "message"),
        transaction_hash=_octets(found["data"], HASH_BYTES) if found else None,
    )


def network_time_ms(document: Mapping[str, Any]) -> int:
    """GET /time-sync/network-time."""
    return integer(document, "receiveTimeStamp")


def _octets(digits: str, length: int) -> bytes:
    octets = bytes.fromhex(digits)
    if len(octets) != length:
        raise ValueError(f"{digits!r} has not {length} bytes")
    return octets
