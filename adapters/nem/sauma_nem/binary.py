"""Transactions and blocks as bytes, NIS1's little-endian form, and the hashes over it.

Byte arrays and texts carry their length in four bytes, null is 0xFFFFFFFF; an object carries its
size, null is size 0; a list carries its count, then its objects. `parsing` is the way back.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from .network import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, keccak_256
from .properties import MosaicProperties
from .transactions import (
    Block,
    Cosignature,
    ImportanceTransfer,
    MosaicDefinition,
    MosaicDefinitionCreation,
    MosaicId,
    MosaicLevy,
    MosaicSupplyChange,
    Multisig,
    MultisigModification,
    NamespaceProvision,
    Transaction,
    Transfer,
)
from .unreadable import ForbiddenValue

_TEXTS_MAX = 8_192  # addresses and names come again in every transaction
_NULL = b"\xff\xff\xff\xff"
_EMPTY = b"\x00\x00\x00\x00"
_INT = struct.Struct("<i").pack
_LENGTH = struct.Struct("<I").pack
_LONG = struct.Struct("<q").pack
_HEAD = struct.Struct("<iIiI").pack  # type, network and version, timestamp, length of the signer
_SIGNED_AT = 16 + PUBLIC_KEY_BYTES  # the signature follows the signer
_FEE_AND_DEADLINE = struct.Struct("<qi").pack
_MESSAGE = struct.Struct("<IiI").pack  # size, kind, length of the payload


def serialise(transaction: Transaction) -> bytes:
    """The non-verifiable bytes: what is hashed, signed and announced as `data`.

    Raises ForbiddenValue for a number that has no room in its field.
    """
    try:
        return _transaction(transaction)
    except struct.error as error:
        raise _too_large(transaction, error) from error


def serialise_verifiable(transaction: Transaction) -> bytes:
    """The bytes with signature (and cosignatures), as they lie in a block.

    Raises ForbiddenValue for a transaction without signature.
    """
    if transaction.signature is None:
        raise ForbiddenValue(f"{transaction!r} has no signature; sign it first")
    try:
        return _transaction(transaction, transaction.signature)
    except struct.error as error:
        raise _too_large(transaction, error) from error


def joined(data: bytes, signature: bytes) -> bytes:
    """The verifiable bytes of a transaction that is no multisig, from the others and the signature."""
    return data[:_SIGNED_AT] + _octets(signature) + data[_SIGNED_AT:]


def without_signature(raw: bytes) -> bytes:
    """The non-verifiable bytes of a transaction that is no multisig, from the verifiable ones."""
    return raw[:_SIGNED_AT] + raw[_SIGNED_AT + 4 + SIGNATURE_BYTES :]


def transaction_hash(transaction: Transaction) -> bytes:
    """The identity of a transaction: 32 bytes, independent of its signature."""
    return keccak_256(serialise(transaction))


def inner_hash(transaction: Transaction) -> bytes | None:
    """The hash of a multisig's inner transaction, which cosigners sign for; None for others."""
    if isinstance(transaction, Multisig):
        return keccak_256(serialise(transaction.inner))
    return None


def serialise_block(block: Block) -> bytes:
    """The block without its signature: what is hashed and signed.

    Raises ForbiddenValue for a number that has no room in its field.
    """
    try:
        return _block(block, b"")
    except struct.error as error:
        raise _too_large(block, error) from error


def serialise_block_verifiable(block: Block) -> bytes:
    """The block with its signature. Raises ForbiddenValue if it has none."""
    if block.signature is None:
        raise ForbiddenValue(f"block {block.height} has no signature; sign it first")
    try:
        return _block(block, _octets(block.signature))
    except struct.error as error:
        raise _too_large(block, error) from error


def block_hash(block: Block) -> bytes:
    """The block's identity (32 bytes), which the next one carries as `previous_hash`."""
    return keccak_256(serialise_block(block))


def next_generation_hash(generation_hash: bytes, signer: bytes) -> bytes:
    """The generation hash of the block that follows, made by this signer."""
    return keccak_256(generation_hash + signer)


def _too_large(entity: Transaction | Block, error: struct.error) -> ForbiddenValue:
    return ForbiddenValue(
        f"a number of {entity!r} does not fit its field ({error}); make it smaller"
    )


def _octets(octets: bytes) -> bytes:
    return _LENGTH(len(octets)) + octets


@lru_cache(maxsize=_TEXTS_MAX)
def _text(text: str) -> bytes:
    octets = text.encode("utf-8", "replace")
    return _LENGTH(len(octets)) + octets


