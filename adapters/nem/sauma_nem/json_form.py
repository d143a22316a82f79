"""Transactions, mosaic definitions and blocks as the JSON of the server's REST interface.

Keys and hashes are lower-case hex, an absent object is `{}`, an absent text null. The version
carries the network byte and is signed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .properties import MosaicProperties
from .transactions import (
    Block,
    Cosignature,
    ImportanceTransfer,
    Message,
    Modification,
    MosaicDefinition,
    MosaicDefinitionCreation,
    MosaicId,
    MosaicLevy,
    MosaicQuantity,
    MosaicSupplyChange,
    Multisig,
    MultisigModification,
    NamespaceProvision,
    Transaction,
    Transfer,
)
from .unreadable import ForbiddenValue, UnknownType, missing

JsonObject = dict[str, Any]
T = TypeVar("T")

_INT_SIGN = 1 << 31
_INT_RANGE = 1 << 32


def transaction_to_json(transaction: Transaction) -> JsonObject:
    """The server's form; `signature` is absent where the value has none (inner transactions)."""
    document: JsonObject = {
        "type": transaction.TYPE,
        "version": _version(transaction),
        "timeStamp": transaction.timestamp_seconds,
        "signer": transaction.signer.hex(),
    }
    if transaction.signature is not None:
        document["signature"] = transaction.signature.hex()
    document["fee"] = transaction.fee_micro
    document["deadline"] = transaction.deadline_seconds
    document.update(_WRITERS[type(transaction)](transaction))
    return document


def transaction_from_json(document: Mapping[str, Any]) -> Transaction:
    """From the server's form; raises Unreadable for a missing or wrongly typed member."""
    kind = _integer(document, "type")
    read = _READERS.get(kind)
    if read is None:
        raise UnknownType(
            f"there is no transaction type {kind}; use one of {sorted(_READERS)}",
            server_status=400,
            server_message=f"Unknown transaction type: {kind}",
        )
    version = _integer(document, "version")
    common = {
        "network_byte": version >> 24 & 0xFF,
        "version": version & 0xFFFFFF,
        "timestamp_seconds": _integer(document, "timeStamp"),
        "signer": _octets(document, "signer"),
        "signature": _octets(document, "signature") if document.get("signature") else None,
        "fee_micro": _integer(document, "fee"),
        "deadline_seconds": _integer(document, "deadline"),
    }
    return read(document, common)


def mosaic_id_to_json(mosaic_id: MosaicId) -> JsonObject:
    """`{"namespaceId","name"}`."""
    return {"namespaceId": mosaic_id.namespace, "name": mosaic_id.name}


def mosaic_id_from_json(document: Mapping[str, Any]) -> MosaicId:
    """From `{"namespaceId","name"}`."""
    return MosaicId(namespace=_text(document, "namespaceId"), name=_text(document, "name"))


def mosaic_definition_to_json(definition: MosaicDefinition) -> JsonObject:
    """Creator, id, description, properties (texts) and levy (`{}` if none)."""
    return {
        "creator": definition.creator.hex(),
        "id": mosaic_id_to_json(definition.mosaic_id),
        "description": definition.description,
        "properties": [
            {"name": name, "value": value} for name, value in definition.properties.as_texts()
        ],
        "levy": {} if definition.levy is None else _levy_to_json(definition.levy),
    }


def mosaic_definition_from_json(document: Mapping[str, Any]) -> MosaicDefinition:
    """From the server's form."""
    texts = _objects(document, "properties", lambda item: (_text(item, "name"), item["value"]))
    return MosaicDefinition(
        creator=_octets(document, "creator"),
        mosaic_id=_object(document, "id", mosaic_id_from_json),
        description=_text(document, "description"),
        properties=MosaicProperties.from_texts(dict(texts)),
        levy=_optional_object(document, "levy", _levy_from_json),
    )


def block_to_json(block: Block) -> JsonObject:
    """The server's form of a block; it has no hash."""
    document: JsonObject = {
        "type": block.kind,
        "version": _version(block),
        "timeStamp": block.timestamp_seconds,
        "signer": block.signer.hex(),
        "prevBlockHash": {"data": block.previous_hash.hex()},
        "height": block.height,
        "transactions": [transaction_to_json(item) for item in block.transactions],
    }
    if block.signature is not None:
        document["signature"] = block.signature.hex()
    return document


def block_from_json(document: Mapping[str, Any]) -> Block:
    """From the server's form; raises Unreadable for a missing or wrongly typed member."""
    version = _integer(document, "version")
    return Block(
        network_byte=version >> 24 & 0xFF,
        version=version & 0xFFFFFF,
        kind=_integer(document, "type"),
        timestamp_seconds=_integer(document, "timeStamp"),
        signer=_octets(document, "signer"),
        signature=_octets(document, "signature") if document.get("signature") else None,
        previous_hash=_object(document, "prevBlockHash", _hash_from_json),
        height=_integer(document, "height"),
        transactions=tuple(_objects(document, "transactions", transaction_from_json)),
    )


