"""What signed bytes say: the pure half of the adapter, which an auditor loads without a network.

`SignedTransaction.raw` holds the *verifiable* bytes, with the signature, as they lie in a block:
from them alone come the hash, what is announced, and everything that `decode` tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from sauma.chain import (
    REFERENCE_BYTES,
    BatchKind,
    BlockRef,
    Decoded,
    Effect,
    SignedTransaction,
    is_reference,
)
from sauma.errors import InvalidInput

from .binary import (
    block_hash,
    inner_hash,
    joined,
    serialise,
    serialise_verifiable,
    without_signature,
)
from .caip import account_of, asset_of
from .evidence import NemVerifier, Recorded
from .fees import COSIGNATURE_FEE_MICRO
from .instructions import ROOT_BYTES
from .network import MICRO_PER_XEM, keccak_256, unix_seconds_from_seconds
from .parsing import parse_verifiable
from .plain import parse_plain
from .settings import NemSettings
from .signing import AnnounceRequest, verify
from .transactions import XEM, Block, MessageKind, MosaicId, Multisig, Transaction, Transfer
from .unreadable import Unreadable

KIND_AT: Final = 5
"""Where a reference says what its batch is for."""
RAW_BYTES_MAX: Final = 65_536
"""More than 32 cosignatures and the longest message need."""


class NemCodec(NemVerifier):
    """Reads signed NEM transfers, plain ones and those that a multisig account's cosigner wraps.

    And verifies evidence of sessions, which is signed with the key of a NEM account.
    """

    def __init__(self, settings: NemSettings) -> None:
        """Read for the network, the energy mosaic and the issuing account of these settings."""
        super().__init__(settings.nem_network)
        self.settings = settings

    @classmethod
    def from_settings(cls, facts: Mapping[str, Any]) -> NemCodec:
        """Return the codec for settings as the journal records them (`NemSettings.to_facts`)."""
        return cls(NemSettings.from_facts(facts))

    def decode(self, raw: bytes) -> Decoded:
        """Return what signed bytes say; raises `InvalidInput` for bytes that are no such transfer.

        The issuing account is outside circulation: units of the energy mosaic that leave or reach it
        have one effect, on the other side.  XEM that moves has effects, fees have none.  Of a
        wrapped transfer the sender and payer is the multisig account; whether its cosigners are
        enough only the chain knows, `signature_valid` says that those present have signed it.
        """
        transaction = self.read(raw)
        data = _data_of(transaction, raw)
        transfer = transfer_in(transaction)
        if transfer is None:
            raise InvalidInput(
                f"transaction {keccak_256(data).hex()} of type {transaction.TYPE} is no "
                "transfer: only transfers carry a batch"
            )
        strange = [
            name for name, _ in moved_units(transfer) if not _is_watched(name, self.settings)
        ]
        if strange:
            raise InvalidInput(
                f"transaction {keccak_256(data).hex()} moves {strange[0]}: a batch moves "
                f"only {', '.join(sorted(map(str, self.settings.moved_mosaics)))}"
            )
        payer = account_of(transfer.signer, self.settings.nem_network)
        said = said_in(transfer)
        return Decoded(
            transaction_id=keccak_256(data),
            sender=payer,
            reference=said.reference,
            effects=_effects(transfer, self.settings, said.recorded),
            fee_payer=payer,
            fee_units_max=fee_micro_max_of(transaction, self.settings),
            valid_until=valid_until_of(transaction),
            signature_valid=is_signed(transaction, data),
            anchored_roots=() if said.root is None else (said.root,),
        )

    def read(self, raw: bytes) -> Transaction:
        """Return the transaction of verifiable bytes of this network, in canonical form only."""
        network = self.settings.nem_network
        if len(raw) > RAW_BYTES_MAX:
            raise InvalidInput(
                f"{len(raw)} bytes are no NEM transaction: {RAW_BYTES_MAX} are the most"
            )
        plain = parse_plain(raw, network)
        if plain is not None:
            return plain
        try:
            transaction = parse_verifiable(raw, network=network)
        except Unreadable as error:
            raise InvalidInput(f"bytes are no signed NEM transaction: {error}") from error
        if transaction.network_byte != network.byte:
            raise InvalidInput(
                f"the transaction has network byte {transaction.network_byte:#x}, the "
                f"{network.name} has {network.byte:#x}: read it with that network's settings"
            )
        if serialise_verifiable(transaction) != raw:
            raise InvalidInput(
                "bytes are no NEM transaction in canonical form: its signature could not hold"
            )
        return transaction

    def anchored_root(self, raw: bytes) -> bytes | None:
        """Return the Merkle root that signed bytes anchor; None for another transfer."""
        transfer = transfer_in(self.read(raw))
        return None if transfer is None else root_of(transfer)

    def announce_request(self, raw: bytes) -> AnnounceRequest:
        """Return what a node is sent to announce signed bytes."""
        transaction = self.read(raw)
        return AnnounceRequest(
            data=_data_of(transaction, raw), signature=transaction.signature or b""
        )

    def signed(
        self,
        transaction: Transaction,
        data: bytes,
        signature: bytes,
        *,
        batch_id: bytes,
        prepared_at: int,
    ) -> SignedTransaction:
        """Return the port's record of a transfer, plain or wrapped, that carries a batch.

        `data` are its bytes and `signature` theirs, which holds.  The record says what was meant; what
        the bytes say, `decode` tells, and dispatch compares the two.
        """
        transfer = transfer_in(transaction)
        if transfer is None:
            raise InvalidInput(f"a transaction of type {transaction.TYPE} carries no batch")
        if transfer is transaction:
            raw = joined(data, signature)
        else:
            raw = serialise_verifiable(attrs.evolve(transaction, signature=signature))
        payer = account_of(transfer.signer, self.settings.nem_network)
        return SignedTransaction(
            transaction_id=keccak_256(data),
            raw=raw,
            sender=payer,
            batch_ids=(batch_id,),
            effects=effects_of(transfer, self.settings),
            fee_payer=payer,
            fee_units_max=fee_micro_max_of(transaction, self.settings),
            valid_until=valid_until_of(transaction),
            consumes=(),
            prepared_at=prepared_at,
        )


def _data_of(transaction: Transaction, raw: bytes) -> bytes:
    """Return the non-verifiable bytes of a transaction that was read from verifiable ones."""
    return serialise(transaction) if isinstance(transaction, Multisig) else without_signature(raw)


def transfer_in(transaction: Transaction) -> Transfer | None:
    """Return the transfer that a transaction is or wraps."""
    inner = transaction.inner if isinstance(transaction, Multisig) else transaction
    return inner if isinstance(inner, Transfer) else None


def moved_units(transfer: Transfer) -> tuple[tuple[MosaicId, int], ...]:
    """Return how many smallest units of what a transfer moves; XEM counts as nem:xem.

    With mosaics attached the amount multiplies their quantities in millionths.
    """
    moved: tuple[tuple[MosaicId, int], ...]
    if not transfer.mosaics:
        moved = ((XEM, transfer.amount_micro),)
    else:
        moved = tuple(
            (mosaic.mosaic_id, mosaic.quantity_units * transfer.amount_micro // MICRO_PER_XEM)
            for mosaic in transfer.mosaics
        )
    return tuple((mosaic_id, units) for mosaic_id, units in moved if units)


def effects_of(transfer: Transfer, settings: NemSettings) -> tuple[Effect, ...]:
    """Return what a transfer moves of energy and XEM, the sender's side before the recipient's.

    Other mosaics are passed over: anybody may send them, under any name.
    """
    return _effects(transfer, settings, recorded_of(transfer))


def _effects(
    transfer: Transfer, settings: NemSettings, recorded: Recorded | None
) -> tuple[Effect, ...]:
    network = settings.nem_network
    sender = account_of(transfer.signer, network)
    recipient = account_of(transfer.recipient, network)
    effects = []
    for mosaic_id, units in moved_units(transfer):
        if not _is_watched(mosaic_id, settings):
            continue
        asset = asset_of(mosaic_id, network)
        is_energy = mosaic_id == settings.mosaic_id
        for account, delta_units in ((sender, -units), (recipient, units)):
            if not is_energy or account not in settings.issuing_accounts:
                is_held = recorded is not None and account == settings.escrow
                effects.append(
                    Effect(
                        account=account,
                        asset=asset,
                        delta_units=delta_units,
                        session_id=recorded.session_id if recorded and is_held else None,
                    )
                )
    return tuple(effects)


def spent_units(transaction: Transaction, settings: NemSettings) -> dict[MosaicId, int]:
    """Return what a transaction takes from its payer: what it moves away, and its fee in micro XEM."""
    spent = {XEM: fee_micro_max_of(transaction, settings)}
    transfer = transfer_in(transaction)
    for mosaic_id, units in () if transfer is None else moved_units(transfer):
        spent[mosaic_id] = spent.get(mosaic_id, 0) + units
    return spent


@attrs.frozen(kw_only=True)
class Said:
    """What a transfer's plain message says to us; nothing, unless it begins with a batch reference."""

    reference: bytes | None = None
    recorded: Recorded | None = None
    """What a step of a session puts on record behind the reference."""
    root: bytes | None = None
    """The Merkle root behind an anchor's reference."""