def _list(items: Iterable[bytes]) -> bytes:
    parts = [_octets(item) for item in items]
    return _LENGTH(len(parts)) + b"".join(parts)


def _transaction(transaction: Transaction, signature: bytes | None = None) -> bytes:
    head = _HEAD(
        transaction.TYPE,
        transaction.version | transaction.network_byte << 24,
        transaction.timestamp_seconds,
        len(transaction.signer),
    )
    fee = _FEE_AND_DEADLINE(transaction.fee_micro, transaction.deadline_seconds)
    body = _BODIES[type(transaction)](transaction)
    if signature is None:
        return head + transaction.signer + fee + body
    signed = head + transaction.signer + _octets(signature) + fee + body
    if isinstance(transaction, Multisig):
        signed += _list(map(serialise_verifiable, transaction.cosignatures))
    return signed


@lru_cache(maxsize=_TEXTS_MAX)
def _mosaic_id(mosaic_id: MosaicId) -> bytes:
    return _octets(_text(mosaic_id.namespace) + _text(mosaic_id.name))


def _transfer(transfer: Transfer) -> bytes:
    body = _text(transfer.recipient) + _LONG(transfer.amount_micro)
    message = transfer.message
    if message is None:
        body += _EMPTY
    else:
        size = len(message.payload)
        body += _MESSAGE(size + 8, message.kind, size) + message.payload
    if transfer.version < 2:
        return body
    return body + _list(
        _mosaic_id(mosaic.mosaic_id) + _LONG(mosaic.quantity_units) for mosaic in transfer.mosaics
    )


def _importance_transfer(transfer: ImportanceTransfer) -> bytes:
    return _INT(transfer.mode) + _octets(transfer.remote_account)


def _multisig_modification(change: MultisigModification) -> bytes:
    body = _list(_INT(item.kind) + _octets(item.cosignatory) for item in change.modifications)
    if change.version < 2:
        return body
    if change.relative_change is None:
        return body + _EMPTY
    return body + _octets(_INT(change.relative_change))


def _cosignature(cosignature: Cosignature) -> bytes:
    return _octets(_octets(cosignature.inner_hash)) + _text(cosignature.multisig_address)


def _multisig(multisig: Multisig) -> bytes:
    return _octets(_transaction(multisig.inner))


def _namespace_provision(provision: NamespaceProvision) -> bytes:
    return (
        _text(provision.rental_fee_sink)
        + _LONG(provision.rental_fee_micro)
        + _text(provision.new_part)
        + (_NULL if provision.parent is None else _text(provision.parent))
    )


def _properties(properties: MosaicProperties) -> bytes:
    return _list(_text(name) + _text(value) for name, value in properties.as_texts())


def _levy(levy: MosaicLevy | None) -> bytes:
    if levy is None:
        return _EMPTY
    return _octets(
        _INT(levy.kind) + _text(levy.recipient) + _mosaic_id(levy.mosaic_id) + _LONG(levy.fee_units)
    )


def _definition(definition: MosaicDefinition) -> bytes:
    return (
        _octets(definition.creator)
        + _mosaic_id(definition.mosaic_id)
        + _text(definition.description)
        + _properties(definition.properties)
        + _levy(definition.levy)
    )


def _definition_creation(creation: MosaicDefinitionCreation) -> bytes:
    return (
        _octets(_definition(creation.definition))
        + _text(creation.creation_fee_sink)
        + _LONG(creation.creation_fee_micro)
    )


def _supply_change(change: MosaicSupplyChange) -> bytes:
    return _mosaic_id(change.mosaic_id) + _INT(change.kind) + _LONG(change.delta_whole)


_BODIES: dict[type[Transaction], Callable[[Any], bytes]] = {
    Transfer: _transfer,
    ImportanceTransfer: _importance_transfer,
    MultisigModification: _multisig_modification,
    Cosignature: _cosignature,
    Multisig: _multisig,
    NamespaceProvision: _namespace_provision,
    MosaicDefinitionCreation: _definition_creation,
    MosaicSupplyChange: _supply_change,
}


def _block(block: Block, signature: bytes) -> bytes:
    head = _HEAD(
        block.kind,
        block.version | block.network_byte << 24,
        block.timestamp_seconds,
        len(block.signer),
    )
    return b"".join(
        (
            head,
            block.signer,
            signature,
            _octets(_octets(block.previous_hash)),
            _LONG(block.height),
            _list(map(serialise_verifiable, block.transactions)),
        )
    )
