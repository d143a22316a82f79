"""Routes about accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sauma_nem.json_form import mosaic_definition_to_json
from sauma_nem.network import address_of
from sauma_nem.transactions import MosaicId, Multisig, Transaction

from ..chain import DIFFICULTY
from ..history import incoming_addresses, outgoing_addresses
from ..results import RestError
from ..state import Account, MosaicEntry
from ..validation_importance import forwarded
from . import reading
from .exchange import JsonObject, Request
from .views import (
    account_meta_view,
    account_pair_view,
    confirmed_view,
    mosaic_view,
    namespace_view,
    owned_entries,
    unconfirmed_view,
)

if TYPE_CHECKING:
    from ..node import TestNode

UNCONFIRMED_LISTED_MAX = 25


def _account(node: TestNode, request: Request) -> Account:
    return node.chain.ledger.account(reading.address(request, node.settings.network))


def account_get(node: TestNode, request: Request) -> JsonObject:
    """GET /account/get."""
    return account_pair_view(node, _account(node, request))


def account_forwarded(node: TestNode, request: Request) -> JsonObject:
    """GET /account/get/forwarded: of a remote harvester the account that it harvests for."""
    asked = reading.address(request, node.settings.network)
    return account_pair_view(node, forwarded(node.chain.ledger, asked, node.height))


def account_forwarded_from_public_key(node: TestNode, request: Request) -> JsonObject:
    """GET /account/get/forwarded/from-public-key."""
    asked = address_of(reading.public_key(request), node.settings.network.byte)
    owner = forwarded(node.chain.ledger, asked, node.height)
    if owner.address == asked:
        return account_from_public_key(node, request)
    return account_pair_view(node, owner)


def account_from_public_key(node: TestNode, request: Request) -> JsonObject:
    """GET /account/get/from-public-key: shows the key even if the chain does not know it."""
    key = reading.public_key(request)
    account = node.chain.ledger.account(address_of(key, node.settings.network.byte))
    view = account_pair_view(node, account)
    view["account"]["publicKey"] = key.hex()
    return view


def account_batch(node: TestNode, request: Request) -> JsonObject:
    """POST /account/get/batch."""
    addresses = reading.account_ids(request, node.settings.network)
    ledger = node.chain.ledger
    return {"data": [account_pair_view(node, ledger.account(each)) for each in addresses]}


def account_status(node: TestNode, request: Request) -> JsonObject:
    """GET /account/status."""
    return account_meta_view(node, _account(node, request))


def mosaics_owned(node: TestNode, request: Request) -> JsonObject:
    """GET /account/mosaic/owned."""
    owned = owned_entries(node.chain.ledger, _account(node, request), node.height)
    return {"data": [mosaic_view(entry, units) for entry, units in owned]}


def definitions_owned(node: TestNode, request: Request) -> JsonObject:
    """GET /account/mosaic/owned/definition."""
    return _definitions_owned(node, [_account(node, request)])


def definitions_owned_batch(node: TestNode, request: Request) -> JsonObject:
    """POST /account/mosaic/owned/definition/batch."""
    addresses = reading.account_ids(request, node.settings.network)
    return _definitions_owned(node, [node.chain.ledger.account(each) for each in addresses])


def _definitions_owned(node: TestNode, accounts: list[Account]) -> JsonObject:
    """The definitions of what the accounts hold and of the mosaics in which those are levied."""
    ledger = node.chain.ledger
    entries: dict[str, MosaicEntry] = {}
    for account in accounts:
        for entry, _ in owned_entries(ledger, account, node.height):
            entries.setdefault(str(entry.definition.mosaic_id), entry)
            levy = entry.definition.levy
            levied = None if levy is None else ledger.mosaic(levy.mosaic_id)
            if levied is not None:
                entries.setdefault(str(levied.definition.mosaic_id), levied)
    return {"data": [mosaic_definition_to_json(each.definition) for each in entries.values()]}


def definitions_created(node: TestNode, request: Request) -> JsonObject:
    """GET /account/mosaic/definition/page: what an account defined, as it is now, without ids."""
    creator = _account(node, request).address
    parent = request.params.get("parent")
    below, size = reading.row_id(request), reading.page_size(request)
    byte = node.settings.network.byte
    newest: dict[MosaicId, JsonObject] = {}
    for row in node.chain.history.definitions():
        definition = row.definition
        if address_of(definition.creator, byte) != creator or definition.mosaic_id in newest:
            continue
        if parent is not None and definition.mosaic_id.namespace != parent:
            continue
        if below is None or row.row_id < below:
            newest[definition.mosaic_id] = mosaic_definition_to_json(definition)
    return {"data": list(newest.values())[:size]}


def namespaces_owned(node: TestNode, request: Request) -> JsonObject:
    """GET /account/namespace/page: active ones only, the newest first."""
    owner = _account(node, request).address
    parent = request.params.get("parent")
    ledger = node.chain.ledger
    names: dict[str, JsonObject] = {}
    for row in node.chain.history.namespaces():
        root = ledger.namespace(row.name)
        if root is None or root.owner != owner or not ledger.is_active(row.name, node.height):
            continue
        if parent is None or row.name.rpartition(".")[0] == parent:
            names.setdefault(row.name, namespace_view(root, row.name))
    return {"data": list(names.values())[: reading.page_size(request)]}


def transfers(node: TestNode, request: Request) -> JsonObject:
    """GET /account/transfers/all, /incoming and /outgoing."""
    owner = _account(node, request).address
    below_id = reading.row_id(request)
    if below_id is None and "hash" in request.params:
        wanted = reading.transaction_hash(request)
        row = node.chain.confirmed(wanted) if node.chain.knows_hash(wanted) else None
        if row is None:
            raise RestError(400, "Neither transaction id was supplied nor hash was found in cache")
        below_id = row.transaction_id
    rows = node.chain.history.page(
        owner,
        direction=request.path.rpartition("/")[2],
        below_id=below_id,
        size=reading.page_size(request),
    )
    return {"data": [confirmed_view(row) for row in rows]}


def unconfirmed(node: TestNode, request: Request) -> JsonObject:
    """GET /account/unconfirmedTransactions: the 25 newest by time stamp; no hashes, no pages."""
    owner = _account(node, request).address
    own = [each for each in node.waiting() if owner in _concerned(node, each)]
    own.sort(key=lambda each: -each.timestamp_seconds)
    return {"data": [unconfirmed_view(each) for each in own[:UNCONFIRMED_LISTED_MAX]]}


def _concerned(node: TestNode, transaction: Transaction) -> set[str]:
    concerned = outgoing_addresses(transaction) | incoming_addresses(transaction)
    if isinstance(transaction, Multisig):
        multisig = node.chain.ledger.account(transaction.inner.signer_address)
        concerned.update(multisig.cosignatories)
    return concerned


def harvests(node: TestNode, request: Request) -> JsonObject:
    """GET /account/harvests: the blocks an account made, the newest first."""
    harvester = _account(node, request).address
    below, size = reading.row_id(request), reading.page_size(request)
    rows: list[JsonObject] = []
    for confirmed in reversed(node.chain.blocks()[1:]):
        block = confirmed.block
        if len(rows) == size:
            break
        if confirmed.harvester == harvester and (below is None or block.height < below):
            rows.append(
                {
                    "timeStamp": block.timestamp_seconds,
                    "difficulty": DIFFICULTY,
                    "totalFee": confirmed.total_fee_micro,
                    "id": block.height,
                    "height": block.height,
                }
            )
    return {"data": rows}


def importances(node: TestNode, _request: Request) -> JsonObject:
    """GET /account/importances: given with the node's settings, never computed."""
    rows = []
    for account in node.chain.ledger.accounts():
        score = node.settings.importances.get(account.address)
        importance: JsonObject = {"isSet": 0}
        if score is not None:
            importance = {"score": score, "ev": 0.0, "isSet": 1, "height": 1}
        rows.append({"address": account.address, "importance": importance})
    return {"data": rows}


def unlocked_info(node: TestNode, _request: Request) -> JsonObject:
    """POST /account/unlocked/info: how many accounts harvest here, and how many could."""
    return {"max-unlocked": node.settings.unlocked_max, "num-unlocked": len(node.unlocked)}