def _version(entity: Transaction | Block) -> int:
    version = entity.version | entity.network_byte << 24
    return version - _INT_RANGE if version >= _INT_SIGN else version


def _incompatible(label: str, value: object) -> ForbiddenValue:
    return ForbiddenValue(
        f"`{label}` is {value!r}, of a type that does not fit; give what the interface names",
        server_message=f"property {label} has an incompatible value",
        server_exception="org.nem.core.serialization.TypeMismatchException",
    )


def _member(document: Mapping[str, Any], label: str, kind: type[T]) -> T:
    value = document.get(label)
    if value is None:
        raise missing(label)
    # bool is an int in Python, not in JSON
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise _incompatible(label, value)
    return value


def _integer(document: Mapping[str, Any], label: str) -> int:
    return _member(document, label, int)


def _text(document: Mapping[str, Any], label: str) -> str:
    return _member(document, label, str)


def _octets(document: Mapping[str, Any], label: str) -> bytes:
    text = _text(document, label)
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise _incompatible(label, text) from error


def _optional_object(
    document: Mapping[str, Any], label: str, read: Callable[[Mapping[str, Any]], T]
) -> T | None:
    value = document.get(label)
    if value is not None and not isinstance(value, Mapping):
        raise _incompatible(label, value)
    return read(value) if value else None


def _object(document: Mapping[str, Any], label: str, read: Callable[[Mapping[str, Any]], T]) -> T:
    value = _optional_object(document, label, read)
    if value is None:
        raise missing(label)
    return value


def _objects(
    document: Mapping[str, Any], label: str, read: Callable[[Mapping[str, Any]], T]
) -> list[T]:
    items = _member(document, label, list)
    for item in items:
        if not isinstance(item, Mapping):
            raise _incompatible(label, item)
    return [read(item) for item in items]


def _hash_from_json(document: Mapping[str, Any]) -> bytes:
    return _octets(document, "data")


def _levy_to_json(levy: MosaicLevy) -> JsonObject:
    return {
        "type": levy.kind,
        "recipient": levy.recipient,
        "mosaicId": mosaic_id_to_json(levy.mosaic_id),
        "fee": levy.fee_units,
    }


def _levy_from_json(document: Mapping[str, Any]) -> MosaicLevy:
    return MosaicLevy(
        kind=_integer(document, "type"),
        recipient=_text(document, "recipient"),
        mosaic_id=_object(document, "mosaicId", mosaic_id_from_json),
        fee_units=_integer(document, "fee"),
    )


def _message_from_json(document: Mapping[str, Any]) -> Message:
    return Message(kind=_integer(document, "type"), payload=_octets(document, "payload"))


def _mosaic_from_json(document: Mapping[str, Any]) -> MosaicQuantity:
    return MosaicQuantity(
        mosaic_id=_object(document, "mosaicId", mosaic_id_from_json),
        quantity_units=_integer(document, "quantity"),
    )


def _write_transfer(transfer: Transfer) -> JsonObject:
    message = transfer.message
    document: JsonObject = {
        "recipient": transfer.recipient,
        "amount": transfer.amount_micro,
        "message": {}
        if message is None
        else {"type": int(message.kind), "payload": message.payload.hex()},
    }
    if transfer.version >= 2:
        document["mosaics"] = [
            {"mosaicId": mosaic_id_to_json(item.mosaic_id), "quantity": item.quantity_units}
            for item in transfer.mosaics
        ]
    return document


def _read_transfer(document: Mapping[str, Any], common: JsonObject) -> Transfer:
    current = common["version"] >= 2
    return Transfer(
        **common,
        recipient=_text(document, "recipient"),
        amount_micro=_integer(document, "amount"),
        message=_optional_object(document, "message", _message_from_json),
        mosaics=_objects(document, "mosaics", _mosaic_from_json) if current else (),
    )


def _write_importance_transfer(transfer: ImportanceTransfer) -> JsonObject:
    return {"mode": int(transfer.mode), "remoteAccount": transfer.remote_account.hex()}


def _read_importance_transfer(
    document: Mapping[str, Any], common: JsonObject
) -> ImportanceTransfer:
    return ImportanceTransfer(
        **common,
        mode=_integer(document, "mode"),
        remote_account=_octets(document, "remoteAccount"),
    )


def _modification_from_json(document: Mapping[str, Any]) -> Modification:
    return Modification(
        kind=_integer(document, "modificationType"),
        cosignatory=_octets(document, "cosignatoryAccount"),
    )


