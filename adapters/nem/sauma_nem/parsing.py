"""Transactions and blocks from bytes, read member by member as the server reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .names import check_mosaic_name, check_namespace, check_namespace_part
from .network import (
    ANNOUNCE_BYTES_MAX,
    MOSAIC_DESCRIPTION_LENGTH_MAX,
    MOSAIC_UNITS_MAX,
    SIGNATURE_BYTES,
    Network,
)
from .properties import MosaicProperties
from .reading import LONG_MAX, Reader, negative_quantity
from .transactions import (
    Block,
    Cosignature,
    ImportanceMode,
    ImportanceTransfer,
    LevyKind,
    Message,
    MessageKind,
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
    SupplyKind,
    Transaction,
    Transfer,
)
from .unreadable import ForbiddenValue, UnknownType, forbidden

_MODIFICATION_KIND_MAX = 3  # the server's enumeration has a third, which it makes no use of


def parse(
    data: bytes, *, signature: bytes | None = None, network: Network | None = None
) -> Transaction:
    """A transaction from its non-verifiable bytes; `signature` is put into the value.

    Tolerant where the server is: what follows the transaction is ignored. The value is canonical,
    so `serialise(parse(data)) != data` shows bytes whose signature the server would not verify.
    With a `network` it also refuses what the constructors of its servers refuse. Raises Unreadable.
    """
    return _transaction(Reader(data, network), signature=signature, verifiable=False)


def parse_verifiable(data: bytes, *, network: Network | None = None) -> Transaction:
    """A transaction from its verifiable bytes, as they lie in a block. Raises Unreadable."""
    return _transaction(Reader(data, network), signature=None, verifiable=True)


def parse_announced(data: bytes, *, signature: bytes, network: Network) -> Transaction:
    """What a server of this network makes of announced bytes.

    They are cut at 2048, parsed, and refused where its constructors refuse. Raises Unreadable with
    the server's HTTP status and message.
    """
    transaction = parse(data[:ANNOUNCE_BYTES_MAX], signature=signature, network=network)
    _check_signature(signature)
    return transaction


def parse_block(data: bytes, *, verifiable: bool = True, network: Network | None = None) -> Block:
    """A block from its bytes; its transactions are verifiable in either form."""
    reader = Reader(data, network)
    kind = reader.integer("type")
    version = reader.integer("version")
    seconds = reader.seconds("timeStamp")
    signer = reader.octets("signer")
    return Block(
        kind=kind,
        network_byte=version >> 24 & 0xFF,
        version=version & 0xFFFFFF,
        timestamp_seconds=seconds,
        signer=signer,
        signature=_check_signature(reader.octets("signature")) if verifiable else None,
        previous_hash=reader.object("prevBlockHash", _hash),
        height=reader.long("height"),
        transactions=tuple(reader.objects("transactions", _signed)),
    )


def _check_signature(signature: bytes) -> bytes:
    if len(signature) != SIGNATURE_BYTES:
        raise forbidden(
            "binary signature representation must be 64 bytes", f"it has {len(signature)}"
        )
    return signature


def _transaction(reader: Reader, *, signature: bytes | None, verifiable: bool) -> Transaction:
    kind = reader.integer("type")
    read = _TYPES.get(kind)
    if read is None:
        raise UnknownType(
            f"there is no transaction type {kind}; use one of {sorted(_TYPES)}",
            server_status=400,
            server_message=f"Unknown transaction type: {kind}",
            server_exception="java.lang.IllegalArgumentException",
        )
    version = reader.integer("version")
    seconds = reader.seconds("timeStamp")
    signer = reader.octets("signer")
    if verifiable:
        signature = _check_signature(reader.octets("signature"))
    common = {
        "network_byte": version >> 24 & 0xFF,
        "version": version & 0xFFFFFF,
        "timestamp_seconds": seconds,
        "signer": signer,
        "signature": signature,
        "fee_micro": reader.quantity("fee"),
        "deadline_seconds": reader.seconds("deadline"),
    }
    if read is _multisig:
        return _multisig(reader, common, verifiable=verifiable)
    return read(reader, common)


def _signed(reader: Reader) -> Transaction:
    return _transaction(reader, signature=None, verifiable=True)


def _unsigned(reader: Reader) -> Transaction:
    return _transaction(reader, signature=None, verifiable=False)


def _hash(reader: Reader) -> bytes:
    return reader.octets("data")


def _message(reader: Reader) -> Message:
    kind = reader.integer("type")
    if reader.network is not None and kind not in (MessageKind.PLAIN, MessageKind.SECURE):
        raise forbidden(f"Unknown message type: {kind}", "use 1 (plain) or 2 (secure)")
    return Message(kind=kind, payload=reader.octets("payload"))


def _mosaic_id(reader: Reader) -> MosaicId:
    namespace = reader.text("namespaceId")
    if reader.network is None:
        return MosaicId(namespace=namespace, name=reader.text("name"))
    check_namespace(namespace)
    return MosaicId(namespace=namespace, name=check_mosaic_name(reader.text("name")))


def _mosaic(reader: Reader) -> MosaicQuantity:
    mosaic_id = reader.object("mosaicId", _mosaic_id)
    return MosaicQuantity(mosaic_id=mosaic_id, quantity_units=reader.quantity("quantity"))


def _transfer(reader: Reader, common: dict[str, Any]) -> Transfer:
    transfer = Transfer(
        **common,
        recipient=reader.address("recipient"),
        amount_micro=reader.quantity("amount"),
        message=reader.optional_object("message", _message),
        mosaics=reader.objects("mosaics", _mosaic) if common["version"] >= 2 else (),
    )
    for mosaic in transfer.mosaics:
        if mosaic.quantity_units > LONG_MAX:  # a sum: the server's additions go round to negative
            raise negative_quantity("quantity", mosaic.quantity_units - 2 * (LONG_MAX + 1))
    return transfer


def _importance_transfer(reader: Reader, common: dict[str, Any]) -> ImportanceTransfer:
    mode = reader.integer("mode")
    remote_account = reader.octets("remoteAccount")
    if reader.network is not None and mode not in (
        ImportanceMode.ACTIVATE,
        ImportanceMode.DEACTIVATE,
    ):
        raise ForbiddenValue(
            f"importance mode {mode} is unknown; use 1 (activate) or 2 (deactivate)",
            server_message="property mode has an incompatible value",
            server_exception="org.nem.core.serialization.TypeMismatchException",
        )
    return ImportanceTransfer(**common, mode=mode, remote_account=remote_account)


def _modification(reader: Reader) -> Modification:
    kind = reader.integer("modificationType")
    cosignatory = reader.octets("cosignatoryAccount")
    if reader.network is not None and not 1 <= kind <= _MODIFICATION_KIND_MAX:
        raise forbidden("invalid mode", f"modification type {kind} must be 1 (add) or 2 (delete)")
    return Modification(kind=kind, cosignatory=cosignatory)


def _relative_change(reader: Reader) -> int:
    return reader.integer("relativeChange")


def _multisig_modification(reader: Reader, common: dict[str, Any]) -> MultisigModification:
    modifications = tuple(reader.objects("modifications", _modification))
    current = common["version"] >= 2
    relative_change = (
        reader.optional_object("minCosignatories", _relative_change) if current else None
    )
    if reader.network is not None and not modifications:
        if not current:
            raise forbidden("Cosignatory modifications cannot be empty", "name a cosignatory")
        if relative_change is None:
            raise forbidden(
                "Either cosignatory modifications or change of minimum cosignatories must be "
                "present",
                "name a cosignatory or a relative change",
            )
    return MultisigModification(
        **common, modifications=modifications, relative_change=relative_change
    )


def _cosignature(reader: Reader, common: dict[str, Any]) -> Cosignature:
    inner_hash = reader.object("otherHash", _hash)
    return Cosignature(
        **common, inner_hash=inner_hash, multisig_address=reader.address("otherAccount")
    )


def _multisig(reader: Reader, common: dict[str, Any], *, verifiable: bool = False) -> Multisig:
    inner = reader.object("otherTrans", _unsigned)
    cosignatures = []
    for child in reader.objects("signatures", _signed) if verifiable else ():
        if not isinstance(child, Cosignature):
            raise ForbiddenValue(
                f"a multisig's signatures are cosignatures, not {type(child).__name__}",
                server_exception="java.lang.ClassCastException",
            )
        cosignatures.append(child)
    return Multisig(**common, inner=inner, cosignatures=tuple(cosignatures))


def _namespace_provision(reader: Reader, common: dict[str, Any]) -> NamespaceProvision:
    sink = reader.address("rentalFeeSink")
    rental_fee = reader.quantity("rentalFee")
    new_part = reader.text("newPart")
    if reader.network is not None:
        check_namespace_part(new_part)
    parent = reader.optional_text("parent")
    if reader.network is not None:
        if parent is not None:
            check_namespace(parent)
        check_namespace(new_part if parent is None else f"{parent}.{new_part}")
    return NamespaceProvision(
        **common,
        rental_fee_sink=sink,
        rental_fee_micro=rental_fee,
        new_part=new_part,
        parent=parent,
    )


def _property(reader: Reader) -> tuple[str, str]:
    name = reader.text("name")
    return name, reader.text("value")


def _levy(reader: Reader) -> MosaicLevy:
    kind = reader.integer("type")
    if reader.network is not None and kind not in (LevyKind.ABSOLUTE, LevyKind.PERCENTILE):
        raise forbidden(
            f"Invalid mosaic transfer fee type: {kind}", "use 1 (absolute) or 2 (percentile)"
        )
    return MosaicLevy(
        kind=kind,
        recipient=reader.address("recipient"),
        mosaic_id=reader.object("mosaicId", _mosaic_id),
        fee_units=reader.quantity("fee"),
    )


def _definition(reader: Reader) -> MosaicDefinition:
    creator = reader.octets("creator")
    mosaic_id = reader.object("id", _mosaic_id)
    description = reader.text("description", MOSAIC_DESCRIPTION_LENGTH_MAX)
    properties = MosaicProperties.from_texts(dict(reader.objects("properties", _property)))
    if reader.network is not None:
        properties.check()
    return MosaicDefinition(
        creator=creator,
        mosaic_id=mosaic_id,
        description=description,
        properties=properties,
        levy=reader.optional_object("levy", _levy),
    )


def _definition_creation(reader: Reader, common: dict[str, Any]) -> MosaicDefinitionCreation:
    definition = reader.object("mosaicDefinition", _definition)
    sink = reader.address("creationFeeSink")
    creation_fee = reader.quantity("creationFee")
    if reader.network is not None and definition.creator != common["signer"]:
        raise forbidden(
            "transaction signer and mosaic definition creator must be identical",
            f"sign as {definition.creator.hex()} or name the signer as creator",
        )
    return MosaicDefinitionCreation(
        **common, definition=definition, creation_fee_sink=sink, creation_fee_micro=creation_fee
    )


def _supply_change(reader: Reader, common: dict[str, Any]) -> MosaicSupplyChange:
    mosaic_id = reader.object("mosaicId", _mosaic_id)
    kind = reader.integer("supplyType")
    delta = reader.quantity("delta")
    if reader.network is not None:
        if not 1 <= delta <= MOSAIC_UNITS_MAX:
            raise forbidden(
                f"delta must be between 1 and {MOSAIC_UNITS_MAX} inclusive", f"it is {delta}"
            )
        if kind not in (SupplyKind.CREATE, SupplyKind.DELETE):
            raise forbidden(
                "supply type validity must be true", f"{kind} must be 1 (create) or 2 (delete)"
            )
    return MosaicSupplyChange(**common, mosaic_id=mosaic_id, kind=kind, delta_whole=delta)


_TYPES: dict[int, Callable[[Reader, dict[str, Any]], Transaction]] = {
    Transfer.TYPE: _transfer,
    ImportanceTransfer.TYPE: _importance_transfer,
    MultisigModification.TYPE: _multisig_modification,
    Cosignature.TYPE: _cosignature,
    Multisig.TYPE: _multisig,
    NamespaceProvision.TYPE: _namespace_provision,
    MosaicDefinitionCreation.TYPE: _definition_creation,
    MosaicSupplyChange.TYPE: _supply_change,
}