_NOTHING: Final = Said()


def said_in(transfer: Transfer) -> Said:
    """Return what the message of a transfer says; a reference with something strange behind it is none."""
    payload = _payload(transfer)
    reference, behind = payload[:REFERENCE_BYTES], payload[REFERENCE_BYTES:]
    if not is_reference(reference):
        return _NOTHING
    if not behind:
        return Said(reference=reference)
    is_step = reference[KIND_AT] == BatchKind.SESSION
    recorded = Recorded.from_bytes(behind) if is_step else None
    root = behind if len(behind) == ROOT_BYTES else None
    is_known = root is not None or recorded is not None
    return Said(reference=reference if is_known else None, recorded=recorded, root=root)


def reference_of(transfer: Transfer) -> bytes | None:
    """Return the batch reference that a transfer's plain message is, or begins with."""
    return said_in(transfer).reference


def recorded_of(transfer: Transfer) -> Recorded | None:
    """Return what a step of a session put on record behind its reference; None for another transfer."""
    return said_in(transfer).recorded


def root_of(transfer: Transfer) -> bytes | None:
    """Return the Merkle root that follows the reference in an anchor's message."""
    return said_in(transfer).root


def fee_micro_of(transaction: Transaction) -> int:
    """Return what a transaction costs its payer, with inner transaction and cosignatures."""
    if isinstance(transaction, Multisig):
        cosignatures_micro = sum(each.fee_micro for each in transaction.cosignatures)
        return transaction.fee_micro + transaction.inner.fee_micro + cosignatures_micro
    return transaction.fee_micro


