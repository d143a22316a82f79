"""Routes about transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sauma_nem.signing import AnnounceRequest
from sauma_nem.transactions import Transaction
from sauma_nem.unreadable import Unreadable

from ..results import RestError
from . import reading
from .exchange import JsonObject, Request
from .views import confirmed_view, hash_view

if TYPE_CHECKING:
    from ..node import TestNode
    from ..reception import Answer


def announce(node: TestNode, request: Request) -> JsonObject:
    """POST /transaction/announce: status 200 for every result."""
    try:
        announced = AnnounceRequest.from_json(request.body)
    except Unreadable as error:
        raise RestError(error.server_status, error.server_message) from error
    return _answer_view(node.announce(announced.data, announced.signature))


def push(node: TestNode, transaction: Transaction) -> JsonObject:
    """Announce a transaction that was signed here."""
    return _answer_view(node.receive_transaction(transaction))


def _answer_view(answer: Answer) -> JsonObject:
    return {
        "type": 1,
        "code": int(answer.result),
        "message": answer.result.name,
        "transactionHash": hash_view(answer.entry.transaction_hash),
        "innerTransactionHash": hash_view(answer.entry.inner_hash),
    }


def transaction(node: TestNode, request: Request) -> JsonObject:
    """GET /transaction/get: confirmed ones whose hash is still remembered."""
    wanted = reading.transaction_hash(request)
    if not node.chain.knows_hash(wanted):
        raise RestError(400, "Hash was not found in cache")
    row = node.chain.confirmed(wanted)
    if row is None:
        raise RestError(
            404,
            f"transaction not found in the db '{wanted.hex()}' (class org.nem.core.crypto.Hash)",
        )
    return confirmed_view(row)
