"""NIS1 transactions as values, each already in the server's canonical form.

The server never uses the bytes it is given: it parses them, brings them into its own order and
serialises again; a signature holds for that form only. So the values here merge and sort mosaics,
sort modifications and drop empty messages when they are built, and `serialise` needs not know.

The values hold whatever bytes can say, also what the server answers with a result code; what its
constructors refuse is told by `construction.refuse_unconstructible`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum
from typing import ClassVar

import attrs

from .network import MOSAIC_DESCRIPTION_LENGTH_MAX, address_of
from .properties import MosaicProperties
from .unreadable import forbidden

_MOSAIC_ID = re.compile(r"([a-z0-9._-]+):([a-z0-9][a-z0-9'_-]*(?: [a-z0-9'_-]+)*)")


class MessageKind(IntEnum):
    """How a message's payload is to be read."""

    PLAIN = 1
    SECURE = 2


class ImportanceMode(IntEnum):
    """What an importance transfer does."""

    ACTIVATE = 1
    DEACTIVATE = 2


class ModificationKind(IntEnum):
    """What happens to a cosignatory."""

    ADD = 1
    DELETE = 2


class SupplyKind(IntEnum):
    """The direction of a supply change."""

    CREATE = 1
    DELETE = 2


class LevyKind(IntEnum):
    """An absolute levy is a quantity, a percentile one so many ten-thousandths."""

    ABSOLUTE = 1
    PERCENTILE = 2


@attrs.frozen(kw_only=True, cache_hash=True)
class MosaicId:
    """The name of a mosaic, written `namespace:name`."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> MosaicId:
        """From `namespace:name`; raises ForbiddenValue for anything else."""
        match = _MOSAIC_ID.fullmatch(text)
        if match is None:
            raise forbidden(
                f"pattern '{text}' could not be parsed", "write it as namespace:name in lower case"
            )
        return cls(namespace=match[1], name=match[2])


XEM = MosaicId(namespace="nem", name="xem")


@attrs.frozen(kw_only=True)
class MosaicQuantity:
    """So many smallest units of a mosaic."""

    mosaic_id: MosaicId
    quantity_units: int


@attrs.frozen(kw_only=True)
class Message:
    """A message as it lies in the transaction; a secure one holds the encrypted bytes."""

    payload: bytes
    kind: int = MessageKind.PLAIN


def _upper(address: str) -> str:
    return address.upper()


@attrs.frozen(kw_only=True)
class MosaicLevy:
    """What the sender of a mosaic pays on top; `fee_units` by `kind` units or ten-thousandths."""

    kind: int
    recipient: str = attrs.field(converter=_upper)
    mosaic_id: MosaicId
    fee_units: int


def cut_text(text: str, length_max: int) -> str:
    """The text as the server keeps it: at most so many UTF-16 units."""
    if text.isascii():
        return text[:length_max]
    units = text.encode("utf-16-le", "surrogatepass")[: 2 * length_max]
    try:
        return units.decode("utf-16-le")
    except UnicodeDecodeError:  # the cut went through a pair; the server writes its rest as '?'
        return units[:-2].decode("utf-16-le", "replace") + "?"


def _cut_description(text: str) -> str:
    return cut_text(text, MOSAIC_DESCRIPTION_LENGTH_MAX)


@attrs.frozen(kw_only=True)
class MosaicDefinition:
    """A mosaic as its creator defined it. A description beyond 512 characters is cut."""

    creator: bytes
    mosaic_id: MosaicId
    description: str = attrs.field(converter=_cut_description)
    properties: MosaicProperties
    levy: MosaicLevy | None = None


@attrs.frozen(kw_only=True)
class Modification:
    """A cosignatory to add or delete."""

    kind: int
    cosignatory: bytes


@attrs.frozen(kw_only=True)
class Transaction:
    """What all transactions have. Times are NEM seconds, keys 32 and signatures 64 bytes.

    `signature` is None for a transaction that is not signed yet or is the inner one of a multisig.
    It is no part of the hash.
    """

    TYPE: ClassVar[int]

    network_byte: int
    version: int
    timestamp_seconds: int
    signer: bytes
    fee_micro: int
    deadline_seconds: int
    signature: bytes | None = None

    @property
    def signer_address(self) -> str:
        """The address of the signer on the transaction's network."""
        return address_of(self.signer, self.network_byte)


def canonical_mosaics(mosaics: Iterable[MosaicQuantity]) -> tuple[MosaicQuantity, ...]:
    """Distinct mosaics with their quantities summed, by the order of `ns:name : quantity`."""
    given = tuple(mosaics)
    if len(given) < 2:
        return given
    sums: dict[MosaicId, int] = {}
    for mosaic in given:
        sums[mosaic.mosaic_id] = sums.get(mosaic.mosaic_id, 0) + mosaic.quantity_units
    ordered = sorted(sums.items(), key=lambda item: f"{item[0]} : {item[1]}")
    return tuple(MosaicQuantity(mosaic_id=key, quantity_units=units) for key, units in ordered)