def fee_micro_max_of(transaction: Transaction, settings: NemSettings) -> int:
    """Return what a transaction will have cost its payer, with the cosignatures still to come.

    A cosigner who signs without being needed, or offers more than the least fee, costs more.
    """
    fee_micro = fee_micro_of(transaction)
    if isinstance(transaction, Multisig):
        to_come = max(0, settings.cosignatures - len(transaction.cosignatures))
        fee_micro += to_come * COSIGNATURE_FEE_MICRO
    return fee_micro


def valid_until_of(transaction: Transaction) -> int:
    """Return the last unix second of a block that may hold a transaction."""
    deadlines = [transaction.deadline_seconds]
    if isinstance(transaction, Multisig):
        deadlines.append(transaction.inner.deadline_seconds)
    return unix_seconds_from_seconds(min(deadlines))


def is_signed(transaction: Transaction, data: bytes | None = None) -> bool:
    """Tell whether the signature holds, and every cosignature for the inner transaction.

    `data` are the non-verifiable bytes, where they are at hand.
    """
    signed = serialise(transaction) if data is None else data
    if not verify(transaction.signer, signed, transaction.signature or b""):
        return False
    cosignatures = transaction.cosignatures if isinstance(transaction, Multisig) else ()
    return all(
        cosignature.inner_hash == inner_hash(transaction) and is_signed(cosignature)
        for cosignature in cosignatures
    )


def block_ref_of(block: Block) -> BlockRef:
    """Return a block's height, its hash (computed from its contents) and its time."""
    return BlockRef(
        height=block.height,
        block_hash=block_hash(block),
        time=datetime.fromtimestamp(unix_seconds_from_seconds(block.timestamp_seconds), UTC),
    )


def _is_watched(mosaic_id: MosaicId, settings: NemSettings) -> bool:
    return mosaic_id in settings.moved_mosaics


def _payload(transfer: Transfer) -> bytes:
    message = transfer.message
    return message.payload if message is not None and message.kind == MessageKind.PLAIN else b""
