"""JSON shapes that several routes share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sauma_nem.binary import inner_hash, transaction_hash
from sauma_nem.json_form import (
    block_to_json,
    mosaic_definition_to_json,
    mosaic_id_to_json,
    transaction_to_json,
)
from sauma_nem.transactions import MosaicDefinition, MosaicId, Transaction

from ..chain import DIFFICULTY, ConfirmedBlock
from ..history import ConfirmedTransaction
from ..state import XEM_ENTRY, Account, Ledger, MosaicEntry, RootNamespace
from ..validation_importance import is_in_progress
from .exchange import JsonObject

if TYPE_CHECKING:
    from ..node import TestNode


def hash_view(value: bytes | None) -> JsonObject:
    """A hash as transactions and metas show it; `{}` for none."""
    return {} if value is None else {"data": value.hex()}


def account_view(node: TestNode, account: Account) -> JsonObject:
    """The `account` part of an account's data.  Nothing vests here: all XEM is vested."""
    multisig: JsonObject = {}
    if account.is_multisig:
        multisig = {
            "cosignatoriesCount": len(account.cosignatories),
            "minCosignatories": account.cosignatories_min,
        }
    return {
        "address": account.address,
        "harvestedBlocks": account.harvested_blocks,
        "balance": account.balance_micro,
        "importance": node.settings.importances.get(account.address, 0.0),
        "vestedBalance": account.balance_micro,
        "publicKey": None if account.public_key is None else account.public_key.hex(),
        "label": None,
        "multisigInfo": multisig,
    }


def account_meta_view(node: TestNode, account: Account) -> JsonObject:
    """The `meta` part of an account's data."""
    ledger = node.chain.ledger
    return {
        "cosignatories": [
            account_view(node, ledger.account(each)) for each in account.cosignatories
        ],
        "cosignatoryOf": [
            account_view(node, ledger.account(each)) for each in account.cosignatory_of
        ],
        "status": "UNLOCKED" if account.address in node.unlocked else "LOCKED",
        "remoteStatus": _remote_status(account, node.height),
    }


def _remote_status(account: Account, height: int) -> str:
    link = account.remote_link
    if link is None:
        return "INACTIVE"
    is_changing = is_in_progress(link, height)
    if link.is_remote:
        return "REMOTE" if link.is_active or is_changing else "INACTIVE"
    if link.is_active:
        return "ACTIVATING" if is_changing else "ACTIVE"
    return "DEACTIVATING" if is_changing else "INACTIVE"


def account_pair_view(node: TestNode, account: Account) -> JsonObject:
    """An account with its meta data."""
    return {"meta": account_meta_view(node, account), "account": account_view(node, account)}


def owned_entries(ledger: Ledger, account: Account, height: int) -> list[tuple[MosaicEntry, int]]:
    """The mosaics of an account with smallest units: nem:xem first, then those still active."""
    owned = [(XEM_ENTRY, account.balance_micro)]
    for key, units in account.mosaics.items():
        namespace, _, name = key[0].partition(":")
        entry = ledger.mosaic(MosaicId(namespace=namespace, name=name))
        if entry is not None and entry.key == key and ledger.is_active(namespace, height):
            owned.append((entry, units))
    return owned


def mosaic_view(entry: MosaicEntry, units: int) -> JsonObject:
    """A mosaic and so many smallest units of it."""
    return {"quantity": units, "mosaicId": mosaic_id_to_json(entry.definition.mosaic_id)}


def namespace_view(root: RootNamespace, name: str) -> JsonObject:
    """A namespace; a child has its root's owner and height."""
    return {"owner": root.owner, "fqn": name, "height": root.height}


def definition_row_view(row_id: int, definition: MosaicDefinition) -> JsonObject:
    """A listed definition."""
    return {"meta": {"id": row_id}, "mosaic": mosaic_definition_to_json(definition)}


def confirmed_view(row: ConfirmedTransaction) -> JsonObject:
    """A confirmed transaction with its place."""
    return {
        "meta": {
            "innerHash": hash_view(row.inner_hash),
            "id": row.transaction_id,
            "hash": hash_view(row.transaction_hash),
            "height": row.height,
        },
        "transaction": transaction_to_json(row.transaction),
    }


def unconfirmed_view(transaction: Transaction) -> JsonObject:
    """A waiting transaction; only a wrapper's inner hash is told."""
    inner = inner_hash(transaction)
    return {
        "meta": {"data": None if inner is None else inner.hex()},
        "transaction": transaction_to_json(transaction),
    }


def explorer_view(confirmed: ConfirmedBlock) -> JsonObject:
    """A block as the local routes show it: with hashes."""
    rows = []
    for transaction in confirmed.block.transactions:
        row: JsonObject = {
            "tx": transaction_to_json(transaction),
            "hash": transaction_hash(transaction).hex(),
        }
        inner = inner_hash(transaction)
        if inner is not None:
            row["innerHash"] = inner.hex()
        rows.append(row)
    return {
        "difficulty": DIFFICULTY,
        "txes": rows,
        "beneficiary": confirmed.harvester,
        "totalFee": confirmed.total_fee_micro,
        "block": block_to_json(confirmed.block),
        "hash": confirmed.block_hash.hex(),
    }
