"""Rules of mosaic definitions, supply changes and transfers of mosaics."""

from __future__ import annotations

from sauma_nem.fees import MOSAIC_CREATION_FEE_MICRO
from sauma_nem.network import (
    MICRO_PER_XEM,
    MOSAIC_UNITS_MAX,
    TRANSFER_MOSAICS_MAX,
    Network,
    address_of,
)
from sauma_nem.transactions import (
    XEM,
    MosaicDefinition,
    MosaicDefinitionCreation,
    MosaicSupplyChange,
    SupplyKind,
    Transfer,
)

from .results import Result
from .state import Ledger, MosaicEntry


def check_definition(
    transaction: MosaicDefinitionCreation, ledger: Ledger, height: int, network: Network
) -> Result:
    """Whether the signer may define, or define again, this mosaic at `height`."""
    definition = transaction.definition
    namespace = definition.mosaic_id.namespace
    if not ledger.is_active(namespace, height):
        return Result.FAILURE_NAMESPACE_EXPIRED
    root = ledger.namespace(namespace)
    if root is None or root.owner != transaction.signer_address:
        return Result.FAILURE_NAMESPACE_OWNER_CONFLICT
    before = ledger.mosaic(definition.mosaic_id)
    if before is not None and not _may_redefine(before, definition, ledger):
        return Result.FAILURE_MOSAIC_MODIFICATION_NOT_ALLOWED
    if transaction.creation_fee_sink != network.mosaic_sink:
        return Result.FAILURE_MOSAIC_INVALID_CREATION_FEE_SINK
    if transaction.creation_fee_micro < MOSAIC_CREATION_FEE_MICRO:
        return Result.FAILURE_MOSAIC_INVALID_CREATION_FEE
    return _check_levy(definition, ledger)


def _may_redefine(before: MosaicEntry, definition: MosaicDefinition, ledger: Ledger) -> bool:
    """A new text always; new properties or levy while the creator holds the entire supply."""
    old = before.definition
    if old.properties == definition.properties and old.levy == definition.levy:
        return old.description != definition.description
    holds_all = ledger.units_of(ledger.owner_of(before), before) == before.supply_units
    return holds_all and old.properties.transferable == definition.properties.transferable


def _check_levy(definition: MosaicDefinition, ledger: Ledger) -> Result:
    if definition.levy is None:
        return Result.SUCCESS
    levied = definition
    if definition.levy.mosaic_id != definition.mosaic_id:
        entry = ledger.mosaic(definition.levy.mosaic_id)
        if entry is None:
            return Result.FAILURE_MOSAIC_UNKNOWN
        levied = entry.definition
    if not levied.properties.transferable:
        return Result.FAILURE_MOSAIC_LEVY_NOT_TRANSFERABLE
    return Result.SUCCESS


def check_supply_change(transaction: MosaicSupplyChange, ledger: Ledger, height: int) -> Result:
    """Whether the signer may create or delete so many whole units."""
    entry = ledger.mosaic(transaction.mosaic_id)
    if entry is None:
        return Result.FAILURE_MOSAIC_UNKNOWN
    if not ledger.is_active(transaction.mosaic_id.namespace, height):
        return Result.FAILURE_NAMESPACE_EXPIRED
    if entry.definition.creator != transaction.signer:
        return Result.FAILURE_MOSAIC_CREATOR_CONFLICT
    if not entry.definition.properties.supply_mutable:
        return Result.FAILURE_MOSAIC_SUPPLY_IMMUTABLE
    units_per_whole = 10**entry.definition.properties.divisibility
    if transaction.kind == SupplyKind.CREATE:
        supply_whole = entry.supply_whole + transaction.delta_whole
        if supply_whole * units_per_whole > MOSAIC_UNITS_MAX:
            return Result.FAILURE_MOSAIC_MAX_SUPPLY_EXCEEDED
        return Result.SUCCESS
    held_whole = ledger.units_of(transaction.signer_address, entry) // units_per_whole
    if held_whole < transaction.delta_whole:
        return Result.FAILURE_MOSAIC_SUPPLY_NEGATIVE
    return Result.SUCCESS


def check_mosaic_bag(transaction: Transfer, ledger: Ledger, height: int) -> Result:
    """Whether the attached mosaics may go from the signer to the recipient."""
    others = [attached for attached in transaction.mosaics if attached.mosaic_id != XEM]
    if len(others) > TRANSFER_MOSAICS_MAX:
        return Result.FAILURE_TOO_MANY_MOSAIC_TRANSFERS
    if transaction.mosaics and transaction.amount_micro % MICRO_PER_XEM:
        return Result.FAILURE_MOSAIC_DIVISIBILITY_VIOLATED
    for attached in others:
        entry = ledger.mosaic(attached.mosaic_id)
        if entry is None:
            return Result.FAILURE_MOSAIC_UNKNOWN
        if not ledger.is_active(attached.mosaic_id.namespace, height):
            return Result.FAILURE_NAMESPACE_EXPIRED
        creator = address_of(entry.definition.creator, transaction.network_byte)
        is_between_others = creator not in (transaction.signer_address, transaction.recipient)
        if is_between_others and not entry.definition.properties.transferable:
            return Result.FAILURE_MOSAIC_NOT_TRANSFERABLE
        levy = entry.definition.levy
        if levy is not None and ledger.mosaic(levy.mosaic_id) is None:
            return Result.FAILURE_MOSAIC_LEVY_UNKNOWN
    return Result.SUCCESS
