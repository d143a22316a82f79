"""The commonest transfer read at one go: version 2, with at most one mosaic.

Nearly everything that is signed and read here has this shape.  What has not, and everything that is
wrong with bytes, is left to `parsing`, which says what.  Here every length is the one that the canonical
form has, so what is read is canonical, and whatever follows the last field makes it another shape.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import Final

from .names import check_mosaic_name, check_namespace
from .network import (
    ADDRESS_LENGTH,
    PUBLIC_KEY_BYTES,
    SIGNATURE_BYTES,
    STRING_LENGTH_MAX,
    Network,
    check_address,
)
from .transactions import Message, MessageKind, MosaicId, MosaicQuantity, Transfer

_VERSION: Final = 2
_KINDS: Final = frozenset(MessageKind)
_KNOWN_MAX: Final = 65_536

_FIXED: Final = Struct(f"<iIiI{PUBLIC_KEY_BYTES}sI{SIGNATURE_BYTES}sqiI{ADDRESS_LENGTH}sqI")
"""Type, network and version, time, key, signature, fee, deadline, recipient, amount, size of the message."""
_MESSAGE: Final = Struct("<iI")
_COUNT: Final = Struct("<I")
_MOSAIC: Final = Struct("<III")
_QUANTITY: Final = Struct("<q")


def parse_plain(raw: bytes, network: Network) -> Transfer | None:
    """Return the transfer of verifiable bytes of a network; None for another shape, or a wrong one."""
    if len(raw) < _FIXED.size + _COUNT.size:
        return None
    fields = _FIXED.unpack_from(raw)
    kind, version, seconds, key_bytes, signer, signature_bytes, signature = fields[:7]
    fee_micro, deadline_seconds, address_bytes, address, amount_micro, message_bytes = fields[7:]
    if (kind, version, key_bytes, signature_bytes, address_bytes) != (
        Transfer.TYPE,
        _VERSION | network.byte << 24,
        PUBLIC_KEY_BYTES,
        SIGNATURE_BYTES,
        ADDRESS_LENGTH,
    ) or min(seconds, fee_micro, deadline_seconds, amount_micro) < 0:
        return None
    recipient = _recipient(address, network)
    at = _FIXED.size + message_bytes
    if recipient is None or at + _COUNT.size > len(raw):
        return None
    message = _message(raw[_FIXED.size : at])
    mosaics = _mosaics(raw[at:])
    if mosaics is None or (message is None and message_bytes):
        return None
    return Transfer(
        network_byte=network.byte,
        version=_VERSION,
        timestamp_seconds=seconds,
        signer=signer,
        fee_micro=fee_micro,
        deadline_seconds=deadline_seconds,
        signature=signature,
        recipient=recipient,
        amount_micro=amount_micro,
        message=message,
        mosaics=mosaics,
    )


@lru_cache(maxsize=_KNOWN_MAX)
def _recipient(octets: bytes, network: Network) -> str | None:
    try:
        address = octets.decode("ascii")
        return address if check_address(address, network) == address else None
    except ValueError:
        return None


def _message(octets: bytes) -> Message | None:
    """Return the message that fills the bytes, which is not empty."""
    if len(octets) <= _MESSAGE.size:
        return None
    kind, size = _MESSAGE.unpack_from(octets)
    if kind not in _KINDS or size != len(octets) - _MESSAGE.size:
        return None
    return Message(kind=kind, payload=octets[_MESSAGE.size :])


def _mosaics(octets: bytes) -> tuple[MosaicQuantity, ...] | None:
    """Return the mosaics that fill the bytes, none or one."""
    (count,) = _COUNT.unpack_from(octets)
    if count == 0:
        return () if len(octets) == _COUNT.size else None
    if count != 1 or len(octets) < _MOSAIC.size + _QUANTITY.size:
        return None
    _, size, name_size = _MOSAIC.unpack_from(octets)
    at = _MOSAIC.size + name_size
    if at + _QUANTITY.size != len(octets) or size != len(octets) - 2 * _COUNT.size:
        return None
    mosaic_id = _mosaic_id(octets[_MOSAIC.size : at])
    (quantity_units,) = _QUANTITY.unpack_from(octets, at)
    if mosaic_id is None or quantity_units < 0:
        return None
    return (MosaicQuantity(mosaic_id=mosaic_id, quantity_units=quantity_units),)


@lru_cache(maxsize=_KNOWN_MAX)
def _mosaic_id(octets: bytes) -> MosaicId | None:
    """Return the mosaic whose two names fill the bytes."""
    names, at = [], 0
    for _ in range(2):
        if at + _COUNT.size > len(octets):
            return None
        (size,) = _COUNT.unpack_from(octets, at)
        at += _COUNT.size
        names.append(octets[at : at + size])
        if len(names[-1]) != size or size > STRING_LENGTH_MAX:
            return None
        at += size
    if at != len(octets):
        return None
    try:
        namespace, name = (each.decode("ascii") for each in names)
        check_namespace(namespace)
        return MosaicId(namespace=namespace, name=check_mosaic_name(name))
    except ValueError:
        return None
