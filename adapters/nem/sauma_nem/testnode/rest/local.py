"""Routes that a node answers to its own machine, among them those that are sent private keys."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import attrs

from sauma_nem.binary import serialise
from sauma_nem.json_form import transaction_from_json
from sauma_nem.signing import KeyPair
from sauma_nem.transactions import Transaction

from ..results import RestError
from ..status import NodeStatus
from ..validation_importance import is_remote
from . import reading
from .exchange import JsonObject, Request
from .transactions import push

if TYPE_CHECKING:
    from ..node import TestNode

_KEY_BYTES = 32


def account_generate(node: TestNode, _request: Request) -> JsonObject:
    """GET /account/generate: a new key pair, which the node forgets."""
    private_key = secrets.token_bytes(_KEY_BYTES)
    key = KeyPair(private_key)
    return {
        "privateKey": private_key.hex(),
        "publicKey": key.public_key.hex(),
        "address": key.address(node.settings.network),
    }


def account_unlock(node: TestNode, request: Request) -> None:
    """POST /account/unlock {"value": private key}."""
    node.unlocked.unlock(_harvesting_key(node, request))


def account_lock(node: TestNode, request: Request) -> None:
    """POST /account/lock {"value": private key}."""
    node.unlocked.lock(_harvesting_key(node, request))


def _harvesting_key(node: TestNode, request: Request) -> KeyPair:
    """Other machines may only send keys of accounts that harvest for another one."""
    key = _key_pair(reading.json_object(request), "value")
    address = key.address(node.settings.network)
    if not request.is_local and not is_remote(node.chain.ledger, address, node.height):
        raise RestError(
            401,
            f"remote {request.remote} attempted to call local {request.path} "
            f"with non-remote address {address}",
        )
    return key


def node_boot(node: TestNode, request: Request) -> None:
    """POST /node/boot {"metaData", "endpoint", "identity": {"private-key", "name"}}."""
    document = reading.json_object(request)
    _key_pair(reading.member(document, "identity", dict), "private-key")
    reading.member(document, "endpoint", dict)
    reading.member(document, "metaData", dict)
    if node.is_booted:
        raise RestError(503, "NIS_ILLEGAL_STATE_ALREADY_BOOTED")
    node.status = NodeStatus.SYNCHRONIZED


def shutdown(node: TestNode, _request: Request) -> None:
    """GET /shutdown: whoever serves the node stops soon after."""
    node.ask_to_stop()


def transaction_prepare(node: TestNode, request: Request) -> JsonObject:
    """POST /transaction/prepare: the bytes to sign, of a transaction that would pass now."""
    transaction = transaction_from_json(reading.json_object(request))
    result = node.judge(transaction)
    if not result.is_success:
        raise RestError(400, result.name)
    return {"data": serialise(transaction).hex()}


def transaction_prepare_announce(node: TestNode, request: Request) -> JsonObject:
    """POST /transaction/prepare-announce {"transaction", "privateKey"}: signs and announces."""
    document = reading.json_object(request)
    transaction: Transaction = transaction_from_json(reading.member(document, "transaction", dict))
    key = _key_pair(document, "privateKey")
    signature = key.sign(serialise(transaction))
    return push(node, attrs.evolve(transaction, signature=signature))


def _key_pair(document: JsonObject, name: str) -> KeyPair:
    text = reading.member(document, name, str)
    try:
        private_key = bytes.fromhex(text)
    except ValueError as error:
        raise RestError(500, f"property {name} has an incompatible value") from error
    if len(private_key) != _KEY_BYTES:
        raise RestError(500, f"property {name} has an incompatible value")
    return KeyPair(private_key)