def _write_multisig_modification(change: MultisigModification) -> JsonObject:
    document: JsonObject = {
        "modifications": [
            {"modificationType": int(item.kind), "cosignatoryAccount": item.cosignatory.hex()}
            for item in change.modifications
        ]
    }
    if change.version >= 2:
        relative_change = change.relative_change
        document["minCosignatories"] = (
            {} if relative_change is None else {"relativeChange": relative_change}
        )
    return document


def _read_multisig_modification(
    document: Mapping[str, Any], common: JsonObject
) -> MultisigModification:
    relative_change = (
        _optional_object(
            document, "minCosignatories", lambda item: _integer(item, "relativeChange")
        )
        if common["version"] >= 2
        else None
    )
    return MultisigModification(
        **common,
        modifications=tuple(_objects(document, "modifications", _modification_from_json)),
        relative_change=relative_change,
    )


def _write_cosignature(cosignature: Cosignature) -> JsonObject:
    return {
        "otherHash": {"data": cosignature.inner_hash.hex()},
        "otherAccount": cosignature.multisig_address,
    }


def _read_cosignature(document: Mapping[str, Any], common: JsonObject) -> Cosignature:
    return Cosignature(
        **common,
        inner_hash=_object(document, "otherHash", _hash_from_json),
        multisig_address=_text(document, "otherAccount"),
    )


def _write_multisig(multisig: Multisig) -> JsonObject:
    return {
        "otherTrans": transaction_to_json(multisig.inner),
        "signatures": [transaction_to_json(item) for item in multisig.cosignatures],
    }


def _read_multisig(document: Mapping[str, Any], common: JsonObject) -> Multisig:
    children = _objects(document, "signatures", transaction_from_json)
    cosignatures = tuple(child for child in children if isinstance(child, Cosignature))
    if len(cosignatures) < len(children):
        raise _incompatible("signatures", document["signatures"])
    return Multisig(
        **common,
        inner=_object(document, "otherTrans", transaction_from_json),
        cosignatures=cosignatures,
    )


def _write_namespace_provision(provision: NamespaceProvision) -> JsonObject:
    return {
        "rentalFeeSink": provision.rental_fee_sink,
        "rentalFee": provision.rental_fee_micro,
        "newPart": provision.new_part,
        "parent": provision.parent,
    }


def _read_namespace_provision(
    document: Mapping[str, Any], common: JsonObject
) -> NamespaceProvision:
    return NamespaceProvision(
        **common,
        rental_fee_sink=_text(document, "rentalFeeSink"),
        rental_fee_micro=_integer(document, "rentalFee"),
        new_part=_text(document, "newPart"),
        parent=None if document.get("parent") is None else _text(document, "parent"),
    )


def _write_definition_creation(creation: MosaicDefinitionCreation) -> JsonObject:
    return {
        "mosaicDefinition": mosaic_definition_to_json(creation.definition),
        "creationFeeSink": creation.creation_fee_sink,
        "creationFee": creation.creation_fee_micro,
    }


def _read_definition_creation(
    document: Mapping[str, Any], common: JsonObject
) -> MosaicDefinitionCreation:
    return MosaicDefinitionCreation(
        **common,
        definition=_object(document, "mosaicDefinition", mosaic_definition_from_json),
        creation_fee_sink=_text(document, "creationFeeSink"),
        creation_fee_micro=_integer(document, "creationFee"),
    )


def _write_supply_change(change: MosaicSupplyChange) -> JsonObject:
    return {
        "mosaicId": mosaic_id_to_json(change.mosaic_id),
        "supplyType": int(change.kind),
        "delta": change.delta_whole,
    }


def _read_supply_change(document: Mapping[str, Any], common: JsonObject) -> MosaicSupplyChange:
    return MosaicSupplyChange(
        **common,
        mosaic_id=_object(document, "mosaicId", mosaic_id_from_json),
        kind=_integer(document, "supplyType"),
        delta_whole=_integer(document, "delta"),
    )


_WRITERS: dict[type[Transaction], Callable[[Any], JsonObject]] = {
    Transfer: _write_transfer,
    ImportanceTransfer: _write_importance_transfer,
    MultisigModification: _write_multisig_modification,
    Cosignature: _write_cosignature,
    Multisig: _write_multisig,
    NamespaceProvision: _write_namespace_provision,
    MosaicDefinitionCreation: _write_definition_creation,
    MosaicSupplyChange: _write_supply_change,
}
_READERS: dict[int, Callable[[Mapping[str, Any], JsonObject], Transaction]] = {
    Transfer.TYPE: _read_transfer,
    ImportanceTransfer.TYPE: _read_importance_transfer,
    MultisigModification.TYPE: _read_multisig_modification,
    Cosignature.TYPE: _read_cosignature,
    Multisig.TYPE: _read_multisig,
    NamespaceProvision.TYPE: _read_namespace_provision,
    MosaicDefinitionCreation.TYPE: _read_definition_creation,
    MosaicSupplyChange.TYPE: _read_supply_change,
}