def _canonical_message(message: Message | None) -> Message | None:
    return message if message is not None and message.payload else None


def canonical_modifications(
    modifications: Iterable[Modification], network_byte: int
) -> tuple[Modification, ...]:
    """By kind, then by the text of the address (in which '2' to '7' come before 'A')."""
    return tuple(
        sorted(
            modifications,
            key=lambda change: (change.kind, address_of(change.cosignatory, network_byte)),
        )
    )


def canonical_cosignatures(
    cosignatures: Iterable[Cosignature], initiator: bytes
) -> tuple[Cosignature, ...]:
    """By the signer's address, the first of each signer and none of the initiator."""
    firsts: dict[tuple[str, bytes], Cosignature] = {}
    for cosignature in cosignatures:
        if cosignature.signer != initiator:
            firsts.setdefault((cosignature.signer_address, cosignature.inner_hash), cosignature)
    return tuple(firsts[key] for key in sorted(firsts))


@attrs.frozen(kw_only=True)
class Transfer(Transaction):
    """Moves XEM or mosaics, with or without a message.

    Without mosaics `amount_micro` is XEM; with mosaics it multiplies each quantity in millionths
    (1,000,000 for once), and XEM moves only if nem:xem is among them. Version 1 has no mosaics.
    """

    TYPE: ClassVar[int] = 257

    recipient: str = attrs.field(converter=_upper)
    amount_micro: int
    message: Message | None = attrs.field(default=None, converter=_canonical_message)
    mosaics: tuple[MosaicQuantity, ...] = attrs.field(default=(), converter=canonical_mosaics)


@attrs.frozen(kw_only=True)
class ImportanceTransfer(Transaction):
    """Lets a remote account harvest with the signer's importance, or ends that."""

    TYPE: ClassVar[int] = 2049

    mode: int
    remote_account: bytes


@attrs.frozen(kw_only=True)
class MultisigModification(Transaction):
    """Makes or changes a multisig account. Version 1 has no `relative_change` (None)."""

    TYPE: ClassVar[int] = 4097

    modifications: tuple[Modification, ...]
    relative_change: int | None = None

    def __attrs_post_init__(self) -> None:
        """Sort the modifications: their order depends on the network."""
        ordered = canonical_modifications(self.modifications, self.network_byte)
        object.__setattr__(self, "modifications", ordered)


@attrs.frozen(kw_only=True)
class Cosignature(Transaction):
    """A cosigner's consent to an inner transaction, known by its hash."""

    TYPE: ClassVar[int] = 4098

    inner_hash: bytes
    multisig_address: str = attrs.field(converter=_upper)


@attrs.frozen(kw_only=True)
class Multisig(Transaction):
    """The wrapper in which a cosigner proposes a multisig account's transaction."""

    TYPE: ClassVar[int] = 4100

    inner: Transaction
    cosignatures: tuple[Cosignature, ...] = ()

    def __attrs_post_init__(self) -> None:
        """Sort the cosignatures: which of them count depends on the signer."""
        if self.cosignatures:
            ordered = canonical_cosignatures(self.cosignatures, self.signer)
            object.__setattr__(self, "cosignatures", ordered)


@attrs.frozen(kw_only=True)
class NamespaceProvision(Transaction):
    """Rents a namespace; `parent` is None for a root."""

    TYPE: ClassVar[int] = 8193

    rental_fee_sink: str = attrs.field(converter=_upper)
    rental_fee_micro: int
    new_part: str
    parent: str | None = None

    @property
    def fully_qualified_name(self) -> str:
        """The namespace that comes into being."""
        return self.new_part if self.parent is None else f"{self.parent}.{self.new_part}"


@attrs.frozen(kw_only=True)
class MosaicDefinitionCreation(Transaction):
    """Defines a mosaic, or defines it again."""

    TYPE: ClassVar[int] = 16385

    definition: MosaicDefinition
    creation_fee_sink: str = attrs.field(converter=_upper)
    creation_fee_micro: int


@attrs.frozen(kw_only=True)
class MosaicSupplyChange(Transaction):
    """Creates or deletes supply; `delta_whole` counts whole units, not the smallest."""

    TYPE: ClassVar[int] = 16386

    mosaic_id: MosaicId
    kind: int
    delta_whole: int


@attrs.frozen(kw_only=True)
class Block:
    """A block and its transactions. Its hash is nowhere in it."""

    network_byte: int
    version: int
    kind: int  # 1, and -1 for the nemesis block
    timestamp_seconds: int
    signer: bytes
    signature: bytes | None
    previous_hash: bytes
    height: int
    transactions: tuple[Transaction, ...]
